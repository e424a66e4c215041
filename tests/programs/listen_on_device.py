# listen_on_device.py PORT DEVICE: listens on every address of that device alone.
import signal
import socket
import sys

s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, sys.argv[2].encode())
s.bind(("0.0.0.0", int(sys.argv[1])))
s.listen()
print("ready", flush=True)
signal.pause()
