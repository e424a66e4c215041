# busy_client.py COUNT: keeps so many connections to port 1, from ports that the kernel chooses.
import signal
import socket
import sys

kept = [socket.create_connection(("127.0.0.1", 1)) for _ in range(int(sys.argv[1]))]
print("ready", flush=True)
signal.pause()
