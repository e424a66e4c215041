# be_refused.py PORT COUNT: is refused the port so many times; prints the errno of each, and last how many descriptors are open
# and how long the longest call took, in seconds.
import os
import socket
import sys
import time

longest = 0
for _ in range(int(sys.argv[2])):
    before = time.monotonic()
    try:
        socket.socket().bind(("127.0.0.1", int(sys.argv[1])))
        sys.exit("not refused")
    except OSError as error:
        print(error.errno)
    longest = max(longest, time.monotonic() - before)
print(len(os.listdir("/proc/self/fd")), longest)
