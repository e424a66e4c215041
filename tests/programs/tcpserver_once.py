# tcpserver_once.py PORT NAME: the standard library's server, which sets no option; it serves one client, says "served by NAME"
# and closes first.
import socketserver
import sys


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"served by " + sys.argv[2].encode() + b"\n")


server = socketserver.TCPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("listening", flush=True)
server.handle_request()
server.server_close()
