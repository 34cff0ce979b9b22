"""`postern check` on certificates, keys and configurations as certbot, acme.sh, Windows, Exchange, word processors
and people write them: each gets the right verdict in the right words. harness/odd_certificates.py has the certificates.

OpenSSL is asked about each row, too: what it takes is refused here only where `openssl_takes_it` says so.
"""

import pathlib
import ssl
import unittest

from harness import Folder, check
from harness import odd_certificates as odd
from harness.odd_files import BOM, crlf


def setUpModule():
    odd.begin(unittest.enterModuleContext(Folder("odd-files")).path)


def openssl_takes(chain, key, passphrase):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(chain, key, password=passphrase or b"none")
        return True
    except (ssl.SSLError, ValueError):
        return False


class Checked(unittest.TestCase):
    def place(self, content, name, mode=0o600):
        if isinstance(content, pathlib.Path):
            return content
        path = self.folder / name
        path.write_bytes(content)
        path.chmod(mode)
        return path

    def check(self, tls, servers="mail:143", encode=str.encode):
        path = self.folder / "postern.yaml"
        path.write_bytes(encode("listeners: [{address: '127.0.0.1:0'}]\n"
                                f"tls:\n  {tls}\n"
                                f"backends: {{legacy: {{servers: ['{servers}']}}}}\n"))
        return check(path)


class Files(Checked):
    def test_each_gets_its_verdict(self):
        self.assertGreaterEqual(len(odd.ROWS), 40)
        for one in odd.ROWS:
            with self.subTest(one.name), Folder("odd") as self.folder_of_row:
                self.folder = self.folder_of_row.path
                self.judge(one)

    def judge(self, one):
        chain, key, *passphrase = one.files(self.folder)
        chain = self.place(chain, "tls.crt", 0o644)
        key = self.place(key, "tls.key", one.options.get("key_mode", 0o600))
        entry = f"chain: {chain}, key: {key}"
        if passphrase:
            entry += f", passphrase_file: {self.place(passphrase[0], 'tls.words')}"
        status, said = self.check("\n  ".join((f"certificates: [{{{entry}}}]", *one.options.get("tls", ()))))
        for word in one.words:
            self.assertIn(word, said)
        self.assertEqual(status, 1 if one.verdict in ("refused", "ended") else 0, said)
        self.assertEqual("warning: " in said, one.verdict == "warns", said)
        self.assertEqual("hint: " in said, one.verdict == "hints", said)
        if one.verdict == "refused":
            words = passphrase[0].splitlines()[0] if passphrase else b""
            self.assertEqual(openssl_takes(chain, key, words), one.options.get("openssl_takes_it", False))


class Configurations(Checked):
    def setUp(self):
        self.folder = self.enterContext(Folder("odd")).path
        self.chain = self.place(odd.full(), "tls.crt")
        self.key = self.place(odd.leaf().key, "tls.key")
        self.entry = f"{{chain: {self.chain}, key: {self.key}}}"

    def expect(self, status, *words, tls="", **options):
        got, said = self.check(tls or f"certificates: [{self.entry}]", **options)
        self.assertEqual(got, status, said)
        for word in words:
            self.assertIn(word, said)
        if not words:
            self.assertNotIn("warning", said)

    def test_notepad_with_a_byte_order_mark(self):
        self.expect(0, encode=lambda text: BOM + crlf(text.encode()))

    def test_powershell_in_utf_16(self):
        self.expect(0, encode=lambda text: text.encode("utf-16"))

    def test_the_port_of_tls_without_tls(self):
        self.expect(0, "postern.yaml:4: ", '"mail:993" has the port of IMAP over TLS, but tls is none', servers="mail:993")

    def test_two_certificates_with_one_name(self):
        other = odd.ca.leaf(edition="-second")
        second = f"{{chain: {self.place(other.crt + odd.ca.intermediate.crt, 'b.crt')}, key: {self.place(other.key, 'b.key')}}}"
        self.expect(0, "are both for 'mail.test' with the same kind of key", f"{self.chain} serves it",
                    tls=f"certificates: [{self.entry}, {second}]")

    def test_rsa_and_ecdsa_side_by_side(self):
        other = odd.ca.leaf(key="rsa")
        second = f"{{chain: {self.place(other.crt + odd.ca.intermediate.crt, 'b.crt')}, key: {self.place(other.key, 'b.key')}}}"
        self.expect(0, tls=f"certificates: [{self.entry}, {second}]")

    def test_secrets_that_everybody_can_read(self):
        secret = self.place(b"0123456789abcdef" * 4, "ticket.secret", 0o644)
        words = self.place(b"open sesame\n", "words", 0o604)
        self.key = self.place(odd.tools.encrypted(odd.leaf()), "tls.key", 0o600)
        self.expect(0, f"ticket_secret {secret} can be read by every user of this machine (mode 0644)",
                    f"passphrase_file {words} can be read by every user of this machine (mode 0604)",
                    tls=f"certificates: [{{chain: {self.chain}, key: {self.key}, passphrase_file: {words}}}]\n"
                        f"  ticket_secret: {secret}")

    def test_shares_the_wrong_way_round(self):
        self.expect(2, "postern.yaml:4: tls.expiry_alarm", "must be less than renewal_overdue, which is 25%",
                    tls=f"certificates: [{self.entry}]\n  expiry_alarm: 30%")

    def test_a_share_without_its_sign(self):
        self.expect(2, "tls.renewal_overdue", "1% to 90%", tls=f"certificates: [{self.entry}]\n  renewal_overdue: 0.25")

    def test_an_ocsp_response_for_a_certificate_that_names_no_responder(self):
        self.expect(0, "names no OCSP responder",
                    tls=f"certificates: [{{chain: {self.chain}, key: {self.key}, ocsp: {self.place(b'', 'r')}}}]")
