# listen_on_scope.py ADDRESS INTERFACE PORT: listens on a link-local address of one interface.
import signal
import socket
import sys

listener = socket.socket(socket.AF_INET6)
listener.bind((sys.argv[1], int(sys.argv[3]), 0, socket.if_nametoindex(sys.argv[2])))
listener.listen()
print("listening", flush=True)
signal.pause()
