# hello_server.py PORT: answers each client "hello" until SIGTERM, then closes its listener and ends.
import signal
import socket
import sys

s = socket.socket()
s.bind(("127.0.0.1", int(sys.argv[1])))
s.listen(128)
stop = False


def end(*_):
    global stop
    stop = True


signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
s.settimeout(0.02)
while not stop:
    try:
        client, _ = s.accept()
    except socket.timeout:
        continue
    client.recv(10)
    client.sendall(b"hello")
    client.close()
