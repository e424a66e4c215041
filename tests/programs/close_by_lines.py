# close_by_lines.py PORT COUNT FIFO: so many datagram sockets on the port, from 127.0.1.1 on; for each line that comes out of the
# FIFO one of them is closed.
import socket
import sys

sockets = []
for i in range(int(sys.argv[2])):
    sockets.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    sockets[-1].bind(("127.0.1.%d" % (1 + i), int(sys.argv[1])))
print("ready", flush=True)
for line in open(sys.argv[3]):
    sockets.pop().close()
