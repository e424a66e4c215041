# deaf_journal.py: a socket where the journal's is, that nobody reads.
import os
import signal
import socket

os.makedirs("/run/systemd/journal", exist_ok=True)
deaf = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
deaf.bind("/run/systemd/journal/socket")
signal.pause()
