"""Users on several servers: postern reads who logs in, and each user comes to the own server, by map and by route."""

import base64
import itertools
import socket
import threading
import time
import unittest

from harness import Authority, Courier, Dovecot, Folder, Gateway, ScriptedBackend, capabilities, connect, wait_until
from test_servers import DISGUISED_LOGINS

WORDS = {"anna": "open sesame", "bert": "mellon"}
LOGINS = "postern_logins_total"
HELD = "postern_backend_sessions_active"
FRONTS = ("implicit", "starttls")
MINIMUM = b"* OK [CAPABILITY IMAP4rev1] postern ready\r\n"


def token(user, password, authorized=""):
    return base64.b64encode(f"{authorized}\0{user}\0{password}".encode())


WAYS = {
    "quoted": lambda client, user: client.login(user, WORDS[user]),
    "literals": lambda client, user: client.literals(b"LOGIN ", user.encode(), b" ", WORDS[user].encode(), b""),
    "literals that do not wait": lambda client, user: client.literals(
        b"LOGIN ", user.encode(), b" ", WORDS[user].encode(), b"", synchronising=False),
    "PLAIN": lambda client, user: client.authenticate_plain(user, WORDS[user]),
    "PLAIN in two steps": lambda client, user: client.authenticate_plain(user, WORDS[user], initial_response=False),
}


def backends(**servers):
    """Each knows what its server can do before the first login."""
    return {name: server.backend(health={"interval": "1s"}) for name, server in servers.items()}


class Mapped(Gateway):
    """A gateway with a map of users: {user: backend}."""

    def __init__(self, mapped, users=None, **sections):
        self.mapped = mapped
        super().__init__(users={"map": "users.map"} | (users or {}), **sections)

    def configure(self, **sections):
        self.write_map(self.mapped)
        super().configure(**sections)

    def write_map(self, users, *more):
        lines = [f"{user} {backend}" for user, backend in users.items()]
        (self.folder / "users.map").write_text("\n".join([*lines, *more, ""]), encoding="utf-8")


class RealServers(unittest.TestCase):
    """Anna's mail is on Dovecot and Bert's on Courier; each server knows both users."""

    @classmethod
    def setUpClass(cls):
        authority = Authority(cls.enterClassContext(Folder("authority")).path)
        cls.servers = {"anna": cls.enterClassContext(Dovecot(authority)), "bert": cls.enterClassContext(Courier(authority))}
        cls.gateway = cls.enterClassContext(Mapped(
            {"anna": "dovecot", "bert": "courier"}, backends=backends(dovecot=cls.servers["anna"], courier=cls.servers["bert"])))
        common = b"* OK [CAPABILITY IMAP4rev1 "
        wait_until(lambda: cls.greeting().startswith(common), lambda: f"capabilities in {cls.greeting()}")

    @classmethod
    def greeting(cls):
        with cls.gateway.connect() as client:
            return client.greeting

    def directly(self, user):
        server = self.servers[user]
        return connect((server.host, 143), "none")

    def test_greets_with_what_both_can_do(self):
        with self.directly("anna") as dovecot, self.directly("bert") as courier:
            both = [set(capabilities(client.ok(b"CAPABILITY"))[0]) for client in (dovecot, courier)]
        must = both[0] & both[1] - {"STARTTLS", "LOGINDISABLED"}
        self.assertIn("AUTH=PLAIN", must)
        with self.gateway.connect() as client:
            for shown in capabilities([client.greeting, *client.ok(b"CAPABILITY")]):
                self.assertEqual(set(shown), must)
        with self.gateway.connect("starttls") as client:
            self.assertEqual(set(capabilities(client.ok(b"CAPABILITY"))[0]), must)

    def test_each_user_comes_to_the_own_server_in_every_way(self):
        for (name, way), front, user in itertools.product(WAYS.items(), FRONTS, WORDS):
            backend = self.servers[user].name
            with self.subTest(way=name, front=front, user=user), self.directly(user) as direct, \
                    self.gateway.connect(front) as client, self.gateway.counting(LOGINS, backend=backend, result="success"):
                direct.login(user, WORDS[user])
                way(client, user)
                for command in (b"NAMESPACE", b'LIST "" *', b"SELECT INBOX", b"NOOP", b"LOGOUT"):
                    mine, theirs = ([self.passing(line) for line in one.command(command)] for one in (client, direct))
                    self.assertEqual(mine, theirs)

    @staticmethod
    def passing(line):
        """Of a response what does not change from one session to the next."""
        return line.split(b"[UIDVALIDITY")[0].split(b"completed")[0].partition(b" ")[2]

    def test_a_wrong_password_is_refused_by_the_own_server_and_another_user_comes_to_another(self):
        for front in FRONTS:
            with self.subTest(front=front), self.gateway.connect(front) as client:
                for user in ("anna", "bert"):
                    with self.gateway.counting(LOGINS, backend=self.servers[user].name, result="failure"):
                        self.assertRegex(client.command(b"LOGIN %s wrong" % user.encode())[-1], rb"\At\d+ NO ")
                self.gateway.wait_for_metric(HELD, 0)
                client.ok(b"NOOP")
                client.login("bert", WORDS["bert"])
                self.assertEqual(self.gateway.metrics().sum(HELD), 1)

    def test_what_is_pipelined_around_a_login_comes_to_the_right_server(self):
        for user, word in WORDS.items():
            login = b'LOGIN %s "%s"\r\n' % (user.encode(), word.encode())
            plain = b"AUTHENTICATE PLAIN\r\n" + token(user, word) + b"\r\n"
            for said, tags in ((b"a " + login + b"b NOOP\r\nc LOGOUT\r\n", b"a OK,b OK,c OK"),
                               (b"a " + plain + b"b SELECT INBOX\r\nc LOGOUT\r\n", b"a OK,b OK,c OK"),
                               (b"a NOOP\r\nb CAPABILITY\r\nc " + login + b"d LOGOUT\r\n", b"a OK,b OK,c OK,d OK"),
                               (b"a LOGIN anna wrong\r\nb " + login + b"c LOGOUT\r\n", b"a NO,b OK,c OK")):
                for size in (1, 7, len(said)):
                    with self.subTest(user, said=said, size=size), self.gateway.connect() as client:
                        for start in range(0, len(said), size):
                            client.send(said[start:start + size])
                        lines = [line for line in client.goodbye().split(b"\r\n") if line[:1] not in (b"*", b"+", b"")]
                        self.assertEqual(b",".join(line[:4] for line in lines), tags)

    def test_takes_no_login_that_is_none(self):
        for line in DISGUISED_LOGINS:
            with self.subTest(line), self.gateway.connect() as client:
                client.send(line + b"\r\n")
                self.assertRegex(client.response(), rb"^\S+ BAD ", line)
                self.assertIn(b" BAD ", client.command(b"SELECT INBOX")[-1])

    def test_moves_ten_thousand_users_under_load_without_a_failed_login(self):
        stop, failed, done = threading.Event(), [], [0, 0]

        def log_in(number, user):
            while not stop.is_set():
                try:
                    with self.gateway.connect() as client:
                        client.login(user, WORDS[user])
                        client.ok(b"LOGOUT")
                    done[number] += 1
                except (AssertionError, OSError) as error:
                    failed.append(error)
                    return

        threads = [threading.Thread(target=log_in, args=one) for one in enumerate(WORDS)]
        for thread in threads:
            thread.start()
        moved = {"anna": "dovecot", "bert": "courier"}
        try:
            for _ in range(6):
                before = list(done)
                moved = {user: "courier" if backend == "dovecot" else "dovecot" for user, backend in moved.items()}
                crowd = {f"user{number}": moved["anna"] for number in range(10_000)}
                self.gateway.write_map(moved | crowd)
                self.gateway.reload()
                wait_until(lambda was=before: failed or all(now > then + 2 for now, then in zip(done, was)), "logins after the move")
        finally:
            stop.set()
            for thread in threads:
                thread.join(20)
        self.assertEqual(failed, [])
        for backend in ("dovecot", "courier"):
            self.assertGreater(self.gateway.metrics().sum(LOGINS, backend=backend, result="success"), 6)


def obliging(peer):
    """Takes logins in every form, and refuses those of Eve and the password "wrong"."""
    peer.send(b"* OK [CAPABILITY IMAP4rev1 IDLE SASL-IR AUTH=PLAIN] ready\r\n")
    while True:
        line = peer.line()
        tag, _, command = line.partition(b" ")
        while line.endswith(b"}\r\n"):
            peer.send(b"+ go on\r\n")
            line = peer.bytes(int(line.rpartition(b"{")[2].rstrip(b"}\r\n"))) + peer.line()
            command += line
        if command.upper().startswith(b"AUTHENTICATE LOGIN\r\n"):
            for prompt in (b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"):
                peer.send(b"+ " + prompt + b"\r\n")
                command += peer.line()
        elif command.upper().startswith(b"AUTHENTICATE") and command.count(b" ") == 1:
            peer.send(b"+ \r\n")
            command += peer.line()
        peer.send(tag + (b" NO [AUTHENTICATIONFAILED] no\r\n" if b"eve" in command or b"wrong" in command else b" OK done\r\n"))
        if command.upper().startswith(b"LOGOUT"):
            return


class TwoServers(unittest.TestCase):
    """Anna's mail is on the new server, that of all others on the old one."""

    def setUp(self):
        self.old, self.new = self.enterContext(ScriptedBackend(obliging)), self.enterContext(ScriptedBackend(obliging))

    def start(self, mapped=None, **sections):
        pools = {"old": self.old.backend(), "new": self.new.backend()}
        return self.enterContext(Mapped(mapped or {"anna": "new"}, **({"workers": 1, "backends": pools} | sections)))

    def user_comes_to(self, server, gateway, command, **connection):
        with self.subTest(command), gateway.connect(**connection) as client:
            before = len(server.transcripts)
            client.ok(command)
            self.assertEqual(len(server.transcripts), before + 1)
            self.assertTrue(server.transcripts[-1].endswith(b" " + command + b"\r\n"), server.transcripts[-1])


class Scripted(TwoServers):
    def test_the_minimum_is_shown_until_servers_have_said_what_they_can_do(self):
        gateway = self.start()
        with gateway.connect() as client:
            self.assertEqual(client.greeting, MINIMUM)
            client.login("anna", "x")
        with gateway.connect() as client:
            client.login("dora", "x")

        def greeting():
            with gateway.connect() as client:
                return client.greeting
        wait_until(lambda: greeting() == b"* OK [CAPABILITY IMAP4rev1 IDLE SASL-IR AUTH=PLAIN] postern ready\r\n", greeting)

    def test_names_follow_the_rules(self):
        gateway = self.start({"anna": "new", "Bert@Other.example": "new"},
                             users={"default_domain": "example.org"},
                             routes=[{"user": "*@moved.example", "backend": "new"}, {"user": "dora@moved.example", "backend": "old"}])
        for command in (b"LOGIN anna x", b"LOGIN ANNA@example.ORG x", b"LOGIN anna*master x", b"LOGIN bert@other.example x",
                        b"LOGIN carl@moved.example x", b"AUTHENTICATE PLAIN " + token("admin", "x", "anna"),
                        b"AUTHENTICATE XOAUTH2 " + base64.b64encode(b"user=anna\1auth=Bearer x\1\1"),
                        b"AUTHENTICATE OAUTHBEARER " + base64.b64encode(b"n,a=anna,\1auth=Bearer x\1\1"),
                        b"AUTHENTICATE EXTERNAL " + base64.b64encode(b"anna")):
            self.user_comes_to(self.new, gateway, command)
        for command in (b"LOGIN anna@other.example x", b"LOGIN dora@moved.example x", b"LOGIN nobody x",
                        b"AUTHENTICATE EXTERNAL ="):
            self.user_comes_to(self.old, gateway, command)

    def test_a_name_without_a_route_follows_the_name_of_the_host(self):
        gateway = self.start({"anna": "old"}, routes=[{"sni": "new.test", "backend": "new"}])
        self.user_comes_to(self.new, gateway, b"LOGIN carl x", server_name="new.test", context=self.lax(gateway))
        self.user_comes_to(self.old, gateway, b"LOGIN anna x", server_name="new.test", context=self.lax(gateway))

    @staticmethod
    def lax(gateway):
        context = gateway.client_context()
        context.check_hostname = False
        return context

    def test_no_cut_of_the_clients_first_bytes_makes_a_difference(self):
        gateway = self.start(limits={"sessions_per_address": 10_000})
        logins = (b'a LOGIN {4+}\r\nanna {3+}\r\n\xc3\xbcx\r\nb NOOP\r\n',
                  b"a CAPABILITY\r\nc AUTHENTICATE PLAIN %s\r\nb NOOP\r\n" % token("anna", "x"))
        for login in logins:
            must = None
            for cut in range(len(login)):
                with gateway.connect() as client:
                    client.send(login[:cut])
                    client.send(login[cut:])
                    answers = client.until(b"b ")[-2:]
                    heard = self.new.transcripts[-1]
                must = must or (answers, heard)
                self.assertEqual((answers, heard), must, cut)
            self.assertEqual(must[0], [must[0][0], b"b OK done\r\n"])
        self.assertEqual(self.old.transcripts, [])

    def test_asks_for_a_response_once_and_passes_on_the_next_question(self):
        gateway = self.start()
        with gateway.connect() as client:
            tag = client.start(b"AUTHENTICATE LOGIN")
            self.assertEqual(client.line(), b"+ VXNlcm5hbWU6\r\n")
            client.send(base64.b64encode(b"anna") + b"\r\n")
            self.assertEqual(client.line(), b"+ UGFzc3dvcmQ6\r\n")
            client.send(base64.b64encode(b"x") + b"\r\n")
            self.assertEqual(client.line(), tag + b" OK done\r\n")
            client.ok(b"NOOP")
        self.assertEqual(self.new.transcripts[0].count(b"\r\n"), 4)

    def test_refuses_what_does_not_show_the_user(self):
        gateway = self.start()
        with gateway.connect() as client, gateway.counting(LOGINS, result="denied", by=2):
            for mechanism in (b"CRAM-MD5", b"GSSAPI"):
                self.assertIn(b" NO [CANNOT] ", client.command(b"AUTHENTICATE " + mechanism)[-1])
            client.login("anna", "x")
        self.assertNotIn(b"CRAM", self.new.transcripts[0])

    def test_a_refused_login_leaves_the_client_where_it_was(self):
        gateway = self.start()
        with gateway.connect() as client:
            for _ in range(3):
                self.assertIn(b" NO [AUTHENTICATIONFAILED] ", client.command(b"LOGIN anna wrong")[-1])
            gateway.wait_for_metric(HELD, 0)
            self.assertIn(b" NO ", client.command(b"LOGIN eve x")[-1])
            client.login("anna", "x")
            self.assertEqual((len(self.new.transcripts), len(self.old.transcripts)), (4, 1))
            client.ok(b"LOGOUT")
            self.assertEqual(client.goodbye(), b"")
        gateway.wait_for_metric("postern_sessions_active", 0)

    def test_a_bad_under_no_tag_may_be_all_or_go_before_the_answer(self):
        def strict(peer):
            peer.send(b"* OK ready\r\n")
            tag = peer.line().split()[0]
            peer.send(b"* BAD [ALERT] not in clear\r\n")
            if tag == b"t2":
                peer.send(tag + b" NO [PRIVACYREQUIRED] not in clear\r\n")
            peer.until_gone()

        with ScriptedBackend(strict) as server:
            gateway = self.start(backends={"old": self.old.backend(), "new": server.backend()})
            with gateway.connect() as client:
                client.start(b"LOGIN anna x")
                self.assertEqual(client.line(), b"* BAD [ALERT] not in clear\r\n")
                self.assertEqual(client.command(b"LOGIN anna x")[-1], b"t2 NO [PRIVACYREQUIRED] not in clear\r\n")
                client.start(b"LOGIN bert x")
                self.assertEqual(client.line(), b"t3 OK done\r\n")
            self.assertEqual([said.count(b"\r\n") for said in server.transcripts], [1, 1])
        self.assertEqual(len(self.old.transcripts), 1)

    def test_logged_out_the_next_user_comes_to_the_own_server(self):
        gateway = self.start()
        with gateway.connect() as client:
            client.login("anna", "x")
            client.ok(b"UNAUTHENTICATE")
            gateway.wait_for_metric(HELD, 0)
            client.login("bert", "x")
            self.assertEqual((len(self.new.transcripts), len(self.old.transcripts)), (1, 1))

    def test_costs_no_server_anything_before_a_login(self):
        gateway = self.start()
        for front in FRONTS:
            with gateway.connect(front) as client:
                client.ok(b'ID ("name" "x")')
                client.ok(b"NOOP")
                self.assertEqual(client.command(b"LOGOUT")[0], b"* BYE Logging out\r\n")
                self.assertEqual(client.goodbye(), b"")
        self.assertEqual(self.old.transcripts + self.new.transcripts, [])
        self.assertEqual(gateway.metrics().sum("postern_imap_commands_total"), 0)

    def test_an_outage_looks_like_no_wrong_password(self):
        closed = self.enterContext(socket.socket())
        closed.bind(("127.0.0.1", 0))
        away = {"servers": ["127.0.0.1:%d" % closed.getsockname()[1]]}
        gateway = self.start(backends={"old": self.old.backend(), "new": away})
        with gateway.connect() as client, gateway.counting("postern_sessions_total", end_reason="backend_unavailable"), \
                gateway.counting(LOGINS, backend="new", result="interrupted"):
            client.send(b"a LOGIN anna x\r\n")
            self.assertRegex(client.goodbye(), rb"\A\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n\Z")
        self.user_comes_to(self.old, gateway, b"LOGIN bert x")

    def test_limits_hold_as_before_every_login(self):
        gateway = self.start(limits={"commands_before_login": 20, "command_before_login": "8KiB"}, timeouts={"login": "2s"})
        for words, end in ((b"a NOOP\r\n" * 30, b"* BYE [LIMIT] Too many commands before login\r\n"),
                           (b"a NOOP " + b"x" * 9000, b"* BYE [LIMIT] Command line too long\r\n"),
                           (b"a LOGIN {9000}\r\n", b"* BYE [LIMIT] Literal too large before login\r\n"),
                           (b"a AUTHENTICATE PLAIN\r\n", b"* BYE Login took too long\r\n")):
            with self.subTest(words[:20]), gateway.connect() as client:
                client.send(words)
                self.assertTrue(client.goodbye().endswith(end))
        self.assertEqual(self.old.transcripts + self.new.transcripts, [])

    def test_a_drain_lets_a_login_end(self):
        asked, let = threading.Event(), threading.Event()

        def slow(peer):
            peer.send(b"* OK ready\r\n")
            tag = peer.line().split()[0]
            asked.set()
            let.wait(20)
            peer.send(tag + b" OK done\r\n")
            peer.until_gone()

        with ScriptedBackend(slow) as server:
            gateway = self.start(backends={"old": self.old.backend(), "new": server.backend()}, timeouts={"drain": "10s"})
            with gateway.connect() as client:
                client.send(b"a LOGIN anna x\r\n")
                self.assertTrue(asked.wait(20))
                gateway.process.signal(15)
                gateway.wait_for_log("draining|stopping|SIGTERM")
                let.set()
                self.assertRegex(client.goodbye(), rb"\Aa OK done\r\n\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n\Z")
                gateway.expect_end(0)

    def test_a_client_that_leaves_while_its_server_is_dialled_leaves_nothing(self):
        mute = self.enterContext(ScriptedBackend(lambda peer: peer.until_gone()))
        gateway = self.start(backends={"old": self.old.backend(), "new": mute.backend()}, timeouts={"connect": "1s"})
        with gateway.connect() as client:
            client.send(b"a LOGIN anna x\r\n")
            mute.wait_for_connections(1)
        gateway.wait_for_metric("postern_sessions_active", 0)
        gateway.wait_for_metric(HELD, 0)


class Guard(unittest.TestCase):
    def test_guesses_for_all_users_are_counted_alike(self):
        old, new = self.enterContext(ScriptedBackend(obliging)), self.enterContext(ScriptedBackend(obliging))
        gateway = self.enterContext(Mapped(
            {"anna": "new"}, backends={"old": old.backend(), "new": new.backend()},
            limits={"login_failures": {"max": 3, "per": "1h", "ban": "1h", "delay": "100ms"}}))
        with gateway.connect() as client:
            began = time.monotonic()
            for user in (b"anna", b"eve"):
                self.assertIn(b" NO ", client.command(b"LOGIN %s wrong" % user)[-1])
            self.assertGreaterEqual(time.monotonic() - began, 0.1)
            client.send(b"t LOGIN anna wrong\r\n")
            self.assertRegex(client.goodbye(), rb"NO [^\r\n]+\r\n\* BYE \[LIMIT\] Too many failed logins[^\r\n]*\r\n\Z")
        gateway.wait_for_metric(HELD, 0)


if __name__ == "__main__":
    unittest.main()
