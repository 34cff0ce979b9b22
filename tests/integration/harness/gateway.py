"""The gateway under test: its configuration, its life from start to a clean stop, its log and its metrics.

`with Gateway(backends={"mail": server.backend()}) as gateway:` runs POSTERN_BIN on ports of the kernel's
choice. Sections of the configuration that are not given have DEFAULTS. `Gateway("--listen", …)` runs it
with these flags and no file.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import urllib.error
import urllib.request

from . import imap
from .certificates import Authority
from .metrics import Metrics
from .processes import DEADLINE_S, Folder, Process, wait_until

BINARY = os.environ.get("POSTERN_BIN", "postern")
SANITIZER = re.compile(r"(Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:")
LISTENING = re.compile(r"\b(admin )?listening\b.*\baddress=\"?([0-9.]+):(\d+)\"?(?:.*\btls=\"?(\w+))?")
DEFAULTS = {
    "workers": 2,
    "listeners": [{"address": "127.0.0.1:0", "tls": "implicit"},
                  {"address": "127.0.0.2:0", "tls": "starttls"}],  # another address: it is a metric's label
    "timeouts": {"drain": "2s"},
    "admin": {"address": "127.0.0.1:0"},
    "log": {"format": "text", "level": "debug"},
}


class Gateway(contextlib.ExitStack):
    """Attributes: authority (of its certificate, which is for `postern.test`), listeners and admin
    (each a (host, port)), configuration (what was written), path (where)."""

    wrapper = ()  # a command that runs the gateway's

    def __init__(self, *flags, **sections):
        super().__init__()
        self.folder = self.enter_context(Folder("gateway")).path
        self.path = self.folder / "postern.yaml"
        self._ended = False  # as a test asked for
        try:
            self.authority = Authority(self.folder / "certificates")
            if not flags:
                self.configuration = DEFAULTS | self._defaults(sections) | sections
                self.configure()
            command = flags or ("serve", "--config", self.path)
            self.process = Process([*self.wrapper, BINARY, *command], self.folder / "log")
            self.push(self._end)
            self.wait_for_log(r"\bready\b")
            self._read_ports()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise

    def _defaults(self, sections):
        certificate = self.authority.leaf("postern.test", "127.0.0.1", "127.0.0.2")
        return {"tls": {"certificates": [certificate.files]},
                "default_backend": next(iter(sections["backends"]))}

    def configure(self, **sections):
        """Writes the configuration, with other sections than before. JSON is YAML."""
        self.configuration |= sections
        self.path.write_text(json.dumps(self.configuration, indent=2), encoding="utf-8")

    def _read_ports(self):
        self.listeners, self.admin = {"implicit": [], "starttls": []}, None
        for admin, host, port, tls in LISTENING.findall(self.log()):
            if admin:
                self.admin = (host, int(port))
            else:
                self.listeners[tls].append((host, int(port)))

    def address(self, tls="implicit"):
        return self.listeners[tls][0]

    def connect(self, tls="implicit", server_name="postern.test", context=None, session=None, source=None):
        """A client inside TLS whose greeting has been read; behind STARTTLS that one came in clear."""
        client = self.connect_to_tls(tls, server_name, context, session, source)
        if tls == "implicit":
            client.greeting = client.response()
        return client

    def connect_to_tls(self, tls="implicit", server_name="postern.test", context=None, session=None, source=None):
        """A client that has shaken hands and read nothing since."""
        client = self.connect_in_clear(tls, source)
        try:
            client.secure(context or self.client_context(), server_name, session)
        except BaseException:
            client.close()
            raise
        return client

    def connect_in_clear(self, tls="implicit", source=None):
        """A client at the point where the first byte of TLS is expected, of whichever listener, from that IP address."""
        self.expect_running()
        client = imap.Client(socket.create_connection(self.address(tls), DEADLINE_S, source and (source, 0)))
        if tls == "starttls":
            client.greeting = client.response()
            client.start_tls()
        return client

    def client_context(self):
        return self.authority.client_context()

    def log(self):
        return self.process.text()

    def wait_for_log(self, pattern, since=0, seconds=20):
        """The match of a pattern in what was logged after offset `since`."""
        def found():
            if match := re.search(pattern, self.log()[since:]):
                return match
            self.expect_running()
            return None
        return wait_until(found, lambda: f"log line {pattern!r} in\n{self.log()[since:][-4000:]}", seconds)

    def get(self, path):
        """GET of the admin endpoint: (status, body)."""
        with contextlib.closing(self.ask(path)) as answer:
            return answer.status, answer.read().decode()

    def ask(self, path, **headers):
        """GET of the admin endpoint with these headers, `_` for `-`: the answer, to be read and closed."""
        request = urllib.request.Request(f"http://{self.admin[0]}:{self.admin[1]}{path}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            return urllib.request.urlopen(request, timeout=20)
        except urllib.error.HTTPError as error:
            return error

    def metrics(self):
        self.expect_running()
        status, text = self.get("/metrics")
        assert status == 200, f"/metrics answered {status}"
        return Metrics(text)

    def wait_for_metric(self, name, value, labels=None, seconds=10):
        """Waits until the sum of the samples with these labels is `value`, or value(sum) is true."""
        fits = value if callable(value) else lambda sum_: sum_ == value
        last = None

        def found():
            nonlocal last
            last = self.metrics()
            return fits(last.sum(name, **(labels or {})))
        wait_until(found, lambda: f"{name}{labels or ''} to become {value}; it has\n{last.lines(name)}", seconds)

    @contextlib.contextmanager
    def counting(self, name, by=1, **labels):
        """What happens inside makes a counter grow by exactly so much, soon."""
        if name.startswith("postern_handshake"):  # a TLS 1.3 client is through before its server: let that be counted
            self.wait_for_metric("postern_handshakes_in_flight", 0)
        before = self.metrics().sum(name, **labels)
        yield
        self.wait_for_metric(name, before + by, labels)

    def resident_bytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def reload(self, result="success"):
        """SIGHUP; returns what the log said of it once its result is counted."""
        since = len(self.log())
        with self.counting("postern_config_reloads_total", result=result):
            self.process.signal(signal.SIGHUP)
        return self.log()[since:]

    def stop(self, seconds=20):
        """SIGTERM must end it with status 0, and no sanitizer may have complained."""
        self.process.signal(signal.SIGTERM)
        self.expect_end(0, seconds)

    def expect_end(self, status, seconds=20):
        self._ended = True
        found = self.process.wait(seconds)
        assert found == status, f"postern ended with {found}, expected {status}:\n{self.log()[-8000:]}"
        assert not SANITIZER.search(self.log()), self.log()

    def _end(self, kind, *_):
        try:
            if kind is None and not self._ended:
                self.expect_running()
                self.stop()
        finally:
            self.process.kill()

    def expect_running(self):
        if not self.process.running():
            self.expect_end("no end")


def check(configuration, *more):
    """`postern check` of a file: (exit status, what it printed)."""
    return postern("check", "--config", configuration, *more)


def postern(*arguments):
    """Any other use of the command: (exit status, what it printed)."""
    done = subprocess.run([BINARY, *map(str, arguments)], stdin=subprocess.DEVNULL, timeout=60, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode(errors="replace")


def sanitized(binary=BINARY):
    """Whether the binary carries a sanitizer, so that its memory says nothing."""
    return re.search(rb"__(?:asan_init|tsan_init|ubsan_handle)", pathlib.Path(binary).read_bytes()) is not None
