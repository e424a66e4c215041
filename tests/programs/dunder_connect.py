# dunder_connect.py: connects twice from one local port to one peer, the second time by glibc's __connect, which must be refused.
import ctypes
import errno
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
server = socket.create_server(("127.0.0.1", 0))
port = server.getsockname()[1]


def bound_to(local):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", local))
    return s


first = bound_to(0)
first.connect(("127.0.0.1", port))
second = bound_to(first.getsockname()[1])
address = struct.pack("=H", socket.AF_INET) + struct.pack("!H4B8x", port, 127, 0, 0, 1)
result = getattr(libc, "__connect")(second.fileno(), address, len(address))
sys.exit(1 if result == -1 and ctypes.get_errno() == errno.EADDRNOTAVAIL else 0)
