# refused_by_child.py PORT: gives its listening socket up, but for a child that has it, and is refused the port.
import os
import signal
import socket
import sys

place = ("127.0.0.1", int(sys.argv[1]))
server = socket.socket()
server.bind(place)
server.listen()
child = os.fork()
if child == 0:
    signal.pause()
server.close()
try:
    socket.socket().bind(place)
finally:
    os.kill(child, signal.SIGKILL)
