# many_connections.py PORT COUNT: a listener, and so many connections to it from this very process.
import signal
import socket
import sys

server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
clients = [socket.create_connection(server.getsockname()) for _ in range(int(sys.argv[2]))]
print("ready", flush=True)
signal.pause()
