# supervisor.py PORT: keeps a listening socket and hands it to a child under another number; a second child, which does not have
# it, is refused the port.
import os
import signal
import socket
import sys

place = ("127.0.0.1", int(sys.argv[1]))
server = socket.socket()
server.bind(place)
server.listen()
worker = os.fork()
if worker == 0:
    os.dup2(server.fileno(), 9)
    server.close()
    signal.pause()
newcomer = os.fork()
if newcomer == 0:
    server.close()
    try:
        socket.socket().bind(place)
    except OSError:
        os._exit(1)
    os._exit(0)
status = os.waitpid(newcomer, 0)[1]
os.kill(worker, signal.SIGKILL)
sys.exit(os.waitstatus_to_exitcode(status))
