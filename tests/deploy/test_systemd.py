"""deploy/systemd: the unit as systemd reads it, and as systemd runs it, booted in a container of its own."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from blocks import block
from deployed import SETTINGS, SOURCE, greeting, output, wait_until
from machine import BINARY, INSTALL, Machine

RUNBOOK = "deploy/README.md"
UNIT = SOURCE / "deploy" / "systemd" / "postern.service"


def analyze(*arguments):
    done = subprocess.run(["systemd-analyze", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode, done.stdout


class Unit(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.copy = pathlib.Path(folder.name, UNIT.name)

    def verify(self, text):
        # The program must exist where the unit says, and here it isn't installed.
        self.copy.write_text(text.replace("/usr/local/bin/postern", BINARY))
        return analyze("verify", self.copy)

    def test_systemd_has_nothing_to_object(self):
        self.assertEqual(self.verify(UNIT.read_text()), (0, ""))

    def test_a_misspelt_line_would_be_noticed(self):
        _, said = self.verify(UNIT.read_text().replace("ProtectClock=", "ProtectClocks="))
        self.assertIn("ProtectClocks", said)

    def test_exposure_is_low(self):
        status, said = analyze("security", "--offline=true", "--threshold=15", UNIT)
        self.assertEqual(status, 0, said)

    def test_the_stop_outlasts_the_drain(self):
        seconds = int(re.search(r"^TimeoutStopSec=(\d+)s$", UNIT.read_text(), re.MULTILINE)[1])
        reference = output(BINARY, "config-reference")
        self.assertGreater(seconds, int(re.search(r"drain: (\d+)s", reference)[1]))


@unittest.skipUnless(os.geteuid() == 0, "booting a container needs root")
class Booted(unittest.TestCase):
    """One boot, and the unit's life from installation to stop, in that order."""

    @classmethod
    def setUpClass(cls):
        cls.machine = Machine(["ca-certificates"])  # tests/install build installs it
        cls.addClassCleanup(cls.machine.close)
        cls.machine.add_program()
        cls.machine.add_tree()
        cls.machine.boot()
        cls.machine.install()
        cls.settings = cls.machine.root / "etc/postern/postern.yaml"
        cls.settings.write_text(SETTINGS % {"port": 993, "certificates": "/etc/postern"})

    def test_lives_as_the_unit_says(self):
        self.machine.shell(INSTALL.text.splitlines()[-1])
        wait_until(self.machine.ready, 10, "postern")
        with self.subTest("it serves a port below 1024"):
            self.assertIn("* BYE [UNAVAILABLE]", greeting(self.machine.leader, 993))
        with self.subTest("it may do nothing else"):
            status = self.machine.main_status()
            self.assertNotEqual(status["Uid"].split()[0], "0")
            self.assertEqual(int(status["CapEff"], 16), 0)  # CAP_NET_BIND_SERVICE is given up when bound
            self.assertEqual(int(status["CapBnd"], 16), 1 << 10)
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        with self.subTest("a good file is reloaded"):
            self.machine.must("reload", "postern")
            self.assertEqual(self.machine.shown("ActiveState"), "active")
        with self.subTest("a bad one is refused, and the old one goes on"):
            good = self.settings.read_text()
            self.settings.write_text(good.replace("drain:", "dran:"))
            self.assertNotEqual(self.machine.systemctl("reload", "postern").returncode, 0)
            self.assertIn("dran", self.machine.log())
            self.assertEqual(self.machine.shown("ActiveState"), "active")
            self.assertIn("* BYE [UNAVAILABLE]", greeting(self.machine.leader, 993))
            self.settings.write_text(good)
        with self.subTest("it stops by itself, well before systemd would kill it"):
            begin = time.monotonic()
            self.machine.must("stop", "postern")
            self.assertLess(time.monotonic() - begin, 20)
            self.assertEqual((self.machine.shown("Result"), self.machine.shown("ExecMainStatus")), ("success", "0"))

    # And is not stopped after that: where systemd cannot see a cgroup become empty, as in this container, it kills at
    # once what was no child of its own. With cgroup v2 it waits.
    def test_follows_an_upgrade(self):
        self.machine.must("start", "postern")
        self.addCleanup(self.machine.systemctl, "stop", "postern")
        wait_until(self.machine.ready, 10, "postern")
        before = self.machine.shown("MainPID")
        shutil.copy(BINARY, self.machine.root / "root/postern/postern")
        self.machine.shell(block(RUNBOOK, "postern.new").text)
        wait_until(lambda: self.machine.shown("MainPID") != before, 10, "the new process")
        self.assertEqual(self.machine.shown("ActiveState"), "active")
        self.assertIn("* BYE [UNAVAILABLE]", greeting(self.machine.leader, 993))

    def test_sockets_of_systemd_outlive_the_service(self):
        self.machine.put(block(RUNBOOK, "ListenStream="))
        self.settings.write_text(SETTINGS.replace('{address: "0.0.0.0:%(port)d", tls: implicit}',
                                                  '{address: "[::]:993"}, {address: "[::]:143", tls: starttls}')
                                 % {"certificates": "/etc/postern"})
        self.addCleanup(self.machine.systemctl, "stop", "postern.socket", "postern")
        self.machine.shell(block(RUNBOOK, "systemctl enable --now postern.socket").text)
        wait_until(self.machine.ready, 10, "postern")
        self.assertIn("* BYE [UNAVAILABLE]", greeting(self.machine.leader, 993))
        self.machine.must("stop", "postern")
        self.assertIn("* BYE [UNAVAILABLE]", greeting(self.machine.leader, 993))  # it has waited for the next start
        self.assertEqual(self.machine.shown("ActiveState"), "active")


if __name__ == "__main__":
    unittest.main()
