# server_with_workers.py PORT COUNT: a server and so many forked workers that share its listening socket.
import os
import signal
import socket
import sys

server = socket.socket()
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
for _ in range(int(sys.argv[2])):
    if os.fork() == 0:
        signal.pause()
print("ready", flush=True)
signal.pause()
