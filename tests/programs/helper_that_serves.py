# helper_that_serves.py PORT [KIND]: a server that hands its listener on to a helper, which waits there for connections (by accept,
# poll, select or epoll), and closes its own. It goes on without a listener.
import os
import signal
import socket
import subprocess
import sys

server = socket.socket()
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
server.set_inheritable(True)
serves = os.path.join(os.path.dirname(os.path.abspath(__file__)), "serves_inherited.py")
helper = subprocess.Popen([serves, sys.argv[2], str(server.fileno())], close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
helper.stdout.readline()
server.close()
print("ready", flush=True)
signal.pause()
