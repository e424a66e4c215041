# wait_to_listen.py PORT: listens there beside a child's socket that does, and that is closed a moment after this one began to
# wait for it.
import os
import socket
import sys

ours, theirs = socket.socket(), socket.socket()
for s in (ours, theirs):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", int(sys.argv[1])))
theirs.listen()
parent = os.getpid()
if os.fork() == 0:
    ours.close()
    while "poll" not in open("/proc/%d/wchan" % parent).read():
        pass
    os._exit(0)
theirs.close()
ours.listen()
