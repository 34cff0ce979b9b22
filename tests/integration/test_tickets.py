"""Session tickets between processes: who resumes whose sessions. (A window's end is tested in
tests/tls/ticket_keys_test.cc, where the clock can be moved.)"""

import ssl
import unittest

from harness import Authority, Folder, Gateway, ScriptedBackend

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
RELOADS = "postern_certificate_reloads_total"


def setUpModule():
    global authority, backend, folder
    folder = unittest.enterModuleContext(Folder("tickets")).path
    authority = Authority(folder / "authority")
    backend = unittest.enterModuleContext(ScriptedBackend())


def secret(name, octet):
    path = folder / name
    path.write_bytes(bytes([octet]) * 48)
    return str(path)


class Tickets(unittest.TestCase):
    def start(self, leaf=None, **tls):
        leaf = leaf or authority.leaf("postern.test")
        made = self.enterContext(Gateway(backends={"scripted": backend.backend()}, tls={"certificates": [leaf.files]} | tls))
        made.authority = authority
        return made

    def visit(self, gateway, version, session=None, trust=None):
        """(the session, whether it was resumed)"""
        trust = trust or authority.client_context()
        trust.minimum_version = trust.maximum_version = version
        with gateway.connect(context=trust, session=session) as client:
            client.login()
            return client.socket.session, client.socket.session_reused, trust

    def resumes(self, version, first, second):
        session, reused, trust = self.visit(first, version)
        self.assertFalse(reused)
        return self.visit(second, version, session, trust)[1]

    def expect(self, resumed, first, second):
        for version in VERSIONS:
            with self.subTest(version=version.name):
                self.assertEqual(self.resumes(version, first, second), resumed)

    def test_two_processes_with_one_secret(self):
        one, two = (self.start(ticket_secret=secret("shared", 1)) for _ in range(2))
        self.expect(True, one, two)
        self.expect(True, two, one)

    def test_other_secret(self):
        self.expect(False, self.start(ticket_secret=secret("a", 1)), self.start(ticket_secret=secret("b", 2)))

    def test_other_client_auth_policy(self):
        shared = secret("policy", 3)
        ca = str(authority.chain)
        plain, optional = self.start(ticket_secret=shared), \
            self.start(ticket_secret=shared, client_ca={"file": ca, "mode": "optional"})
        self.expect(False, plain, optional)
        self.expect(False, optional, plain)
        self.expect(True, optional, self.start(ticket_secret=shared, client_ca={"file": ca, "mode": "optional"}))

    def test_other_certificates(self):
        shared = secret("certificates", 4)
        self.expect(False, self.start(ticket_secret=shared),
                    self.start(authority.leaf("postern.test", edition="-2"), ticket_secret=shared))

    def test_a_new_secret_needs_no_restart(self):
        path = secret("rotated", 5)
        old, gateway = self.start(ticket_secret=secret("kept", 5)), self.start(ticket_secret=path)
        self.expect(True, old, gateway)
        with gateway.counting(RELOADS, result="success"):
            secret("rotated", 6)
        self.expect(False, old, gateway)
        self.expect(True, gateway, gateway)


if __name__ == "__main__":
    unittest.main()
