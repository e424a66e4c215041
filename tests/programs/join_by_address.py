# Joins a multicast group twice by MCAST_JOIN_GROUP, which takes a whole address: join_by_address.py GROUP. Ends with 1 if the
# second time is refused because it is the second.
import errno, socket, struct, sys

MCAST_JOIN_GROUP = 42
family, level = (socket.AF_INET6, socket.IPPROTO_IPV6) if ":" in sys.argv[1] else (socket.AF_INET, socket.IPPROTO_IP)
group = socket.inet_pton(family, sys.argv[1])
address = struct.pack("=HHI", family, 0, 0) + group if family == socket.AF_INET6 else struct.pack("=HH", family, 0) + group
lo = socket.if_nametoindex("lo")
receiver = socket.socket(family, socket.SOCK_DGRAM)
receiver.setsockopt(level, MCAST_JOIN_GROUP, struct.pack("@I4x128s", lo, address))
try:
    receiver.setsockopt(level, MCAST_JOIN_GROUP, struct.pack("@I4x128s", lo, address))
except OSError as refusal:
    sys.exit(refusal.errno == errno.EADDRINUSE)
