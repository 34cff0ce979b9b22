"""What the process gives up: root, capabilities, cores, and what its threads may ask of the kernel; and that it
still serves, reloads, counts itself and is upgraded."""

import os
import pathlib
import re
import resource
import shutil
import signal
import unittest
from unittest import mock

from harness import Folder, Gateway, ScriptedBackend, gateway as harness_gateway, sanitized
from harness.processes import Address

NOBODY = 65534


def status(path):
    lines = pathlib.Path(path, "status").read_text(encoding="ascii").splitlines()
    return {key: value.split() for key, _, value in (line.partition(":") for line in lines)}


def end(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


@unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
class User(unittest.TestCase):
    def start(self, **sections):
        backend = self.enterContext(ScriptedBackend())
        return self.enterContext(Gateway(backends={"mail": backend.backend()}, **sections))

    def assert_given_up(self, pid):
        now = status(f"/proc/{pid}")
        self.assertEqual(now["Uid"], [str(NOBODY)] * 4)
        self.assertEqual(now["Gid"], [str(NOBODY)] * 4)
        self.assertEqual(now["Groups"], [str(NOBODY)])
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
            self.assertEqual(int(now[capabilities][0], 16), 0, capabilities)
        self.assertEqual(now["NoNewPrivs"], ["1"])
        limits = pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
        self.assertRegex(limits, r"Max core file size\s+0\s+0\s")
        self.assertEqual(os.stat(f"/proc/{pid}/mem").st_uid, 0, "it can be dumped")

    def test_binds_a_low_port_and_becomes_nobody_for_good(self):
        host = self.enterContext(Address()).host
        # An upgrade starts it as that user, which may not look into the folder where it was built.
        program = shutil.copy(harness_gateway.BINARY, self.enterContext(Folder("program")).path)
        self.enterContext(mock.patch.object(harness_gateway, "BINARY", str(program)))
        gateway = self.start(user="nobody", listeners=[{"address": f"{host}:993", "tls": "implicit"}])
        self.assert_given_up(gateway.process.pid)
        key = gateway.configuration["tls"]["certificates"][0]["key"]
        with self.subTest("a key that only root can read is a warning"):
            self.assertRegex(gateway.log(), rf"warn  this file cannot be read again.*{re.escape(key)}.*user=nobody")
            gateway.reload("error")
        with self.subTest("with a key that it can read it reloads"):
            os.chown(key, 0, NOBODY)
            os.chmod(key, 0o640)
            gateway.reload()
        with self.subTest("the process still counts itself"):
            for name in ("process_open_fds", "process_resident_memory_bytes"):
                self.assertGreater(gateway.metrics().sum(name), 0)
        with self.subTest("the new process of an upgrade is nobody, too"):
            gateway.process.signal(signal.SIGUSR2)
            pid = int(gateway.wait_for_log(r"upgraded, the new process serves pid=(\d+)")[1])
            self.addCleanup(end, pid)
            self.assert_given_up(pid)
            gateway.expect_end(0)

    def test_a_user_that_does_not_exist_is_a_fault(self):
        with self.assertRaisesRegex(AssertionError, "user: \"no-such-user\" does not exist"):
            self.start(user="no-such-user")

    def test_what_needs_a_restart_is_named(self):
        gateway = self.start()
        gateway.configure(user="nobody", core_dumps="true", seccomp="false")
        said = gateway.reload()
        for setting in ("user", "core_dumps", "seccomp"):
            self.assertRegex(said, rf"needs a restart.*setting={setting}\b")


class Threads(unittest.TestCase):
    def start(self, **sections):
        backend = self.enterContext(ScriptedBackend())
        return self.enterContext(Gateway(backends={"mail": backend.backend("none")}, **sections))

    def confined(self, gateway):
        """How many threads have a filter more than the process was started with."""
        tasks = [status(task) for task in pathlib.Path(f"/proc/{gateway.process.pid}/task").iterdir()]
        own = status("/proc/self")["Seccomp"]
        return sum(task["Seccomp"] != own for task in tasks)

    @unittest.skipIf(sanitized(), "a sanitizer's runtime needs more than a worker")
    def test_workers_are_confined_and_the_others_are_not(self):
        gateway = self.start(workers=3)
        gateway.connect().close()
        self.assertEqual(self.confined(gateway), 3)

    def test_seccomp_can_be_switched_off(self):
        gateway = self.start(seccomp="false")
        gateway.connect().close()
        self.assertEqual(self.confined(gateway), 0)

    def test_names_are_found_all_the_same(self):
        backend = self.enterContext(ScriptedBackend())
        gateway = self.enterContext(Gateway(
            backends={"mail": {"servers": [backend.server.replace("127.0.0.1", "localhost")]}}))
        gateway.connect().close()

    def test_cores_if_asked_for(self):
        for asked, limit in (("true", r"Max core file size\s+(?!0\s+0\s)"), ("false", r"Max core file size\s+0\s+0\s")):
            with self.subTest(asked):
                gateway = self.start(core_dumps=asked)
                limits = pathlib.Path(f"/proc/{gateway.process.pid}/limits").read_text(encoding="ascii")
                if resource.getrlimit(resource.RLIMIT_CORE)[1] != 0:
                    self.assertRegex(limits, limit)


if __name__ == "__main__":
    unittest.main()
