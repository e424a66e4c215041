# try_taken.py COUNT: takes that many ports and then tries each of them once more, in order.
import socket
import sys

taken = []
for _ in range(int(sys.argv[1])):
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    taken.append(server)
for server in taken:
    try:
        socket.socket().bind(server.getsockname())
        sys.exit("not refused")
    except OSError:
        pass
