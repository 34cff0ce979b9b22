"""The admin endpoint over TLS: curl, openssl, a probe as of Kubernetes, `postern admin`, other certificates while it runs."""

import contextlib
import http.client
import pathlib
import secrets
import socket
import ssl
import subprocess
import sys
import unittest
import urllib.request

import yaml

from harness import Authority, Folder, Gateway, wait_until
from harness.gateway import check, postern
from harness.network import own_network
from harness.processes import run

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "deploy"))
from blocks import block  # noqa: E402

TOKEN = secrets.token_urlsafe(48)


class OverTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(Folder("admin-tls")).path
        cls.authority = Authority(cls.folder / "authority")
        cls.stranger = Authority(cls.folder / "stranger", "another CA")
        cls.token = cls.folder / "admin.token"
        cls.token.write_text(TOKEN + "\n", encoding="ascii")
        cls.token.chmod(0o600)

    def setUp(self):
        self.leaf = self.authority.leaf("admin.test", "127.0.0.1", edition=self.id())
        self.leaf.key.chmod(0o600)

    def start(self, address="127.0.0.1:0", **admin):
        admin = {"address": address, "token_file": str(self.token), "tls": self.leaf.files} | admin
        return self.enterContext(TlsGateway(self.authority, backends={"mail": {"servers": ["127.0.0.1:9"], "tls": "none"}},
                                            admin=admin))

    def curl(self, gateway, path, *options, authority=None):
        """curl's exit status and all that it printed."""
        url = "https://%s:%s" % gateway.admin + path
        done = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", (authority or self.authority).chain, *options, url],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30, check=False)
        return done.returncode, done.stdout.decode()


class TlsGateway(Gateway):
    """A gateway that this harness asks by https://."""

    def __init__(self, authority, **sections):
        self.of_admin = authority
        super().__init__(**sections)

    def ask(self, path, **headers):
        client = http.client.HTTPSConnection(*self.admin, timeout=20, context=self.of_admin.client_context())
        client.request("GET", path, headers={"Connection": "close"} | {name.replace("_", "-"): value for name, value in headers.items()})
        return client.getresponse()


class WhoAsks(OverTls):
    def test_curl(self):
        gateway = self.start()
        for path in ("/live", "/ready", "/metrics", "/status", "/status.json"):
            for version in ("--tlsv1.3", "--tls-max 1.2"):
                status, said = self.curl(gateway, path, *version.split())
                self.assertEqual(status, 0, said)
        self.assertIn(f'postern_certificate_not_after_timestamp_seconds{{certificate="{self.leaf.chain.name}"',
                      self.curl(gateway, "/metrics")[1].replace(str(self.leaf.chain.parent) + "/", ""))
        status, said = self.curl(gateway, "/v1/reload", "-d", "", "-H", f"Authorization: Bearer {TOKEN}")
        self.assertEqual((status, '"done":0' in said), (0, True), said)
        self.assertIn("not the token", self.curl(gateway, "/v1/reload", "-d", "", "-H", "Authorization: Bearer x")[1])

    def test_a_client_that_trusts_another_authority(self):
        gateway = self.start()
        status, said = self.curl(gateway, "/live", authority=self.stranger)
        self.assertEqual(status, 60, said)  # CURLE_PEER_FAILED_VERIFICATION
        gateway.wait_for_log(r'info +admin handshake failed client=127\.0\.0\.1 error=.*rejected our certificate')
        self.assertEqual(self.curl(gateway, "/live"), (0, "ok\n"))

    def test_openssl_shows_version_and_certificate(self):
        gateway = self.start()
        for version, name in (("-tls1_3", "TLSv1.3"), ("-tls1_2", "TLSv1.2")):
            said = run("openssl", "s_client", "-connect", "%s:%s" % gateway.admin, version, "-CAfile", self.authority.chain,
                       "-verify_return_error", "-brief", input=b"GET /live HTTP/1.0\r\n\r\n")
            self.assertIn(name, said)
            self.assertIn("Verification: OK", said)
        refused = subprocess.run(["openssl", "s_client", "-connect", "%s:%s" % gateway.admin, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=30)
        self.assertNotEqual(refused.returncode, 0)

    def test_a_probe_as_of_kubernetes(self):
        """`scheme: HTTPS` verifies nothing, sends no name, and closes after each."""
        gateway = self.start()
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2", "http/1.1"])
        for path in ("/live", "/ready"):
            client = http.client.HTTPSConnection(*gateway.admin, timeout=20, context=context)
            with contextlib.closing(client):
                client.request("GET", path, headers={"User-Agent": "kube-probe/1.31", "Connection": "close"})
                self.assertEqual(client.getresponse().status, 200)

    def test_in_clear_it_says_what_is_wrong(self):
        gateway = self.start()
        client = http.client.HTTPConnection(*gateway.admin, timeout=20)
        with contextlib.closing(client):
            client.request("POST", "/v1/reload", headers={"Authorization": f"Bearer {TOKEN}"})
            answer = client.getresponse()
            self.assertEqual(answer.status, 400)
            self.assertIn(b"this endpoint speaks TLS: ask it by https://", answer.read())
        with socket.create_connection(gateway.admin, 20) as stranger:
            stranger.sendall(b"a NOOP\r\n")
            self.assertTrue(stranger.makefile("rb").read().endswith(b"--ca FILE`\n"))
        self.assertEqual(gateway.metrics().sum("postern_config_reloads_total"), 0)

    def test_actions_from_another_machine(self):
        """Another address than loopback's stands for it."""
        with own_network():
            run("ip", "address", "add", "192.0.2.1/32", "dev", "lo")
            words = ("bans", "--token-file", self.token)
            gateway = self.start("192.0.2.1:0")
            address = "%s:%s" % gateway.admin
            self.assertEqual(postern("admin", *words, "--address", address, "--ca", self.authority.chain, "--name", "admin.test"),
                             (0, "bans: 0 bans\n"))
            plain = self.enterContext(Gateway(backends={"mail": {"servers": ["127.0.0.1:9"], "tls": "none"}},
                                              admin={"address": "192.0.2.1:0", "token_file": str(self.token)}))
            address = "%s:%s" % plain.admin
            client = http.client.HTTPConnection(*plain.admin, timeout=20)
            with contextlib.closing(client):
                client.request("GET", "/v1/bans", headers={"Authorization": f"Bearer {TOKEN}"})
                answer = client.getresponse()
                self.assertEqual(answer.status, 403)
                self.assertIn(b"or set admin.tls", answer.read())
            since = len(plain.log())
            status, said = postern("admin", *words, "--address", address)
            self.assertEqual(status, 1)
            self.assertIn("is not on this machine, and in clear the token could be read on the way", said)
            self.assertNotIn("admin action", plain.log()[since:])


class CommandLine(OverTls):
    def test_it_asks_over_tls_by_the_configuration(self):
        gateway = self.start()
        words = ("reload", "--config", gateway.path, "--address", "%s:%s" % gateway.admin)
        self.assertEqual(postern("admin", *words), (0, "reload: done\n"))
        self.assertEqual(postern("admin", *words, "--ca", self.authority.chain), (0, "reload: done\n"))
        self.assertEqual(postern("admin", *words, "--ca", self.authority.chain, "--name", "admin.test"), (0, "reload: done\n"))

    def test_it_shows_the_token_to_nobody_else(self):
        gateway = self.start()
        words = ("reload", "--config", gateway.path, "--address", "%s:%s" % gateway.admin)
        for said, more in (("does not lead to a trusted authority", ("--ca", self.stranger.chain)),
                           ("wanted 'other.test', but it is for 'admin.test', '127.0.0.1'",
                            ("--ca", self.authority.chain, "--name", "other.test")),
                           ("cannot be read: No such file", ("--ca", "/none"))):
            with self.subTest(said):
                status, text = postern("admin", *words, *more)
                self.assertEqual(status, 1, text)
                self.assertIn(said, text)
        impostor = self.authority.leaf("admin.test", "127.0.0.1", edition="impostor")
        other = self.enterContext(TlsGateway(self.authority, backends={"mail": {"servers": ["127.0.0.1:9"], "tls": "none"}},
                                             admin={"address": "127.0.0.1:0", "token_file": str(self.token), "tls": impostor.files}))
        status, text = postern("admin", "reload", "--config", gateway.path, "--address", "%s:%s" % other.admin)
        self.assertEqual(status, 1, text)
        self.assertIn("public key is not a pinned one", text)
        self.assertNotIn("admin action", other.log())

    def test_it_says_which_side_speaks_no_tls(self):
        gateway = self.start()
        address = "%s:%s" % gateway.admin
        status, text = postern("admin", "reload", "--address", address, "--token-file", self.token)
        self.assertEqual(status, 1)
        self.assertIn("this endpoint speaks TLS: ask it by https://, or with `postern admin --ca FILE`", text)
        plain = self.enterContext(Gateway(backends={"mail": {"servers": ["127.0.0.1:9"], "tls": "none"}},
                                          admin={"address": "127.0.0.1:0", "token_file": str(self.token)}))
        status, text = postern("admin", "reload", "--address", "%s:%s" % plain.admin, "--token-file", self.token,
                               "--ca", self.authority.chain)
        self.assertEqual(status, 1)
        self.assertIn("speaks HTTP without TLS", text)


class Certificates(OverTls):
    def shown(self, gateway):
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(gateway.admin))

    def test_another_is_shown_once_its_file_has_changed(self):
        gateway = self.start()
        first = self.leaf.der
        self.assertEqual(self.shown(gateway), first)
        renewed = self.authority.leaf("admin.test", "127.0.0.1", edition=self.id() + "renewed")
        self.leaf.key.write_bytes(renewed.key.read_bytes())
        self.leaf.chain.write_bytes(renewed.chain.read_bytes())
        wait_until(lambda: self.shown(gateway) == renewed.der, "the renewed certificate")
        since = len(gateway.log())
        self.leaf.key.write_text("no key", encoding="ascii")
        gateway.wait_for_log(r"certificates not reloaded, the old ones stay.*" + self.leaf.key.name, since)
        self.assertEqual(self.shown(gateway), renewed.der)

    def test_a_reload_turns_tls_on_and_off(self):
        gateway = self.start()
        admin = {"address": gateway.configuration["admin"]["address"], "token_file": str(self.token)}
        gateway.configure(admin=admin)
        self.assertEqual(self.curl(gateway, "/v1/reload", "-d", "", "-H", f"Authorization: Bearer {TOKEN}")[0], 0)
        with urllib.request.urlopen("http://%s:%s/live" % gateway.admin, timeout=20) as answer:
            self.assertEqual(answer.read(), b"ok\n")
        gateway.configure(admin=admin | {"tls": self.leaf.files})
        status, said = postern("admin", "reload", "--address", "%s:%s" % gateway.admin, "--token-file", self.token)
        self.assertEqual((status, said), (0, "reload: done\n"))
        self.assertEqual(self.curl(gateway, "/live"), (0, "ok\n"))

    def test_the_example_of_the_documentation(self):
        example = yaml.safe_load(block("docs/operation.md", "tls: {chain: admin.crt").text)["admin"]
        gateway = self.start()
        for name, file in (("admin.crt", self.leaf.chain), ("admin.key", self.leaf.key), ("admin.token", self.token)):
            (gateway.folder / name).symlink_to(file)
        gateway.configure(admin=example)
        status, said = check(gateway.path)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"certificate +\S+/admin\.crt: admin\.test, until ")

    def test_what_is_wrong_with_it_is_said(self):
        gateway = self.start()
        status, said = check(gateway.path)
        self.assertEqual(status, 0, said)
        self.assertRegex(said, rf"certificate +\S*{self.leaf.chain.name}: admin\.test, until ")
        gateway.configure(admin={"address": "127.0.0.1:0", "tls": {"chain": str(self.leaf.chain)}})
        status, said = check(gateway.path)
        self.assertEqual(status, 2, said)
        self.assertRegex(said, r"postern\.yaml:\d+: admin\.tls.*key")
        gateway.configure(admin={"address": "127.0.0.1:0", "tls": {"chain": str(self.leaf.chain), "key": str(self.stranger.key)}})
        status, said = check(gateway.path)
        self.assertEqual(status, 1, said)
        self.assertRegex(said, r"postern\.yaml:\d+: key .*ca\.key")
        gateway.configure(admin={"tls": self.leaf.files})
        status, said = check(gateway.path)
        self.assertRegex(said, r"warning: .*postern\.yaml:\d+: admin\.tls.* has no effect without admin\.address")
        self.leaf.key.chmod(0o644)
        gateway.configure(admin={"address": "127.0.0.1:0", "tls": self.leaf.files})
        self.assertRegex(check(gateway.path)[1], r"warning: .*key .*can be read by every user of this machine")


if __name__ == "__main__":
    unittest.main()
