"""`postern check --preflight`: each trap that real servers can set has its own cause and fix; healthy ones have none."""

import contextlib
import json
import re
import socket
import unittest

from harness import Authority, Courier, Cyrus, Dovecot, Folder, Gateway, GuardedDovecot, ScriptedBackend, check, wait_until
from harness.traps import greets, http, preauth

HOPS = ("none", "starttls", "implicit")


class GuardedCourier(Courier):
    """Port 1143 has no STARTTLS, 1144 no login without it, and 1145 serves one connection of an address."""

    def set_up(self):
        more = "".join(f"{settings} &\n" for settings in (
            f"IMAP_STARTTLS=NO listen 1143 {self.folder}/imaplogin",
            f"IMAP_TLS_REQUIRED=1 IMAP_STARTTLS=YES listen 1144 {self.folder}/imaplogin",
            f"IMAP_STARTTLS=YES listen -maxperip=1 1145 {self.folder}/imaplogin"))
        head, last, tail = super().set_up().rpartition("IMAP_STARTTLS=YES listen 143")
        return head + more + last + tail

    def connection(self, port):
        """To a port that is opened beside the one for which the start waits."""
        def connected():
            with contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection((self.host, port), 10)
            return None
        return wait_until(connected, lambda: f"port {port}")


class GuardedCyrus(Cyrus):
    def write(self, name, text, owner=None):
        return super().write(name, text.replace("allowplaintext: yes", "allowplaintext: no"), owner)

    def create_users(self):
        """Nobody gets in."""


class Preflight(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        enter = cls.enterClassContext
        cls.folder = enter(Folder("preflight")).path
        cls.authority = Authority(cls.folder / "authority")
        cls.leaf = cls.authority.leaf("postern.test")

    def preflight(self, backends):
        """(exit status, {backend: finding}, all that was said)"""
        path = self.folder / "postern.yaml"
        path.write_text(json.dumps({
            "listeners": [{"address": "127.0.0.1:0"}], "tls": {"certificates": [self.leaf.files]},
            "backends": backends, "default_backend": next(iter(backends)), "timeouts": {"connect": "5s"}}), encoding="utf-8")
        status, said = check(path, "--preflight")
        return status, dict(re.findall(r"^postern: backends\.(\w+): \S+: (.*)$", said, re.M)), said

    def expect(self, backends, wanted):
        status, found, said = self.preflight(backends)
        self.assertEqual(status, 1, said)
        for name, (cause, *words) in wanted.items():
            with self.subTest(name):
                self.assertTrue(found.get(name, "nothing").startswith(cause + ": "), found.get(name, said))
                for word in words:
                    self.assertIn(word, found[name])

    def test_a_healthy_pool_has_no_finding(self):
        servers = [self.enterContext(kind(self.authority)) for kind in (Dovecot, Courier, Cyrus)]
        backends = {f"{server.name}_{hop}": server.backend(hop) for server in servers for hop in HOPS}
        status, found, said = self.preflight(backends)
        self.assertEqual((status, found), (0, {}), said)
        self.assertEqual(len(re.findall(r"^preflight .*: usable$", said, re.M)), len(backends))

    def test_the_traps_of_dovecot(self):
        server = self.enterContext(GuardedDovecot(self.authority))
        stranger = Authority(self.folder / "stranger")
        proxied = {"servers": [f"{server.host}:1143"]}
        self.expect({
            "clear": server.backend(),
            "header_missing": proxied,
            "header_given": proxied | {"client_identity": "proxy_v2"},
            "header_v1": server.backend(client_identity="proxy_v1"),
            "header_v2": server.backend(client_identity="proxy_v2"),
            "plain_port": server.backend(tls="implicit", verify="none"),
            "tls_port": {"servers": [f"{server.host}:993"]},
            "other_name": server.backend("implicit", verify={"ca": str(self.authority.chain), "name": "other.test"}),
            "stranger": server.backend("starttls", verify={"ca": str(stranger.chain), "name": "dovecot.test"}),
            "nobody": {"servers": [f"{server.host}:144"]},
        }, {
            "clear": ("backend_privacy_required", "login_trusted_networks", "haproxy_trusted_networks"),
            "header_missing": ("backend_proxy_header_expected", "client_identity: proxy_v2"),
            "header_v1": ("backend_proxy_header_unexpected", "haproxy = yes"),
            "header_v2": ("backend_proxy_header_unexpected", "haproxy = yes"),
            "plain_port": ("backend_speaks_plain", "993"),
            "tls_port": ("backend_speaks_tls", "tls: implicit"),
            "other_name": ("backend_certificate_name_mismatch", "other.test", "dovecot.test", "verify.name"),
            "stranger": ("backend_certificate_untrusted", "verify.ca"),
            "nobody": ("backend_connection_refused",),
        })
        self.assertEqual(self.preflight({"header_given": proxied | {"client_identity": "proxy_v2"}})[:2], (0, {}))

    def test_the_traps_of_courier(self):
        server = self.enterContext(GuardedCourier(self.authority))
        verify = {"ca": str(self.authority.chain), "name": "courier.test"}
        for port in (1143, 1144):
            server.connection(port).close()
        with contextlib.closing(server.connection(1145)) as held:
            held.recv(1)
            self.expect({
                "no_starttls": {"servers": [f"{server.host}:1143"], "tls": "starttls", "verify": verify},
                "clear": {"servers": [f"{server.host}:1144"]},
                "many": {"servers": [f"{server.host}:1145"]},
                "header": server.backend(client_identity="proxy_v1"),
                "plain_port": server.backend(tls="implicit", verify="none"),
                "tls_port": {"servers": [f"{server.host}:993"]},
            }, {
                "no_starttls": ("backend_starttls_missing",),
                "clear": ("backend_privacy_required", "IMAP_TLS_REQUIRED=0"),
                "many": ("backend_connection_closed", "MAXPERIP"),
                "header": ("backend_proxy_header_unexpected", "client_identity"),
                "plain_port": ("backend_speaks_plain",),
                "tls_port": ("backend_speaks_tls",),
            })

    def test_the_traps_of_cyrus(self):
        server = self.enterContext(GuardedCyrus(self.authority))
        self.expect({
            "clear": server.backend(),
            "header": server.backend("starttls", client_identity="proxy_v2"),
            "tls_port": {"servers": [f"{server.host}:993"]},
        }, {
            "clear": ("backend_privacy_required", "allowplaintext: yes"),
            "header": ("backend_proxy_header_unexpected", "client_identity"),
            "tls_port": ("backend_speaks_tls",),
        })

    def test_what_is_no_server_for_it(self):
        scripts = {
            "pop3": (greets(b"+OK ready\r\n"), "backend_speaks_pop3", "110"),
            "smtp": (greets(b"220 mail.test ESMTP\r\n"), "backend_speaks_smtp", "587"),
            "http": (http, "backend_speaks_http"),
            "preauth": (preauth, "backend_preauth"),
            "full": (greets(b"* BYE Too many connections\r\n"), "backend_address_limit", "maxlogins_per_host"),
            "silent": (lambda peer: peer.until_gone(), "backend_greeting_timeout"),
        }
        answers = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n%s OK done\r\n"}

        def exchange(peer):
            peer.send(b"* OK The Microsoft Exchange IMAP4 service is ready.\r\n")
            peer.serve(answers)

        scripts["exchange"] = (exchange, "backend_privacy_required", "Set-ImapSettings")
        servers = {name: self.enterContext(ScriptedBackend(script[0])) for name, script in scripts.items()}
        self.expect({name: {"servers": [server.server]} for name, server in servers.items()} |
                    {"unknown": {"servers": ["no-such-host.invalid"]}},
                    {name: script[1:] for name, script in scripts.items()} | {"unknown": ("backend_name_not_found",)})
        for name, server in servers.items():
            self.assertLessEqual(len(server.transcripts), 3, name)

    def test_health_says_so_in_the_log(self):
        answers = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n%s OK done\r\n"}

        def script(peer):
            peer.send(b"* OK ready\r\n")
            peer.serve(answers)

        with ScriptedBackend(script) as server, Gateway(
                backends={"mail": server.backend(health={"interval": "200ms"})}) as gateway:
            gateway.wait_for_log("backend is not usable backend=mail .*cause=backend_privacy_required advice=.*Dovecot")
            answers.clear()
            gateway.wait_for_log("backend is usable again backend=mail")
            self.assertEqual(gateway.log().count("backend is not usable"), 1)


if __name__ == "__main__":
    unittest.main()
