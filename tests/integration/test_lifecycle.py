"""From start to stop: reload with living sessions, drain, impatient signals, and what the metrics say of
all that passed in between."""

import signal
import socket
import time
import unittest

from harness import Authority, Folder, Gateway, ScriptedBackend, wait_until

BYE = rb"\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n"


def named(name):
    """A backend that says its name."""
    def script(peer):
        peer.send(b"* OK %s ready\r\n" % name)
        peer.serve({b"NOOP": b"* OK still %s\r\n%%s OK done\r\n" % name})
    return script


class Reload(unittest.TestCase):
    def setUp(self):
        self.authority = Authority(self.enterContext(Folder("authority")).path)
        self.one = self.enterContext(ScriptedBackend(named(b"one")))
        self.two = self.enterContext(ScriptedBackend(named(b"two")))
        self.gateway = self.enterContext(Gateway(
            backends={"mail": self.one.backend()}, tls=self.certificate("old.test")))
        self.gateway.authority = self.authority

    def certificate(self, *names):
        return {"certificates": [self.authority.leaf(*names).files]}

    def test_new_sessions_get_the_new_and_living_ones_keep_the_old(self):
        with self.gateway.connect(server_name="old.test") as living:
            self.gateway.configure(backends={"mail": self.two.backend()}, tls=self.certificate("new.test"))
            self.assertIn("reloaded", self.gateway.reload())
            with self.gateway.connect(server_name="new.test") as fresh:
                self.assertEqual(fresh.greeting, b"* OK two ready\r\n")
                living.login()
                self.assertIn(b"* OK still one\r\n", living.ok(b"NOOP"))
                self.assertIn(b"* OK still two\r\n", fresh.ok(b"NOOP"))
                active = self.gateway.metrics()
                for server in (self.one, self.two):
                    self.assertEqual(active.sum("postern_backend_sessions_active", server=server.server), 1)
            living.ok(b"LOGOUT")

    def test_a_renewed_certificate_in_the_same_file_is_shown(self):
        chain, key = self.gateway.folder / "live.crt", self.gateway.folder / "live.key"

        def install(name):
            made = self.authority.leaf(name)
            chain.write_bytes(made.chain.read_bytes())
            key.write_bytes(made.key.read_bytes())

        install("first.test")
        self.gateway.configure(tls={"certificates": [{"chain": str(chain), "key": str(key)}]})
        self.gateway.reload()
        self.gateway.connect(server_name="first.test").close()
        install("second.test")
        self.gateway.reload()
        self.gateway.connect(server_name="second.test").close()

    def test_a_bad_configuration_changes_nothing_and_tells_every_fault(self):
        good = self.gateway.path.read_text(encoding="utf-8")
        self.gateway.path.write_text(
            "workers: none\n" "listeners: [{address: 'here', tls: implicit}]\n"
            "tls: {certificates: [{chain: a.crt, key: a.key}], polisy: modern}\n"
            "backends: {mail: {servers: ['127.0.0.1:143'], balance: fair}}\n"
            "timeouts: {idle: long}\n", encoding="utf-8")
        said = self.gateway.reload("error")
        for line, word in ((1, "workers"), (2, "here"), (3, "polisy"), (4, "fair"), (5, "long")):
            self.assertRegex(said, rf'error reload failed.*postern\.yaml:{line}"? .*{word}')
        self.assert_nothing_changed()
        self.gateway.path.write_text(good, encoding="utf-8")
        self.gateway.reload()

    def test_missing_files_change_nothing_and_are_all_named(self):
        missing = [{"chain": f"{name}.crt", "key": f"{name}.key"} for name in ("lost", "gone")]
        self.gateway.configure(tls={"certificates": missing, "ticket_secret": "no.secret"})
        said = self.gateway.reload("error")
        for name in ("lost.crt", "lost.key", "gone.crt", "gone.key", "no.secret"):
            self.assertIn(name, said)
        self.assert_nothing_changed()

    def assert_nothing_changed(self):
        with self.gateway.connect(server_name="old.test") as client:
            self.assertEqual(client.greeting, b"* OK one ready\r\n")
        self.assertEqual(self.gateway.get("/ready")[0], 200)

    def test_what_needs_a_restart_is_named_and_the_rest_is_taken(self):
        self.gateway.configure(workers=1, listeners=[{"address": "127.0.0.3:0", "tls": "implicit"}],
                               admin={"address": "127.0.0.3:0"}, backends={"mail": self.two.backend()})
        said = self.gateway.reload()
        for setting in ("workers", "listeners", "admin.address"):
            self.assertRegex(said, rf"needs a restart.*setting={setting}\b")
        with self.gateway.connect(server_name="old.test") as client:
            self.assertEqual(client.greeting, b"* OK two ready\r\n")
        self.assertEqual(self.gateway.metrics().sum("postern_workers"), 2)

    def test_the_log_level_of_the_command_line_stays(self):
        self.gateway.configure(log={"level": "error"})
        with Gateway("serve", "--config", self.gateway.path, "--log-level", "info") as talkative:
            self.assertIn("reloaded", talkative.reload())

    def test_survives_many_reloads_under_traffic(self):
        for number in range(20):
            backend = (self.one, self.two)[number % 2]
            with self.gateway.connect(server_name="old.test") as client:
                self.gateway.configure(backends={"mail": backend.backend()})
                self.gateway.reload()
                client.login()
                client.ok(b"LOGOUT")
        self.gateway.wait_for_metric("postern_sessions_active", 0)


class Stop(unittest.TestCase):
    """Each test brings about the end of a gateway."""

    def start(self, script=None, drain="20s"):
        self.backend = self.enterContext(ScriptedBackend(script) if script else ScriptedBackend())
        self.gateway = self.enterContext(Gateway(
            backends={"mail": self.backend.backend()}, timeouts={"drain": drain}))

    def begin_drain(self, number=signal.SIGTERM):
        self.started = time.monotonic()
        self.gateway.process.signal(number)
        self.gateway.wait_for_log("draining")

    def assert_soon(self, seconds=5):
        self.assertLess(time.monotonic() - self.started, seconds)

    def test_tells_every_client_and_ends_with_status_0(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number.name):
                self.start()
                idle, fresh = self.gateway.connect(), self.gateway.connect("starttls")
                idle.login()
                tag = idle.start(b"IDLE")
                idle.until(tag)  # this backend says OK to it
                self.begin_drain(number)
                for client in (idle, fresh):
                    with client:
                        self.assertRegex(client.goodbye(), rb"\A(\* OK [^\r]+\r\n)?" + BYE + rb"\Z")
                self.gateway.expect_end(0)
                self.assert_soon()
                self.assertRegex(self.gateway.log(), r"session ended .*reason=drained")

    def test_ends_at_once_when_nobody_is_there(self):
        self.start()
        self.begin_drain()
        self.gateway.expect_end(0)
        self.assert_soon()

    def test_lets_a_literal_end_before_it_says_bye(self):
        def script(peer):
            peer.send(b"* OK ready\r\n")
            peer.command(b"LOGIN")
            tag = peer.command(b"FETCH", None)
            peer.send(b"* 1 FETCH (BODY[] {20}\r\n0123456789")
            later = peer.command(b"NOOP", None)
            peer.send(b"0123456789)\r\n" + tag + b" OK done\r\n")
            peer.send(later + b" OK done, too\r\n* 2 EXISTS\r\n")
            peer.until_gone()

        self.start(script)
        with self.gateway.connect() as client:
            client.login()
            client.start(b"FETCH 1 BODY.PEEK[]")
            self.assertEqual(client.line() + client.bytes(10), b"* 1 FETCH (BODY[] {20}\r\n0123456789")
            self.begin_drain()
            self.assertEqual(self.gateway.get("/ready")[0], 503)
            self.assertEqual(self.gateway.get("/live")[0], 200)
            self.assertEqual(self.gateway.metrics().sum("postern_ready"), 0)
            wait_until(self.is_closed_to_others, "the listener to be closed")
            for number in (signal.SIGHUP, signal.SIGUSR2):
                since = len(self.gateway.log())
                self.gateway.process.signal(number)
                self.gateway.wait_for_log("draining, no reload and no upgrade any more", since)
            client.start(b"NOOP")  # a living session goes on both ways
            self.assertRegex(client.goodbye(), rb"\A0123456789\)\r\n\S+ OK done\r\n\S+ OK done, too\r\n" + BYE + rb"\Z")
        self.gateway.expect_end(0)
        self.assert_soon()

    def is_closed_to_others(self):
        try:
            socket.create_connection(self.gateway.address()).close()
            return False
        except ConnectionRefusedError:
            return True

    def in_the_middle_of_a_literal(self):
        def script(peer):
            peer.send(b"* OK ready\r\n")
            peer.command(b"LOGIN", b"OK done, and this is no literal: {5}")
            peer.send(b"* 1 FETCH (BODY[] {1000}\r\n0123456789")
            peer.until_gone()
        return script

    def test_cuts_what_is_left_when_the_drain_is_over(self):
        self.start(self.in_the_middle_of_a_literal(), drain="1s")
        with self.gateway.connect() as client:
            client.login()
            client.bytes(len(b"* 1 FETCH (BODY[] {1000}\r\n0123456789"))
            self.begin_drain()
            self.gateway.expect_end(0)
            self.assert_soon()
            self.assertNotIn(b"BYE", client.rest())  # it would have become part of the message
        self.assertRegex(self.gateway.log(), r"session ended .*reason=aborted")
        self.assertRegex(self.gateway.log(), r"warn  sessions cut off count=\d+")

    def test_a_second_signal_ends_at_once(self):
        for second in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(second.name):
                self.start(self.in_the_middle_of_a_literal(), drain="10m")
                with self.gateway.connect() as client:
                    client.login()
                    self.begin_drain()
                    self.gateway.process.signal(second)
                    self.gateway.expect_end(1)
                    self.assert_soon()


class Figures(unittest.TestCase):
    """One session, followed through the metrics."""

    def test_gauges_rise_and_fall_and_bytes_are_exact(self):
        with ScriptedBackend(talk) as backend, Gateway(backends={"mail": backend.backend()}) as gateway:
            gauges = ("postern_sessions_active", "postern_sessions_authenticated", "postern_sessions_idle",
                      "postern_backend_sessions_active")

            def expect(*values):
                for gauge, value in zip(gauges, values):
                    gateway.wait_for_metric(gauge, value)

            expect(0, 0, 0, 0)
            with gateway.connect() as client:
                expect(1, 0, 0, 1)
                client.login()
                expect(1, 1, 0, 1)
                tag = client.start(b"IDLE")
                client.until(b"+")
                expect(1, 1, 1, 1)
                client.send(b"DONE\r\n")
                client.until(tag)
                expect(1, 1, 0, 1)
                client.ok(b"LOGOUT")
            expect(0, 0, 0, 0)
            asked = b't1 LOGIN anna "open sesame"\r\n' b"t2 IDLE\r\nDONE\r\n" b"t3 LOGOUT\r\n"
            shown = (b"* OK [CAPABILITY IMAP4rev1] ready\r\n" b"t1 OK done\r\n" b"+ idling\r\nt2 OK done\r\n"
                     b"* BYE\r\nt3 OK done\r\n")
            sent = shown.replace(b"IMAP4rev1]", b"IMAP4rev1 STARTTLS]")
            for hop, direction, count in (("client", "in", len(asked)), ("backend", "out", len(asked)),
                                          ("backend", "in", len(sent)), ("client", "out", len(shown))):
                with self.subTest(hop=hop, direction=direction):
                    self.assertEqual(
                        gateway.metrics().sum("postern_bytes_total", hop=hop, direction=direction), count)
            for name, labels, count in (
                    ("postern_sessions_total", {"end_reason": "client_logout", "listener": "127.0.0.1:0"}, 1),
                    ("postern_sessions_total", {}, 1),
                    ("postern_handshakes_total", {"version": "1.3", "group": "X25519", "resumed": "no"}, 1),
                    ("postern_handshake_duration_seconds_count", {}, 1),
                    ("postern_logins_total", {"mechanism": "login", "result": "success"}, 1),
                    ("postern_login_duration_seconds_count", {}, 1),
                    ("postern_backend_connects_total", {"result": "success"}, 1),
                    ("postern_backend_connect_duration_seconds_count", {"backend": "mail"}, 1)):
                with self.subTest(name):
                    self.assertEqual(gateway.metrics().sum(name, **labels), count)


def talk(peer):
    peer.send(b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n")
    peer.command(b"LOGIN")
    tag = peer.command(b"IDLE", None)
    peer.send(b"+ idling\r\n")
    peer.line()
    peer.send(tag + b" OK done\r\n")
    tag = peer.command(b"LOGOUT", None)
    peer.send(b"* BYE\r\n" + tag + b" OK done\r\n")


if __name__ == "__main__":
    unittest.main()
