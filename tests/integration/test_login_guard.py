"""Failed logins against a real Dovecot: delays, bans, forgiveness, and guessing from very many addresses."""

import contextlib
import re
import socket
import ssl
import threading
import time
import unittest

from harness import Authority, Client, Closed, Folder, Gateway, Impatient, ScriptedBackend, USERS

ENDED = "postern_sessions_total"
FAILED = "postern_login_failures_counted_total"
BANNED = rb"\* BYE \[LIMIT\] Too many failed logins[^\r\n]*\r\n\Z"


class Guard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.resources = contextlib.ExitStack()
        cls.addClassCleanup(cls.resources.close)
        folder = cls.resources.enter_context(Folder("guard"))
        cls.server = cls.resources.enter_context(Impatient(Authority(folder.path / "authority")))

    def start(self, backend=None, **rules):
        rules = {"max": 3, "per": "1h", "ban": "1h", "delay": "0s"} | rules
        backend = backend or {"servers": [f"{self.server.host}:143"]}
        return self.enterContext(Gateway(backends={"mail": backend}, limits={"login_failures": rules}))

    def connect(self, gateway, source="127.0.0.1", tls="implicit"):
        client = Client(socket.create_connection(gateway.address(tls), 20, (source, 0)))
        if tls == "starttls":
            client.response()
            client.start_tls()
        client.secure(gateway.client_context(), "postern.test")
        if tls == "implicit":
            client.response()
        return client

    def fail(self, client, user="anna"):
        answer = client.command(b"LOGIN %s wrong" % user.encode())[-1]
        self.assertRegex(answer, rb"\At\d+ NO ")
        return answer

    def refused(self, gateway, source):
        """Whether the address is turned away at the door, in words where it is in clear."""
        with socket.create_connection(gateway.address("starttls"), 20, (source, 0)) as connection:
            words = connection.recv(4096)
        with socket.create_connection(gateway.address(), 20, (source, 0)) as connection:
            connection.sendall(b"\x16")
            with contextlib.suppress(ConnectionResetError):
                if words.startswith(b"* BYE"):
                    self.assertEqual(connection.recv(4096), b"", "TLS would cost too much")
        return words.startswith(b"* BYE [LIMIT] Too many failed logins")


class Bans(Guard):
    def test_an_address_for_its_time_and_no_other(self):
        gateway = self.start(ban="3s")
        with self.connect(gateway, "127.0.1.1") as client, gateway.counting(FAILED, by=3), \
                gateway.counting("postern_login_bans_total"), gateway.counting(ENDED, end_reason="banned"):
            for user in ("anna", "bert", "nobody"):
                self.fail(client, user)
            began = time.monotonic()
            self.assertRegex(client.goodbye(), BANNED)
        with gateway.counting(ENDED, end_reason="banned", by=2):
            self.assertTrue(self.refused(gateway, "127.0.1.1"))
        with self.connect(gateway, "127.0.1.2") as other:
            other.login()
        gateway.wait_for_log(r"warn +client banned client=127\.0\.1\.1:\d+ failures=3 seconds=3 cause=banned advice=")
        while self.refused(gateway, "127.0.1.1"):
            self.assertLess(time.monotonic() - began, 30)
        self.assertGreater(time.monotonic() - began, 2.5)
        with self.pardoned(gateway, "127.0.1.1", began) as client:
            client.login()

    def pardoned(self, gateway, source, began):
        """Another worker may be some milliseconds behind in a turn of its own."""
        while True:
            with contextlib.suppress(ConnectionResetError):
                return self.connect(gateway, source)
            self.assertLess(time.monotonic() - began, 30)

    def test_lets_sessions_be_that_have_logged_in(self):
        gateway = self.start()
        with self.connect(gateway) as reader, self.connect(gateway) as guesser:
            reader.login()
            for _ in range(3):
                self.fail(guesser, "bert")
            self.assertRegex(guesser.goodbye(), BANNED)
            reader.ok(b"NOOP")
            self.assertTrue(self.refused(gateway, "127.0.0.1"))

    def test_guesses_that_are_sent_at_once_are_tried_one_by_one(self):
        gateway = self.start()
        with self.connect(gateway) as client:
            client.send(b"".join(b"g%d LOGIN anna wrong%d\r\n" % (i, i) for i in range(200)))
            said = client.goodbye()
        self.assertEqual(len(re.findall(rb"g\d+ NO ", said)), 3)
        self.assertRegex(said, BANNED)
        gateway.wait_for_metric(FAILED, 3)

    def test_names_no_user_anywhere(self):
        gateway = self.start()
        with self.connect(gateway) as client:
            for user in ("zaphod", "trillian", "slartibartfast"):
                self.fail(client, user)
            client.goodbye()
        said = gateway.log() + gateway.get("/metrics")[1]
        self.assertNotRegex(said, "zaphod|trillian|slartibartfast|wrong")
        self.assertEqual(len(re.findall(r"info +login failed listener=\S+ client=127\.0\.0\.1:\d+ mechanism=login", said)), 3)


class Forgives(Guard):
    def test_the_right_password_after_all(self):
        gateway = self.start()
        for _ in range(4):
            with self.connect(gateway) as client:
                self.fail(client)
                self.fail(client)
                client.authenticate_plain()
        self.assertFalse(self.refused(gateway, "127.0.0.1"))
        self.assertEqual(gateway.metrics().sum("postern_login_guard_entries"), 0)

    def test_nobody_for_another_ones_success(self):
        gateway = self.start()
        for _ in range(3):
            with self.connect(gateway) as client:
                self.fail(client, "bert")
            with contextlib.suppress(Closed, ConnectionError, ssl.SSLError), self.connect(gateway) as own:
                own.login("anna", USERS["anna"])
        self.assertTrue(self.refused(gateway, "127.0.0.1"))

    def test_outages(self):
        def out_of_order(peer):
            peer.send(b"* OK ready\r\n")
            while True:
                tag = peer.line().split()[0]
                peer.send(tag + b" NO [UNAVAILABLE] the users' database is away\r\n")
        backend = self.enterContext(ScriptedBackend(out_of_order))
        gateway = self.start(backend=backend.backend(), max=1)
        with self.connect(gateway) as client, gateway.counting("postern_logins_total", result="unavailable", by=5):
            for _ in range(5):
                self.fail(client)
        self.assertEqual(gateway.metrics().sum(FAILED), 0)
        self.assertFalse(self.refused(gateway, "127.0.0.1"))

    def test_exempt_networks_and_what_a_reload_says(self):
        gateway = self.start(exempt=["127.0.0.1"])
        with self.connect(gateway) as client:
            for _ in range(6):
                self.fail(client)
                self.fail(client)
                client.close()
                client = self.enterContext(self.connect(gateway))
        gateway.configure(limits={"login_failures": {"max": 1}})
        gateway.reload()
        with self.connect(gateway) as client:
            self.fail(client)
            self.assertRegex(client.goodbye(), BANNED)
        gateway.configure(limits={})
        gateway.reload()
        self.assertFalse(self.refused(gateway, "127.0.0.1"))


class Delays(Guard):
    def test_grow_and_hold_up_nobody_else(self):
        gateway = self.start(max=20, delay="400ms", longest_delay="800ms")
        with self.connect(gateway) as guesser, self.connect(gateway, "127.0.2.2") as other:
            other.login()
            started = time.monotonic()
            self.fail(guesser)
            direct = time.monotonic() - started
            guesser.start(b"LOGIN anna wrong")
            gateway.wait_for_metric(FAILED, 2)
            started = time.monotonic()
            for _ in range(20):
                other.ok(b"NOOP")
            self.assertLess(time.monotonic() - started, 5)
            guesser.until(b"t2 NO ")
            for _ in range(2):
                started = time.monotonic()
                self.fail(guesser)
                self.assertGreater(time.monotonic() - started, 0.75, f"the first took {direct}")
            guesser.login()
        metrics = gateway.metrics()
        self.assertEqual(metrics.sum("postern_login_failure_delay_seconds_count"), 3)
        self.assertAlmostEqual(metrics.sum("postern_login_failure_delay_seconds_sum"), 2.0)

    def test_end_with_the_time_for_logging_in(self):
        gateway = self.enterContext(Gateway(
            backends={"mail": {"servers": [f"{self.server.host}:143"]}}, timeouts={"login": "4s", "drain": "1s"},
            limits={"login_failures": {"delay": "1h", "longest_delay": "1h"}}))
        with self.connect(gateway) as client, gateway.counting(ENDED, end_reason="login_timeout"):
            self.fail(client)
            client.start(b"LOGIN anna wrong")
            self.assertRegex(client.goodbye(), rb"\At2 NO [^\r\n]*\r\n\* BYE Login took too long\r\n\Z")


class Deadlines(Guard):
    def test_end_a_client_that_always_has_a_login_in_flight(self):
        gateway = self.enterContext(Gateway(
            backends={"mail": {"servers": [f"{self.server.host}:143"]}}, timeouts={"login": "3s"}))
        with self.connect(gateway) as client, gateway.counting(ENDED, end_reason="login_timeout"):
            started = time.monotonic()
            client.start(b"LOGIN anna wrong")
            with self.assertRaises(Closed):
                while True:
                    client.start(b"LOGIN anna wrong")
                    client.until(b"t")
        self.assertLess(time.monotonic() - started, 3 + 10, "the server answers each within seconds")

    def test_an_exchange_without_a_secret_takes_no_place(self):
        gateway = self.start(max=3)
        silent = [self.connect(gateway) for _ in range(6)]
        for client in silent:
            self.addCleanup(client.close)
            client.start(b"AUTHENTICATE PLAIN")
            client.until(b"+")
        with self.connect(gateway) as client:
            client.login()
        self.assertEqual(gateway.metrics().sum(FAILED), 0)


class Spraying(unittest.TestCase):
    """One name after the other, each from its own address, while somebody reads mail."""

    ADDRESSES, THREADS = 1000, 8

    def test_is_counted_and_bans_each_address(self):
        def backend(peer):
            peer.send(b"* OK ready\r\n")
            while True:
                tag, *command = peer.line().split()
                good = command[0] != b"LOGIN" or command[1] == b"anna"
                peer.send(tag + (b" OK done\r\n" if good else b" NO [AUTHENTICATIONFAILED] no\r\n"))
        server = self.enterContext(ScriptedBackend(backend))
        gateway = self.enterContext(Gateway(
            backends={"mail": server.backend()}, limits={"login_failures": {"max": 2, "delay": "0s"}}))
        context = gateway.client_context()
        said = []

        def spray(part):
            for i in range(part, self.ADDRESSES, self.THREADS):
                source = f"127.7.{i // 250}.{i % 250 + 1}"
                with Client(socket.create_connection(gateway.address(), 20, (source, 0))) as client:
                    client.secure(context, "postern.test")
                    client.response()
                    client.send(b"a LOGIN user%d x\r\nb LOGIN user%d x\r\n" % (i, i + 1))
                    said.append(client.goodbye())
        threads = [threading.Thread(target=spray, args=(part,)) for part in range(self.THREADS)]
        with gateway.connect() as reader:
            reader.ok(b"LOGIN anna x")
            for thread in threads:
                thread.start()
            while any(thread.is_alive() for thread in threads):
                reader.ok(b"NOOP")
            for thread in threads:
                thread.join()
        self.assertEqual(len(said), self.ADDRESSES)
        for words in said:
            self.assertRegex(words, BANNED)
        metrics = gateway.metrics()
        self.assertEqual(metrics.sum("postern_login_bans_total"), self.ADDRESSES)
        self.assertEqual(metrics.sum(FAILED), 2 * self.ADDRESSES)
        self.assertGreaterEqual(metrics.sum("postern_login_guard_entries"), self.ADDRESSES)


if __name__ == "__main__":
    unittest.main()
