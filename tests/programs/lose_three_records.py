# lose_three_records.py PORT LOG: is refused the port three times while the log is a folder, which cannot be written, and twice
# after that.
import os
import socket
import sys

port, log = int(sys.argv[1]), sys.argv[2]


def be_refused(times):
    for _ in range(times):
        try:
            socket.socket().bind(("127.0.0.1", port))
            sys.exit("not refused")
        except OSError:
            pass


os.mkdir(log)
be_refused(3)
os.rmdir(log)
be_refused(2)
