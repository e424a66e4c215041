# many_and_workers.py PORT SOCKETS WORKERS [WORD]...: listens on so many addresses from 127.0.0.1 on, and so many forked workers
# have all of those sockets. The words make the command line long.
import os
import signal
import socket
import sys

port, count, workers = map(int, sys.argv[1:4])
sockets = []
for i in range(count):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(("127.0.0.%d" % (1 + i), port))
    s.listen()
    sockets.append(s)
for _ in range(workers):
    if os.fork() == 0:
        signal.pause()
print("ready", flush=True)
signal.pause()
