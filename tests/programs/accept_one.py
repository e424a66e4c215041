# accept_one.py ADDRESS PORT: a server that stops listening after its first client, and keeps that connection.
import signal
import socket
import sys

address, port = sys.argv[1], int(sys.argv[2])
server = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
server.bind((address, port))
server.listen()
print("ready", flush=True)
client, _ = server.accept()
server.close()
signal.pause()
