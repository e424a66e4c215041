# reuseport_group.py tcp|udp PORT NUMBER: so many sockets of one program on one port, as unbound, haproxy and named have them.
import signal
import socket
import sys

sockets = []
for _ in range(int(sys.argv[3])):
    one = socket.socket(type=socket.SOCK_STREAM if sys.argv[1] == "tcp" else socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    one.bind(("127.0.0.1", int(sys.argv[2])))
    if sys.argv[1] == "tcp":
        one.listen()
    sockets.append(one)
print("ready", flush=True)
signal.pause()
