"""Actions of the admin endpoint, with a real Dovecot: who may, what each does, and what the log says of it."""

import contextlib
import http.client
import json
import pathlib
import secrets
import socket
import statistics
import sys
import time
import unittest
import urllib.parse

from harness import Authority, Client, Dovecot, Folder, Gateway, wait_until
from harness.gateway import BINARY, postern
from harness.processes import run

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "deploy"))
from blocks import block  # noqa: E402

TOKEN = secrets.token_urlsafe(48)
REQUESTS = "postern_admin_requests_total"
TRIES = 1000


def act(gateway, action, token=TOKEN, method="POST", accept=None, **fields):
    """(status, answer) of an action; the answer as JSON is read."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    headers |= {"Authorization": f"Bearer {token}"} if token is not None else {}
    headers |= {"Accept": accept} if accept else {}
    client = http.client.HTTPConnection(*gateway.admin, timeout=20)
    with contextlib.closing(client):
        body = urllib.parse.urlencode({name.rstrip("_"): value for name, value in fields.items()})
        client.request(method, f"/v1/{action}", body if method == "POST" else None, headers)
        answer = client.getresponse()
        text = answer.read().decode()
        return answer.status, json.loads(text) if answer.headers["Content-Type"] == "application/json" else text


class Actions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.resources = contextlib.ExitStack()
        cls.addClassCleanup(cls.resources.close)
        folder = cls.resources.enter_context(Folder("actions")).path
        authority = Authority(folder / "authority")
        cls.servers = [cls.resources.enter_context(Dovecot(authority)) for _ in range(2)]
        cls.token_file = folder / "admin.token"
        cls.token_file.write_text(TOKEN + "\n", encoding="ascii")
        cls.token_file.chmod(0o600)
        cls.gateway = cls.resources.enter_context(cls.start(cls.token_file))

    @classmethod
    def start(cls, token_file=None, **sections):
        admin = {"address": "127.0.0.1:0"} | ({"token_file": str(token_file)} if token_file else {})
        pool = {"servers": [f"{server.host}:143" for server in cls.servers], "tls": "none"}
        return Gateway(backends={"mail": pool}, admin=admin, **sections)

    def setUp(self):
        self.since = len(self.gateway.log())

    def done(self, action, count=None, **fields):
        status, answer = act(self.gateway, action, **fields)
        self.assertEqual((status, answer.get("version"), answer.get("action")), (200, 1, action), answer)
        if count is not None:
            self.assertEqual(answer["done"], count, answer)
        return answer

    def fails(self, status, words, action, **fields):
        found, answer = act(self.gateway, action, **fields)
        text = answer if isinstance(answer, str) else answer["error"]
        self.assertEqual(found, status, text)
        self.assertIn(words, text)

    def audited(self, pattern):
        self.gateway.wait_for_log(r"admin action " + pattern, self.since)

    def login(self, source="127.0.0.1"):
        client = self.enterContext(Client(socket.create_connection(self.gateway.address(), 20, (source, 0))))
        client.secure(self.gateway.client_context(), "postern.test")
        client.response()
        client.login()
        return client

    def sessions_at(self, server):
        return self.gateway.metrics().sum("postern_backend_sessions_active", server=f"{server.host}:143")


class WhoMay(Actions):
    def test_nobody_without_the_token(self):
        server = f"{self.servers[0].host}:143"
        with self.gateway.counting(REQUESTS, path="/v1/drain", code="401", by=5):
            for token in (None, "", "x", TOKEN[:-1], TOKEN + "x"):
                self.fails(401, "TOKEN" if not token else "not the token", "drain", token=token, server=server)
        self.assertEqual(self.gateway.metrics().sum("postern_backend_server_state", state="draining"), 0)
        self.gateway.wait_for_log(r"warn +admin action refused action=drain client=127\.0\.0\.1 "
                                  r'reason="this is not the token', self.since)
        self.assertNotIn(TOKEN[:-1], self.gateway.log())

    def test_nobody_where_there_is_no_token(self):
        with self.start() as gateway:
            status, answer = act(gateway, "reload")
            self.assertEqual(status, 403)
            self.assertIn("admin.token_file", answer["error"])
            self.assertEqual(act(gateway, "bans", method="GET")[0], 403)
            self.assertEqual(gateway.metrics().sum("postern_config_reloads_total"), 0)

    def test_no_browser_by_a_form(self):
        client = http.client.HTTPConnection(*self.gateway.admin, timeout=20)
        with contextlib.closing(client):
            client.request("POST", f"/v1/reload?token={TOKEN}", f"token={TOKEN}&authorization=Bearer+{TOKEN}",
                           {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example",
                            "Cookie": f"token={TOKEN}; Authorization=Bearer {TOKEN}"})
            answer = client.getresponse()
            self.assertEqual((answer.status, answer.headers["WWW-Authenticate"]), (401, 'Bearer realm="postern"'))
            answer.read()
            client.request("OPTIONS", "/v1/reload", headers={"Origin": "https://evil.example",
                           "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"})
            preflight = client.getresponse()
            self.assertEqual((preflight.status, preflight.headers["Allow"]), (405, "POST"))
            for one in (answer, preflight):
                self.assertFalse([name for name in one.headers if name.lower().startswith("access-control")])

    def test_the_pages_need_none(self):
        for path in ("/", "/live", "/ready", "/metrics", "/status", "/status.json"):
            self.assertEqual(self.gateway.get(path)[0], 200, path)

    def test_wrong_tokens_tell_nothing_by_time(self):
        """Wrong in the first octet, in the last one, and in all."""
        other = "a" if TOKEN[0] != "a" else "b"
        last = "a" if TOKEN[-1] != "a" else "b"
        tokens = {"first": other + TOKEN[1:], "last": TOKEN[:-1] + last, "all": secrets.token_urlsafe(48)}
        times = {name: [] for name in tokens}
        client = http.client.HTTPConnection(*self.gateway.admin, timeout=20)
        for number in range(TRIES):
            for name, token in tokens.items():
                if number % 20 == 0:
                    client.close()
                    client.connect()
                    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                headers = {"Authorization": f"Bearer {token}"}
                began = time.perf_counter()
                client.request("POST", "/v1/reload", headers=headers)
                answer = client.getresponse()
                answer.read()
                times[name].append(time.perf_counter() - began)
                self.assertEqual(answer.status, 401)
        client.close()
        medians = {name: statistics.median(all_of) for name, all_of in times.items()}
        noise = max(statistics.quantiles(all_of, n=4)[2] - statistics.quantiles(all_of, n=4)[0]
                    for all_of in times.values())
        print({name: f"{1e6 * median:.1f} us" for name, median in medians.items()}, f"quartiles apart {1e6 * noise:.1f} us")
        self.assertLess(max(medians.values()) - min(medians.values()), max(noise / 2, 5e-6))

    def test_a_reload_takes_another_token_and_a_bad_one_is_named(self):
        folder = self.enterContext(Folder("token")).path
        file = folder / "token"
        file.write_text("a" * 40, encoding="ascii")
        with self.start(file) as gateway:
            self.assertEqual(act(gateway, "reload", token="a" * 40)[0], 200)
            self.assertRegex(gateway.log(), r"warn .*token_file .*can be read by every user of this machine")
            file.write_text("b" * 40, encoding="ascii")
            wait_until(lambda: act(gateway, "bans", token="b" * 40, method="GET")[0] == 200, "the new token")
            self.assertEqual(act(gateway, "reload", token="a" * 40)[0], 401)
            file.write_text("short", encoding="ascii")
            status, answer = act(gateway, "reload", token="b" * 40)
            self.assertEqual(status, 409)
            self.assertRegex(answer["error"], r"postern\.yaml:\d+: token_file .* holds 5 octets, but a token has 32 to 1024")


class WhatIsAsked(Actions):
    def test_in_words_what_is_wrong(self):
        server = f"{self.servers[0].host}:143"
        for status, words, action, fields in (
                (404, "no such action", "explode", {}),
                (405, "only POST", "drain", {"method": "GET"}),
                (405, "only GET", "bans", {}),
                (400, "server is missing", "drain", {}),
                (400, '"srv" is no field of this action; it has server, backend', "drain", {"srv": server}),
                (404, '"nowhere:143" is no server', "drain", {"server": "nowhere:143"}),
                (404, '"male" is no backend; did you mean "mail"?', "drain", {"server": server, "backend": "male"}),
                (400, "one of client, backend and server", "end-sessions", {}),
                (400, "has address bits after its prefix; write 10.0.0.0/8", "end-sessions", {"client": "10.0.0.1/8"}),
                (400, "is not an IP address", "ban", {"client": "all"}),
                (400, "is not a duration from 1s to 24h", "ban", {"client": "192.0.2.7", "for_": "1w"}),
                (404, "192.0.2.77 is not banned", "unban", {"client": "192.0.2.77"}),
                (400, "is none of debug, info, warn, error", "log-level", {"level": "loud"}),
                (413, "4096", "ban", {"client": "1" * 5000})):
            with self.subTest(action, words=words):
                self.fails(status, words, action, **fields)
        self.audited(r'action=drain asked="?server=nowhere:143"? client=127\.0\.0\.1 result=failed count=0 fault=')

    def test_in_lines_for_people(self):
        status, text = act(self.gateway, "ban", accept="text/plain", client="192.0.2.9", for_="1h")
        self.assertRegex(text, r"\Aban: 1 ban\n192\.0\.2\.9 until \S+Z by admin\n\Z")
        status, text = act(self.gateway, "bans", method="GET", accept="text/plain")
        self.assertRegex(text, r"\Abans: \d+ bans?\n(.*\n)*192\.0\.2\.9 until \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ by admin\n")
        self.assertEqual(act(self.gateway, "unban", accept="text/plain", client="192.0.2.9")[0], 200)
        self.assertEqual(act(self.gateway, "unban", accept="text/plain", client="192.0.2.9"),
                         (404, "unban: 192.0.2.9 is not banned\n"))


class WhatIsDone(Actions):
    def test_a_server_drains_and_serves_again(self):
        first, second = self.servers
        name = f"{first.host}:143"
        self.done("drain", 1, server=name)
        self.done("drain", 0, server=name, backend="mail")
        self.gateway.wait_for_metric("postern_backend_server_state", 1, {"server": name, "state": "draining"})
        clients = [self.login() for _ in range(6)]
        self.assertEqual((self.sessions_at(first), self.sessions_at(second)), (0, 6))
        self.assertIn(f"mail {name} draining", self.gateway.get("/ready")[1])
        self.gateway.reload()
        self.done("drain", 0, server=name)  # a reload keeps it
        self.done("undrain", 1, server=name)
        clients += [self.login() for _ in range(6)]
        self.assertGreater(self.sessions_at(first), 0)
        self.audited(rf'action=drain asked="?server={name}"? client=127\.0\.0\.1 result=done count=1')
        self.assertIn("admin action", self.gateway.get("/status")[1])
        for client in clients:
            client.ok(b"NOOP")

    def test_what_drains_by_the_configuration_is_not_undrained(self):
        names = [f"{server.host}:143" for server in self.servers]
        pool = {"servers": [{"address": names[0], "drain": True}, names[1]], "tls": "none"}
        with Gateway(backends={"mail": pool}, admin={"address": "127.0.0.1:0", "token_file": str(self.token_file)}) as gateway:
            status, answer = act(gateway, "undrain", server=names[0])
            self.assertEqual(status, 409)
            self.assertIn("by the configuration", answer["error"])

    def test_sessions_end_by_their_client(self):
        staying, going = self.login(), [self.login("127.0.3.1"), self.login("127.0.3.2")]
        busy = self.login("127.0.3.3")
        busy.send(b"i IDLE\r\n")
        busy.line()
        with self.gateway.counting("postern_sessions_total", end_reason="drained", by=3):
            self.done("end-sessions", 3, client="127.0.3.0/24")
            for client in going:
                self.assertRegex(client.goodbye(), rb"\A\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n\Z")
            self.assertRegex(busy.goodbye(), rb"\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n\Z")
        staying.ok(b"NOOP")
        self.done("end-sessions", 0, client="127.0.3.1")
        self.audited(r'action=end-sessions asked="?client=127\.0\.3\.0/24"? client=127\.0\.0\.1 result=done count=3')

    def test_sessions_end_by_their_server_and_backend(self):
        clients = [self.login("127.0.4.1") for _ in range(6)]
        first = self.servers[0]
        at_first = int(self.sessions_at(first))
        self.assertGreater(at_first, 0)
        self.done("end-sessions", at_first, server=f"{first.host}:143")
        self.gateway.wait_for_metric("postern_backend_sessions_active", 0, {"server": f"{first.host}:143"})
        left = int(self.gateway.metrics().sum("postern_sessions_authenticated"))
        self.assertGreater(left, 0)
        self.done("end-sessions", left, backend="mail", client="0.0.0.0/0")
        for client in clients:
            self.assertIn(b"* BYE [UNAVAILABLE]", client.goodbye())

    def refused(self, source):
        with socket.create_connection(self.gateway.address("starttls"), 20, (source, 0)) as connection:
            return connection.recv(4096).startswith(b"* BYE [LIMIT]")

    def test_a_client_is_banned_and_pardoned(self):
        logged_in = self.login("127.0.5.1")
        self.done("ban", 1, client="127.0.5.1", for_="1h")
        self.assertTrue(self.refused("127.0.5.1"))
        self.assertFalse(self.refused("127.0.5.2"))
        logged_in.ok(b"NOOP")  # a ban ends no session
        bans = {ban["client"]: ban for ban in self.done("bans", method="GET")["bans"]}
        self.assertAlmostEqual(bans["127.0.5.1"]["until"], time.time() + 3600, delta=60)
        self.assertEqual(bans["127.0.5.1"]["by"], "admin")
        self.done("ban", 1, client="2001:db8::5")
        self.assertIn("2001:db8::/64", {ban["client"] for ban in self.done("bans", method="GET")["bans"]})
        self.done("unban", 1, client="2001:db8::77")  # of the same /64
        self.done("unban", 1, client="127.0.5.1")
        self.assertFalse(self.refused("127.0.5.1"))

    def test_the_example_of_the_documentation(self):
        command = block("docs/operation.md", "-d client=192.0.2.7").text.replace("/etc/postern/admin.token", str(self.token_file))
        host, port = self.gateway.admin
        answer = json.loads(run("bash", "-ec", command.replace("127.0.0.1:9143", f"{host}:{port}").replace("curl", "curl -sS")))
        until = answer.pop("bans")[0]["until"]
        self.assertEqual(answer, {"version": 1, "action": "ban", "done": 1})
        self.assertGreater(until, time.time())

    def admin(self, *words):
        return postern("admin", *words)

    def test_by_the_command_line(self):
        file, address = self.gateway.path, "%s:%s" % self.gateway.admin
        words = ("--address", address, "--token-file", self.token_file)
        self.assertRegex(self.admin(*words, "ban", "client=192.0.2.55", "for=1h")[1], r"\Aban: 1 ban\n192\.0\.2\.55 until ")
        self.assertIn("192.0.2.55 until", self.admin("bans", *words)[1])
        status, text = self.admin(*words, "--json", "unban", "client=192.0.2.55")
        self.assertEqual((status, json.loads(text)), (0, {"version": 1, "action": "unban", "done": 1}))
        self.assertEqual(self.admin(*words, "unban", "client=192.0.2.55"), (1, "unban: 192.0.2.55 is not banned\n"))
        self.assertEqual(self.admin("--config", file, "--address", f"localhost:{self.gateway.admin[1]}", "reload"),
                         (0, "reload: done\n"))
        self.audited("action=reload client=127.0.0.1 result=done")
        wrong = self.token_file.with_name("wrong.token")
        wrong.write_text("w" * 40, encoding="ascii")
        status, text = self.admin("--address", address, "--token-file", wrong, "reload")
        self.assertEqual((status, text), (1, "reload: this is not the token of admin.token_file\n"))

    def test_the_command_line_says_what_is_wrong(self):
        words = ("--address", "%s:%s" % self.gateway.admin, "--token-file", self.token_file)
        imap = "%s:%s" % self.gateway.address("starttls")
        with socket.create_server(("127.0.0.1", 0)) as silent:
            for status, said, command in (
                    (2, "admin needs an action", words),
                    (2, '"explode" is no action; there are drain,', (*words, "explode")),
                    (2, '"client" is no field of an action; write NAME=VALUE', (*words, "ban", "client")),
                    (2, "name the gateway's file with --config, or --address and --token-file", ("reload",)),
                    (2, '"nowhere" is no HOST:PORT', ("--address", "nowhere", "--token-file", "x", "reload")),
                    (2, "admin takes no --listen", (*words, "reload", "--listen", "127.0.0.1:1")),
                    (1, "cannot be read: No such file", ("--address", "127.0.0.1:1", "--token-file", "/none", "reload")),
                    (1, "refused", ("--address", "127.0.0.1:1", "--token-file", self.token_file, "reload")),
                    (1, "what answers is no postern", ("--address", imap, "--token-file", self.token_file, "reload")),
                    (1, "no answer in time", ("--address", "127.0.0.1:%d" % silent.getsockname()[1],
                                              "--token-file", self.token_file, "--timeout", "200ms", "reload"))):
                with self.subTest(said):
                    found, text = self.admin(*command)
                    self.assertEqual(found, status, text)
                    self.assertIn(said, text)

    def test_the_commands_of_the_documentation(self):
        words = block("docs/operation.md", "postern admin --config").text
        commands = words.replace("/etc/postern/postern.yaml", f"{self.gateway.path} --address %s:%s" % self.gateway.admin)
        text = run("bash", "-ec", commands.replace("postern admin", f"{BINARY} admin"))
        self.assertRegex(text, r"\Aban: 1 ban\n\S+ until \S+ by admin\nbans: \d+ bans?\n")

    def test_a_ban_ends_on_time(self):
        began = time.monotonic()
        self.done("ban", 1, client="127.0.5.9", for_="1s")
        self.assertTrue(self.refused("127.0.5.9"))
        wait_until(lambda: not self.refused("127.0.5.9"), "the end of the ban")
        self.assertGreater(time.monotonic() - began, 0.9)
        self.assertLess(time.monotonic() - began, 10)

    def test_the_logs_level(self):
        self.done("log-level", level="error")
        self.audited(r"action=log-level asked=\"?level=error\"? client=127\.0\.0\.1 result=done")
        quiet = len(self.gateway.log())
        self.login().ok(b"LOGOUT")
        self.assertEqual(self.gateway.log()[quiet:], "")
        self.done("log-level", level="debug")
        self.login().ok(b"NOOP")
        self.gateway.wait_for_log(r"client accepted", quiet)

    def test_a_reload(self):
        with self.gateway.counting("postern_config_reloads_total", result="success"):
            self.done("reload")
        good = self.gateway.path.read_text(encoding="utf-8")
        self.gateway.path.write_text(good.replace('"workers"', '"wrokers"'), encoding="utf-8")
        with self.gateway.counting("postern_config_reloads_total", result="error"):
            self.fails(409, 'did you mean "workers"?', "reload")
        self.gateway.path.write_text(good, encoding="utf-8")
        self.done("reload")


if __name__ == "__main__":
    unittest.main()
