"""The runbook's blocks for fail2ban and CrowdSec as they stand, on a Debian with only the packages that they name: a
client that guesses passwords is found in the journal by both. fail2ban bans it, CrowdSec decides that it be banned.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from blocks import block, packages
from deployed import output, wait_until
from machine import Machine

RUNBOOK = "deploy/README.md"
FAIL2BAN = block(RUNBOOK, "apt-get install fail2ban")
CROWDSEC = block(RUNBOOK, "apt-get install crowdsec")
# The tenth failure is found by CrowdSec, and with the twelfth postern bans.
SETTINGS = """\
listeners: [{address: "0.0.0.0:993", tls: implicit}]
tls: {certificates: [{chain: /etc/postern/tls.crt, key: /etc/postern/tls.key}]}
backends: {legacy: {servers: ["127.0.0.1:143"]}}
limits: {login_failures: {max: 12, delay: 0s}}
admin: {address: "127.0.0.1:9143"}
"""
# Refuses every login. No port of this machine is in its network, so it may have the usual one.
SERVER = r"""
import socketserver
class Refusing(socketserver.StreamRequestHandler):
    def handle(self):
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            self.wfile.write(line.split()[0] + b" NO wrong\r\n")
socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer(("127.0.0.1", 143), Refusing).serve_forever()
"""
GUESSER = r"""
import socket, ssl, sys
context = ssl._create_unverified_context()
for guess in range(12):
    with socket.create_connection(("192.0.2.10", 993), 20, ("192.0.2.66", 0)) as plain, context.wrap_socket(plain) as client:
        stream = client.makefile("rwb", buffering=0)
        stream.readline()
        stream.write(b"a LOGIN anna guess%d\r\n" % guess)
        assert stream.readline().startswith(b"a NO"), guess
"""


def debian_file(package):
    """The path of a package as a file. Nothing is installed."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-package."))
    folder.chmod(0o755)
    output("apt-get", "-q", "download", package, cwd=folder, timeout=300)
    return next(folder.glob("*.deb"))


@unittest.skipUnless(os.geteuid() == 0, "booting a container needs root")
class Guards(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # CrowdSec registers with its vendor when it is installed, unless that file is there. What it depends on comes first.
        named = [name for one in (FAIL2BAN, CROWDSEC) for name in packages(one.text)]
        cls.machine = Machine([*(set(named) - {"crowdsec"}), "ca-certificates", "libsqlite3-0"])
        cls.addClassCleanup(cls.machine.close)
        root = cls.machine.root
        cls.machine.add_program()
        cls.machine.add_tree()
        archive = debian_file("crowdsec")
        shutil.move(archive, root / "root/crowdsec.deb")
        archive.parent.rmdir()
        (root / "etc/crowdsec").mkdir()
        (root / "etc/crowdsec/online_api_credentials.yaml").write_text("# none\n")
        cls.machine.boot()
        cls.machine.shell("dpkg --install /root/crowdsec.deb")
        cls.machine.install()
        (root / "etc/postern/postern.yaml").write_text(SETTINGS)
        for words in ("link set lo up", "address add 192.0.2.10/32 dev lo", "address add 192.0.2.66/32 dev lo"):
            output("nsenter", "--target", cls.machine.leader, "--net", "ip", *words.split())
        cls.server = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "nsenter", "--target", cls.machine.leader, "--net",
                                       "python3", "-c", SERVER], stdin=subprocess.DEVNULL)
        cls.addClassCleanup(cls.server.wait)
        cls.addClassCleanup(cls.server.kill)
        cls.machine.must("start", "postern")
        wait_until(cls.machine.ready, 20, cls.machine.log)

    def test_the_guesser_is_found_by_both(self):
        self.machine.shell(FAIL2BAN.text)
        self.machine.shell(CROWDSEC.text)
        wait_until(lambda: self.machine.inside("fail2ban-client", "status", "postern").returncode == 0, 60, self.machine.log)
        wait_until(lambda: self.machine.inside("pgrep", "-f", "journalctl.*_SYSTEMD_UNIT=postern.service").returncode == 0,
                   60, lambda: self.machine.shell("tail -n 60 /var/log/crowdsec.log"))
        output("nsenter", "--target", self.machine.leader, "--net", "python3", "-c", GUESSER)
        with self.subTest("fail2ban"):
            wait_until(lambda: "192.0.2.66" in self.machine.inside("fail2ban-client", "status", "postern").stdout, 60,
                       lambda: self.machine.inside("fail2ban-client", "status", "postern").stdout + self.machine.log())
            self.assertIn("192.0.2.66", self.machine.shell("iptables -n -L"))
        with self.subTest("CrowdSec"):
            alerts = lambda: self.machine.inside("cscli", "alerts", "list", "-o", "raw").stdout
            for scenario in ("postern/imap-bf", "postern/imap-banned"):
                wait_until(lambda: any(scenario in line and "192.0.2.66" in line for line in alerts().splitlines()), 60,
                           lambda: alerts() + self.machine.shell("tail -n 60 /var/log/crowdsec.log"))


if __name__ == "__main__":
    unittest.main()
