# own_range.py FIRST LAST: binds port 0 on a socket that has a range of its own for automatic ports.
import socket
import sys

IP_LOCAL_PORT_RANGE = 51
first, last = int(sys.argv[1]), int(sys.argv[2])
s = socket.socket()
s.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, first | last << 16)
s.bind(("0.0.0.0", 0))
