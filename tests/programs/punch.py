# punch.py OWN_ADDRESS PEER_ADDRESS: TCP hole punching: listens on a port and connects from it to the same port of the peer,
# until one of the two has led to a connection over which both have said and heard something. Says "ready", then waits for the
# end of its input, so that both sides begin together.
import select
import socket
import sys
import time

own, peer = (sys.argv[1], 7000), (sys.argv[2], 7000)


def talk(how, connection):
    connection.setblocking(True)
    connection.settimeout(180)
    connection.sendall(b"x")
    print(how, connection.recv(1), flush=True)
    sys.exit(0)


listener = socket.socket()
listener.bind(own)
listener.listen()
print("ready", flush=True)
sys.stdin.read()
end = time.monotonic() + 180
while time.monotonic() < end:
    outgoing = socket.socket()
    outgoing.bind(own)
    outgoing.setblocking(False)
    outgoing.connect_ex(peer)
    readable, writable, _ = select.select([listener], [outgoing], [], 0.5)
    if readable:
        talk("accepted", listener.accept()[0])
    try:
        if writable and outgoing.getpeername() == peer:
            talk("connected", outgoing)
    except OSError:
        pass
    outgoing.close()
sys.exit(1)
