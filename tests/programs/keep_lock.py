# keep_lock.py FILE PORT TIMES: locks the file (fcntl), is refused the port so often, and prints whether the lock is still there,
# and how many descriptors came to stay.
import fcntl
import os
import socket
import sys

file = open(sys.argv[1], "a")
fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
before = len(os.listdir("/proc/self/fd"))
newcomer = socket.socket()
for _ in range(int(sys.argv[3])):
    try:
        newcomer.bind(("127.0.0.1", int(sys.argv[2])))
        sys.exit("not refused")
    except OSError:
        pass
newcomer.close()
more = len(os.listdir("/proc/self/fd")) - before
if os.fork() == 0:
    try:
        with open(sys.argv[1], "a") as again:
            fcntl.lockf(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
        print("lost", more)
    except OSError:
        print("kept", more)
    sys.stdout.flush()
    os._exit(0)
os.wait()
