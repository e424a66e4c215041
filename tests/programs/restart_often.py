# restart_often.py COUNT COMMAND...: runs the command so many times in a row; prints how often it failed.
import subprocess
import sys

count, command = int(sys.argv[1]), sys.argv[2:]


def failed():
    try:
        return subprocess.run(command, stdout=subprocess.DEVNULL, timeout=180).returncode != 0
    except subprocess.TimeoutExpired:
        return True


print(sum(failed() for _ in range(count)))
