# own_table.py PORT: a thread leaves the table of descriptors that the others share (unshare CLONE_FILES), and listens in a table of
# its own, which /proc/PID/fd does not show. Prints "ready".
import ctypes
import socket
import sys
import threading
import time


def serve():
    ctypes.CDLL(None).unshare(0x400)
    listener = socket.socket()
    listener.bind(("127.0.0.1", int(sys.argv[1])))
    listener.listen()
    print("ready", flush=True)
    time.sleep(600)


thread = threading.Thread(target=serve)
thread.start()
thread.join()
