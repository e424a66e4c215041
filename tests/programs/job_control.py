# job_control.py COMMAND...: in an interactive shell on a terminal the command, which says "ready", is stopped by ^Z, goes on by
# fg, and is ended by ^C. Prints what the shell said of each; exit code 1 if one of them did not come.
import os
import pty
import select
import shlex
import signal
import sys
import time

LIMIT = 60


def expect(terminal, word, said):
    end = time.monotonic() + LIMIT
    while word not in said["left"]:
        if time.monotonic() > end:
            sys.exit("waited for %r after: %s" % (word, said["all"]))
        if select.select([terminal], [], [], 0.1)[0]:
            text = os.read(terminal, 4096).decode(errors="replace")
            said["left"] += text
            said["all"] += text
    said["left"] = said["left"].split(word, 1)[1]
    print(word.strip())


shell, terminal = pty.fork()
if shell == 0:
    # What a script starts in the background ignores some, and a shell cannot change that.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_DFL)
    os.environ["PS1"] = "prompt> "
    os.execlp("bash", "bash", "--norc", "--noprofile", "-i")
said = {"left": "", "all": ""}
expect(terminal, "prompt> ", said)
os.write(terminal, (shlex.join(sys.argv[1:]) + "\n").encode())
expect(terminal, "ready\r\n", said)
os.write(terminal, b"\x1a")
expect(terminal, "Stopped", said)
expect(terminal, "prompt> ", said)
os.write(terminal, b"fg\n")
expect(terminal, "went on\r\n", said)
os.write(terminal, b"\x03")
expect(terminal, "prompt> ", said)
os.write(terminal, b"echo code=$?\n")
expect(terminal, "code=130", said)
os.write(terminal, b"exit\n")
os.waitpid(shell, 0)
