# serve_quietly.py PORT: listens without close-on-exec and accepts, and says nothing.
import socket
import sys

server = socket.socket()
server.bind(("127.0.0.1", int(sys.argv[1])))
server.set_inheritable(True)
server.listen()
while True:
    server.accept()
