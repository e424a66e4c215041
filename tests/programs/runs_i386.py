# runs_i386.py [how]: exit code 0 if the kernel of this machine runs i386 programs, 1 if not; "how" prints what runs them, "kernel",
# "qemu-i386" or nothing.
# The kernel is asked by running the smallest of them, exit(0), from memory: no 32-bit compiler is needed, and no shell gets to
# read it as a script. REUSESHIM_TEST_I386=qemu: as if the kernel could not; none: as if there were no qemu-i386 either.
import os
import shutil
import struct
import sys

CODE = bytes([0x31, 0xDB, 0x31, 0xC0, 0x40, 0xCD, 0x80])  # xor ebx, ebx; xor eax, eax; inc eax; int 0x80
AT, HEADERS = 0x08048000, 52 + 32
SIZE = HEADERS + len(CODE)
IDENT = b"\x7fELF" + bytes([1, 1, 1]) + bytes(9)  # 32 bits, little endian
EXECUTABLE, I386, LOAD, READ_AND_EXECUTE = 2, 3, 1, 5

header = IDENT + struct.pack("<HHIIIIIHHHHHH", EXECUTABLE, I386, 1, AT + HEADERS, 52, 0, 0, 52, 32, 1, 0, 0, 0)
segment = struct.pack("<IIIIIIII", LOAD, 0, AT, AT, SIZE, SIZE, READ_AND_EXECUTE, 0x1000)



def kernel_runs_it():
    file = os.memfd_create("exit", 0)
    os.write(file, header + segment + CODE)
    child = os.fork()
    if child == 0:
        try:
            os.execv("/proc/self/fd/%d" % file, ["exit"])
        except OSError:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


pretend = os.environ.get("REUSESHIM_TEST_I386", "")
kernel = pretend == "" and kernel_runs_it()
emulator = pretend != "none" and shutil.which("qemu-i386")
if sys.argv[1:] == ["how"]:
    print("kernel" if kernel else "qemu-i386" if emulator else "")
sys.exit(not kernel)
