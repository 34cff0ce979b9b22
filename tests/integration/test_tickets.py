"""Session tickets between processes: which process resumes whose sessions, also when their clocks stand in different
windows of the keys."""

import pathlib
import ssl
import time
import unittest

from harness import Authority, Folder, Gateway, HarnessError, ScriptedBackend, sanitized

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
RELOADS = "postern_certificate_reloads_total"
WINDOW_S = 12 * 3600
MINUTES_S = 300


def setUpModule():
    global authority, backend, folder
    folder = unittest.enterModuleContext(Folder("tickets")).path
    authority = Authority(folder / "authority")
    backend = unittest.enterModuleContext(ScriptedBackend())


def secret(name, octet):
    path = folder / name
    path.write_bytes(bytes([octet]) * 48)
    return str(path)


def ahead(seconds):
    """A gateway whose clock is so many seconds ahead, while its timers keep real time."""
    library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        raise HarnessError("libfaketime is missing: run tests/install test")

    class Ahead(Gateway):
        wrapper = ("env", f"LD_PRELOAD={library}", f"FAKETIME=+{seconds:.0f}", "FAKETIME_DONT_FAKE_MONOTONIC=1",
                   "NO_FAKE_STAT=1")
    return Ahead


class Between(unittest.TestCase):
    def start(self, leaf=None, kind=Gateway, **tls):
        leaf = leaf or authority.leaf("postern.test")
        made = self.enterContext(kind(backends={"scripted": backend.backend()}, tls={"certificates": [leaf.files]} | tls))
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


class Tickets(Between):
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


@unittest.skipIf(sanitized(), "libfaketime and a sanitizer both want to be loaded first")
class Windows(Between):
    """Each visit logs in: a client that does not resume shakes hands in full and comes in all the same."""

    def test_two_processes_across_a_change_of_keys(self):
        to_next = WINDOW_S - time.time() % WINDOW_S
        shared = secret("windows", 7)
        before, after, later = (
            self.start(kind=ahead(to_next + offset), ticket_secret=shared)
            for offset in (-MINUTES_S, MINUTES_S, MINUTES_S + WINDOW_S))
        self.expect(True, before, before)
        self.expect(True, before, after)
        self.expect(False, before, later)
        self.expect(False, after, self.start(kind=ahead(to_next + MINUTES_S), ticket_secret=secret("other", 8)))

    def test_a_clock_that_is_behind_costs_a_full_handshake_at_most(self):
        to_next = WINDOW_S - time.time() % WINDOW_S
        shared = secret("behind", 19)
        behind, right = (self.start(kind=ahead(to_next + offset), ticket_secret=shared) for offset in (-2, 2))
        for version in VERSIONS:
            with self.subTest(version=version.name):
                self.resumes(version, right, behind)


if __name__ == "__main__":
    unittest.main()
