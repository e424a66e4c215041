# ftp_server.py DATA_PORT TOGETHER: an FTP server of the old kind: active mode, every data connection from one port, no option
# set on it. It sends nothing before so many transfers are under way at a time, or one of them has failed.
import socket
import sys
import threading

data_port, together = int(sys.argv[1]), int(sys.argv[2])
barrier = threading.Barrier(together)


def send(control, peer, text):
    data = socket.socket()
    try:
        data.bind(("127.0.0.1", data_port))
        data.connect(peer)
    except OSError as error:
        barrier.abort()
        control.write(b"425 %s\r\n" % str(error).encode())
        return
    control.write(b"150 here\r\n")
    try:
        barrier.wait(180)
    except threading.BrokenBarrierError:
        pass
    data.sendall(text.encode())
    data.close()
    control.write(b"226 done\r\n")


def serve(connection):
    peer = None
    control = connection.makefile("rwb", buffering=0)
    control.write(b"220 old\r\n")
    for line in control:
        word, _, rest = line.decode().strip().partition(" ")
        if word == "PORT":
            numbers = rest.split(",")
            peer = (".".join(numbers[:4]), int(numbers[4]) * 256 + int(numbers[5]))
            control.write(b"200 ok\r\n")
        elif word == "RETR":
            send(control, peer, rest)
        elif word == "QUIT":
            control.write(b"221 bye\r\n")
            return
        else:
            control.write({"USER": b"331 more\r\n", "PASS": b"230 ok\r\n"}.get(word, b"200 ok\r\n"))


server = socket.socket()
server.bind(("127.0.0.1", 21))
server.listen(64)
print("ready", flush=True)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
