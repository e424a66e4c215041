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
    seen = 0
    while seen < 200:  # in a row: it waits, and is not just on its way
        sleeps_in = open("/proc/%d/wchan" % parent).read()
        seen = seen + 1 if "poll" in sleeps_in or "seccomp" in sleeps_in else 0
    os._exit(0)
theirs.close()
ours.listen()
