# ftp_transfers.py COUNT: so many transfers at a time from ftp_server.py, with the standard library's client in active mode;
# prints how many came through.
import ftplib
import sys
import threading

good = []


def get(name):
    try:
        ftp = ftplib.FTP()
        ftp.connect("127.0.0.1", 21, timeout=180)
        ftp.login()
        ftp.set_pasv(False)
        got = []
        ftp.retrbinary("RETR " + name, got.append)
        if b"".join(got) == name.encode():
            good.append(name)
    except (OSError, EOFError, ftplib.Error):
        pass


threads = [threading.Thread(target=get, args=("file%d" % i,)) for i in range(int(sys.argv[1]))]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(len(good))
