# two_receivers.py OLD NEW TARGET: binds two datagram sockets to port 5353, one after the other, sends 32 datagrams to TARGET,
# and prints how many each of the two got. OLD and NEW are ADDRESS,UID and the options a (SO_REUSEADDR), p (SO_REUSEPORT):
# 127.0.0.1,0,a,p. A TARGET that is a multicast group of IPv4 is joined by both.
import os
import socket
import sys

OPTIONS = {"a": socket.SO_REUSEADDR, "p": socket.SO_REUSEPORT}
target = sys.argv[3]
LOOPBACK = socket.inet_aton("127.0.0.1")


def is_group():
    return target.startswith("224.")


def receiver(words):
    address, uid, *options = words.split(",")
    os.setegid(int(uid))
    os.seteuid(int(uid))
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    os.seteuid(0)
    os.setegid(0)
    for option in options:
        s.setsockopt(socket.SOL_SOCKET, OPTIONS[option], 1)
    s.bind((address, 5353))
    s.setblocking(False)
    if is_group():
        s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(target) + LOOPBACK)
    return s


# From a port of its own each time: a hash of both ends decides.
def send():
    s = socket.socket(socket.AF_INET6 if ":" in target else socket.AF_INET, socket.SOCK_DGRAM)
    if is_group():
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, LOOPBACK)
    s.sendto(b"x", (target, 5353))


# On loopback a datagram is there once it has been sent.
def count(s):
    received = 0
    try:
        while s.recv(1):
            received += 1
    except BlockingIOError:
        return received


both = [receiver(words) for words in sys.argv[1:3]]
for _ in range(32):
    send()
print(*map(count, both))
