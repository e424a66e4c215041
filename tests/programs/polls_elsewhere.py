#!/usr/bin/python3
# polls_elsewhere.py KIND: waits with that call for a connection that never comes, on a socket of its own.
import select
import socket
import sys

own = socket.socket()
own.bind(("127.0.0.1", 0))
own.listen()
print("ready", flush=True)
if sys.argv[1] == "select":
    select.select([own], [], [])
waiter = select.poll() if sys.argv[1] == "poll" else select.epoll()
waiter.register(own, select.POLLIN)
waiter.poll()
