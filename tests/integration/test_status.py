"""The page of the admin endpoint that says what is wrong: failures are provoked with a real server, and read as JSON."""

import base64
import contextlib
import hashlib
import html.parser
import json
import socket
import ssl
import sys
import time
import unittest

from harness import Authority, Client, Folder, Gateway, Impatient, ScriptedBackend, sanitized, wait_until
from harness.odd_files import Authorities

BOUND_MS = 20


class Page(html.parser.HTMLParser):
    """What of a page a browser would load or run, and its style."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.style, self._in_style = set(), set(), "", False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self._in_style = tag == "style"

    def handle_data(self, data):
        if self._in_style:
            self.style += data
        self._in_style = False


def trusting():
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Status(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.resources = contextlib.ExitStack()
        cls.addClassCleanup(cls.resources.close)
        folder = cls.resources.enter_context(Folder("status")).path
        authority = Authority(folder / "authority")
        authorities = Authorities(folder)
        cls.server = cls.resources.enter_context(Impatient(authority))
        old = authorities.leaf(age=85)  # five days of ninety are left
        backends = {"mail": {"servers": [f"{cls.server.host}:143"]},
                    "refusing": {"servers": [f"127.0.0.1:{closed_port()}"]},
                    "unknown": {"servers": ["no-such-host.invalid"]},
                    "never": {"servers": ["127.0.0.1:143"]}}
        cls.gateway = cls.resources.enter_context(Gateway(
            backends=backends, default_backend="mail", timeouts={"drain": "2s", "connect": "2s"},
            routes=[{"sni": f"{name}.test", "backend": name} for name in ("refusing", "unknown", "never")],
            limits={"login_failures": {"max": 2, "per": "1h", "ban": "1h", "delay": "0s"}},
            tls={"policy": "intermediate", "shadow_policy": "modern", "certificates": [
                authority.leaf("postern.test").files,
                {"chain": str(old.certificate), "key": str(old.key_file)}]}))

    def status(self):
        with self.gateway.ask("/status.json") as answer:
            self.assertEqual(answer.headers["Content-Type"], "application/json")
            return json.load(answer)

    def group(self, cause, backend=""):
        """The failures of this cause, once there are any."""
        found = []

        def look():
            found[:] = [one for one in self.status()["failures"] if (one["cause"], one["backend"]) == (cause, backend)]
            return found
        wait_until(look, lambda: f"{cause} of {backend!r} in {self.status()['failures']}")
        return found[0]

    def connect(self, source="127.0.0.1", server_name="postern.test", context=None):
        client = self.enterContext(Client(socket.create_connection(self.gateway.address(), 20, (source, 0))))
        client.secure(context or trusting(), server_name)
        return client

    def fail_to_log_in(self, source, times):
        client = self.connect(source)
        client.response()
        for _ in range(times):
            self.assertIn(b" NO ", client.command(b"LOGIN anna not-this-secret")[-1])

    def test_a_wrong_password(self):
        self.fail_to_log_in("127.0.2.1", 1)
        group = self.group("login_failed", "mail")
        self.assertEqual((group["at_fault"], group["client"]), ("client", "127.0.2.1"))
        self.assertIn("wrong user name or password", group["explanation"])
        self.assertIn("One user: the password", group["fix"])

    def test_a_backend_that_refuses(self):
        self.assertIn(b"* BYE [UNAVAILABLE]", self.connect("127.0.2.2", "refusing.test").goodbye())
        group = self.group("backend_connection_refused", "refusing")
        self.assertEqual(group["at_fault"], "backend")
        self.assertIn("Start the server", group["fix"])
        self.assertEqual(self.group("backend_unavailable", "refusing")["client"], "127.0.2.2")
        backend = next(one for one in self.status()["backends"] if one["backend"] == "refusing")
        address = backend["servers"][0]["addresses"][0]
        self.assertIn(address["state"], ("suspect", "down"))
        self.assertAlmostEqual(address["since"], time.time(), delta=60)

    def test_an_unknown_name(self):
        self.assertIn(b"* BYE [UNAVAILABLE]", self.connect(server_name="unknown.test").goodbye())
        causes = {"backend_name_not_found", "name_server_unavailable"}  # the latter without a name server
        wait_until(lambda: causes & {one["cause"] for one in self.status()["failures"] if one["backend"] == "unknown"},
                   self.status)

    def test_a_certificate_that_ends_soon(self):
        status = self.status()
        old = next(one for one in status["certificates"] if one["names"] == ["mail.test"])
        self.assertEqual(old["lifetime"], "ending")
        self.assertAlmostEqual(old["not_after"] - status["now"], 5 * 86400, delta=3600)
        finding = next(one for one in status["findings"] if one["subject"].startswith("certificate "))
        self.assertEqual(finding["at_fault"], "operator")
        self.assertIn("expires soon", finding["what"])

    def test_a_banned_address(self):
        self.fail_to_log_in("127.0.2.5", 2)
        with socket.create_connection(self.gateway.address("starttls"), 20, ("127.0.2.5", 0)) as again:
            self.assertIn(b"Too many failed logins", again.recv(1000))
        group = self.group("banned")
        self.assertEqual(group["client"], "127.0.2.5")
        status = self.status()
        ban = next(one for one in status["bans"] if one["client"] == "127.0.2.5")
        self.assertAlmostEqual(ban["until"], time.time() + 3600, delta=60)
        self.assertGreaterEqual(status["bans_begun"], 1)
        self.assertIn(("banned", "127.0.2.5"), {(one["cause"], one["client"]) for one in status["recent"]})

    def test_a_client_that_a_stricter_policy_would_cut_off(self):
        old = trusting()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        self.connect("127.0.2.6", context=old).response()
        def found():
            status = self.status()
            return all("127.0.2.6" in {client["client"] for client in policy["last"]}
                       for policy in status["stricter"] if policy["known"])
        wait_until(found, lambda: self.status()["stricter"])
        policies = {one["policy"]: one for one in self.status()["stricter"]}
        self.assertGreaterEqual(policies["tls_1_3_only"]["refused"], 1)
        self.assertGreaterEqual(policies["shadow_policy"]["refused"], 1)

    def test_what_changes(self):
        self.gateway.reload()
        wait_until(lambda: "reloaded" in {one["event"] for one in self.status()["changes"]}, self.status)

    def test_a_server_that_was_never_tried(self):
        backend = next(one for one in self.status()["backends"] if one["backend"] == "never")
        self.assertEqual(backend["servers"][0]["state"], "untried")

    def test_no_secret(self):
        self.fail_to_log_in("127.0.2.7", 1)
        self.group("login_failed", "mail")
        for path in ("/status", "/status.json"):
            text = self.gateway.get(path)[1]
            self.assertNotIn("not-this-secret", text)
            self.assertNotIn("anna", text)

    def test_a_page_that_needs_nothing_else(self):
        with self.gateway.ask("/status", Accept="text/html,*/*;q=0.8") as answer:
            text = answer.read().decode()
            headers = answer.headers
        self.assertEqual(headers["Content-Type"], "text/html; charset=utf-8")
        self.assertEqual(headers["Cache-Control"], "no-store")
        page = Page(text)
        self.assertFalse(page.tags & {"script", "link", "img", "iframe", "form", "base", "object"})
        self.assertFalse({one for one in page.attributes if one.startswith("on")} | page.attributes & {"style", "src"})
        digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
        self.assertIn(f"style-src 'sha256-{digest}'", headers["Content-Security-Policy"], "kStyleHash of the style")
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        with self.gateway.ask("/status", Accept="application/json") as answer:
            self.assertEqual(json.load(answer)["version"], 1)

    def test_it_is_quick_while_clients_come_and_go(self):
        for path in ("/status", "/status.json", "/metrics"):
            took = []
            for _ in range(40):
                self.connect("127.0.2.8").close()
                begin = time.monotonic()
                status, text = self.gateway.get(path)
                took.append(1000 * (time.monotonic() - begin))
                self.assertEqual(status, 200)
            print(f"{path}, {len(text)} bytes: {min(took):.1f} to {max(took):.1f} ms", file=sys.stderr)
            if not sanitized():
                self.assertLess(min(took), BOUND_MS)


class Health(unittest.TestCase):
    def test_what_a_server_is_and_since_when(self):
        with ScriptedBackend() as backend, Gateway(backends={"mail": backend.backend()}) as gateway:
            def state():
                status = json.loads(gateway.get("/status.json")[1])
                return status["verdict"]["state"], status["backends"][0]["servers"][0]["state"]
            self.assertEqual(state(), ("good", "untried"))
            gateway.connect().close()
            self.assertEqual(state(), ("good", "up"))


if __name__ == "__main__":
    unittest.main()
