"""Child processes that never outlive the tests, their folders and addresses, and waiting by deadline."""

import contextlib
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

DEADLINE_S = 20.0  # for what takes milliseconds; generous, for the machine may be busy


class HarnessError(Exception):
    """A test cannot be run as it should: never a reason to skip it."""


def wait_until(condition, what, seconds=DEADLINE_S):
    """Returns the first true value of condition(); fails naming `what` when the deadline passes."""
    end = time.monotonic() + seconds
    while True:
        if value := condition():
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        time.sleep(0.01)


class Folder(contextlib.AbstractContextManager):
    """A folder for one test's files, removed at its end unless POSTERN_KEEP is set. Any user may look
    into it."""

    def __init__(self, name):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix=f"postern-{name}-"))
        self.path.chmod(0o755)

    def __exit__(self, *_):
        if not os.environ.get("POSTERN_KEEP"):
            shutil.rmtree(self.path)


class Address(contextlib.AbstractContextManager):
    """A loopback address that nobody else uses, so that a server may have its usual ports there."""

    def __init__(self):
        for _ in range(100):
            self.host = ".".join(("127", *(str(random.randint(1, 254)) for _ in range(3))))
            self._claim = socket.socket()
            try:
                self._claim.bind((self.host, 1))  # exclusive while the socket is open
                return
            except OSError:
                self._claim.close()
        raise HarnessError("no free address in 127.0.0.0/8")

    def __exit__(self, *_):
        self._claim.close()


class Process:
    """A child process, its output in a file. It dies with the test, whatever kills the test."""

    def __init__(self, command, output, environment=None, stdin=subprocess.DEVNULL):
        self.output = pathlib.Path(output)
        with self.output.open("wb") as file:
            self._child = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", "--", *map(str, command)],
                stdin=stdin, stdout=file, stderr=subprocess.STDOUT, env=environment)
        self.pid = self._child.pid

    def text(self):
        return self.output.read_text(encoding="utf-8", errors="replace")

    def running(self):
        return self._child.poll() is None

    def say(self, line):
        """For a child with stdin=subprocess.PIPE."""
        self._child.stdin.write(line.encode() + b"\n")
        self._child.stdin.flush()

    def signal(self, number):
        self._child.send_signal(number)

    def wait(self, seconds=DEADLINE_S):
        """The exit status; negative is the signal that ended it."""
        try:
            return self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"process still runs after {seconds} s:\n{self.text()}") from None

    def kill(self):
        self._child.kill()
        self._child.communicate()


class Jail(Process):
    """A shell script with process and mount namespaces of its own: whatever daemons it starts end
    with it, and what it mounts nobody else sees."""

    def __init__(self, script, output, environment=None):
        unshare = ["unshare", "--pid", "--fork", "--kill-child=KILL", "--mount", "--mount-proc"]
        super().__init__([*unshare, "/bin/sh", "-ec", script], output, environment)

    def kill(self):
        """Ends the first process inside. It counts as gone only when all the others are."""
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
        with contextlib.suppress(OSError):
            for pid in children.read_text(encoding="ascii").split():
                os.kill(int(pid), signal.SIGKILL)
                self.wait()
        super().kill()


def run(*command, **options):
    """Runs a tool to its end and returns its output; fails with all it said."""
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, timeout=options.pop("timeout", 60), **options)
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise HarnessError(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{text}")
    return text
