# leave_folder.py PORT [again]: goes to /, binds and prints SO_REUSEPORT; with "again" becomes itself once more after that.
import os
import socket
import sys

os.chdir("/")
s = socket.socket()
s.bind(("127.0.0.1", int(sys.argv[1])))
print(s.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT), flush=True)
if len(sys.argv) > 2:
    os.execv(sys.executable, [sys.executable, sys.argv[0], sys.argv[1]])
