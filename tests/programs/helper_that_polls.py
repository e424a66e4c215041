# helper_that_polls.py PORT [KIND]: a server that hands its listener on to a helper, which polls (poll, select or epoll) for
# something else, and closes its own. It goes on without a listener.
import os
import signal
import socket
import subprocess
import sys

server = socket.socket()
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
server.set_inheritable(True)
elsewhere = os.path.join(os.path.dirname(os.path.abspath(__file__)), "polls_elsewhere.py")
helper = subprocess.Popen([elsewhere, sys.argv[2]], close_fds=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
helper.stdout.readline()
server.close()
print("ready", flush=True)
signal.pause()
