# other_namespace.py PORT: binds a datagram socket of one network namespace beside one of another on the same port, both its own.
import ctypes
import socket
import sys

CLONE_NEWNET = 0x40000000
place = ("0.0.0.0", int(sys.argv[1]))
first = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
assert ctypes.CDLL(None).unshare(CLONE_NEWNET) == 0
second = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
second.bind(place)
first.bind(place)
