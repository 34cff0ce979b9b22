"""An HTTP service says which backend a user has: a real one before real servers, and scripted ones for all that can go wrong."""

import base64
import contextlib
import http.server
import imaplib
import itertools
import socket
import struct
import subprocess
import threading
import unittest

from harness import Authority, Courier, Dovecot, Folder, Gateway, ScriptedBackend, check, wait_until
from test_servers import DISGUISED_LOGINS
from test_users import FRONTS, HELD, LOGINS, WAYS, WORDS, backends, obliging

LOOKUPS = "postern_user_lookups_total"
UNKNOWN = {"Auth-Status": "Invalid login or password", "Auth-Wait": "3"}
SAYS_OK = b"HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Backend: new\r\n"


def says(*pieces, then_waits=False):
    """The script of a service that says this to each question."""
    def script(peer):
        while peer.line() != b"\r\n":
            pass
        for piece in pieces:
            peer.send(piece)
        if then_waits:
            peer.until_gone()
    return script


def on(backend):
    return {"Auth-Status": "OK", "Auth-Backend": backend}


def at(server):
    host, _, port = server.rpartition(":")
    return {"Auth-Status": "OK", "Auth-Server": host, "Auth-Port": port}


class Service(contextlib.AbstractContextManager):
    """Python's own HTTP server; `places` has the answer for each user. `asked` has the fields of each question."""

    def __init__(self, places, context=None, status=200):
        self.places, self.status, self.asked = dict(places), status, []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                service.asked.append(dict(self.headers.items()) | {"path": self.path})
                self.send_response(service.status)
                for name, value in service.places.get(self.headers["Auth-User"], UNKNOWN).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a gateway that does not trust it hangs up

        self.server = Server(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.url = f"http{'s' if context else ''}://127.0.0.1:{self.port}/where?of=imap"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def users(self):
        return [one["Auth-User"] for one in self.asked]

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(20)


class RealServers(unittest.TestCase):
    """Anna's mail is on Dovecot and Bert's on Courier; each server knows both users. The service names one by its backend and
    the other, as nginx wants it, by its server."""

    @classmethod
    def setUpClass(cls):
        authority = Authority(cls.enterClassContext(Folder("authority")).path)
        cls.servers = {"anna": cls.enterClassContext(Dovecot(authority)), "bert": cls.enterClassContext(Courier(authority))}
        pools = backends(dovecot=cls.servers["anna"], courier=cls.servers["bert"])
        cls.service = cls.enterClassContext(Service({"anna": on("dovecot"), "bert": at(pools["courier"]["servers"][0])}))
        cls.gateway = cls.enterClassContext(Gateway(users={"lookup": {"url": cls.service.url}}, backends=pools))
        wait_until(lambda: b"AUTH=PLAIN" in cls.greeting(), lambda: f"capabilities in {cls.greeting()}")

    @classmethod
    def greeting(cls):
        with cls.gateway.connect() as client:
            return client.greeting

    def test_each_user_comes_to_the_own_server_in_every_way(self):
        for (name, way), front, user in itertools.product(WAYS.items(), FRONTS, WORDS):
            with self.subTest(way=name, front=front, user=user), self.gateway.connect(front) as client, \
                    self.gateway.counting(LOGINS, backend=self.servers[user].name, result="success"):
                way(client, user)
                for command in (b"NAMESPACE", b'LIST "" *', b"SELECT INBOX", b"NOOP", b"LOGOUT"):
                    client.ok(command)

    def test_imaplib_and_curl_come_to_the_own_server(self):
        host, port = self.gateway.address()
        for user, word in WORDS.items():
            login = {"backend": self.servers[user].name, "result": "success"}
            with self.subTest("imaplib", user=user), self.gateway.counting(LOGINS, **login):
                context = self.gateway.client_context()
                with imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=20) as client:
                    self.assertEqual(client.login(user, word)[0], "OK")
                    self.assertEqual(client.select()[0], "OK")
            with self.subTest("curl", user=user), self.gateway.counting(LOGINS, **login):
                done = subprocess.run(
                    ["curl", "-sS", "--cacert", self.gateway.authority.chain, "--max-time", "20", "--user", f"{user}:{word}",
                     f"imaps://{host}:{port}/", "-X", "STATUS INBOX (MESSAGES)"], capture_output=True, text=True, check=False)
                self.assertRegex(done.stdout + done.stderr, r"\* STATUS \"?INBOX\"? \(MESSAGES \d+\)")

    def test_what_is_pipelined_around_a_login_comes_to_the_right_server(self):
        for user, word in WORDS.items():
            said = b'a NOOP\r\nb LOGIN %s wrong\r\nc LOGIN %s "%s"\r\nd SELECT INBOX\r\ne LOGOUT\r\n' % (
                user.encode(), user.encode(), word.encode())
            for size in (1, 7, len(said)):
                with self.subTest(user, size=size), self.gateway.connect() as client:
                    for start in range(0, len(said), size):
                        client.send(said[start:start + size])
                    lines = [line for line in client.goodbye().split(b"\r\n") if line[:1] not in (b"*", b"+", b"")]
                    self.assertEqual([line[:4] for line in lines], [b"a OK", b"b NO", b"c OK", b"d OK", b"e OK"])

    def test_takes_no_login_that_is_none(self):
        before = len(self.service.asked)
        for line in DISGUISED_LOGINS:
            with self.subTest(line), self.gateway.connect() as client:
                client.send(line + b"\r\n")
                self.assertRegex(client.response(), rb"^\S+ BAD ", line)
                self.assertIn(b" BAD ", client.command(b"SELECT INBOX")[-1])
        self.assertEqual(len(self.service.asked), before)

    def test_a_wrong_password_is_refused_by_the_server_and_asked_about_once(self):
        with Service({"anna": on("dovecot")}) as service, \
                Gateway(users={"lookup": {"url": service.url}}, backends=self.gateway.configuration["backends"], workers=1) as gateway, \
                gateway.connect() as client, gateway.counting(LOGINS, backend="dovecot", result="failure", by=2):
            for _ in range(2):
                self.assertRegex(client.command(b"LOGIN anna wrong")[-1], rb"\At\d+ NO \[AUTHENTICATIONFAILED\]")
            self.assertEqual(service.users(), ["anna"])
            client.login("anna", WORDS["anna"])


class Scripted(unittest.TestCase):
    """Two backends; `old` is the default."""

    def setUp(self):
        self.old, self.new = self.enterContext(ScriptedBackend(obliging)), self.enterContext(ScriptedBackend(obliging))
        self.pools = {"old": self.old.backend(), "new": self.new.backend()}

    def start(self, url, lookup=None, users=None, **sections):
        return self.enterContext(Gateway(**({
            "workers": 1, "backends": self.pools,
            "users": {"lookup": {"url": url} | (lookup or {})} | (users or {})} | sections)))

    def comes_to(self, server, gateway, command=b"LOGIN anna x"):
        before = len(server.transcripts)
        with self.subTest(command), gateway.connect() as client:
            client.ok(command)
        self.assertEqual(len(server.transcripts), before + 1)
        self.assertIn(command, server.transcripts[-1])

    def is_unavailable(self, gateway, result, cause):
        """A login then: its own result, reason and line, and nothing that looks like a wrong password."""
        since = len(gateway.log())
        with gateway.connect() as client, gateway.counting(LOOKUPS, result=result), \
                gateway.counting("postern_sessions_total", end_reason="lookup_unavailable"), \
                gateway.counting("postern_failures_total", cause=cause):
            client.send(b"a LOGIN anna open-sesame\r\n")
            self.assertRegex(client.goodbye(), rb"\A\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n\Z")
        gateway.wait_for_log(rf"user lookup failed .*\breason={result}\b.*\bcause={cause}\b.*advice=", since)
        gateway.wait_for_log(rf"session ended .*\breason=lookup_unavailable\b.*\bcause={cause}\b", since)
        said = gateway.log()[since:]
        self.assertNotIn("anna", said)
        self.assertNotIn("open-sesame", said)
        self.assertIn(f"<h3>{cause} ", gateway.get("/status")[1])
        self.assertEqual(gateway.metrics().sum(HELD), 0)
        return said

    def test_each_failure_has_its_own_name(self):
        rows = (
            ("500", "service_failed", "lookup_service_failed", says(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")),
            ("not found", "service_failed", "lookup_service_failed", says(b"HTTP/1.1 404 Not Found\r\n\r\n")),
            ("WAIT", "service_failed", "lookup_service_failed", says(b"HTTP/1.0 200 OK\r\nAuth-Status: WAIT\r\nAuth-Wait: 1\r\n\r\n")),
            ("silence", "timed_out", "lookup_timed_out", says(then_waits=True)),
            ("half an answer", "timed_out", "lookup_timed_out", says(SAYS_OK, then_waits=True)),
            ("half a body", "timed_out", "lookup_timed_out", says(SAYS_OK + b"Content-Length: 9\r\n\r\nx", then_waits=True)),
            ("garbage", "invalid_answer", "lookup_invalid_answer", says(b"\x00\xff\x1b[2J" * 99)),
            ("IMAP", "invalid_answer", "lookup_invalid_answer", says(b"* OK ready\r\n", then_waits=True)),
            ("a page for people", "invalid_answer", "lookup_invalid_answer", says(b"HTTP/1.0 200 OK\r\n\r\n<html>")),
            ("cut off", "invalid_answer", "lookup_invalid_answer", says(SAYS_OK)),
            ("OK and no place", "invalid_answer", "lookup_invalid_answer", says(b"HTTP/1.0 200 OK\r\nAuth-Status: OK\r\n\r\n")),
            ("two places", "invalid_answer", "lookup_invalid_answer", says(SAYS_OK + b"Auth-Backend: old\r\n\r\n")),
            ("1 MB", "answer_too_large", "lookup_answer_too_large", says(SAYS_OK + b"\r\n", b"x" * 1_000_000)),
            ("1 MB announced", "answer_too_large", "lookup_answer_too_large",
             says(SAYS_OK + b"Content-Length: 1000000\r\n\r\n", then_waits=True)),
            ("1 MB of fields", "answer_too_large", "lookup_answer_too_large", says(SAYS_OK, b"X: y\r\n" * 170_000)),
            ("another backend", "unknown_backend", "lookup_unknown_backend",
             says(b"HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Backend: elsewhere\r\n\r\n")),
            ("another server", "unknown_backend", "lookup_unknown_backend",
             says(b"HTTP/1.0 200 OK\r\nAuth-Status: OK\r\nAuth-Server: 192.0.2.66\r\nAuth-Port: 143\r\n\r\n")),
        )
        for situation, result, cause, script in rows:
            timeout = "300ms" if result == "timed_out" else "20s"
            with self.subTest(situation), ScriptedBackend(script) as service, Gateway(
                    workers=1, backends=self.pools,
                    users={"lookup": {"url": f"http://{service.server}/", "timeout": timeout}}) as gateway:
                self.is_unavailable(gateway, result, cause)
        self.assertEqual(self.old.transcripts + self.new.transcripts, [])

    def test_a_service_that_is_away_and_comes_back(self):
        closed = self.enterContext(socket.socket())
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        gateway = self.start(f"http://127.0.0.1:{port}/")
        said = self.is_unavailable(gateway, "unreachable", "lookup_unreachable")
        self.assertIn("connection refused", said)
        closed.close()
        with ScriptedBackend(says(SAYS_OK + b"\r\n"), address=("127.0.0.1", port)):
            self.comes_to(self.new, gateway)

    def test_what_the_service_knows_comes_between_routes_of_users_and_of_domains(self):
        users = {"anna@moved.example": on("old"), "carl@moved.example": on("old"), "dora@other.example": on("new")}
        service = self.enterContext(Service(users))
        gateway = self.start(service.url, users={"default_domain": "moved.example"}, routes=[
            {"user": "*@moved.example", "backend": "new"}, {"user": "carl@moved.example", "backend": "new"}])
        self.comes_to(self.old, gateway, b"LOGIN Anna x")
        self.comes_to(self.new, gateway, b"LOGIN eva@moved.example x")
        self.comes_to(self.new, gateway, b"LOGIN carl x")
        self.comes_to(self.new, gateway, b"LOGIN dora@other.example*master x")
        self.comes_to(self.old, gateway, b"LOGIN nobody@other.example x")
        self.assertEqual(service.users(), ["anna@moved.example", "eva@moved.example", "dora@other.example", "nobody@other.example"])

    def test_asks_as_nginx_does_but_for_the_password(self):
        service = self.enterContext(Service({}))
        gateway = self.start(service.url)
        name = "b\u00e4rbel%41".encode()
        with gateway.connect() as client:
            client.literals(b"LOGIN ", name, b" ", b"open-sesame", b"")
        with gateway.connect() as client:
            client.ok(b"AUTHENTICATE PLAIN " + base64.b64encode(b"\0anna\0open-sesame"))
        host = f"127.0.0.1:{service.port}"
        must = {"path": "/where?of=imap", "Host": host, "Auth-Method": "none", "Auth-Protocol": "imap", "Auth-SSL": "on",
                "Client-IP": "127.0.0.1"}
        self.assertEqual(service.asked, [must | {"Auth-User": "b%C3%A4rbel%2541"}, must | {"Auth-User": "anna"}])

    def test_nobody_learns_which_names_the_service_knows(self):
        service = self.enterContext(Service({"anna": on("old")}))
        gateway = self.start(service.url)
        answers = set()
        for user in (b"anna", b"nobody") * 2:
            with gateway.connect() as client:
                answers.add(client.command(b"LOGIN %s wrong" % user)[-1])
        self.assertEqual(len(answers), 1, answers)
        self.assertEqual(service.users(), ["anna", "nobody"])

    def test_a_reload_forgets_what_the_service_has_said(self):
        service = self.enterContext(Service({"anna": on("old")}))
        gateway = self.start(service.url, lookup={"cache": "1h"})
        self.comes_to(self.old, gateway)
        service.places["anna"] = on("new")
        self.comes_to(self.old, gateway)
        gateway.reload()
        self.comes_to(self.new, gateway)
        self.assertEqual(len(service.asked), 2)
        self.assertEqual(gateway.metrics().sum(LOOKUPS, result="cached"), 1)

    def test_by_https_the_service_must_be_the_one_that_is_named(self):
        authority = Authority(self.enterContext(Folder("service")).path)
        for name, trusted, result in (("127.0.0.1", True, None), ("elsewhere.test", True, "not_secured"),
                                      ("127.0.0.1", False, "not_secured")):
            context = authority.leaf(name).server_context()
            with self.subTest(name, trusted=trusted), Service({"anna": on("new")}, context) as service, \
                    Gateway(workers=1, backends=self.pools, users={
                        "lookup": {"url": service.url} | ({"ca": str(authority.chain)} if trusted else {})}) as gateway:
                if result:
                    self.is_unavailable(gateway, result, "lookup_not_secured")
                    self.assertEqual(service.asked, [])
                else:
                    self.comes_to(self.new, gateway)
        with self.subTest("http at https"), Service({}) as service:
            gateway = self.start(service.url.replace("http:", "https:"), lookup={"ca": str(authority.chain)})
            self.is_unavailable(gateway, "not_secured", "lookup_not_secured")

    def test_many_at_once_ask_once_and_a_crowd_in_turns(self):
        let = threading.Event()

        def script(peer):
            while peer.line() != b"\r\n":
                pass
            let.wait(20)
            peer.send(SAYS_OK + b"\r\n")

        service = self.enterContext(ScriptedBackend(script))
        gateway = self.start(f"http://{service.server}/", lookup={"timeout": "20s"})
        with contextlib.ExitStack() as stack:
            same = [stack.enter_context(gateway.connect()) for _ in range(10)]
            others = [stack.enter_context(gateway.connect()) for _ in range(100)]
            for client in same:
                client.send(b"a LOGIN anna x\r\n")
            for number, client in enumerate(others):
                client.send(b"a LOGIN user%d x\r\n" % number)
            service.wait_for_connections(64)
            others.pop(3).close()
            let.set()
            for client in (*same, *others):
                self.assertEqual(client.line(), b"a OK done\r\n")
        self.assertLessEqual(len(service.transcripts), 101)
        self.assertEqual(sum(b"Auth-User: anna\r\n" in said for said in service.transcripts), 1)

    def test_a_client_that_leaves_takes_its_question_with_it(self):
        service = self.enterContext(ScriptedBackend(lambda peer: peer.until_gone()))
        gateway = self.start(f"http://{service.server}/", lookup={"timeout": "1h"})
        with gateway.connect() as client:
            client.send(b"a LOGIN anna x\r\n")
            wait_until(lambda: service.transcripts and service.transcripts[0].endswith(b"\r\n\r\n"), "a question")
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a close is a reset
        gateway.wait_for_metric("postern_sessions_active", 0)
        gateway.stop()

    def test_check_names_the_service_and_each_fault_of_its_url(self):
        gateway = self.start("http://127.0.0.1:8080/where?key=hidden")
        status, words = check(gateway.path)
        self.assertEqual(status, 0, words)
        self.assertIn("users        0 by map; all others by lookup at 127.0.0.1:8080, by route, or old", words)
        self.assertNotIn("hidden", words)
        for url, fault in (("127.0.0.1:8080", "begins neither with http:// nor with https://"),
                           ("http://a:b@127.0.0.1/", "has an @ before its path"),
                           ("http://127.0.0.1:http/", "users.lookup.url: "), ("http://[::1/", "users.lookup.url: ")):
            with self.subTest(url):
                gateway.configure(users={"lookup": {"url": url}})
                status, words = check(gateway.path)
                self.assertEqual(status, 2)
                self.assertRegex(words, rf"postern\.yaml:\d+: .*{fault}")


if __name__ == "__main__":
    unittest.main()
