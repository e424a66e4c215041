#!/usr/bin/python3
# serve_by_name.py PORT: listens there.
import signal
import socket
import sys

server = socket.socket()
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
print("ready", flush=True)
signal.pause()
