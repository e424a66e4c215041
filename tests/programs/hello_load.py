# hello_load.py PORT: one request after the other to hello_server.py until SIGTERM; then prints how many there were and how many
# were lost.
import signal
import socket
import sys

lost = done = 0
running = True


def end(*_):
    global running
    running = False


signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
while running:
    done += 1
    try:
        with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=180) as c:
            c.sendall(b"x")
            lost += c.recv(10) != b"hello"
    except OSError:
        lost += 1
print(done, lost, flush=True)
