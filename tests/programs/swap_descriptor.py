# swap_descriptor.py PORT FILE: puts a file of its own in the place of descriptor 9, then is refused the port.
import os
import socket
import sys

os.dup2(os.open(sys.argv[2], os.O_CREAT | os.O_WRONLY), 9)
try:
    socket.socket().bind(("127.0.0.1", int(sys.argv[1])))
except OSError:
    sys.exit(0)
sys.exit("not refused")
