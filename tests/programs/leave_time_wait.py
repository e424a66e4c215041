# leave_time_wait.py ADDRESS:PORT:COUNT...: at each place a server that closes so many connections first, and is gone.
import socket
import sys

for place in sys.argv[1:]:
    address, port, count = place.split(":")
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    server.bind((address, int(port)))
    server.listen(64)
    for i in range(int(count)):
        client = socket.create_connection((address, int(port)), source_address=("127.0.0.5", 20000 + i))
        server.accept()[0].close()
        client.close()
