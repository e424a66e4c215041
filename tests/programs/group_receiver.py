# group_receiver.py ADDRESS PORT: joins the group on loopback without setting an option, and says "got True" once it has received
# the twenty datagrams of group_sender.py in order.
import socket
import sys

group, port = sys.argv[1], int(sys.argv[2])
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((group, port))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton(group) + socket.inet_aton("127.0.0.1"))
print("ready", flush=True)
s.settimeout(180)
print("got", [s.recv(9) for i in range(20)] == [b"%d" % i for i in range(20)], flush=True)
