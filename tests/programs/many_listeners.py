# many_listeners.py NUMBER: so many listeners, from port 1000 on.
import resource
import signal
import socket
import sys

number = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (number + 100, number + 100))
listeners = []
for i in range(number):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 1000 + i))
    listener.listen()
    listeners.append(listener)
print("listening", flush=True)
signal.pause()
