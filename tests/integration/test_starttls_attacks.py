"""STARTTLS, attacked from both sides: nothing said in clear is ever acted upon, logged or passed on."""

import socket
import ssl
import unittest

from harness import Authority, Folder, Gateway, ScriptedBackend, capabilities, connect
from harness import client_hello as tls

MARKER = b"hunter2-marker"
CONNECTS = "postern_backend_connects_total"
FAILURES = "postern_handshake_failures_total"
REFUSED = "postern_cleartext_logins_refused_total"


def setUpModule():
    global authority, backend_tls, gateway, backend
    enter = unittest.enterModuleContext
    authority = Authority(enter(Folder("authority")).path)
    backend_tls = authority.leaf("backend.test").server_context()
    backend = enter(ScriptedBackend())
    gateway = enter(Gateway(backends={"scripted": backend.backend()}, workers=1))


class Front(unittest.TestCase):
    """The client's side of 143."""

    def setUp(self):
        self.dialled = len(backend.transcripts)
        self.log_before = len(gateway.log())
        self.client = self.enterContext(connect(gateway.address("starttls"), "none"))

    def tearDown(self):
        self.assertNotIn(MARKER.decode(), gateway.log() + gateway.metrics().text)

    def assert_never_dialled(self):
        gateway.wait_for_metric("postern_sessions_active", 0)
        self.assertEqual(len(backend.transcripts), self.dialled, "the backend was dialled")

    def test_offers_starttls_and_no_login(self):
        for shown in capabilities([self.client.greeting, *self.client.ok(b"CAPABILITY")]):
            self.assertLessEqual({"IMAP4REV1", "STARTTLS", "LOGINDISABLED"}, set(shown))
            self.assertFalse([name for name in shown if name.startswith("AUTH=")])
        for command in (b"SELECT INBOX", b"LIST \"\" *", b"UNKNOWN"):
            self.assertIn(b" BAD ", self.client.command(command)[-1])
        self.client.ok(b"NOOP")
        self.client.ok(b'ID ("name" "test")')
        self.assertTrue(self.client.ok(b"LOGOUT")[0].startswith(b"* BYE"))
        self.assertEqual(self.client.goodbye(), b"")
        self.client.close()
        self.assert_never_dialled()

    def test_refuses_logins_without_asking_for_the_password(self):
        token = b"AGFubmEAaHVudGVyMg=="
        commands = (
            b"LOGIN anna " + MARKER, b"login anna " + MARKER, b"LOGIN anna {14}", b"LOGIN {4}",
            b"AUTHENTICATE PLAIN", b"AUTHENTICATE PLAIN " + token, b"AUTHENTICATE XOAUTH2 {2000}",
            b"LOGIN anna {14+}\r\n" + MARKER,
            b"LOGIN {4+}\r\nanna {22+}\r\n\r\nx9 LOGOUT\r\nSTARTTLS\r\n",
        )
        with gateway.counting(REFUSED, by=len(commands)):
            for command in commands:
                with self.subTest(command):
                    answers = self.client.command(command)
                    self.assertIn(b" NO [PRIVACYREQUIRED] ", answers[0])
                    self.assertEqual(len(answers), 1, "what was in the literal was taken for commands")
        self.client.start_tls()
        self.client.secure(gateway.client_context(), "postern.test")
        self.client.login()

    def test_bounds_what_it_reads_before_tls(self):
        for reason, words in (("line_too_long", b"a NOOP " + b"x" * 100_000),
                              ("literal_too_long", b"a LOGIN {4000000000+}\r\n"),
                              ("bad_literal", b"a LOGIN {99999999999999999999+}\r\n"),
                              ("too_many_bad_commands", b"a BOGUS\r\n" * 1000)):
            with self.subTest(reason), connect(gateway.address("starttls"), "none") as client:
                with gateway.counting("postern_sessions_total", end_reason="client_violation"), \
                        gateway.counting("postern_protocol_violations_total", hop="client", reason=reason):
                    client.send(words)
                    self.assertRegex(client.rest(), rb"\* BYE [^\r\n]+\r\n\Z")

    def test_never_runs_what_comes_in_clear_after_starttls(self):
        hello = tls.Hello((tls.TLS13,), (0x1301,)).record()
        for injected in (b"t2 LOGIN anna " + MARKER + b"\r\n", b"t2 NOOP\r\n", b"t2 LOGIN anna {14}\r\n",
                         b"t2 LOGIN anna {14+}\r\n" + MARKER + b"\r\n", b"\r\n", b"* OK " + MARKER + b"\r\n"):
            for then in (b"", hello):
                with self.subTest(injected, then=then[:1]), \
                        connect(gateway.address("starttls"), "none") as client, \
                        gateway.counting(FAILURES), \
                        gateway.counting("postern_sessions_total", end_reason="handshake_failed"):
                    client.send(b"t1 STARTTLS\r\n" + injected + then)
                    client.socket.shutdown(socket.SHUT_WR)
                    self.assertTrue(client.line().startswith(b"t1 OK "))
                    rest = client.rest()  # at most an alert
                    self.assertNotIn(b"t2", rest)
                    self.assertTrue(rest == b"" or rest[0] == tls.ALERT, rest)
        self.client.close()
        self.assert_never_dialled()

    def test_takes_a_hello_in_the_same_segment_as_starttls_for_what_it_is(self):
        self.client.send(b"t1 STARTTLS\r\n" + tls.Hello((tls.TLS13,), (0x1301,)).record())
        self.assertTrue(self.client.line().startswith(b"t1 OK "))
        self.assertEqual(tls.answer(self.client).version, tls.TLS13)

    def test_works_when_every_byte_comes_alone(self):
        self.client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.trickle(b"t1 NOOP\r\nt2 STARTTLS\r\n")
        self.client.until(b"t2 OK ")
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        inside = gateway.client_context().wrap_bio(incoming, outgoing, server_hostname="postern.test")
        self.drive(inside.do_handshake, incoming, outgoing)
        greeted = b""
        for byte in b'a LOGIN anna {11+}\r\nopen sesame\r\nb LOGOUT\r\n':
            inside.write(bytes((byte,)))  # a record each
            self.trickle(outgoing.read())
        while b"b OK" not in greeted:
            greeted += self.drive(lambda: inside.read(4096), incoming, outgoing)
        self.assertIn(b"a OK", greeted)

    def trickle(self, data):
        for byte in data:
            self.client.send(bytes((byte,)))

    def drive(self, step, incoming, outgoing):
        """Runs a step of TLS until it needs no more bytes, which it gets and gives one by one."""
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                pass
            finally:
                self.trickle(outgoing.read())
            for byte in self.client.socket.recv(4096):
                incoming.write(bytes((byte,)))


class InsideTls(unittest.TestCase):
    def test_starttls_is_answered_bad_and_never_passed_on(self):
        for front in ("implicit", "starttls"):
            with self.subTest(front), gateway.connect(front) as client, \
                    gateway.counting("postern_starttls_refused_total", by=2):
                client.send(b"a STARTTLS\r\nb NOOP\r\nc sTarTtLs\r\n")
                answers = sorted(client.response().split()[:2] for _ in range(3))
                self.assertEqual(answers, [[b"a", b"BAD"], [b"b", b"OK"], [b"c", b"BAD"]])
                client.login()
                client.ok(b"NOOP")
        self.assertNotIn(b"STARTTLS", b"".join(backend.transcripts).upper())


def hop(then, offer=b"IMAP4rev1 STARTTLS", greeting=b"* OK ready\r\n", to_hello=b""):
    """A backend in clear that greets, offers, says `then` to STARTTLS, in which %s stands for the tag,
    and `to_hello` to the first bytes of a handshake."""
    def script(peer):
        peer.send(greeting)
        while True:
            tag, _, command = peer.line().partition(b" ")
            if command.startswith(b"STARTTLS"):
                break
            peer.send(b"* CAPABILITY %s\r\n%s OK done\r\n" % (offer, tag))
        peer.send(then.replace(b"%s", tag))
        if then:
            peer.bytes(1)
            peer.send(to_hello)
            peer.until_gone()
    return script


GUESSED_TAGS = b"".join(b"%s OK Begin TLS\r\n" % tag for tag in
                        (b"a", b"A1", b"a1", b"a001", b"A0001", b"t1", b"1", b"0", b"*", b"+", b"STARTTLS", b""))
# name: (script, the reason that is counted)
ATTACKS = {
    "adds a response after its OK": (hop(b"%s OK go\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"), "starttls_injection"),
    "adds a byte after its OK": (hop(b"%s OK go\r\n\r"), "starttls_injection"),
    "repeats its OK": (hop(b"%s OK go\r\n%s OK go\r\n"), "starttls_injection"),
    "greets PREAUTH": (hop(b"%s OK go\r\n", greeting=b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n"),
                       "backend_preauth"),
    "greets BYE": (hop(b"%s OK go\r\n", greeting=b"* BYE no\r\n"), "backend_bye"),
    "says NO": (hop(b"%s NO not today\r\n"), "starttls_refused"),
    "says BAD": (hop(b"%s BAD what\r\n"), "starttls_refused"),
    "says BYE": (hop(b"* BYE going\r\n"), "backend_bye"),
    "offers none": (hop(b"%s OK go\r\n", offer=b"IMAP4rev1 AUTH=PLAIN"), "starttls_missing"),
    "offers a look-alike": (hop(b"%s OK go\r\n", offer=b"IMAP4rev1 XSTARTTLS STARTTLS2"), "starttls_missing"),
    "answers another tag": (hop(b"a1 OK go\r\n* OK go\r\n+ go\r\n"), "timed_out"),
    "answers before it is asked": (hop(b" ", greeting=b"* OK ready\r\n" + GUESSED_TAGS), "timed_out"),
    "hangs up": (hop(b""), "connection_closed"),
    "does not shake hands": (hop(b"%s OK go\r\n"), "timed_out"),
    "stays in clear": (hop(b"%s OK go\r\n", to_hello=b"* OK ready\r\n"), "plaintext_imap"),
}


class Hop(unittest.TestCase):
    """The backend's side: an attacker on that wire gets neither the password nor a session."""

    @classmethod
    def setUpClass(cls):
        cls.backends = {name: cls.enterClassContext(ScriptedBackend(script))
                        for name, (script, _) in ATTACKS.items()}
        pools = {cls.pool(name): one.backend("starttls") for name, one in cls.backends.items()}
        cls.gateway = cls.enterClassContext(Gateway(
            backends=pools, routes=[{"sni": f"{pool}.mail.test", "backend": pool} for pool in pools],
            tls={"certificates": [authority.leaf("*.mail.test").files]},
            timeouts={"connect": "1s", "drain": "1s"}))
        cls.gateway.authority = authority

    @staticmethod
    def pool(name):
        return name.replace(" ", "-")

    def test_refuses_every_attack_with_its_reason(self):
        for name, (_, reason) in ATTACKS.items():
            with self.subTest(name):
                pool, since = self.pool(name), len(self.gateway.log())
                with self.gateway.counting(CONNECTS, backend=pool, result=reason), \
                        self.gateway.counting(CONNECTS, backend=pool), \
                        self.gateway.connect_to_tls(server_name=f"{pool}.mail.test") as client:
                    client.send(b"t1 LOGIN anna " + MARKER + b"\r\n")  # it has not waited for a greeting
                    self.assertRegex(client.goodbye(), rb"\A\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n\Z")
                self.gateway.wait_for_log(f"backend failed.*backend={pool} .*reason={reason} ", since)
                self.assertNotIn(MARKER, b"".join(self.backends[name].transcripts))
        self.assertNotIn(MARKER.decode(), self.gateway.log() + self.gateway.metrics().text)

    def test_forgets_what_it_learnt_in_clear(self):
        def script(peer):
            peer.send(b"* OK [CAPABILITY IMAP4rev1 STARTTLS X-IN-CLEAR] ready\r\n")
            tags.append(peer.command(b"STARTTLS", b"OK [CAPABILITY X-IN-CLEAR] go"))
            peer.start_tls(backend_tls)
            peer.send(b"* CAPABILITY IMAP4rev1 X-IN-TLS STARTTLS LOGINDISABLED\r\n")
            tags.append(peer.command(b"CAPABILITY"))
            peer.serve()

        tags = []
        with ScriptedBackend(script) as honest, Gateway(backends={"honest": honest.backend("starttls")}) as gate:
            for _ in range(5):
                with gate.connect() as client:
                    self.assertEqual(capabilities([client.greeting]), [["IMAP4REV1", "X-IN-TLS"]])
                    client.login()
        self.assertEqual(len(set(tags)), 10, f"a tag came twice: {tags}")


if __name__ == "__main__":
    unittest.main()
