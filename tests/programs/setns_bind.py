# setns_bind.py PORT PID: binds a socket that it made in the network namespace of that process, from its own one.
import ctypes
import os
import socket
import sys

libc = ctypes.CDLL(None, use_errno=True)
home = os.open("/proc/self/ns/net", os.O_RDONLY)
other = os.open("/proc/%s/ns/net" % sys.argv[2], os.O_RDONLY)
assert libc.setns(other, 0) == 0
s = socket.socket()
assert libc.setns(home, 0) == 0
s.bind(("127.0.0.1", int(sys.argv[1])))
