"""Runs a test so that nothing of it survives: contained.py SECONDS COMMAND...

Daemons that the test started and that left their parent become children of this process. Whatever still
lives when the command has ended is killed and fails the test, for it would disturb the next one.
"""

import ctypes
import os
import pathlib
import signal
import subprocess
import sys

PR_SET_CHILD_SUBREAPER = 36


def descendants():
    """{pid: command line} of all that descends from this process, zombies excepted."""
    parents, names = {}, {}
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            name = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # it ended meanwhile
            continue
        parents[int(entry.name)] = int(parent)
        if state != "Z":
            names[int(entry.name)] = name
    found = {os.getpid()}
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return {pid: names[pid] for pid in found & names.keys() if pid != os.getpid()}
        found |= more


def kill_all():
    """Kills until none is left; a process may have forked while the list was read."""
    while living := descendants():
        for pid in living:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        reap(block=True)
    reap(block=False)


def reap(block):
    try:
        while os.waitpid(-1, 0 if block else os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def main():
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    command = subprocess.Popen(sys.argv[2:])

    def too_long(*_):
        print(f"contained: ended after {sys.argv[1]} seconds", flush=True)
        command.send_signal(signal.SIGKILL)

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(int(sys.argv[1]))
    # Adopted daemons are reaped as they end: a test may wait for one of them to be gone.
    status = None
    while status is None:
        pid, result = os.waitpid(-1, 0)
        if pid == command.pid:
            status = os.waitstatus_to_exitcode(result)
    signal.alarm(0)
    left = descendants()
    for pid, name in sorted(left.items()):
        print(f"contained: left behind: {pid} {name}")
    kill_all()
    return 1 if left or status else 0


if __name__ == "__main__":
    sys.exit(main())
