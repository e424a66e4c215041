# descriptor_in_transit.py PORT: a listening socket that no process has open any more: its descriptor waits in the queue of a
# UNIX socket.
import signal
import socket
import sys

sender, receiver = socket.socketpair(socket.AF_UNIX)
server = socket.socket()
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
socket.send_fds(sender, [b"x"], [server.fileno()])
server.close()
print("ready", flush=True)
signal.pause()
