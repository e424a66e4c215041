# own_reuseport_program.py PORT: binds with SO_REUSEPORT and a reuseport program of its own, which may not join a group.
import ctypes
import socket
import struct
import sys

SO_ATTACH_REUSEPORT_CBPF = 51
s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
first = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))  # return 0
s.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, struct.pack("HxxxxxxP", 1, ctypes.addressof(first)))
s.bind(("127.0.0.1", int(sys.argv[1])))
