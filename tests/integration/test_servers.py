"""Real servers behind every kind of hop: whatever a client does with them directly it can do through
the gateway, and it sees no capability that is untrue there."""

import base64
import itertools
import random
import unittest
import zlib

from harness import Authority, Courier, Cyrus, Dovecot, Folder, Gateway, capabilities, connect

SERVERS = (Dovecot, Courier, Cyrus)
HOPS = ("none", "starttls", "implicit")
FRONTS = ("implicit", "starttls")
UNTRUE = ("STARTTLS", "LOGINDISABLED")

PLAIN = base64.b64encode(b"\0anna\0open sesame")
DISGUISED_LOGINS = (
    b'+1 LOGIN anna "open sesame"', b"+ AUTHENTICATE PLAIN " + PLAIN, b"t" * 300 + b' LOGIN anna "open sesame"',
    b'* LOGIN anna "open sesame"', b'a( LOGIN anna "open sesame"', b'a\tLOGIN anna "open sesame"',
    b'a\rLOGIN anna "open sesame"', b'\ra LOGIN anna "open sesame"',
    b'a LOGIN\tanna "open sesame"')
BIG = b"From: a@example.org\r\nSubject: big\r\n\r\n" + base64.encodebytes(
    random.Random(5).randbytes(37_000_000)).replace(b"\n", b"\r\n")
LOOK_ALIKE = b"\r\n".join((
    b"From: a@example.org", b"Subject: * CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED",
    b"X-Trap: * OK [CAPABILITY STARTTLS LOGINDISABLED AUTH=SCRAM-SHA-1-PLUS] ready", b"",
    b"* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] ready", b"* CAPABILITY STARTTLS",
    b"t1 OK [CAPABILITY STARTTLS] done", b"+ go on", b")", b"* 1 FETCH (BODY[] {5}", b""))


def setUpModule():
    global gateway, servers
    enter = unittest.enterModuleContext
    authority = Authority(enter(Folder("authority")).path)
    servers = {kind: enter(kind(authority)) for kind in SERVERS}
    pools = {f"{server.name}-{hop}": server.backend(hop)
             for server, hop in itertools.product(servers.values(), HOPS)}
    gateway = enter(Gateway(
        backends=pools, routes=[{"sni": f"{pool}.mail.test", "backend": pool} for pool in pools],
        tls={"certificates": [authority.leaf("*.mail.test").files]}))
    gateway.authority = authority


class Matrix:
    """The tests of one server (`kind`) behind one `hop`."""

    def setUp(self):
        self.server = servers[self.kind]
        self.pool = f"{self.server.name}-{self.hop}"

    def through(self, front="implicit"):
        return gateway.connect(front, f"{self.pool}.mail.test")

    def directly(self):
        address = (self.server.host, 993 if self.hop == "implicit" else 143)
        context = None if self.hop == "none" else self.server.authority.client_context()
        return connect(address, self.hop, context, f"{self.server.name}.test")

    def in_a_new_mailbox(self, client, name):
        """Logs in and selects an empty mailbox of that name; returns its full name."""
        client.login()
        root = b"INBOX." if self.kind is Courier else b""
        mailbox = b"%s%s-%s" % (root, name, self.hop.encode())
        client.ok(b"CREATE " + mailbox)
        client.ok(b"SELECT " + mailbox)
        return mailbox

    def test_greets_as_the_server_does(self):
        with self.through() as client, self.directly() as direct:
            self.assertTrue(client.greeting.startswith(b"* OK "), client.greeting)
            if self.hop != "starttls":  # there the gateway greets, what it learnt in clear is forgotten
                self.assertEqual(client.greeting.rpartition(b"]")[2], direct.greeting.rpartition(b"]")[2])

    def test_logs_in_in_every_way(self):
        ways = {
            "quoted": lambda client: client.login(),
            "literals": lambda client: client.literals(b"LOGIN ", b"anna", b" ", b"open sesame", b""),
            "literals that do not wait": lambda client: client.literals(
                b"LOGIN ", b"anna", b" ", b"open sesame", b"", synchronising=False),
            "initial response": lambda client: client.authenticate_plain(),
            "no initial response": lambda client: client.authenticate_plain(initial_response=False),
        }
        if self.kind is Courier:  # it has no LITERAL+
            del ways["literals that do not wait"]
        for front, (way, log_in) in itertools.product(FRONTS, ways.items()):
            with self.subTest(front=front, way=way), self.through(front) as client:
                log_in(client)
                client.ok(b"SELECT INBOX")

    def test_lets_no_login_in_that_is_not_seen_as_one(self):
        """Cyrus takes the first three, Courier all of them, when asked directly."""
        for line in DISGUISED_LOGINS:
            with self.subTest(line), self.through() as client:
                client.send(line + b"\r\n")
                answer = client.response()
                self.assertRegex(answer, rb"^\S+ BAD ", line)
                self.assertNotIn(b" OK", client.command(b"SELECT INBOX")[-1])

    def test_shows_the_servers_capabilities_but_the_untrue(self):
        def stages(client):
            """Capabilities asked for before login, shown by the login itself, asked for afterwards."""
            return [capabilities(answer) for answer in
                    (client.ok(b"CAPABILITY"), client.login(), client.ok(b"CAPABILITY"))]

        with self.directly() as direct:
            expected = [[[name for name in names if name not in UNTRUE] for names in shown]
                        for shown in stages(direct)]
        for front in FRONTS:
            with self.subTest(front=front), self.through(front) as client:
                for names in capabilities([client.greeting]) if front == "implicit" else []:
                    self.assertFalse(set(names) & set(UNTRUE), names)
                self.assertEqual(stages(client), expected)

    def test_carries_fifty_megabytes_both_ways_unchanged(self):
        self.assertGreater(len(BIG), 50_000_000)
        with self.through() as client:
            mailbox = self.in_a_new_mailbox(client, b"big")
            client.literals(b"APPEND %s " % mailbox, BIG, b"")
            client.ok(b"NOOP")
            fetched = next(r for r in client.ok(b"FETCH 1 BODY.PEEK[]") if b" FETCH (" in r[:30])
            start = fetched.index(b"}\r\n") + 3
            self.assertTrue(fetched[start:start + len(BIG)] == BIG, "the message came back changed")
            client.ok(b"CLOSE")
            client.ok(b"DELETE " + mailbox)

    def test_tells_an_idling_client_of_new_mail(self):
        with self.through() as client, self.through() as other:
            mailbox = self.in_a_new_mailbox(client, b"idle")
            other.login()
            tag = client.start(b"IDLE")
            client.until(b"+")
            gateway.wait_for_metric("postern_sessions_idle", 1)
            other.literals(b"APPEND %s " % mailbox, b"From: a@example.org\r\n\r\nnew\r\n", b"")
            client.until(b"* 1 EXISTS")
            client.send(b"DONE\r\n")
            client.until(tag + b" OK")
            gateway.wait_for_metric("postern_sessions_idle", 0)

    def test_leaves_text_that_only_looks_like_capabilities(self):
        asked = (b'LIST "" *', b"FETCH 1 BODY.PEEK[]", b"FETCH 1 BODY.PEEK[HEADER.FIELDS (X-TRAP)]",
                 b"FETCH 1 ENVELOPE", b"FETCH 1 BODY.PEEK[TEXT]<0.40>", b"SEARCH SUBJECT LOGINDISABLED")
        with self.through() as client, self.directly() as direct:
            mailbox = self.in_a_new_mailbox(client, b"STARTTLS")
            client.literals(b"APPEND %s " % mailbox, LOOK_ALIKE, b"")
            client.ok(b"NOOP")
            direct.login()
            direct.ok(b"SELECT " + mailbox)
            for command in asked:
                with self.subTest(command=command):
                    expected = direct.ok(command)[:-1]  # the tagged line may have the time
                    self.assertEqual(client.ok(command)[:-1], expected)
            self.assertIn(LOOK_ALIKE, b"".join(client.ok(b"FETCH 1 BODY.PEEK[]")))
            self.assertIn(b"STARTTLS LOGINDISABLED", b"".join(client.ok(b"FETCH 1 ENVELOPE")))

    def test_answers_starttls_inside_tls_itself(self):
        for front in FRONTS:
            with self.subTest(front=front), self.through(front) as client:
                self.assertIn(b" BAD ", client.command(b"STARTTLS")[-1])
                client.login()
                self.assertNotIn(b" OK ", client.command(b"starttls")[-1], "the server's own answer")
                client.ok(b"NOOP")


for kind_, hop_ in itertools.product(SERVERS, HOPS):
    name_ = f"{kind_.__name__}Behind{hop_.title()}Hop"
    globals()[name_] = type(name_, (Matrix, unittest.TestCase), {"kind": kind_, "hop": hop_})


class Passwords(unittest.TestCase):
    """Behind one hop only: Courier takes five seconds to say no."""

    def test_refusal_passes_and_another_try_is_allowed(self):
        logins = "postern_logins_total"
        for server in servers.values():
            with self.subTest(server.name), gateway.connect(server_name=f"{server.name}-none.mail.test") as client, \
                    gateway.counting(logins, mechanism="login", result="success"):
                with gateway.counting(logins, mechanism="login", result="failure"):
                    self.assertIn(b" NO ", client.command(b"LOGIN anna wrong")[-1])
                client.login()


class Compression(unittest.TestCase):
    """RFC 4978: after the OK both directions are a DEFLATE stream, which the gateway can only pass on."""

    def test_a_compressed_session_goes_on(self):
        with gateway.connect(server_name="cyrus-none.mail.test") as client:
            client.login()
            client.ok(b"COMPRESS DEFLATE")
            gateway.wait_for_metric("postern_sessions_opaque", 1)
            deflate, inflate = zlib.compressobj(wbits=-15), zlib.decompressobj(wbits=-15)
            for command, answer in ((b"a STARTTLS", b"a BAD "), (b"b CAPABILITY", b"b OK "), (b"c LOGOUT", b"c OK ")):
                client.send(deflate.compress(command + b"\r\n") + deflate.flush(zlib.Z_SYNC_FLUSH))
                shown = b""
                while answer not in shown:
                    shown += inflate.decompress(client.some())
        gateway.wait_for_metric("postern_sessions_opaque", 0)


if __name__ == "__main__":
    unittest.main()
