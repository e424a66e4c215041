# first_thread_ends.py PORT: a listener whose first thread has ended; another one is still there.
import ctypes
import platform
import signal
import socket
import sys
import threading

EXIT = {"x86_64": 60, "aarch64": 93}[platform.machine()]  # exit(2) of this thread alone


def stay():
    print("ready", flush=True)
    signal.sigwait([signal.SIGUSR1])


server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
threading.Thread(target=stay).start()
ctypes.CDLL(None).syscall(EXIT, 0)
