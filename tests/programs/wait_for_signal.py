# wait_for_signal.py PORT: a bind that is refused and waits; a child sends a signal as soon as it does. The bind must then fail
# with EADDRINUSE, after the handler has run once.
import errno
import os
import signal
import socket
import sys

handled = 0


def handler(*_):
    global handled
    handled += 1


signal.signal(signal.SIGTERM, handler)
signal.siginterrupt(signal.SIGTERM, False)
parent = os.getpid()
if os.fork() == 0:
    seen = 0
    while seen < 200:  # in a row: it waits, and is not just on its way
        sleeps_in = open("/proc/%d/wchan" % parent).read()
        seen = seen + 1 if "poll" in sleeps_in or "seccomp" in sleeps_in else 0
    os.kill(parent, signal.SIGTERM)
    os._exit(0)
try:
    socket.socket().bind(("127.0.0.1", int(sys.argv[1])))
except OSError as error:
    assert error.errno == errno.EADDRINUSE and handled == 1, (error, handled)
else:
    sys.exit("not refused")
