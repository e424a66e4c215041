# refused_in_threads.py PORT THREADS COUNT: each thread is refused the port so many times, all at the same time.
import socket
import sys
import threading

start = threading.Barrier(int(sys.argv[2]))


def be_refused():
    start.wait()
    for _ in range(int(sys.argv[3])):
        try:
            socket.socket().bind(("127.0.0.1", int(sys.argv[1])))
        except OSError:
            pass


threads = [threading.Thread(target=be_refused) for _ in range(int(sys.argv[2]))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
