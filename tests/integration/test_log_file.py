"""A log in a file: what it holds, and what logrotate, a reload and an upgrade make of it."""

import getpass
import grp
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import unittest

from harness import Folder, Gateway, ScriptedBackend, postern, wait_until

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "deploy"))
from blocks import block  # noqa: E402

LOGROTATE = shutil.which("logrotate", path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def server(peer):
    peer.send(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
    while line := peer.line():
        peer.send(line.split()[0] + b" OK done\r\n")


class FileGateway(Gateway):
    """A gateway whose log is in files: log() is all of them, whatever their age."""

    def log(self):
        files = [path for section in [self.configuration["log"].get("file")] if section
                 for path in pathlib.Path(section).parent.glob("*.log*")]
        return self.process.text() + "".join(path.read_text(encoding="utf-8") for path in sorted(files))


class LogFile(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(Folder("log")).path
        self.path = self.folder / "postern.log"

    def gateway(self):
        backend = self.enterContext(ScriptedBackend(server))
        return self.enterContext(FileGateway(
            backends={"mail": backend.backend()}, workers=1,
            log={"format": "text", "level": "info", "file": str(self.path)}))

    def text(self, path=None):
        return (path or self.path).read_text(encoding="utf-8")

    def sessions(self, gateway, count):
        with gateway.counting("postern_sessions_total", by=count):
            for _ in range(count):
                with gateway.connect() as client:
                    client.send(b"a LOGOUT\r\n")
                    client.response()

    def test_it_has_what_comes_after_the_start(self):
        gateway = self.gateway()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode) & 0o137, 0)
        self.sessions(gateway, 1)
        wait_until(lambda: "session ended" in self.text(), self.text)
        self.assertNotRegex(gateway.process.text(), "ready|session ended")

    def test_no_line_is_lost_while_it_is_renamed(self):
        gateway = self.gateway()
        for number in range(10):
            self.path.rename(f"{self.path}.{number}")
            self.sessions(gateway, 5)
            gateway.process.signal(signal.SIGUSR1)
            self.sessions(gateway, 5)
            wait_until(lambda: self.path.exists() and "log file reopened" in self.text(), gateway.log)
        wait_until(lambda: gateway.log().count("session ended") == 100, lambda: gateway.log().count("session ended"))
        self.assertEqual(gateway.log().count("log file reopened"), 10)

    @unittest.skipUnless(LOGROTATE, "no logrotate")
    def test_the_documented_rule_of_logrotate(self):
        gateway = self.gateway()
        mine = f"{getpass.getuser()} {grp.getgrgid(os.getgid()).gr_name}"
        text = block("docs/operation.md", "/etc/logrotate.d/postern").text
        for words, ours in (("/var/log/postern/postern.log", str(self.path)), ("postern postern", mine),
                            ("pkill -USR1 -x postern", f"kill -USR1 {gateway.process.pid}")):
            self.assertIn(words, text)
            text = text.replace(words, ours)
        rule = self.folder / "rule"
        rule.write_text(text, encoding="utf-8")
        rule.chmod(0o644)
        self.folder.chmod(0o755)
        subprocess.run([LOGROTATE, "--force", "--state", self.folder / "state", rule], check=True, timeout=60)
        wait_until(lambda: "log file reopened" in self.text(), gateway.log)
        self.assertIn("ready", self.text(self.folder / "postern.log.1"))
        self.sessions(gateway, 1)
        wait_until(lambda: "session ended" in self.text(), self.text)

    def test_the_old_one_stays_if_there_can_be_no_new_one(self):
        gateway = self.gateway()
        away = self.folder.rename(f"{self.folder}-away")
        gateway.process.signal(signal.SIGUSR1)
        wait_until(lambda: "log file not reopened" in self.text(away / "postern.log"), lambda: self.text(away / "postern.log"))
        away.rename(self.folder)
        gateway.process.signal(signal.SIGUSR1)
        gateway.wait_for_log("log file reopened")

    def test_a_reload_changes_it(self):
        gateway = self.gateway()
        wrong = str(self.folder / "missing" / "postern.log")
        gateway.configure(log={"level": "info", "file": wrong})
        gateway.process.signal(signal.SIGHUP)
        wait_until(lambda: re.search(r"reload failed.*log\.file cannot be opened: No such file", self.text()), self.text)
        other = self.folder / "other.log"
        gateway.configure(log={"level": "info", "file": str(other)})
        gateway.process.signal(signal.SIGHUP)
        wait_until(lambda: other.exists() and "reloaded" in self.text(other), gateway.log)
        gateway.configure(log={"level": "info"})
        gateway.process.signal(signal.SIGHUP)
        wait_until(lambda: "reloaded" in gateway.process.text(), gateway.process.text)

    def test_a_start_that_cannot_open_it_says_so(self):
        gateway = self.gateway()
        path = self.folder / "postern.yaml"
        wrong = self.folder / "missing" / "postern.log"
        path.write_text(gateway.path.read_text(encoding="utf-8").replace(str(self.path), str(wrong)), encoding="utf-8")
        status, said = postern("serve", "--config", path)
        self.assertEqual(status, 1, said)
        self.assertIn(f"{wrong}: log.file cannot be opened: No such file or directory; the user that", said)


if __name__ == "__main__":
    unittest.main()
