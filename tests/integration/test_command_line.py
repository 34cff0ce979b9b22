"""What the command says without serving, and a gateway made from flags alone."""

import re
import signal
import ssl
import unittest

from harness import Authority, Folder, Gateway, Process, ScriptedBackend, check, postern, wait_until
from harness.gateway import BINARY

FAULTY = """\
workers: lots
listenrs: []
tls: {policy: modren, certificates: [{chain: tls.crt, key: tls.key}]}
backends:
  legacy:
    servers: ["mail:99999"]
    tls: maybe
    min_version: "0.9"
routes: [{sni: mail.test, backend: lagacy}]
timeouts: {idle: 5 parsecs}
log: {level: chatty}
"""
# (line, what has to stand in the sentence about it)
FAULTS = (
    (1, "workers: ", '"lots"', "auto"),
    (1, "listeners: is missing"),
    (2, "listenrs: ", 'did you mean "listeners"'),
    (3, "tls.policy: ", '"modren"', "modern, intermediate", 'did you mean "modern"'),
    (6, "backends.legacy.servers[0]: ", '"mail:99999"', "65535"),
    (7, "backends.legacy.tls: ", '"maybe"', "none, starttls, implicit"),
    (8, "backends.legacy.min_version: ", '"0.9"', "1.0, 1.1, 1.2, 1.3"),
    (9, "routes[0].backend: ", '"lagacy"', '"legacy"'),
    (10, "timeouts.idle: ", '"5 parsecs"', "90s"),
    (11, "log.level: ", '"chatty"', "debug, info, warn, error"),
)


class Check(unittest.TestCase):
    def setUp(self):
        self.folder = self.enterContext(Folder("check")).path
        self.path = self.folder / "postern.yaml"

    def check(self, text):
        self.path.write_text(text, encoding="utf-8")
        return check(self.path)

    def test_reports_every_fault_with_its_line(self):
        status, said = self.check(FAULTY)
        self.assertEqual(status, 2, said)
        self.assertEqual(len(said.splitlines()), len(FAULTS), said)
        for line, *words in FAULTS:
            with self.subTest(words[0]):
                start = f"postern: {self.path}:{line}: {words[0]}"
                lines = [sentence for sentence in said.splitlines() if sentence.startswith(start)]
                self.assertEqual(len(lines), 1, said)
                for word in words[1:]:
                    self.assertIn(word, lines[0])

    def test_reports_every_missing_file_with_its_line(self):
        status, said = self.check(
            "listeners: [{address: '127.0.0.1:0'}]\n"
            "tls:\n"
            "  certificates:\n"
            "    - {chain: no.crt, key: no.key}\n"
            "    - {chain: not.crt, key: not.key}\n"
            "  ticket_secret: no.secret\n"
            "backends:\n"
            "  legacy:\n"
            "    servers: [mail]\n"
            "    tls: implicit\n"
            "    verify: {ca: no-ca.pem}\n")
        self.assertEqual(status, 1, said)
        for name, line in (("no.crt", 4), ("no.key", 4), ("not.crt", 5), ("not.key", 5), ("no.secret", 6),
                           ("no-ca.pem", 11)):
            with self.subTest(name):
                self.assertRegex(said, rf"postern\.yaml:{line}: .*{re.escape(name)}.*No such file")

    def test_reports_what_is_no_yaml(self):
        for text in ("listeners: [", "\t- x", "- a list", "", "a: b: c", "x: \0"):
            with self.subTest(text):
                status, said = self.check(text)
                self.assertEqual(status, 2, said)
                self.assertRegex(said, r"^postern: .*postern\.yaml")

    def test_reports_keys_that_do_not_belong_together(self):
        authority = Authority(self.folder / "authority")
        one, other = authority.leaf("one.test"), authority.leaf("other.test")
        status, said = self.check(
            "listeners: [{address: '127.0.0.1:0'}]\n"
            f"tls: {{certificates: [{{chain: {one.chain}, key: {other.key}}}]}}\n"
            "backends: {legacy: {servers: [mail]}}\n")
        self.assertEqual(status, 1, said)
        self.assertRegex(said, r"postern\.yaml:2: .*one\.test.*")

    def test_describes_a_good_file(self):
        with ScriptedBackend() as backend, Gateway(backends={"mail": backend.backend()}) as gateway:
            status, said = check(gateway.path)
        self.assertEqual(status, 0, said)
        for word in ("127.0.0.1:0", "mail", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "X25519"):
            self.assertIn(word, said)

    def test_the_printed_reference_starts_once_it_has_a_certificate_and_free_ports(self):
        status, reference = postern("config-reference")
        self.assertEqual(status, 0)
        leaf = Authority(self.folder / "authority").leaf("mail.test")
        (self.folder / "tls.crt").write_bytes(leaf.chain.read_bytes())
        (self.folder / "tls.key").write_bytes(leaf.key.read_bytes())
        path = self.folder / "postern.yaml"
        path.write_text(reference, encoding="utf-8")
        status, said = check(path)
        self.assertEqual(status, 0, said)
        # The test may bind no low port, and another one of the machine may have the admin endpoint's.
        path.write_text(reference.replace("[::]:993", "127.0.0.1:0"), encoding="utf-8")
        process = Process([BINARY, "--config", path], self.folder / "log")
        self.addCleanup(process.kill)
        wait_until(lambda: " ready" in process.text() or not process.running(), process.text)
        process.signal(signal.SIGTERM)
        self.assertEqual(process.wait(), 0, process.text())

    def test_every_example_of_the_printed_reference_is_valid(self):
        reference = re.sub(r"(?m)^( *)#(?! \S)(?=.)", r"\1", postern("config-reference")[1])
        self.assertIn("\nuser: postern\n", reference)
        authority = Authority(self.folder / "authority")
        leaf = authority.leaf("mail.test")
        for source, name in ((leaf.chain, "tls.crt"), (leaf.key, "tls.key"), (leaf.chain, "admin.crt"), (leaf.key, "admin.key"),
                             (leaf.chain, "client.crt"), (leaf.key, "client.key"), (authority.chain, "ca.pem"), (authority.chain, "internal-ca.pem"), (authority.chain, "clients.pem")):
            (self.folder / name).write_bytes(source.read_bytes())
        (self.folder / "ticket.secret").write_text("0123456789abcdef" * 4)
        (self.folder / "admin.token").write_text("0123456789abcdef" * 4)
        (self.folder / "users.map").write_text("someone@example.org legacy\n")
        for name in ("tls.passphrase", "client.passphrase"):
            (self.folder / name).write_text("not needed: the key is not encrypted\n")
        status, said = self.check(reference.replace("\nuser: postern\n", "\nuser: no-such-user\n"))
        self.assertEqual(status, 0, said)
        self.assertRegex(said, 'warning: user: "no-such-user" does not exist on this system')

    def test_unknown_options_and_files_are_usage_errors(self):
        for arguments in (["--lissen", "x"], ["check"], ["check", "--config", self.folder / "nowhere.yaml"],
                          ["serve", "--config", self.folder / "nowhere.yaml"], ["--listen", "127.0.0.1:0"], ["frobnicate"]):
            with self.subTest(arguments):
                status, said = postern(*arguments)
                self.assertEqual(status, 2, said)
                self.assertTrue(said.startswith("postern: "), said)

    def test_help_and_version(self):
        for option, word in (("--help", "config-reference"), ("--version", "postern 0."), ("--version", "\nBoringSSL ")):
            with self.subTest(option):
                status, said = postern(option)
                self.assertEqual(status, 0)
                self.assertIn(word, said)


class FromFlags(unittest.TestCase):
    def check_serves(self, gateway, context):
        for front in ("implicit", "starttls"):
            with self.subTest(front), gateway.connect(front, "mail.test", context) as client:
                client.login()

    def test_serves_with_a_throw_away_certificate(self):
        anyone = ssl.create_default_context()
        anyone.check_hostname, anyone.verify_mode = False, ssl.CERT_NONE
        with ScriptedBackend() as backend, Gateway(
                "--listen", "127.0.0.1:0", "--listen-starttls", "127.0.0.1:0", "--backend", backend.server,
                "--self-signed", "--workers", "1", "--admin", "127.0.0.1:0") as gateway:
            self.check_serves(gateway, anyone)
            self.assertEqual(gateway.metrics().sum("postern_workers"), 1)

    def test_serves_with_a_given_certificate_and_tls_behind(self):
        with Folder("authority") as folder:
            authority = Authority(folder.path)
            mine, its = authority.leaf("mail.test"), authority.leaf("127.0.0.1")
            with ScriptedBackend(implicit_tls=its.server_context()) as one, \
                    ScriptedBackend(implicit_tls=its.server_context()) as two, Gateway(
                        "serve", "--listen", "127.0.0.1:0", "--listen-starttls", "127.0.0.1:0",
                        "--cert", mine.chain, "--key", mine.key, "--policy", "modern",
                        "--backend", one.server, "--backend", two.server, "--backend-tls", "implicit",
                        "--backend-ca", authority.chain) as gateway:
                self.check_serves(gateway, authority.client_context())


if __name__ == "__main__":
    unittest.main()
