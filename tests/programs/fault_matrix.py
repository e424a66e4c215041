#!/usr/bin/env python3
"""Each system call that the library makes in one call through a door fails in turn, by strace(1), with each errno that its
manual names: fault_matrix.py PROGRAM LIBRARY [PART]. The program must see what it sees without any failure, or what the kernel
would have told it without the library, nothing may leak, and a record comes out or is counted as lost. Prints the matrix; of the
cases every PART-th is tried. To be run in network and PID namespaces of its own: what else runs would be looked at, too."""

import concurrent.futures
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile

HELD = 7000
ports = itertools.count(HELD + 1)  # what a run leaves behind is not in the way of the next one
ERRNOS = {
    "openat": "EACCES EINTR EMFILE ENFILE ENOENT ENOMEM",
    "read": "EINTR EIO EISDIR",
    "close": "EINTR EIO",
    "fstat": "EBADF ENOMEM",
    "newfstatat": "EACCES ENOENT ENOMEM",
    "statx": "EACCES ENOENT ENOSYS",
    "statfs": "EACCES EINTR EIO ENOSYS",
    "readlinkat": "EACCES ENOENT EIO",
    "getdents64": "ENOENT ENOTDIR EINVAL",
    "socket": "EACCES EAFNOSUPPORT EMFILE ENOBUFS EPROTONOSUPPORT",
    "sendto": "EAGAIN ECONNREFUSED EINTR ENOBUFS EPERM",
    "recvfrom": "EAGAIN EINTR ENOBUFS ENOMEM",
    "getsockopt": "EBADF ENOPROTOOPT ENOTSOCK",
    "setsockopt": "EDOM ENOPROTOOPT ENOTSOCK EPERM",
    "getsockname": "EBADF ENOBUFS",
    "getpeername": "EBADF ENOBUFS",
    "connect": "EACCES EAGAIN EINTR ENETUNREACH",
    "bind": "EACCES EADDRINUSE ENOMEM",
    "listen": "EADDRINUSE",
    "mmap": "ENOMEM EAGAIN",
    "munmap": "EINVAL",
    "madvise": "EINVAL ENOMEM",
    "uname": "EFAULT",
    "ioctl": "EINVAL ENOTTY",
    "fcntl": "EBADF EINVAL",
    "poll": "EINTR ENOMEM",
    "ppoll": "EINTR ENOMEM",
    "clock_gettime": "EINVAL",
    "rt_sigprocmask": "EINVAL",
    "rt_sigpending": "EFAULT",
    "rt_sigtimedwait": "EAGAIN EINTR",
    "pwritev2": "EAGAIN EINTR EIO ENOSPC EOPNOTSUPP EPIPE",
    "write": "EAGAIN EINTR EIO ENOSPC EPIPE",
    "unlinkat": "EACCES ENOENT",
    "open_by_handle_at": "EPERM ESTALE",
    "pidfd_open": "EMFILE ENOSYS",
    "pidfd_getfd": "EPERM ENOSYS",
    "gettid": "ENOSYS",
    "getpid": "ENOSYS",
    "getuid": "ENOSYS",
    "prctl": "EINVAL",
}
SHORT = {"read", "recvfrom", "getdents64"}  # 0 as well: nothing there

# The rules in force, and whether a listener of another process is on the port.
SCENARIOS = {
    "bind": ("", False),
    "refused": ("", True),
    "retry": ("", False),
    "evict": ("tcp evict", False),
    "wait": ("tcp wait 20ms", True),
    "listen": ("", False),
    "watch": ("watch", False),
    "connect": ("", False),
}


class Run:
    """What the program saw, what was recorded, and which system calls were made between the marks."""

    def __init__(self, program, library, scenario, inject=None):
        folder = tempfile.mkdtemp()
        trace, log = folder + "/trace", folder + "/log"
        environment = dict(os.environ, REUSESHIM_LOG=log, REUSESHIM_FORMAT="json")
        if SCENARIOS[scenario][0]:
            environment["REUSESHIM_RULES"] = SCENARIOS[scenario][0]
        command = ["strace", "-o", trace] + (["-e", "inject=" + inject] if inject else [])
        command += ["-E", "LD_PRELOAD=" + library] if library else []
        try:
            done = subprocess.run(command + [program, scenario, str(HELD if SCENARIOS[scenario][1] else next(ports))], env=environment, capture_output=True, text=True, timeout=60)
            self.seen = done.stdout.split() or ["status", str(done.returncode), done.stderr.strip()[-80:]]
            stderr = done.stderr
        except subprocess.TimeoutExpired:
            self.seen, stderr = ["hangs"], ""
        with open(trace, encoding="utf-8", errors="replace") as file:
            self.calls = self.between_marks(file)
        self.records, self.damaged = self.read_log(log)
        # What the log did not take goes there.
        self.records += [json.loads(line) for line in stderr.splitlines() if line.startswith("{")]
        for path in (trace, log):
            if os.path.exists(path):
                os.unlink(path)
        os.rmdir(folder)

    def is_recorded(self):
        return any(record["fd"] == int(self.seen[-1]) or record["lost"] for record in self.records)

    @staticmethod
    def between_marks(file):
        """(name, which one of that name since the start) of each."""
        counts, inside, calls = {}, False, []
        for line in file:
            name = re.match(r"(\w+)\(", line)
            if not name:
                continue
            name = name[1]
            counts[name] = counts.get(name, 0) + 1
            if name == "getppid":
                inside = not inside
            elif inside:
                calls.append((name, counts[name]))
        return calls

    @staticmethod
    def read_log(path):
        records, damaged = [], 0
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                for line in file:
                    try:
                        records.append(json.loads(line))
                    except ValueError:
                        damaged += 1
        return records, damaged


def own_calls(calls, scenario):
    """Without the program's own, which is the first of its name."""
    name = {"listen": "listen", "watch": "listen", "connect": "connect"}.get(scenario, "bind")
    rest = list(calls)
    for at, call in enumerate(rest):
        if call[0] == name:
            del rest[at]
            break
    return rest


def judge(run, good, bare, failed):
    """What is wrong, or None. A close or munmap that does not take place, and an option that cannot be taken back, leave something."""
    if len(run.seen) != 6:
        return "program: " + " ".join(run.seen)
    if run.seen[:2] not in (good.seen[:2], bare.seen[:2]):
        return "program saw " + " ".join(run.seen[:2])
    if run.seen[2] != "0" and failed != "close":
        return "descriptors: " + run.seen[2]
    if int(run.seen[3]) > max(1, int(good.seen[3])) and failed != "munmap":
        return "mappings: " + run.seen[3]
    # -1: waiting, the library has looked more or less often, and the call that failed was the program's.
    if run.seen[4] not in (good.seen[4], bare.seen[4], "-1") and failed != "setsockopt":
        return "SO_REUSEADDR is " + run.seen[4]
    if run.damaged:
        return "a damaged record"
    return None


def cases(calls, part):
    number = 0
    for name, which in calls:
        values = ["error=" + errno for errno in ERRNOS.get(name, "EINVAL").split()]
        values += ["retval=0"] if name in SHORT else []
        for value in values:
            number += 1
            if number % part == 0:
                yield name, which, value


def try_scenario(program, library, scenario, part, pool):
    bare, good = Run(program, None, scenario), Run(program, library, scenario)
    own = own_calls(good.calls, scenario)
    tried = list(cases(own, part))
    runs = pool.map(lambda case: Run(program, library, scenario, "{}:{}:when={}".format(case[0], case[2], case[1])), tried)
    bad, table = [], {}
    for case, run in zip(tried, runs):
        trouble = judge(run, good, bare, case[0])
        table.setdefault(case[0], [0, 0])[0] += 1
        if trouble is None and good.is_recorded() and not run.is_recorded():
            trouble = "no record, and none is counted as lost"
        if trouble:
            table[case[0]][1] += 1
            bad.append("{} {} of {} {}: {}".format(scenario, case[2], case[0], case[1], trouble))
    print("# {}: sees {}, {} calls of the library, {} cases, {} deviations".format(
        scenario, " ".join(good.seen), len(own), len(tried), len(bad)))
    for name in sorted(table):
        print("#   {:<16}{:>5}{:>5}".format(name, *table[name]))
    for line in bad[:40]:
        print("#   " + line)
    return len(tried), len(bad)


def main():
    program, library = sys.argv[1:3]
    part = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    total = deviations = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for scenario, (_, taken) in SCENARIOS.items():
            holder = subprocess.Popen([sys.executable, "-c", "import socket, sys; s = socket.socket(); s.bind(('127.0.0.1', "
                + str(HELD) + ")); s.listen(); print('ready', flush=True); sys.stdin.read()"], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE) if taken else None
            if holder:
                holder.stdout.readline()
            one, bad = try_scenario(program, library, scenario, part, pool)
            total, deviations = total + one, deviations + bad
            if holder:
                holder.stdin.close()
                holder.wait()
    print("1..1")
    print("{} 1 - {} cases, {} deviations".format("not ok" if deviations or not total else "ok", total, deviations))


main()
