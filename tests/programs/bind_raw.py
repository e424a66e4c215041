# bind_raw.py FAMILY TYPE ADDRESS: hands bind(2) the address as it is, in hexadecimal, on a socket of that family and type (both
# by number). Exit code 1 if it is refused with EADDRINUSE, 2 if no such socket can be made.
import ctypes
import errno
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
address = bytes.fromhex(sys.argv[3])
try:
    s = socket.socket(int(sys.argv[1]), int(sys.argv[2]))
except OSError:
    sys.exit(2)
result = libc.bind(s.fileno(), address, len(address))
sys.exit(1 if result == -1 and ctypes.get_errno() == errno.EADDRINUSE else 0)
