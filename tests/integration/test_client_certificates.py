"""tls.client_ca: which clients may come in by certificate, what is said of the others, and that SASL EXTERNAL passes."""

import ssl
import unittest

from harness import Authority, Closed, Folder, Gateway, ScriptedBackend
from harness.revocation import revocation_list

FAILURES = "postern_handshake_failures_total"
RELOADS = "postern_certificate_reloads_total"
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def setUpModule():
    global authority, backend, clients, folder, strangers
    folder = unittest.enterModuleContext(Folder("clients")).path
    authority, clients, strangers = (Authority(folder / name, name) for name in ("servers", "clients", "strangers"))
    backend = unittest.enterModuleContext(ScriptedBackend())


def start(**client_ca):
    made = Gateway(backends={"scripted": backend.backend()}, tls={
        "certificates": [authority.leaf("postern.test").files],
        "client_ca": {"file": str(clients.chain)} | client_ca})
    made.authority = authority
    return made


def context(certificate=None, version=ssl.TLSVersion.TLSv1_3):
    made = authority.client_context()
    made.minimum_version = made.maximum_version = version
    if certificate is not None:
        made.load_cert_chain(certificate.chain, certificate.key)
    return made


class ClientCertificates(unittest.TestCase):
    def enters(self, gateway, certificate, version=ssl.TLSVersion.TLSv1_3):
        with gateway.connect(context=context(certificate, version)) as client:
            client.ok(b"AUTHENTICATE EXTERNAL =")

    def refused(self, gateway, certificate, reason, version=ssl.TLSVersion.TLSv1_3):
        with gateway.counting(FAILURES, reason=reason), self.assertRaises((OSError, Closed)):
            gateway.connect(context=context(certificate, version)).close()

    def test_required(self):
        good, bad = clients.leaf("anna"), strangers.leaf("anna")
        with start() as gateway:
            for version in VERSIONS:
                with self.subTest(version=version.name):
                    since = len(gateway.log())
                    self.enters(gateway, good, version)
                    gateway.wait_for_log('session ended.*client_certificate="CN=anna"', since)
                    self.refused(gateway, None, "no_client_certificate", version)
                    self.refused(gateway, bad, "certificate_untrusted", version)

    def test_optional_takes_none_but_no_bad_one(self):
        with start(mode="optional") as gateway:
            self.enters(gateway, None)
            self.enters(gateway, clients.leaf("anna"))
            self.refused(gateway, strangers.leaf("anna"), "certificate_untrusted")

    def test_external_reaches_the_backend_as_it_is(self):
        with start() as gateway:
            seen = len(backend.transcripts)
            self.enters(gateway, clients.leaf("anna"))
            self.assertIn(b"AUTHENTICATE EXTERNAL =\r\n", backend.transcripts[seen])

    def test_a_revoked_one_is_refused_as_soon_as_the_list_says_so(self):
        anna, berta = clients.leaf("anna"), clients.leaf("berta")
        crl = revocation_list(clients, [], folder / "clients.crl")
        with start(crl=str(crl)) as gateway:
            self.enters(gateway, anna)
            with gateway.counting(RELOADS, result="success"):
                revocation_list(clients, [anna], crl)
            self.refused(gateway, anna, "certificate_revoked")
            self.enters(gateway, berta)

    def test_a_broken_list_keeps_the_old_one(self):
        anna = clients.leaf("anna")
        crl = revocation_list(clients, [anna], folder / "broken.crl")
        with start(crl=str(crl)) as gateway:
            with gateway.counting(RELOADS, result="error"):
                crl.write_text("nothing\n", encoding="ascii")
            self.assertIn(f"crl {crl} holds no revocation list", gateway.log())
            self.refused(gateway, anna, "certificate_revoked")

    def test_a_resumed_session_keeps_its_subject(self):
        with start() as gateway:
            for version in VERSIONS:
                with self.subTest(version=version.name):
                    trust = context(clients.leaf("anna"), version)
                    with gateway.connect(context=trust) as client:
                        client.login()
                        session = client.socket.session
                    since = len(gateway.log())
                    with gateway.connect(context=trust, session=session) as client:
                        client.login()
                        self.assertTrue(client.socket.session_reused)
                    gateway.wait_for_log('session ended.*client_certificate="CN=anna"', since)


if __name__ == "__main__":
    unittest.main()
