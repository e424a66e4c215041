# hand_on.py PORT COMMAND...: listens, and runs a command that has the listener, too, as an inetd does.
import socket
import subprocess
import sys

listener = socket.socket()
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
subprocess.run(sys.argv[2:], pass_fds=[listener.fileno()])
