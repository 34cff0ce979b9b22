"""deploy/systemd: the unit as systemd reads it, and as systemd runs it, booted in a container of its own."""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from deployed import SETTINGS, SOURCE, fields, greeting, make_certificate, output, wait_until

UNIT = SOURCE / "deploy" / "systemd" / "postern.service"
USERS = SOURCE / "deploy" / "systemd" / "postern.sysusers"
BINARY = os.environ["POSTERN_BIN"]


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
        archive = output(SOURCE / "tests/deploy/debian-root", "--with",
                         "systemd,systemd-sysv,dbus,libnss-systemd,procps", "bookworm", timeout=300).splitlines()[-1]
        folder = tempfile.TemporaryDirectory(prefix="postern-boot.", dir="/var/tmp")
        cls.addClassCleanup(folder.cleanup)
        cls.root = pathlib.Path(folder.name)
        output("tar", "-xf", archive, "-C", cls.root, "--numeric-owner")
        cls.install()
        cls.boot()

    @classmethod
    def install(cls):
        """As deploy/README.md says, into the root."""
        root = cls.root
        shutil.copy(BINARY, root / "usr/local/bin/postern")
        for library in re.findall(r"=> (/\S+)", output("ldd", BINARY)):
            if not list(root.glob(f"usr/lib/*/{os.path.basename(library)}")):
                shutil.copy(library, root / "usr/local/lib")
        output("ldconfig", "-r", root)
        shutil.copy(UNIT, root / "etc/systemd/system/postern.service")
        (root / "etc/sysusers.d").mkdir(exist_ok=True)
        shutil.copy(USERS, root / "etc/sysusers.d/postern.conf")
        output("systemd-sysusers", f"--root={root}")
        settings = root / "etc/postern"
        settings.mkdir()
        make_certificate(settings)
        group = int(re.search(r"^postern:x:(\d+):", (root / "etc/group").read_text(), re.MULTILINE)[1])
        os.chown(settings / "tls.key", 0, group)
        os.chmod(settings / "tls.key", 0o640)
        cls.settings = settings / "postern.yaml"
        cls.settings.write_text(SETTINGS % {"port": 993, "certificates": "/etc/postern"})

    @classmethod
    def boot(cls):
        log = open(cls.root.with_suffix(".log"), "w+")
        cls.addClassCleanup(lambda: (log.close(), os.unlink(log.name)))
        container = subprocess.Popen(["systemd-nspawn", "-D", cls.root, "--boot", "--private-network", "--register=no",
                                      "--keep-unit", "--console=read-only"],
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        cls.addClassCleanup(container.wait)
        cls.addClassCleanup(container.terminate)  # nspawn hands this on as an orderly shutdown
        children = pathlib.Path(f"/proc/{container.pid}/task/{container.pid}/children")

        def has_booted():
            cls.leader = children.read_text().strip()  # nspawn's first child is a passing one
            return cls.systemctl("is-system-running").stdout.strip() in ("running", "degraded")

        wait_until(has_booted, 90, "the boot")

    @classmethod
    def systemctl(cls, *arguments):
        return subprocess.run(["nsenter", "--target", cls.leader, "--all", "systemctl", *arguments],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def must(self, *arguments):
        done = self.systemctl(*arguments)
        self.assertEqual(done.returncode, 0, done.stdout + self.log())
        return done.stdout

    def log(self):
        return subprocess.run(["nsenter", "--target", self.leader, "--all", "journalctl", "-u", "postern", "-n", "40"],
                              stdout=subprocess.PIPE, text=True).stdout

    def shown(self, name):
        return self.must("show", "postern", "--value", f"--property={name}").strip()

    def main_status(self):
        process = self.shown("MainPID")
        return fields(output("nsenter", "--target", self.leader, "--all", "cat", f"/proc/{process}/status"))

    def ready(self):
        done = subprocess.run(["nsenter", "--target", self.leader, "--net", SOURCE / "deploy/healthcheck"],
                              stderr=subprocess.DEVNULL)
        return done.returncode == 0

    def test_lives_as_the_unit_says(self):
        self.must("enable", "--now", "postern")
        wait_until(self.ready, 10, "postern")
        with self.subTest("it serves a port below 1024"):
            self.assertIn("* BYE [UNAVAILABLE]", greeting(self.leader, 993))
        with self.subTest("it may do nothing else"):
            status = self.main_status()
            self.assertNotEqual(status["Uid"].split()[0], "0")
            self.assertEqual(int(status["CapEff"], 16), 0)  # CAP_NET_BIND_SERVICE is given up when bound
            self.assertEqual(int(status["CapBnd"], 16), 1 << 10)
            self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        with self.subTest("a good file is reloaded"):
            self.must("reload", "postern")
            self.assertEqual(self.shown("ActiveState"), "active")
        with self.subTest("a bad one is refused, and the old one goes on"):
            good = self.settings.read_text()
            self.settings.write_text(good.replace("drain:", "dran:"))
            self.assertNotEqual(self.systemctl("reload", "postern").returncode, 0)
            self.assertIn("dran", self.log())
            self.assertEqual(self.shown("ActiveState"), "active")
            self.assertIn("* BYE [UNAVAILABLE]", greeting(self.leader, 993))
            self.settings.write_text(good)
        with self.subTest("it stops by itself, well before systemd would kill it"):
            begin = time.monotonic()
            self.must("stop", "postern")
            self.assertLess(time.monotonic() - begin, 20)
            self.assertEqual((self.shown("Result"), self.shown("ExecMainStatus")), ("success", "0"))

    # And is not stopped after that: where systemd cannot see a cgroup become empty, as in this container, it kills at
    # once what was no child of its own. With cgroup v2 it waits.
    def test_follows_an_upgrade(self):
        self.must("start", "postern")
        self.addCleanup(self.systemctl, "stop", "postern")
        wait_until(self.ready, 10, "postern")
        before = self.shown("MainPID")
        self.must("kill", "--signal=USR2", "--kill-who=main", "postern")
        wait_until(lambda: self.shown("MainPID") != before, 10, "the new process")
        self.assertEqual(self.shown("ActiveState"), "active")
        self.assertIn("* BYE [UNAVAILABLE]", greeting(self.leader, 993))


if __name__ == "__main__":
    unittest.main()
