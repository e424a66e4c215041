# chroot_bind.py PORT FOLDER: binds after a chroot into the folder.
import os
import socket
import sys

s = socket.socket()
os.chroot(sys.argv[2])
s.bind(("127.0.0.1", int(sys.argv[1])))
