"""Dockerfile: built for real, and run as it would be in production: own user, nothing writable, no capability.

By buildah and podman, whose storage is kept outside the tree, so that only what has changed is built again.
"""

import fcntl
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from deployed import SETTINGS, SOURCE, fields, greeting, make_certificate, output, wait_until

CACHE = pathlib.Path(os.environ.get("POSTERN_CACHE") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache", "postern"))
STORAGE = CACHE / "containers"
BASE = "docker.io/library/debian:bookworm-slim"
IMAGE = "localhost/postern:test"
# Production's restrictions, and a network of its own in which 993 is no privileged port.
CONFINED = ["--network", "none", "--sysctl", "net.ipv4.ip_unprivileged_port_start=0", "--read-only",
            "--read-only-tmpfs=false", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
            "--memory", "128m", "--pids-limit", "64"]


def prepare_storage():
    """Settings of our own: the system's may have limits or a runtime that do not work inside a container."""
    STORAGE.mkdir(parents=True, exist_ok=True)
    (STORAGE / "storage.conf").write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{STORAGE}/store"\nrunroot = "{STORAGE}/run"\n')
    (STORAGE / "containers.conf").write_text(
        '[containers]\ndefault_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n')
    os.environ["CONTAINERS_STORAGE_CONF"] = str(STORAGE / "storage.conf")
    os.environ["CONTAINERS_CONF"] = str(STORAGE / "containers.conf")


def provide_base():
    """debian:bookworm-slim from Debian itself: no registry is asked, and an unchanged archive stays imported."""
    archive = pathlib.Path(output(SOURCE / "tests/deploy/debian-root", "bookworm", timeout=300).splitlines()[-1])
    label = f"{archive.name}-{int(archive.stat().st_mtime)}"
    known = subprocess.run(["podman", "image", "inspect", "--format", '{{index .Labels "made.from"}}', BASE],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    if known.stdout.strip() != label:
        output("podman", "import", "--quiet", "--change", 'CMD ["bash"]', "--change", f"LABEL made.from={label}",
               archive, BASE)


@unittest.skipUnless(os.geteuid() == 0, "these container settings need root")
class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        prepare_storage()
        lock = cls.enterClassContext(open(STORAGE / "lock", "w"))
        fcntl.flock(lock, fcntl.LOCK_EX)  # one run at a time, so that what is left over is nobody's
        output("buildah", "rm", "--all")
        provide_base()
        build = ["buildah", "build", "--isolation", "chroot", "--pull-never", "--layers", "--format", "docker"]
        with tempfile.TemporaryDirectory() as context:
            # What git knows, so that nothing which lies about here can help.
            output("bash", "-c", f"git ls-files -z --cached --others --exclude-standard | tar -c --null --files-from=- "
                                 f"--ignore-failed-read | tar -x -C {context}", cwd=SOURCE)
            # What this machine has kept of BoringSSL's tarball, so that the build does not load it again.
            kept = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory()))
            for source in CACHE.glob("boringssl-*-source.tar.xz"):
                shutil.copy(source, kept)
            # The stage that compiles has a name, so that pruning leaves its layers for the next run.
            build += ["--build-arg", "REVISION=as-given", "--volume", f"{kept}:/root/.cache/postern"]
            output(*build, "--target", "build", "--tag", IMAGE + "-build", context, timeout=1500)
            output(*build, "--tag", IMAGE, context, timeout=300)
        output("podman", "image", "prune", "--force")

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        self.folder = pathlib.Path(folder.name)
        make_certificate(self.folder)
        os.chown(self.folder / "tls.key", 10001, 10001)
        (self.folder / "postern.yaml").write_text(SETTINGS % {"port": 993, "certificates": "/etc/postern"})

    def run_container(self, *arguments):
        container = output("podman", "run", "--detach", *CONFINED, "--volume", f"{self.folder}:/etc/postern:ro",
                           IMAGE, *arguments).splitlines()[-1]
        self.addCleanup(output, "podman", "rm", "--force", "--time", "0", container)
        return container

    def inspect(self, container):
        return json.loads(output("podman", "inspect", container))[0]

    def is_healthy(self, container):
        check = subprocess.run(["podman", "healthcheck", "run", container], stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
        return check.returncode == 0

    def start(self):
        container = self.run_container()
        wait_until(lambda: self.is_healthy(container), 15, "health")
        return container, self.inspect(container)["State"]["Pid"]

    def test_serves_confined(self):
        container, pid = self.start()
        self.assertIn("* BYE [UNAVAILABLE]", greeting(pid, 993))
        status = fields(pathlib.Path(f"/proc/{pid}/status").read_text())
        self.assertEqual(status["NSpid"].split()[-1], "1")
        self.assertEqual(set(status["Uid"].split() + status["Gid"].split()), {"10001"})
        self.assertEqual((int(status["CapEff"], 16), int(status["CapBnd"], 16)), (0, 0))
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))
        write = subprocess.run(["podman", "exec", container, "bash", "-c", "echo >/tmp/x || echo >/etc/postern/x"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertNotEqual(write.returncode, 0)
        self.assertEqual(write.stdout.count("Read-only file system"), 2, write.stdout)

    def test_health_follows_the_drain(self):
        container, pid = self.start()
        # A client that is connected keeps the drain going for its two seconds.
        client = subprocess.Popen(["nsenter", "--target", str(pid), "--net", "bash", "-c",
                                   "exec 3<>/dev/tcp/127.0.0.1/993; echo; read <&3"], stdout=subprocess.PIPE)
        self.addCleanup(client.wait)
        self.addCleanup(client.kill)
        self.addCleanup(client.stdout.close)
        client.stdout.readline()
        output("podman", "kill", "--signal", "TERM", container)
        wait_until(lambda: not self.is_healthy(container), 2, "refusal while it drains")
        self.assertEqual(output("podman", "wait", container).strip(), "0")

    def test_stops_clean_as_the_first_process(self):
        container, _ = self.start()
        begin = time.monotonic()
        output("podman", "stop", "--time", "20", container)
        self.assertLess(time.monotonic() - begin, 15)
        self.assertEqual(self.inspect(container)["State"]["ExitCode"], 0)

    def test_a_bad_configuration_is_reported_and_ends_it(self):
        (self.folder / "postern.yaml").write_text("listeners: nonsense\n")
        container = self.run_container()
        self.assertNotEqual(output("podman", "wait", container).strip(), "0")
        self.assertIn("postern.yaml:1", output("podman", "logs", container, stderr=subprocess.STDOUT))

    def test_runs_from_flags_alone(self):
        container = self.run_container("--listen", "0.0.0.0:9930", "--backend", "127.0.0.1:9", "--self-signed",
                                       "--admin", "127.0.0.1:9143")
        wait_until(lambda: self.is_healthy(container), 15, "health")
        self.assertIn("* BYE [UNAVAILABLE]", greeting(self.inspect(container)["State"]["Pid"], 9930))

    def test_says_how_to_run_it(self):
        image = json.loads(output("podman", "image", "inspect", IMAGE))[0]
        config = image["Config"]
        self.assertEqual(config["User"], "10001:10001")
        self.assertEqual(config["StopSignal"], "SIGTERM")
        self.assertEqual(config["Entrypoint"], ["/usr/local/bin/postern"])
        self.assertEqual(image["Healthcheck"]["Test"], ["CMD", "/usr/local/lib/postern/healthcheck"])
        self.assertEqual(set(config["ExposedPorts"]), {"9930/tcp", "1430/tcp", "9143/tcp"})
        self.assertEqual(config["Labels"]["org.opencontainers.image.revision"], "as-given")
        self.assertRegex(output("podman", "run", "--rm", *CONFINED, IMAGE, "--version"), r"\Apostern \S+ \(as-given\)\nBoringSSL ")
        self.assertIn("BoringSSL {} of {},".format(*config["Labels"]["postern.boringssl"].split()),
                      output("podman", "run", "--rm", *CONFINED, IMAGE, "--version"))

    def test_carries_no_build_tools(self):
        found = output("podman", "run", "--rm", *CONFINED, "--entrypoint", "bash", IMAGE, "-c",
                       "type -P gcc g++ cmake ld python3 curl || ls /src || echo none")
        self.assertEqual(found.splitlines()[-1], "none")


if __name__ == "__main__":
    unittest.main()
