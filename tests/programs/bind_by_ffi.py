#!/usr/bin/env python3
"""Calls libc's socket and bind by name, as any interpreter with an FFI can: bind_by_ffi.py PORT. Prints the errno."""

import ctypes
import errno
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
fd = libc.socket(socket.AF_INET, socket.SOCK_STREAM, 0)
address = struct.pack("=H", socket.AF_INET) + struct.pack("!H4s8x", int(sys.argv[1]), socket.inet_aton("127.0.0.1"))
if libc.bind(fd, address, len(address)) != 0:
    print(errno.errorcode[ctypes.get_errno()])
    sys.exit(1)
