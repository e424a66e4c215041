"""held_memory_map.py FOLDER PORT: user 65534 listens on 127.0.0.1:PORT, and whoever wants to see its memory or its command line waits
for ever: a page is asked for that a FUSE file system on FOLDER never brings, and another thread waits to change the map meanwhile.
"""
import ctypes
import os
import socket
import struct
import sys
import threading
import time

folder, port = sys.argv[1], int(sys.argv[2])
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
NEW_MOUNTS, PRIVATE, READ_ONLY, SHARED, OWN, NO_FILE = 0x20000, 1 << 18 | 1 << 14, 1, 1, 2, 0x20
LOOKUP, GETATTR, OPEN, INIT = 1, 3, 14, 26


def must(result, what):
    if result != 0:
        sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")


def attributes(node):
    mode, size = (0o40755, 0) if node == 1 else (0o100644, 4096)
    return struct.pack("=QQQQQQIIIIIIIIII", node, size, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def serve(device):
    """Everything but what the file holds."""
    while True:
        try:
            question = os.read(device, 1 << 17)
        except OSError:
            return
        _, opcode, unique, node = struct.unpack_from("=IIQQ", question)
        answer = {
            INIT: struct.pack("=IIIIHHIIHHI7I", 7, 31, 65536, 0, 12, 10, 65536, 1, 1, 0, 0, *[0] * 7),
            LOOKUP: struct.pack("=QQQQII", 2, 0, 100, 100, 0, 0) + attributes(2),
            GETATTR: struct.pack("=QII", 100, 0, 0) + attributes(node),
            OPEN: struct.pack("=QII", 1, 0, 0),
        }.get(opcode)
        if answer is not None:
            os.write(device, struct.pack("=IiQ", 16 + len(answer), 0, unique) + answer)


def hold():
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    libc.prctl(4, 1, 0, 0, 0)  # dumpable again, to see its own memory
    listener = socket.create_server(("127.0.0.1", port))
    page = libc.mmap(None, 4096, READ_ONLY, SHARED, os.open(folder + "/file", os.O_RDONLY), 0)
    memory = os.open("/proc/self/mem", os.O_RDONLY)

    def change_later():
        time.sleep(0.5)
        libc.mmap(None, 4096, READ_ONLY, OWN | NO_FILE, -1, 0)

    threading.Thread(target=change_later, daemon=True).start()
    os.pread(memory, 8, page)
    listener.close()


def waits(pid):
    """For the lock of the map, which does not end by signals; for the page they do."""
    states = [open(f"/proc/{pid}/task/{task}/stat").read().rpartition(")")[2].split()[0] for task in os.listdir(f"/proc/{pid}/task")]
    return "D" in states


must(libc.unshare(NEW_MOUNTS), "unshare")
must(libc.mount(None, b"/", None, PRIVATE, None), "mount")
device = os.open("/dev/fuse", os.O_RDWR)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
must(libc.mount(b"silent", folder.encode(), b"fuse.silent", 0, options), "mount fuse")
holder = os.fork()
if holder == 0:
    os.close(device)
    hold()
    os._exit(0)
threading.Thread(target=serve, args=(device,), daemon=True).start()
while not waits(holder):
    if os.waitpid(holder, os.WNOHANG)[0]:
        sys.exit("the holder has ended")
    time.sleep(0.01)
print("ready", flush=True)
os.waitpid(holder, 0)
