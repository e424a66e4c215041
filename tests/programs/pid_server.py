# pid_server.py PORT: answers each client with its pid.
import os
import socket
import sys

s = socket.socket()
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen()
print("ready", flush=True)
while True:
    client, _ = s.accept()
    client.sendall(str(os.getpid()).encode())
    client.close()
