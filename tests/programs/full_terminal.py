# full_terminal.py PORT BUDGET COMMAND...: the command is refused PORT and writes a long record to its stderr, a terminal that
# is nearly full and that nobody reads. It must not be held up for much longer than BUDGET milliseconds, for which it waits.
import atexit
import os
import pty
import signal
import socket
import subprocess
import sys
import time
import tty

port, budget, command = int(sys.argv[1]), int(sys.argv[2]) / 1000, sys.argv[3:]
ALMOST_THE_MOST = 3650  # bytes of a record, of what a terminal or a pipe is ever given at once
FULL = 16384  # a little more than a terminal keeps for a reader


def hold(address):
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        held = socket.socket()
        held.bind((address, port))
        os.write(tell, b".")
        signal.pause()
    os.read(ready, 1)
    os.close(ready)
    os.close(tell)
    return child


def make_the_record_long():
    holders = []
    atexit.register(lambda: [os.kill(holder, signal.SIGKILL) for holder in holders])
    for last in range(1, 40):
        holders.append(hold("127.0.1.%d" % last))
        if len(subprocess.run(command, capture_output=True).stderr) > ALMOST_THE_MOST:
            return
    sys.exit("no long record")


def fill(terminal, count):
    filled = 0
    try:
        while filled < count:
            filled += os.write(terminal, b"x" * min(80, count - filled))
    except BlockingIOError:
        pass
    return filled


make_the_record_long()
for count in range(FULL - 384, FULL, 32):
    master, slave = pty.openpty()
    tty.setraw(slave)
    again = os.open(os.ttyname(slave), os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    filled = fill(again, count)
    before = time.monotonic()
    try:
        # One that is held up for longer is held up for ever.
        subprocess.run(command, stderr=slave, stdout=subprocess.DEVNULL, timeout=100 * budget)
    except subprocess.TimeoutExpired:
        sys.exit("held up for ever with %d bytes in the terminal" % filled)
    print("%d bytes: %.3f s" % (filled, time.monotonic() - before))
    for descriptor in (master, slave, again):
        os.close(descriptor)
