#!/usr/bin/python3
# serves_inherited.py KIND FD: waits with that call for a connection that never comes, on a listener that it was left.
import select
import socket
import sys

listener = socket.socket(fileno=int(sys.argv[2]))
print("ready", flush=True)
if sys.argv[1] == "accept":
    listener.accept()
if sys.argv[1] == "select":
    select.select([listener], [], [])
waiter = select.poll() if sys.argv[1] == "poll" else select.epoll()
waiter.register(listener, select.POLLIN)
waiter.poll()
