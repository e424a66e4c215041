# refused_until_explained.py PORT LOG: is refused the port, again and again, until a second record says that it was looked up;
# prints how many seconds lie between the two.
import json
import socket
import sys
import time

first = None
while True:
    try:
        socket.socket().bind(("127.0.0.1", int(sys.argv[1])))
        sys.exit("not refused")
    except OSError:
        pass
    with open(sys.argv[2], encoding="utf-8") as log:
        explained = json.loads(log.readlines()[-1])["diagnosis"]["source"] == "sock_diag"
    if explained and first is not None:
        break
    first = first or time.monotonic()
    time.sleep(0.05)
print(int(time.monotonic() - first))
