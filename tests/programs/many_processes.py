# many_processes.py COUNT: that many children that wait, then "ready".
import os
import signal
import sys

for _ in range(int(sys.argv[1])):
    if os.fork() == 0:
        signal.pause()
print("ready", flush=True)
signal.pause()
