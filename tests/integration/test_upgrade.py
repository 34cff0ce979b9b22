"""SIGUSR2: the program is replaced under load. Not one connection is refused, no handshake fails, and every
session ends by its own LOGOUT or by a whole `* BYE`. The same is asked of reloads. POSTERN_UPGRADES,
POSTERN_RELOADS, POSTERN_IDLE and POSTERN_LOGINS (clients that log in and out all the time) raise the figures: 20,
100, 500 and as many as make 200 logins a second are what a release is held against."""

import json
import os
import pathlib
import re
import signal
import socket
import sys
import threading
import time
import unittest

from harness import Authority, Closed, Folder, Gateway, Process, ScriptedBackend, connect, wait_until
from harness.gateway import BINARY

UPGRADES = int(os.environ.get("POSTERN_UPGRADES", "4"))
RELOADS = int(os.environ.get("POSTERN_RELOADS", "20"))
IDLE = int(os.environ.get("POSTERN_IDLE", "40"))
LOGINS = int(os.environ.get("POSTERN_LOGINS", "4"))
GOODBYE = re.compile(rb"\A\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n\Z")
LITERAL = b"* 1 FETCH (BODY[] {3000}\r\n" + b"x" * 3000 + b")\r\n"


def busy(peer):
    """Says OK to everything, with a literal in the answer to FETCH, and waits in IDLE."""
    peer.send(b"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n")
    while True:
        tag, _, rest = peer.line().partition(b" ")
        name = rest.split()[0].upper()
        if name == b"IDLE":
            peer.send(b"+ idling\r\n")
            peer.line()
        elif name == b"FETCH":
            peer.send(LITERAL)
        peer.send(tag + b" OK done\r\n")
        if name == b"LOGOUT":
            return


class Refused(Exception):
    """By a gateway that is being stopped."""


class Load:
    """Threads of clients that read every byte, each in one of two ways; what is wrong is in `faults`."""

    def __init__(self, gateway):
        self.faults, self.sessions, self.farewells = [], 0, 0
        self.stopping = False  # nobody listens soon, so a client without a greeting may be refused
        self._over, self._lock = threading.Event(), threading.Lock()
        self._context = gateway.client_context()
        self._address = gateway.address()
        ways = [self._log_in_and_out] * LOGINS + [self._idle] * IDLE
        self._threads = [threading.Thread(target=self._keep_doing, args=[way], daemon=True) for way in ways]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        self._began = time.monotonic()
        return self

    def __exit__(self, *_):
        if LOGINS > 4:
            print(f"{self.sessions} sessions, {self.sessions / (time.monotonic() - self._began):.0f} a second, "
                  f"{self.farewells} farewells, {len(self.faults)} faults", file=sys.stderr)
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _keep_doing(self, way):
        while not self._over.is_set():
            try:
                farewell = way()
            except Refused:
                return
            except (OSError, AssertionError, Closed) as error:
                self.faults.append(repr(error))
                return
            with self._lock:
                self.sessions += 1
                self.farewells += farewell

    def _arrive(self):
        try:
            return connect(self._address, "implicit", self._context, "postern.test")
        except (OSError, Closed) as error:
            if self.stopping:
                raise Refused from error
            raise

    def _ask(self, client, command, expected):
        """Whole responses up to the tagged one; true if a farewell came in its place, which then is the last
        thing that comes, before an end in order."""
        tag = client.start(command)
        found = []
        while not (found and found[-1].startswith(tag + b" ")):
            found.append(client.response())
            if found[-1].startswith(b"* BYE") and command != b"LOGOUT":
                assert GOODBYE.match(found[-1]), found
                assert client.goodbye() == b"", "bytes after a BYE"
                return True
        assert found[:-1] == expected and found[-1] == tag + b" OK done\r\n", found
        return False

    def _log_in_and_out(self):
        with self._arrive() as client:
            if GOODBYE.match(client.greeting):
                return True
            for command, expected in ((b"LOGIN anna sesame", []), (b"FETCH 1 BODY[]", [LITERAL]), (b"NOOP", []),
                                      (b"LOGOUT", [])):
                if self._ask(client, command, expected):
                    return True
            return False

    def _idle(self):
        with self._arrive() as client:
            if GOODBYE.match(client.greeting) or self._ask(client, b"LOGIN anna sesame", []):
                return True
            tag = client.start(b"IDLE")
            said = client.response()
            client.socket.settimeout(0.2)
            while not said.startswith(b"* BYE"):
                assert said == b"+ idling\r\n", said
                try:
                    said = client.response()
                except TimeoutError:
                    if self._over.is_set():
                        client.socket.settimeout(20)
                        client.send(b"DONE\r\n")
                        return client.response() != tag + b" OK done\r\n"
            assert GOODBYE.match(said), said
            client.socket.settimeout(20)
            assert client.goodbye() == b"", "bytes after a BYE"
            return True


class Upgrades(unittest.TestCase):
    def setUp(self):
        self.backend = self.enterContext(ScriptedBackend(busy))

    def start(self, **sections):
        return self.enterContext(Gateway(backends={"mail": self.backend.backend()}, **sections))

    def upgrade(self, gateway):
        """SIGUSR2 to the process that serves; the id of the one that does then."""
        since = len(gateway.log())
        os.kill(gateway.serving, signal.SIGUSR2)
        done = wait_until(lambda: re.search(r"upgraded, the new process serves pid=(\d+)", gateway.log()[since:]),
                          lambda: gateway.log()[since:])
        gateway.serving = int(done[1])
        self.addCleanup(end, gateway.serving)
        return gateway.serving

    def test_no_client_notices_but_by_a_farewell(self):
        gateway = self.start(timeouts={"drain": "3s"})
        gateway.serving = gateway.process.pid
        with Load(gateway) as load:
            for _ in range(UPGRADES):
                before, now = gateway.serving, load.sessions
                self.upgrade(gateway)
                wait_until(lambda: load.faults or load.sessions > now + 20, "sessions through the new process")
                wait_until(lambda: load.faults or not alive(before), "the old process to end")
        self.assertEqual(load.faults, [])
        self.assertGreaterEqual(load.farewells, IDLE)
        self.assertNotIn("reason=aborted", gateway.log())
        gateway.expect_end(0)
        os.kill(gateway.serving, signal.SIGTERM)
        wait_until(lambda: not alive(gateway.serving), "the last process to end")

    def test_a_stop_tells_everyone_or_answers_them(self):
        gateway = self.start(timeouts={"drain": "5s", "drain_delay": "500ms"})
        with Load(gateway) as load:
            wait_until(lambda: load.faults or load.sessions > 20, "sessions")
            load.stopping = True
            gateway.process.signal(signal.SIGTERM)
            gateway.expect_end(0)
        self.assertEqual(load.faults, [])
        self.assertGreaterEqual(load.farewells, IDLE)
        self.assertNotIn("reason=aborted", gateway.log())

    def test_reloads_cut_nobody(self):
        gateway = self.start()
        with Load(gateway) as load:
            for _ in range(RELOADS):
                now = load.sessions
                gateway.reload()
                wait_until(lambda: load.faults or load.sessions > now, "a session after the reload")
        self.assertEqual((load.faults, load.farewells), ([], 0))

    def test_a_program_that_does_not_start_changes_nothing(self):
        with self.subTest("a configuration with a fault"):
            gateway = self.start()
            good = gateway.path.read_text(encoding="utf-8")
            gateway.path.write_text(good.replace('"workers"', '"wrokers"'), encoding="utf-8")
            gateway.process.signal(signal.SIGUSR2)
            gateway.wait_for_log(r"error upgrade failed, this process goes on .*exit_status=2")
            self.assertIn("wrokers", gateway.log())
            self.assertEqual(gateway.get("/ready")[0], 200)
            gateway.connect().close()
            gateway.path.write_text(good, encoding="utf-8")
        with self.subTest("and a later one works"):
            gateway.serving = gateway.process.pid
            pid = self.upgrade(gateway)
            gateway.expect_end(0)
            gateway._read_ports()  # pylint: disable=protected-access
            self.assertEqual(gateway.get("/ready")[0], 200)
            os.kill(pid, signal.SIGTERM)
            wait_until(lambda: not alive(pid), "the new process to end")

    def test_a_stop_ends_the_one_that_drains_as_well(self):
        gateway = self.start(timeouts={"drain": "20s"})
        gateway.serving = gateway.process.pid
        with gateway.connect() as idle:
            idle.login()
            pid = self.upgrade(gateway)
            gateway.process.signal(signal.SIGTERM)  # as systemd signals all processes of a service
            gateway.wait_for_log("told to stop, draining already")
            gateway.process.signal(signal.SIGTERM)
            gateway.expect_end(1)
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not alive(pid), "the new process to end")


class Activation(unittest.TestCase):
    """Sockets from a service manager: systemd-socket-activate stands for it."""

    def test_serves_on_the_sockets_that_it_is_given(self):
        folder = self.enterContext(Folder("activation")).path
        authority = Authority(folder)
        backend = self.enterContext(ScriptedBackend())
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = free.getsockname()
        configuration = folder / "postern.yaml"
        configuration.write_text(json.dumps({
            "workers": 2, "listeners": [{"address": "%s:%d" % address, "tls": "implicit"}],
            "tls": {"certificates": [authority.leaf("postern.test").files]},
            "backends": {"mail": backend.backend()}}))
        process = Process(["systemd-socket-activate", "--listen", "%s:%d" % address, BINARY, "--config",
                           configuration], folder / "log")
        self.addCleanup(process.kill)
        wait_until(lambda: "Listening on" in process.text(), "systemd-socket-activate")
        with connect(address, "implicit", authority.client_context(), "postern.test") as client:
            client.login()
            self.assertRegex(process.text(), r"listening address=%s:%d .*inherited=yes" % address)
            process.signal(signal.SIGTERM)
            self.assertRegex(client.goodbye(), rb"\A\* BYE \[UNAVAILABLE\]")
        self.assertEqual(process.wait(), 0)


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def end(pid):
    if alive(pid):
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
