"""The gateway on systems that offer io_uring and on systems that refuse it: it serves, has no ring, and confines its
workers wherever a filter can be installed.

libuv 1.50 (Debian 13) ends a process whose ring the kernel does not serve, so this shows most there; with libuv 1.44
(Debian 12), which knows no rings, it shows that nothing else depends on them.
"""

import contextlib
import os
import pathlib
import signal
import sys
import unittest
from unittest import mock

from harness import Gateway, ScriptedBackend, sanitized

DENIED = pathlib.Path(__file__).parent / "harness" / "denied.py"
# What a container refuses, and how. Docker's own profile says EPERM, an old kernel ENOSYS.
SYSTEMS = {
    "everything is allowed": (),
    "no io_uring: EPERM": ("EPERM", "io_uring_setup"),
    "no io_uring: ENOSYS": ("ENOSYS", "io_uring_setup"),
    "no seccomp by its own call": ("EPERM", "seccomp"),
    "no seccomp by prctl": ("EINVAL", "prctl_seccomp"),
    "no seccomp": ("EINVAL", "seccomp", "prctl_seccomp"),
    "neither io_uring nor seccomp": ("EPERM", "io_uring_setup", "seccomp", "prctl_seccomp"),
}


def filters(task):
    """The number of seccomp filters of a thread (Linux 5.9 and later)."""
    status = pathlib.Path(task, "status").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(":") for line in status)["Seccomp_filters"])


def rings(pid):
    links = []
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed meanwhile
            links.append(os.readlink(descriptor))
    return sum("io_uring" in link for link in links)


class IoUring(unittest.TestCase):
    def start(self, system=(), **sections):
        wrapper = (sys.executable, "-B", DENIED, *system, "--") if system else ()
        backend = self.enterContext(ScriptedBackend())
        with mock.patch.object(Gateway, "wrapper", wrapper):
            return self.enterContext(Gateway(backends={"mail": backend.backend("none")}, **sections))

    def assert_serves(self, gateway):
        for _ in range(3):
            with gateway.connect() as client:
                client.login()
                client.ok(b"LOGOUT")
        self.assertEqual(gateway.get("/live")[0], 200)

    def workers(self, pid):
        """How many more filters than the main thread has each thread that has more."""
        own = filters(f"/proc/{pid}")
        tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
        return [more for task in tasks if (more := filters(task) - own)]

    def test_serves_and_confines_its_workers_wherever_it_runs(self):
        for system, denied in SYSTEMS.items():
            for seccomp in ("true", "false"):
                with self.subTest(system, seccomp=seccomp):
                    gateway = self.start(denied, seccomp=seccomp)
                    self.assert_serves(gateway)
                    possible = not {"seccomp", "prctl_seccomp"} <= {*denied}
                    confined = seccomp == "true" and possible and not sanitized()
                    self.assertEqual(self.workers(gateway.process.pid), [1, 1] if confined else [])
                    if possible:
                        self.assertEqual(rings(gateway.process.pid), 0)
                    if seccomp == "true" and not confined:
                        self.assertIn("a worker is not confined", gateway.log())

    def test_no_ring_whatever_libuv_is_asked(self):
        for value in ("0", "1"):
            with self.subTest(value), mock.patch.dict(os.environ, UV_USE_IO_URING=value):
                gateway = self.start()
                self.assert_serves(gateway)
                self.assertEqual(rings(gateway.process.pid), 0)

    def test_nothing_is_handed_on_to_the_program_of_an_upgrade(self):
        gateway = self.start()
        before = filters(f"/proc/{gateway.process.pid}")
        gateway.process.signal(signal.SIGUSR2)
        pid = int(gateway.wait_for_log(r"upgraded, the new process serves pid=(\d+)")[1])
        self.addCleanup(os.kill, pid, signal.SIGKILL)
        self.assertEqual(filters(f"/proc/{pid}"), before)
        self.assertEqual(before, filters("/proc/self"))
        self.assertEqual(rings(pid), 0)
        gateway.expect_end(0)


if __name__ == "__main__":
    unittest.main()
