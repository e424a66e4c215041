# many_long_names.py PORT FOLDER COUNT: listens, and so many children have the socket as well, each a program of its own, whose
# name has 61 bytes.
import os
import shutil
import signal
import socket
import sys

server = socket.socket()
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
server.set_inheritable(True)
for i in range(int(sys.argv[3])):
    if os.fork() == 0:
        name = "%s/%d%060d" % (sys.argv[2], i, 0)
        shutil.copy("/bin/sleep", name)
        os.execv(name, [name, "1000"])
print("ready", flush=True)
signal.pause()
