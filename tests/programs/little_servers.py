# little_servers.py FIRST LAST: on each port of the range, one after the other, a server comes and goes; prints how many did not
# get their port.
import socket
import sys

missed = 0
for port in range(int(sys.argv[1]), int(sys.argv[2]) + 1):
    with socket.socket() as s:
        try:
            s.bind(("0.0.0.0", port))
            s.listen()
        except OSError:
            missed += 1
print(missed)
