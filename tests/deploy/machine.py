"""A Debian of its own with systemd, booted in a container, in which the commands of the documentation run as they stand.

Its network is its own, too: nothing but what a test connects to it. What runs in it sees no other package than those
named, so a block that names too few of them fails.
"""

import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from blocks import block
from deployed import SOURCE, fields, make_certificate, output, wait_until

BINARY = os.environ["POSTERN_BIN"]
# Its first part builds: add_program() stands for that.
INSTALL = block("deploy/README.md", "systemd-sysusers")
SYSTEM = ("systemd", "systemd-sysv", "dbus", "libnss-systemd", "procps")


class Machine:
    """Attributes: root, the folder of its files; leader, the id of its first process as text."""

    def __init__(self, packages=(), masked=()):
        archive = output(SOURCE / "tests/deploy/debian-root", "--with", ",".join(sorted({*SYSTEM, *packages})),
                         "bookworm", timeout=900).splitlines()[-1]
        self._ends = contextlib.ExitStack()
        folder = tempfile.TemporaryDirectory(prefix="postern-boot.", dir="/var/tmp")
        self.root = pathlib.Path(self._ends.enter_context(folder))
        output("tar", "-xf", archive, "-C", self.root, "--numeric-owner", timeout=300)
        for unit in masked:
            (self.root / "etc/systemd/system" / unit).symlink_to("/dev/null")

    def close(self):
        self._ends.close()

    def add_program(self, to="usr/local/bin/postern"):
        """postern, and the libraries that this Debian has not, as `cmake --install` puts it there."""
        shutil.copy(BINARY, self.root / to)
        for library in re.findall(r"=> (/\S+)", output("ldd", BINARY)):
            if not list(self.root.glob(f"usr/lib/*/{os.path.basename(library)}")):
                shutil.copy(library, self.root / "usr/local/lib")
        output("ldconfig", "-r", self.root)

    def add_tree(self):
        """deploy/ of the source tree as /root/postern, and beside it the operator's own chain and key."""
        tree = self.root / "root/postern"
        shutil.copytree(SOURCE / "deploy", tree / "deploy")
        make_certificate(tree)
        (tree / "tls.crt").rename(tree / "your-chain.pem")
        (tree / "tls.key").rename(tree / "your-key.pem")

    def install(self):
        """As deploy/README.md says, after the build, up to the start."""
        self.shell(INSTALL.text.partition("\n\n")[2].replace("systemctl enable --now postern", ""))

    def boot(self):
        log = self._ends.enter_context(open(self.root.with_suffix(".log"), "w+"))
        self._ends.callback(os.unlink, log.name)
        container = subprocess.Popen(["systemd-nspawn", "-D", self.root, "--boot", "--private-network", "--register=no",
                                      "--keep-unit", "--console=read-only", "--resolv-conf=off"],
                                     stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._ends.callback(container.wait)
        self._ends.callback(container.terminate)  # nspawn hands this on as an orderly shutdown
        children = pathlib.Path(f"/proc/{container.pid}/task/{container.pid}/children")

        def has_booted():
            self.leader = children.read_text().strip()  # nspawn's first child is a passing one
            return self.systemctl("is-system-running").stdout.strip() in ("running", "degraded")

        wait_until(has_booted, 90, "the boot")

    def inside(self, *command, **options):
        """The finished process of a command, with its output and its complaints as one text."""
        return subprocess.run(["nsenter", "--target", self.leader, "--all", "env", "-i", "HOME=/root", "LANG=C.UTF-8",
                               "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=options.pop("timeout", 240), **options)

    def shell(self, commands):
        """What the commands say, as root in /root/postern. Each must succeed, those in the middle, too."""
        done = self.inside("bash", "-ec", "cd /root/postern 2>/dev/null || cd /root\n" + commands)
        if done.returncode:
            raise AssertionError(f"ended with {done.returncode}:\n{commands}\n{done.stdout}\n{self.log()}")
        return done.stdout

    def put(self, block):
        """Writes the file that a block is."""
        file = self.root / block.path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text, encoding="utf-8")
        file.chmod(block.mode)
        if "root:postern" in block.text.splitlines()[0]:
            os.chown(file, 0, self.group("postern"))
        return file

    def group(self, name):
        return int(re.search(rf"^{name}:x:(\d+):", (self.root / "etc/group").read_text(), re.M)[1])

    def systemctl(self, *arguments):
        return self.inside("systemctl", *arguments)

    def must(self, *arguments):
        """systemctl, which must succeed."""
        done = self.systemctl(*arguments)
        if done.returncode:
            raise AssertionError(f"systemctl {' '.join(arguments)}: {done.stdout}\n{self.log()}")
        return done.stdout

    def shown(self, name, unit="postern"):
        return self.must("show", unit, "--value", f"--property={name}").strip()

    def main_status(self):
        return fields(self.inside("cat", f"/proc/{self.shown('MainPID')}/status").stdout)

    def log(self, lines=60):
        return self.inside("journalctl", "--no-pager", "-n", str(lines)).stdout

    def metrics(self, port=9143):
        return output("nsenter", "--target", self.leader, "--net", "curl", "-fsS", f"http://127.0.0.1:{port}/metrics")

    def ready(self):
        done = subprocess.run(["nsenter", "--target", self.leader, "--net", SOURCE / "deploy/healthcheck"],
                              stderr=subprocess.DEVNULL)
        return done.returncode == 0
