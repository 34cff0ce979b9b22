"""What the TLS policy lets in and what it refuses, on both listeners, with the reason in the metrics;
which certificate is shown; which clients may resume."""

import itertools
import ssl
import unittest

from harness import Authority, Folder, Gateway, HarnessError, ScriptedBackend, check, connect, debian13, run
from harness import client_hello as tls
from harness.client_hello import Hello

FRONTS = ("implicit", "starttls")
FAILURES = "postern_handshake_failures_total"

TLS13_SUITES = (0x1301, 0x1302, 0x1303)
ECDHE_AEAD = (0xC02B, 0xC02C, 0xCCA9, 0xC02F, 0xC030, 0xCCA8)
ECDHE_CBC = (0xC009, 0xC00A, 0xC013, 0xC014, 0xC023, 0xC024, 0xC027, 0xC028)
STATIC_RSA = (0x009C, 0x009D, 0x002F, 0x0035, 0x003C)
TRIPLE_DES = (0x000A, 0xC008, 0xC012, 0x0016)
FINITE_FIELD = (0x009E, 0x009F, 0x0033, 0x0039)
EVERYTHING = ECDHE_AEAD + ECDHE_CBC + STATIC_RSA + TRIPLE_DES + FINITE_FIELD

# name: (hello, alert, reason)
REFUSED_BY_INTERMEDIATE = {
    "TLS 1.0": (Hello((tls.TLS10,), EVERYTHING), tls.PROTOCOL_VERSION, "unsupported_version"),
    "TLS 1.1": (Hello((tls.TLS11,), EVERYTHING), tls.PROTOCOL_VERSION, "unsupported_version"),
    "static RSA": (Hello((tls.TLS12,), STATIC_RSA), tls.HANDSHAKE_FAILURE, "no_shared_cipher"),
    "CBC": (Hello((tls.TLS12,), ECDHE_CBC), tls.HANDSHAKE_FAILURE, "no_shared_cipher"),
    "3DES": (Hello((tls.TLS12,), TRIPLE_DES), tls.HANDSHAKE_FAILURE, "no_shared_cipher"),
    "finite-field DHE": (Hello((tls.TLS12,), FINITE_FIELD), tls.HANDSHAKE_FAILURE, "no_shared_cipher"),
    "no group of ours": (Hello((tls.TLS13,), TLS13_SUITES, groups=(tls.SECP521R1,)),
                         tls.HANDSHAKE_FAILURE, "no_shared_group"),
}
REFUSED_BY_MODERN = {
    "TLS 1.0": REFUSED_BY_INTERMEDIATE["TLS 1.0"],
    "TLS 1.1": REFUSED_BY_INTERMEDIATE["TLS 1.1"],
    "TLS 1.2": (Hello((tls.TLS12,), ECDHE_AEAD), tls.PROTOCOL_VERSION, "unsupported_version"),
}
NOT_TLS = {
    "plaintext_imap": b"a1 LOGIN anna hunter2-marker\r\n",
    "plaintext_http": b"GET /hunter2-marker HTTP/1.1\r\nHost: mail.test\r\n\r\n",
    "proxy_header": b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 993\r\n",
    "not_tls": b"\x00\x01\x02\x03\x04\x05\x06\x07 hunter2-marker",
}
# Asked name: the first name of the certificate that has to be shown.
SHOWN = {
    "exact.mail.test": "exact.mail.test",
    "EXACT.mail.TEST": "exact.mail.test",
    "other.mail.test": "*.mail.test",
    "two.parts.mail.test": "postern.test",  # the star stands for one part
    "mail.test": "postern.test",
    "elsewhere.test": "postern.test",
    None: "postern.test",
}


def setUpModule():
    global authority, backend, folder, gateway
    folder = unittest.enterModuleContext(Folder("authority")).path
    authority = Authority(folder)
    backend = unittest.enterModuleContext(ScriptedBackend())
    gateway = unittest.enterModuleContext(start(certificates=[
        authority.leaf("postern.test"), authority.leaf("exact.mail.test"),
        authority.leaf("exact.mail.test", key="rsa"), authority.leaf("*.mail.test")]))


def start(certificates, **settings):
    made = Gateway(backends={"scripted": backend.backend()},
                   tls={"certificates": [one.files for one in certificates]} | settings)
    made.authority = authority
    return made


def context(**settings):
    """A client's context that shows which certificate it got, whatever name that is for."""
    made = authority.client_context()
    made.check_hostname = False
    for name, value in settings.items():
        setattr(made, name, value)
    return made


class Policy(unittest.TestCase):
    def check_refused(self, at, table):
        for front, (name, (hello, alert, reason)) in itertools.product(FRONTS, table.items()):
            with self.subTest(name, front=front), at.connect_in_clear(front) as client:
                listener = at.configuration["listeners"][FRONTS.index(front)]["address"]
                with at.counting(FAILURES, listener=listener, reason=reason), \
                        at.counting(FAILURES), \
                        at.counting("postern_sessions_total", listener=listener,
                                    end_reason="handshake_failed"):
                    self.assertEqual(tls.say(client, hello), tls.Answer(alert=alert))
                    self.assertEqual(client.rest(), b"")

    def check_accepted(self, at, version, ciphers):
        for front in FRONTS:
            with self.subTest(version=version, front=front), at.connect_in_clear(front) as client:
                answer = tls.say(client, Hello((version,), ciphers))
                self.assertEqual(answer.version, version)
                self.assertIn(answer.cipher, ciphers)

    def test_intermediate_refuses_what_is_old_and_says_why(self):
        self.check_refused(gateway, REFUSED_BY_INTERMEDIATE)

    def test_intermediate_accepts_tls_1_2_with_ecdhe_and_aead_and_tls_1_3(self):
        self.check_accepted(gateway, tls.TLS12, ECDHE_AEAD)
        self.check_accepted(gateway, tls.TLS12, EVERYTHING)
        self.check_accepted(gateway, tls.TLS13, TLS13_SUITES)

    def test_modern_refuses_tls_1_2_too(self):
        with start([authority.leaf("postern.test")], policy="modern") as modern:
            self.check_refused(modern, REFUSED_BY_MODERN)
            self.check_accepted(modern, tls.TLS13, TLS13_SUITES)

    def test_counts_what_was_negotiated(self):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "1.2"), (ssl.TLSVersion.TLSv1_3, "1.3")):
            for front in FRONTS:
                with self.subTest(version=name, front=front):
                    trust = context(minimum_version=version, maximum_version=version)
                    with gateway.counting("postern_handshakes_total", version=name, resumed="no"):
                        gateway.connect(front, context=trust).close()

    def test_recognises_what_is_no_tls_and_tells_nobody_its_content(self):
        for front, (reason, words) in itertools.product(FRONTS, NOT_TLS.items()):
            with self.subTest(reason, front=front), gateway.connect_in_clear(front) as client:
                with gateway.counting(FAILURES, reason=reason):
                    client.send(words)
                    self.assertNotIn(b"hunter2", client.rest())
        self.assertNotIn("hunter2-marker", gateway.log() + gateway.metrics().text)

    def test_names_tls_and_http_on_the_port_that_begins_in_clear(self):
        for reason, named, words in (
                ("tls_on_cleartext", "a TLS record where IMAP", Hello((tls.TLS13,), TLS13_SUITES).record()),
                ("http_on_cleartext", "an HTTP request where IMAP", b"GET /hunter2-marker HTTP/1.1\r\n\r\n")):
            with self.subTest(reason):
                since = len(gateway.log())
                with gateway.counting("postern_sessions_total", end_reason="client_violation"), \
                        gateway.counting("postern_protocol_violations_total", hop="client", reason=reason), \
                        connect(gateway.address("starttls"), "none") as client:
                    client.send(words)
                    client.rest()
                gateway.wait_for_log(f"session ended.*{named}", since)
        self.assertNotIn("hunter2-marker", gateway.log() + gateway.metrics().text)


class Alerts(unittest.TestCase):
    def test_a_client_that_does_not_trust_the_chain_is_told_as_such(self):
        """OpenSSL's own client, Python's: in TLS 1.3 its alert comes in clear where BoringSSL expects an encrypted record."""
        for version, front in itertools.product((ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3), FRONTS):
            with self.subTest(version=version, front=front):
                since = len(gateway.log())
                distrusts = ssl.create_default_context(cafile=None)
                distrusts.minimum_version = distrusts.maximum_version = version
                with gateway.counting(FAILURES, reason="peer_rejected_certificate"), \
                        self.assertRaises(ssl.SSLCertVerificationError):
                    gateway.connect(front, context=distrusts)
                gateway.wait_for_log("session ended.*alert=unknown_ca alert_from=client "
                                     'means="the client does not trust the chain', since)


class Groups(unittest.TestCase):
    """One client is a second gateway: its hop to the first one offers whatever its BoringSSL has."""

    @classmethod
    def setUpClass(cls):
        status, in_force = check(gateway.path)
        cls.has_hybrid = "groups: X25519MLKEM768, X25519," in in_force
        cls.first = "X25519MLKEM768" if cls.has_hybrid else "X25519"
        print(f"this build's first group is {cls.first}")

    def need_hybrid(self):
        if not self.has_hybrid:
            self.skipTest("this BoringSSL has no X25519MLKEM768")

    def test_the_strongest_group_of_both_is_taken_and_counted_on_both_hops(self):
        inner = {"servers": ["%s:%d" % gateway.address()], "tls": "implicit",
                 "verify": {"ca": str(authority.chain), "name": "postern.test"}}
        with Gateway(backends={"inner": inner}) as outer:
            with gateway.counting("postern_handshakes_total", version="1.3", group=self.first, resumed="no"), \
                    outer.counting("postern_backend_handshakes_total", backend="inner", group=self.first), \
                    outer.connect() as client:
                client.login()
            outer.wait_for_log(f"session ended.* group=X25519 backend_tls=1.3 backend_group={self.first} ")

    def test_a_client_without_it_gets_x25519(self):
        with gateway.counting("postern_handshakes_total", group="X25519", resumed="no"), \
                gateway.connect(context=context()) as client:
            client.login()

    def test_todays_openssl_takes_it_by_default(self):
        """Debian 13's, with its own C library and loader."""
        self.need_hybrid()
        for front in FRONTS:
            with self.subTest(front=front), gateway.counting("postern_handshakes_total", group=self.first, resumed="no"):
                self.assertIn("Negotiated TLS1.3 group: X25519MLKEM768\n", self.debian13_client(front))

    def test_todays_openssl_is_asked_once_more_if_it_sends_no_share(self):
        self.need_hybrid()
        with gateway.counting("postern_handshakes_total", group=self.first, resumed="no"):
            said = self.debian13_client("implicit", "-groups", "*X25519:X25519MLKEM768", "-msg")
        self.assertEqual(said.count(", ClientHello"), 2)
        self.assertIn("Negotiated TLS1.3 group: X25519MLKEM768\n", said)
        for group, name in (("X25519", "X25519"), ("P-256", "secp256r1")):
            with self.subTest(group), gateway.counting("postern_handshakes_total", group=name, resumed="no"):
                self.debian13_client("implicit", "-groups", group)

    def test_it_can_be_required_and_the_shadow_policy_counts_who_would_be_lost(self):
        self.need_hybrid()
        hybrid = {"groups": ["X25519MLKEM768"]}
        without = {"TLS 1.3": Hello((tls.TLS13,), TLS13_SUITES), "TLS 1.2": Hello((tls.TLS12,), ECDHE_AEAD)}
        with start([authority.leaf("postern.test")], policy=hybrid) as strict:
            for name, hello in without.items():
                with self.subTest(name), strict.counting(FAILURES, reason="no_shared_group"), \
                        strict.connect_in_clear() as client:
                    self.assertEqual(tls.say(client, hello), tls.Answer(alert=tls.HANDSHAKE_FAILURE))
            strict.wait_for_log("session ended.* reason=handshake_failed [^\n]*error=[^\n]*no key exchange group")
            with strict.counting("postern_handshakes_total", group="X25519MLKEM768"):
                self.debian13_client("implicit", at=strict)
        with start([authority.leaf("postern.test")], shadow_policy=hybrid) as lenient:
            for hello in without.values():
                with lenient.counting("postern_shadow_refusals_total", reason="no_shared_group"), \
                        lenient.connect_in_clear() as client:
                    self.assertIsNone(tls.say(client, hello).alert)
            self.debian13_client("implicit", at=lenient)
            self.assertEqual(lenient.metrics().sum("postern_shadow_refusals_total"), len(without))

    def test_large_hellos_in_many_records_and_segments(self):
        """As large as a post-quantum share makes them, and larger; the first share may be of a group nobody knows."""
        for share, padding in ((0, 0), (1216, 0), (1216, 600), (1600, 400)):
            hello = Hello((tls.TLS13,), TLS13_SUITES, groups=(tls.X25519, tls.UNKNOWN_GROUP, tls.SECP256R1),
                          unknown_share=share, padding=padding)
            for size, segment in ((16384, 16384), (16384, 700), (500, 16384), (300, 450), (64, 1000)):
                with self.subTest(share=share, padding=padding, record=size, segment=segment), \
                        gateway.connect_in_clear() as client:
                    octets = hello.records(size)
                    for at in range(0, len(octets), segment):
                        client.send(octets[at:at + segment])
                    self.assertEqual(tls.answer(client).version, tls.TLS13)

    def debian13_client(self, front, *options, at=None):
        host, port = (at or gateway).address(front)
        starttls = ["-starttls", "imap"] if front == "starttls" else []
        return run(*debian13("openssl"), "s_client", "-connect", f"{host}:{port}", "-CAfile", authority.chain,
                   "-verify_return_error", "-ign_eof", *starttls, *options, input=b"a LOGOUT\r\n")


class Alpn(unittest.TestCase):
    def test_refuses_a_client_that_offers_only_foreign_protocols(self):
        for front, offered in itertools.product(FRONTS, (["http/1.1"], ["h2", "http/1.1"], ["IMAP"], ["imap2"])):
            with self.subTest(offered=offered, front=front):
                with gateway.counting(FAILURES, reason="no_application_protocol"):
                    since = len(gateway.log())
                    with self.assertRaisesRegex(ssl.SSLError, "(?i)no.application.protocol"):
                        gateway.connect(front, context=self.offering(offered))
                    gateway.wait_for_log(f'session ended.*alpn_offered="?{",".join(offered)}"? ', since)

    def test_serves_foreign_protocols_where_the_listener_is_lax(self):
        listener = {"address": "127.0.0.1:0", "tls": "implicit", "alpn": "lax"}
        with Gateway(backends={"scripted": backend.backend()}, listeners=[listener],
                     tls={"certificates": [authority.leaf("postern.test").files]}) as lax:
            with lax.connect(context=self.offering(["h2"])) as client:
                self.assertIsNone(client.socket.selected_alpn_protocol())
                client.login()

    def test_serves_imap_wherever_it_stands_in_the_list_and_clients_without_alpn(self):
        for front, (offered, chosen) in itertools.product(
                FRONTS, ((["imap"], "imap"), (["h2", "imap", "pop3"], "imap"), ([], None))):
            with self.subTest(offered=offered, front=front):
                with gateway.connect(front, context=self.offering(offered)) as client:
                    self.assertEqual(client.socket.selected_alpn_protocol(), chosen)
                    client.login()

    def offering(self, names):
        made = context()
        if names:
            made.set_alpn_protocols(names)
        return made


class Certificates(unittest.TestCase):
    def test_shows_the_one_for_the_name_asked(self):
        for front, (asked, shown) in itertools.product(FRONTS, SHOWN.items()):
            with self.subTest(asked=asked, front=front):
                with gateway.connect(front, asked, context()) as client:
                    found = dict(field[0] for field in client.socket.getpeercert()["subject"])
                    self.assertEqual(found["commonName"], shown)

    def test_shows_ecdsa_or_rsa_as_the_client_can_verify(self):
        for version, (offered, signature) in itertools.product(("-tls1_2", "-tls1_3"), (
                ("ECDSA+SHA256", "ECDSA"), ("RSA-PSS+SHA256", "RSA-PSS"),
                ("RSA-PSS+SHA256:ECDSA+SHA256", "ECDSA"))):
            with self.subTest(version=version, offered=offered):
                seen = self.s_client(version, "-sigalgs", offered, "-servername", "exact.mail.test")
                self.assertIn(f"Peer signature type: {signature}\n", seen)
                self.assertIn("Verification: OK", seen)

    def test_refuses_a_client_that_can_verify_no_certificate_of_that_name(self):
        with gateway.counting(FAILURES, reason="no_shared_signature"):
            with self.assertRaisesRegex(HarnessError, "handshake failure"):
                self.s_client("-tls1_3", "-sigalgs", "RSA-PSS+SHA256", "-servername", "postern.test")

    def s_client(self, *options):
        host, port = gateway.address()
        return run("openssl", "s_client", "-connect", f"{host}:{port}", "-CAfile", authority.chain,
                   "-verify_return_error", "-ign_eof", *options, input=b"a LOGOUT\r\n")


class Resumption(unittest.TestCase):
    VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

    def resumes(self, version, first, second, front="implicit"):
        """Whether `second` resumes the session that `first` began."""
        number = self.VERSIONS[version]
        trust = context(minimum_version=number, maximum_version=number)
        with first.connect(front, context=trust) as client:
            client.login()  # the tickets of TLS 1.3 come after the handshake
            session = client.socket.session
        self.assertTrue(session.has_ticket)
        with second.connect(front, context=trust, session=session) as client:
            client.login()
            return client.socket.session_reused

    def test_resumes_by_ticket_on_whichever_worker(self):
        for front, version in itertools.product(FRONTS, self.VERSIONS):
            with self.subTest(version=version, front=front):
                with gateway.counting("postern_handshakes_total", by=8, version=version, resumed="yes"):
                    for _ in range(8):
                        self.assertTrue(self.resumes(version, gateway, gateway, front))

    def test_replicas_resume_each_others_sessions_if_they_share_a_secret(self):
        secret = folder / "ticket.secret"
        secret.write_bytes(bytes(range(48)))
        certificates = [authority.leaf("postern.test")]
        with start(certificates, ticket_secret=str(secret)) as one, \
                start(certificates, ticket_secret=str(secret)) as two, start(certificates) as stranger:
            for version in self.VERSIONS:
                with self.subTest(version=version):
                    self.assertTrue(self.resumes(version, one, two))
                    self.assertFalse(self.resumes(version, one, stranger))
                    self.assertFalse(self.resumes(version, stranger, one))


if __name__ == "__main__":
    unittest.main()
