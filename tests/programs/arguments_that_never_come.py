"""arguments_that_never_come.py ADDRESS PORT UID: listens as that user, with arguments in memory whose first touch nobody answers.

Prints "ready". Whoever reads /proc/PID/cmdline waits until the process ends (userfaultfd(2)).
"""
import ctypes
import fcntl
import mmap
import os
import platform
import signal
import socket
import struct
import sys

libc = ctypes.CDLL(None, use_errno=True)
USERFAULTFD = {"x86_64": 323, "aarch64": 282, "riscv64": 282, "s390x": 355}[platform.machine()]
UFFDIO_API, UFFDIO_REGISTER = 0xC018AA3F, 0xC020AA00
SIZE = mmap.PAGESIZE


def must(result, what):
    if result < 0:
        sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


faults = must(libc.syscall(USERFAULTFD, os.O_CLOEXEC), "userfaultfd")
fcntl.ioctl(faults, UFFDIO_API, struct.pack("QQQ", 0xAA, 0, 0))
with open("/proc/self/stat") as stat:
    fields = stat.read().rpartition(")")[2].split()
start, end = int(fields[45]), int(fields[46])
place = start // SIZE * SIZE + SIZE
if place + SIZE > end:
    # The page in which they begin has other things as well, so there must be a second one.
    os.execv(sys.executable, [sys.executable, *sys.argv, "x" * 3 * SIZE])
fcntl.ioctl(faults, UFFDIO_REGISTER, struct.pack("QQQQ", place, SIZE, 1, 0))
if libc.madvise(ctypes.c_void_p(place), SIZE, mmap.MADV_DONTNEED) != 0:
    sys.exit("madvise")
os.setgid(int(sys.argv[3]))
os.setuid(int(sys.argv[3]))
server = socket.socket()
server.bind((sys.argv[1], int(sys.argv[2])))
server.listen()
print("ready", flush=True)
signal.pause()
