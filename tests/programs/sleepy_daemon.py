# sleepy_daemon.py PORT: a daemon, far from its starter, that sleeps between the looks at its listening socket.
import os
import socket
import sys
import time

if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
server = socket.socket()
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
server.setblocking(False)
looks = 0
while True:
    try:
        server.accept()
    except OSError:
        time.sleep(0.002 if looks < 60 else 0.02)
    looks += 1
    if looks == 60:
        print("ready", flush=True)
