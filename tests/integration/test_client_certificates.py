"""tls.client_ca: which clients may come in by certificate, what is said of the others, and that SASL EXTERNAL passes.
client_certificate: what a backend that asks for one gets to see."""

import shutil
import ssl
import unittest

from harness import Authority, Closed, Dovecot, Folder, Gateway, ScriptedBackend
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


class AskingDovecot(Dovecot):
    """Grants a login only inside TLS with a certificate from the authority of the clients."""

    def configuration(self, version):
        asks = f"""
            auth_ssl_require_client_cert = yes
            ssl_ca = <{clients.chain}
            ssl_require_crl = no
            ssl_verify_client_cert = yes
            """ if version < (2, 4) else f"""
            auth_ssl_require_client_cert = yes
            ssl_server_ca_file = {clients.chain}
            ssl_server_require_crl = no
            ssl_server_request_client_cert = yes
            """
        return super().configuration(version) + asks


class ToBackends(unittest.TestCase):
    def gateway(self, pools):
        made = Gateway(backends=pools, routes=[{"sni": f"{name}.mail.test", "backend": name} for name in pools],
                       tls={"certificates": [authority.leaf("*.mail.test").files]})
        made.authority = authority
        return self.enterContext(made)

    def asking(self, version):
        asks = authority.leaf("asks.test").server_context()
        asks.minimum_version = asks.maximum_version = version
        asks.load_verify_locations(clients.chain)
        asks.verify_mode = ssl.CERT_REQUIRED
        return self.enterContext(ScriptedBackend(implicit_tls=asks))

    def unavailable(self, gateway, name):
        with gateway.connect_to_tls(server_name=name) as client:
            self.assertRegex(client.goodbye(), rb"\A\* BYE \[UNAVAILABLE\]")

    def test_dovecot_sees_it_on_both_kinds_of_hop(self):
        dovecot, files = self.enterContext(AskingDovecot(authority)), clients.leaf("postern").files
        gateway = self.gateway({
            f"{hop}-{name}": dovecot.backend(hop, **more) for hop in ("implicit", "starttls")
            for name, more in (("with", {"client_certificate": files}), ("without", {}))})
        for hop in ("implicit", "starttls"):
            with self.subTest(hop):
                with gateway.connect(server_name=f"{hop}-with.mail.test") as client:
                    client.login()
                with gateway.connect(server_name=f"{hop}-without.mail.test") as client, self.assertRaises(AssertionError):
                    client.login()

    def test_without_one_or_with_a_strangers_the_failure_has_its_cause(self):
        for version in VERSIONS:
            server = self.asking(version)
            gateway = self.gateway({
                "none": server.backend("implicit"),
                "other": server.backend("implicit", client_certificate=strangers.leaf("postern").files),
                "right": server.backend("implicit", client_certificate=clients.leaf("postern").files)})
            for name in ("none", "other"):
                if name == "none" and version == ssl.TLSVersion.TLSv1_2:
                    continue  # there OpenSSL says handshake_failure, which says less
                since = len(gateway.log())
                with self.subTest(name, version=version.name):
                    self.unavailable(gateway, f"{name}.mail.test")
                    gateway.wait_for_log(f"backend failed.*backend={name}.*cause=backend_wants_certificate", since)
            with gateway.connect(server_name="right.mail.test") as client:
                client.login()

    def test_a_reload_reads_it_again(self):
        server, shown = self.asking(ssl.TLSVersion.TLSv1_3), folder / "shown.crt"
        right, other = clients.leaf("postern"), strangers.leaf("postern")
        key = folder / "shown.key"

        def show(certificate):
            shutil.copy(certificate.chain, shown)
            shutil.copy(certificate.key, key)

        show(other)
        gateway = self.gateway({"asks": server.backend("implicit", client_certificate={
            "chain": str(shown), "key": str(key)})})
        self.unavailable(gateway, "asks.mail.test")
        show(right)
        gateway.reload()
        with gateway.connect(server_name="asks.mail.test") as client:
            client.login()
        shutil.copy(other.chain, shown)  # and not its key
        self.assertIn("shown.key", gateway.reload("error"))
        with gateway.connect(server_name="asks.mail.test") as client:
            client.login()


if __name__ == "__main__":
    unittest.main()
