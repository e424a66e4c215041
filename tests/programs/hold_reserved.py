# hold_reserved.py stream | dgram: holds every port that glibc's bindresvport tries, 512 to 1023; datagram sockets share theirs.
import signal
import socket
import sys

kept = []
for port in range(512, 1024):
    s = socket.socket(type=socket.SOCK_STREAM if sys.argv[1] == "stream" else socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, sys.argv[1] == "dgram")
    s.bind(("0.0.0.0", port))
    kept.append(s)
print("ready", flush=True)
signal.pause()
