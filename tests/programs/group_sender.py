# group_sender.py ADDRESS PORT: sends the numbers from 0 to 19 to the group, by loopback.
import socket
import sys

s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
for i in range(20):
    s.sendto(b"%d" % i, (sys.argv[1], int(sys.argv[2])))
