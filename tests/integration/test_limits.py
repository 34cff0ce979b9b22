"""Limits and deadlines: which clients are refused, in which words, and that no slot is lost by it."""

import contextlib
import re
import select
import socket
import time
import unittest

from harness import Gateway, ScriptedBackend, connect, sanitized

ENDED = "postern_sessions_total"


def patient(peer):
    """Greets and then answers nothing but LOGIN, so that only the client's side is on trial."""
    peer.send(b"* OK ready\r\n")
    while True:
        tag, _, command = peer.line().partition(b" ")
        if command.startswith(b"LOGIN anna"):
            peer.send(tag + b" OK done\r\n")


class Gate(unittest.TestCase):
    def start(self, **sections):
        backend = self.enterContext(ScriptedBackend(patient))
        return self.enterContext(Gateway(backends={"mail": backend.backend()}, **sections))

    def expect_end(self, client, words, at_least, at_most):
        """The client hears it, not before and not long after its time."""
        started = time.monotonic()
        self.assertRegex(client.goodbye(), words)
        passed = time.monotonic() - started
        self.assertGreater(passed, at_least)
        self.assertLess(passed, at_most + (20 if sanitized() else 3))


class Limits(Gate):
    def check(self, gateway, reason, most):
        with contextlib.ExitStack() as inside:
            for _ in range(most):
                inside.enter_context(gateway.connect()).login()  # before that, the oldest would give way
            with gateway.counting(ENDED, end_reason=reason, by=2):
                with socket.create_connection(gateway.address("starttls")) as refused:
                    self.assertRegex(read_all(refused), rb"\A\* BYE \[LIMIT\] [^\r\n]+\r\n\Z")
                with socket.create_connection(gateway.address()) as refused:
                    refused.sendall(b"\x16")  # a listener with TLS at once hears of a client when it speaks
                    self.assertEqual(read_all(refused), b"")
            self.assertEqual(gateway.metrics().sum("postern_sessions_active"), most)
        gateway.wait_for_metric("postern_sessions_active", 0)
        with contextlib.ExitStack() as again:  # every slot has come back
            for _ in range(most):
                again.enter_context(gateway.connect())

    def test_of_sessions(self):
        self.check(self.start(limits={"sessions": 5}), "limit_sessions", 5)

    def test_of_sessions_of_one_address(self):
        self.check(self.start(limits={"sessions_per_address": 3}), "limit_address", 3)

    def test_of_handshakes_in_flight(self):
        gateway = self.start(limits={"handshakes_per_address": 2})
        with contextlib.ExitStack() as slow:
            for _ in range(2):
                slow.enter_context(gateway.connect_in_clear("implicit")).send(b"\x16\x03\x01")
            gateway.wait_for_metric("postern_handshakes_in_flight", 2)
            with gateway.counting(ENDED, end_reason="limit_handshakes"):
                with gateway.connect_in_clear("implicit") as refused:
                    refused.send(b"\x16\x03\x01")
                    self.assertEqual(refused.rest(), b"")
        gateway.wait_for_metric("postern_handshakes_in_flight", 0)
        gateway.connect().close()

    def test_of_handshakes_of_all_for_which_the_oldest_gives_way(self):
        gateway = self.start(limits={"handshakes_in_flight": 2}, workers=1)
        with contextlib.ExitStack() as slow:
            for _ in range(2):
                slow.enter_context(gateway.connect_in_clear("implicit")).send(b"\x16\x03\x01")
            gateway.wait_for_metric("postern_handshakes_in_flight", 2)
            with gateway.counting(ENDED, end_reason="gave_way"):
                slow.enter_context(gateway.connect()).login()
            self.assertEqual(gateway.metrics().sum("postern_handshakes_in_flight"), 1)

    def test_of_sessions_of_one_listener(self):
        gateway = self.start(listeners=[{"address": "127.0.0.1:0", "tls": "implicit", "sessions": 2},
                                        {"address": "127.0.0.2:0", "tls": "starttls"}])
        with gateway.connect() as one, gateway.connect() as other, gateway.counting(ENDED, end_reason="limit_listener"):
            one.login()
            other.login()
            with socket.create_connection(gateway.address()) as refused:
                refused.sendall(b"\x16")
                self.assertEqual(read_all(refused), b"")
            gateway.connect("starttls").close()  # the other one has room

    def test_of_connections_in_time(self):
        gateway = self.start(limits={"connections_per_address": {"max": 3, "per": "1h"}})
        for _ in range(3):
            gateway.connect().close()
        with gateway.counting(ENDED, end_reason="limit_rate", by=50):
            for _ in range(50):
                self.refused(gateway, "127.0.0.1")
        self.refused(gateway, "127.0.0.9", refused=False)  # another address
        self.assertEqual(len(re.findall("session refused.*limit_rate", gateway.log())), 1, "one line a minute")
        gateway.stop()
        self.assertRegex(gateway.log(), r"more sessions refused client=127\.0\.0\.1:\d+ reason=limit_rate count=49")

    def test_of_networks(self):
        gateway = self.start(limits={"allow": ["127.0.0.0/24"], "deny": ["127.0.0.8/31"]})
        with gateway.counting(ENDED, end_reason="denied", by=3):
            for source in ("127.0.0.8", "127.0.0.9", "127.0.1.1"):
                self.refused(gateway, source)
        self.refused(gateway, "127.0.0.7", refused=False)
        gateway.configure(limits={"deny": ["127.0.0.7"]})
        gateway.reload()
        self.refused(gateway, "127.0.0.7")
        self.refused(gateway, "127.0.1.1", refused=False)

    def test_of_open_files_at_start_and_at_a_reload(self):
        warning = "file descriptors allow fewer sessions than limits.sessions"
        gateway = self.start(limits={"sessions": 10})
        self.assertNotIn(warning, gateway.log())
        gateway.configure(limits={"sessions": 10000000})
        self.assertRegex(gateway.reload(), warning + r".*sessions_possible=\d+ advice=")

    def refused(self, gateway, source, refused=True):
        """Whether a client from that address is turned away, in words, on the port in clear."""
        with socket.create_connection(gateway.address("starttls"), 20, (source, 0)) as client:
            words = client.recv(4096)
        self.assertRegex(words, rb"\A\* BYE \[LIMIT\] [^\r\n]+\r\n\Z" if refused else rb"\A\* OK ")


class Deadlines(Gate):
    def test_of_the_handshake(self):
        gateway = self.start(timeouts={"handshake": "1s", "drain": "1s"})
        for front in ("implicit", "starttls"):
            with self.subTest(front), gateway.connect_in_clear(front) as client, \
                    gateway.counting(ENDED, end_reason="handshake_timeout"), \
                    gateway.counting("postern_handshake_failures_total", reason="timeout"):
                client.send(b"\x16\x03\x01\x02\x00")
                started = time.monotonic()
                client.rest()
                self.assertGreater(time.monotonic() - started, 0.5)

    def test_of_the_login_which_no_byte_extends(self):
        gateway = self.start(timeouts={"login": "1500ms", "drain": "1s"})
        for front in ("implicit", "starttls"):
            with self.subTest(front), gateway.counting(ENDED, end_reason="login_timeout"), \
                    gateway.connect(front) as client:
                client.start(b"NOOP")
                self.expect_end(client, rb"\* BYE [^\r\n]+\r\n\Z", 0.5, 1.5)
        with self.subTest("in clear"), gateway.counting(ENDED, end_reason="login_timeout"), \
                connect(gateway.address("starttls"), "none") as client:
            started, answers = time.monotonic(), 0
            client.start(b"NOOP")
            while not (answer := client.line()).startswith(b"* BYE "):
                self.assertIn(b" OK ", answer)
                answers += 1
                select.select([client.socket], [], [], 0.03)  # limits.commands_before_login comes later
                client.start(b"NOOP")
            self.assertGreater(answers, 10)
            self.assertLess(time.monotonic() - started, 1.5 + (20 if sanitized() else 3))

    def test_of_silence_after_login(self):
        gateway = self.start(timeouts={"idle": "1s", "login": "500ms", "drain": "1s"})
        with gateway.counting(ENDED, end_reason="idle_timeout"), gateway.connect() as client:
            client.login()
            for _ in range(4):  # not idle, and past the time for logging in
                client.start(b"NOOP")
                self.quiet(client, 0.4)
            self.expect_end(client, rb"\A\* BYE [^\r\n]+\r\n\Z", 0.3, 1)

    def quiet(self, client, seconds):
        """Nothing comes for so long."""
        client.socket.settimeout(seconds)
        with self.assertRaises(TimeoutError):
            client.line()
        client.socket.settimeout(20)


def read_all(connection):
    connection.settimeout(20)
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while data := connection.recv(4096):
            received += data
    return received


if __name__ == "__main__":
    unittest.main()
