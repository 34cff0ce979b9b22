"""One table of what can be wrong between a client and its server. Each situation is provoked, by a real server where one
can do it, and its cause is found under the same name in the log, in metrics and on the status page; `postern probe` names
what can be seen of it from outside.

A kernel without memory for a socket is played by a filter of system calls. Not in the table, for nothing here can provoke
it: a network that says that a host is not there, since the loopback interface is all there is.
"""

import contextlib
import dataclasses
import json
import pathlib
import re
import socket
import ssl
import sys
import typing
import unittest
import zlib
from unittest import mock

from harness import Address, Client, Closed, Gateway, ScriptedBackend, postern, sanitized, wait_until
from harness import client_hello as tls
from harness.client_hello import Hello
from harness.lab import Lab, at, dovecot, full, leaf, mute, named, scripted, secured, tls12
from harness.names import EMPTY, SERVFAIL, SILENT, NameServer, asking
from harness.network import own_network, set_local_ports
from harness.scripted import polite
from harness.traps import (black_hole, bulk, greedy, greets, greets_after, hangs_up, http, imap_in_tls, injector, nobody, only_version,
                           preauth, resets_in_handshake, stripper)

DENIED = pathlib.Path(__file__).parent / "harness" / "denied.py"
ENDED, REFUSED, FAILED = "session ended", "session refused", "backend failed"
BALANCER = "127.2.0.1"  # from where PROXY headers come
UNWANTED = "127.3.0.1"
RATE = 60  # connections of an address
DESCRIPTORS = 400
LISTENERS = [{"address": "127.0.0.1:0", "tls": "implicit"}, {"address": "127.0.0.2:0", "tls": "starttls"},
             {"address": "127.0.0.3:0", "tls": "implicit", "sessions": 1},
             {"address": "127.0.0.4:0", "tls": "implicit", "proxy_protocol": {"from": [BALANCER]}}]


@dataclasses.dataclass(frozen=True)
class Row:
    situation: str
    cause: str
    event: str  # of the log line that has it as its `cause` or, of a session, as its `reason`
    metric: tuple  # name and labels of what counts it, beside the counter of all causes
    client: typing.Callable = None  # (gateway, row): what a client does; by default it comes and hears why not
    server: typing.Callable = None  # (lab): see harness/lab.py
    probe: str = ""  # what `postern probe` calls it, asked at the server or, of a client's row, at 993 of the gateway
    name: str = "mail.test"  # that the client, or the probe, asks for

    @property
    def backend(self):
        """Its own, to which a name leads that is made of it."""
        return re.sub(r"\W+", "-", self.situation).lower()

    @property
    def sni(self):
        return f"{self.backend}.mail.test"

    @property
    def source(self):
        """An address for its client alone, since limits are of addresses."""
        return "127.1.%d.%d" % divmod(1 + zlib.crc32(self.backend.encode()) % 62_000, 250)


# ---- what counts it


def ended(reason):
    return "postern_sessions_total", {"end_reason": reason}


def handshake(reason="peer_rejected_certificate"):
    return "postern_handshake_failures_total", {"reason": reason}


def violation(reason):
    return "postern_protocol_violations_total", {"hop": "client", "reason": reason}


def login(result):
    return "postern_logins_total", {"result": result}


def dial(result):
    return "postern_backend_connects_total", {"result": result}


# ---- what clients do


def comes(gateway, row):
    with gateway.connect_to_tls(server_name=row.sni, source=row.source) as client:
        client.rest()


def says(front, words, source=None, number=0):
    def client(gateway, row):
        with arrives(gateway, front, source or row.source, number) as connection:
            connection.send(words)
            connection.rest()
    return client


def arrives(gateway, front, source, number=0):
    return Client(socket.create_connection(gateway.listeners[front][number], 20, (source, 0)))


def speaks_tls_to_143(gateway, row):
    with arrives(gateway, "starttls", row.source) as client, contextlib.suppress(ssl.SSLError):
        client.secure(lab.trust, "postern.test")


def rejects(gateway, row):
    """As clients of today do that look at dates, names and the chain."""
    with contextlib.suppress(ssl.SSLCertVerificationError), gateway.connect_to_tls(server_name=row.name, source=row.source):
        raise AssertionError("the certificate is good enough")


def logs_in(gateway, row):
    with gateway.connect(server_name=row.sni, source=row.source) as client:
        client.command(b"LOGIN anna not-this-secret")


def is_banned(gateway, row):
    with gateway.connect(server_name="wrong-password.mail.test", source=row.source) as client:
        for _ in range(2):
            client.command(b"LOGIN anna not-this-secret")
    says("starttls", b"")(gateway, row)


def one_too_many(most, number=0, name="postern.test"):
    """One more than there may be; those before it have logged in, or they would give way."""
    def client(gateway, row):
        with contextlib.ExitStack() as others:
            for _ in range(most):
                first = others.enter_context(arrives(gateway, "implicit", row.source, number))
                first.secure(lab.trust, name)
                first.response()
                first.login()
            says("implicit", b"\x16", number=number)(gateway, row)
    return client


def finds_a_full_server(gateway, row):
    with gateway.connect(server_name=row.sni, source=row.source) as client:
        client.login()
        comes(gateway, row)


def shakes_hands_twice(gateway, row):
    with arrives(gateway, "implicit", row.source) as first, arrives(gateway, "implicit", row.source) as second:
        first.send(b"\x16\x03\x01")
        gateway.wait_for_metric("postern_handshakes_in_flight", 1)
        second.send(b"\x16\x03\x01")
        second.rest()


def gives_way(gateway, row):
    with gateway.connect(source=row.source), gateway.connect():
        pass


def comes_often(gateway, row):
    for _ in range(RATE + 1):
        says("starttls", b"a LOGOUT\r\n")(gateway, row)


def never_reads(gateway, _):
    with contextlib.ExitStack() as readers:
        with contextlib.suppress(OSError, Closed):
            while True:
                readers.enter_context(greedy(gateway))


def takes_all_descriptors(gateway, _):
    """Sessions that try mute servers until the peers have no descriptor left, and then clients that wait to be accepted."""
    with contextlib.ExitStack() as crowd:
        for _ in range(DESCRIPTORS // 5):
            crowd.enter_context(gateway.connect_to_tls())
        gateway.wait_for_metric(
            "process_open_fds", lambda count: count >= gateway.metrics().sum("postern_peer_descriptors_limit"))
        for _ in range(20):
            crowd.enter_context(arrives(gateway, "starttls", "127.9.0.1"))
        gateway.wait_for_metric("postern_accept_failures_total", lambda count: count > 0)


def finds_no_port(gateway, row):
    """Two sessions have the two that there are."""
    with contextlib.ExitStack() as clients:
        crowd = [clients.enter_context(gateway.connect_in_clear()) for _ in range(3)]
        set_local_ports(20_001, 20_002)
        for client in crowd:
            client.secure(lab.trust, "postern.test")
            if client is crowd[-1]:
                client.rest()
            else:
                client.response()
    set_local_ports(32_768, 60_999)


def is_checked(gateway, _):
    """A reload begins the checks of health again."""
    gateway.reload()


TABLE = {
    "a client at the gateway": (
        Row("TLS to 143", "client_tls_on_cleartext", ENDED, violation("tls_on_cleartext"), speaks_tls_to_143),
        Row("HTTP to 143", "client_http_on_cleartext", ENDED, violation("http_on_cleartext"),
            says("starttls", b"GET / HTTP/1.1\r\n\r\n")),
        Row("plaintext to 993", "client_plaintext_imap", ENDED, handshake("plaintext_imap"), says("implicit", b"a LOGIN b c\r\n")),
        Row("HTTP to 993", "client_plaintext_http", ENDED, handshake("plaintext_http"), says("implicit", b"GET / HTTP/1.1\r\n\r\n")),
        Row("PROXY to 993", "proxy_header_refused", ENDED, ended("proxy_header_refused"),
            says("implicit", b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 993\r\n")),
        Row("no TLS at 993", "client_not_tls", ENDED, handshake("not_tls"), says("implicit", b"\0\1\2\3\4\5\6\7")),
        Row("half a handshake", "handshake_timeout", ENDED, handshake("timeout"), says("implicit", b"\x16\x03\x01\x02")),
        Row("certificate expired", "certificate_expired", ENDED, handshake(), rejects, None,
            "server_certificate_expired", "expired.test"),
        Row("certificate not yet valid", "certificate_not_yet_valid", ENDED, handshake(), rejects, None,
            "server_certificate_not_yet_valid", "early.test"),
        Row("certificate of another name", "client_rejects_certificate", ENDED, handshake(), rejects, None,
            "server_certificate_name_mismatch", "elsewhere.test"),
        Row("certificate self-signed", "certificate_self_signed", ENDED, handshake(), rejects, None,
            "server_certificate_untrusted", "own.test"),
        Row("certificate without its intermediate", "client_does_not_know_authority", ENDED, handshake(), rejects, None,
            "server_chain_incomplete", "alone.test"),
        Row("client of TLS 1.1", "client_unsupported_version", ENDED, handshake("unsupported_version"),
            says("implicit", Hello((tls.TLS11,), (0xC009, 0xC013)).record())),
        Row("client without a suite", "client_no_shared_cipher", ENDED, handshake("no_shared_cipher"),
            says("implicit", Hello((tls.TLS12,), (0x009C, 0x002F)).record())),
        Row("client without a group", "client_no_shared_group", ENDED, handshake("no_shared_group"),
            says("implicit", Hello((tls.TLS13,), (0x1301,), groups=(tls.SECP521R1,)).record())),
        Row("PROXY missing", "proxy_header_missing", ENDED, ended("proxy_header_missing"), says("implicit", b"\x16\x03\x01", BALANCER, 2)),
        Row("PROXY broken", "proxy_header_invalid", ENDED, ended("proxy_header_invalid"),
            says("implicit", b"PROXY TCP4 mail.test\r\n", BALANCER, 2)),
        Row("wrong password", "login_failed", "login failed", login("failure"), logs_in, dovecot("starttls")),
        Row("banned", "banned", REFUSED, ended("banned"), is_banned),
        Row("denied", "denied", REFUSED, ended("denied"), says("starttls", b"", UNWANTED)),
        Row("limit of an address", "limit_address", REFUSED, ended("limit_address"), one_too_many(2)),
        Row("limit of a listener", "limit_listener", REFUSED, ended("limit_listener"), one_too_many(1, 1)),
        Row("limit of handshakes", "limit_handshakes", REFUSED, ended("limit_handshakes"), shakes_hands_twice),
        Row("limit in time", "limit_rate", REFUSED, ended("limit_rate"), comes_often),
        Row("limit of a server", "limit_backend", ENDED, ended("limit_backend"), finds_a_full_server, full),
    ),
    "the gateway at a server": (
        Row("TLS at 143", "backend_speaks_tls", FAILED, dial("not_imap"), comes, scripted(imap_in_tls, "none", leaf(), 143),
            "server_speaks_tls"),
        Row("993 of Dovecot in clear", "backend_speaks_tls", FAILED, dial("not_imap"), comes, dovecot(port=993)),
        Row("clear at 993", "backend_speaks_plain", FAILED, dial("plaintext_imap"), comes, scripted(polite, "implicit", port=993),
            "server_speaks_clear"),
        Row("143 of Dovecot by TLS", "backend_speaks_plain", FAILED, dial("plaintext_imap"), comes, dovecot("implicit", 143)),
        Row("server certificate expired", "backend_certificate_expired", FAILED, dial("certificate_expired"), comes,
            secured(leaf(age=100.5)), "server_certificate_expired"),
        Row("server certificate not yet valid", "backend_certificate_not_yet_valid", FAILED, dial("certificate_not_yet_valid"), comes,
            secured(leaf(age=-10)), "server_certificate_not_yet_valid"),
        Row("server certificate of another name", "backend_certificate_name_mismatch", FAILED, dial("certificate_name_mismatch"),
            comes, secured(leaf(name="other.test")), "server_certificate_name_mismatch"),
        Row("server certificate self-signed", "backend_certificate_self_signed", FAILED, dial("certificate_self_signed"), comes,
            secured(lambda of: of.context(of.own)), "server_certificate_untrusted"),
        Row("server certificate without its intermediate", "backend_certificate_untrusted", FAILED, dial("certificate_untrusted"), comes,
            secured(leaf(alone=True)), "server_chain_incomplete"),
        Row("server of TLS 1.0", "backend_unsupported_version", FAILED, dial("unsupported_version"), comes,
            secured(lambda of: only_version(leaf()(of), ssl.TLSVersion.TLSv1)), "server_tls_too_old"),
        Row("server without a suite", "backend_no_shared_parameters", FAILED, dial("peer_alert"), comes,
            secured(tls12("set_ciphers", "ECDHE-ECDSA-ARIA256-GCM-SHA384")), "backend_no_shared_parameters"),
        Row("server without a group", "backend_no_shared_parameters", FAILED, dial("peer_alert"), comes,
            secured(tls12("set_ecdh_curve", "brainpoolP256r1")), "backend_no_shared_parameters"),
        Row("dropped", "backend_timed_out", FAILED, dial("timed_out"), comes, at(black_hole), "server_filtered"),
        Row("refused", "backend_connection_refused", FAILED, dial("connection_refused"), comes, at(nobody), "server_refused"),
        Row("reset in the handshake", "backend_connection_reset", FAILED, dial("connection_reset"), comes,
            scripted(resets_in_handshake, "implicit"), "server_hangs_up"),
        Row("hung up", "backend_connection_closed", FAILED, dial("connection_closed"), comes, scripted(hangs_up), "server_hangs_up"),
        Row("greeting missing", "backend_greeting_timeout", FAILED, dial("greeting_timeout"), comes, scripted(greets(b"")),
            "server_silent"),
        Row("greeting late", "backend_slow", FAILED, dial("greeting_timeout"), comes, secured(leaf(), greets_after(2.2)), "server_slow"),
        Row("BYE", "backend_bye", FAILED, dial("backend_bye"), comes, scripted(greets(b"* BYE going down\r\n")), "backend_bye"),
        Row("BYE of a limit", "backend_address_limit", FAILED, dial("backend_bye"), comes,
            scripted(greets(b"* BYE Too many connections\r\n")), "backend_bye"),
        Row("POP3", "backend_speaks_pop3", FAILED, dial("not_imap"), comes, scripted(greets(b"+OK ready\r\n")), "backend_speaks_pop3"),
        Row("SMTP", "backend_speaks_smtp", FAILED, dial("not_imap"), comes, scripted(greets(b"220 mail.test ESMTP\r\n")),
            "backend_speaks_smtp"),
        Row("HTTP", "backend_speaks_http", FAILED, dial("not_imap"), comes, scripted(http), "backend_speaks_http"),
        Row("another protocol", "backend_not_imap", FAILED, dial("not_imap"), comes, scripted(greets(b"SSH-2.0-OpenSSH_9.2\r\n")),
            "server_speaks_other"),
        Row("PRIVACYREQUIRED", "backend_privacy_required", "login refused", login("privacy_required"), logs_in, dovecot()),
        Row("STARTTLS taken out", "backend_starttls_missing", FAILED, dial("starttls_missing"), comes, scripted(stripper, "starttls"),
            "server_lacks_starttls"),
        Row("answers injected", "backend_starttls_injection", FAILED, dial("starttls_injection"), comes, scripted(injector, "starttls"),
            "backend_starttls_injection"),
        Row("PREAUTH", "backend_preauth", FAILED, dial("backend_preauth"), comes, scripted(preauth, "starttls"),
            "server_logs_in_unasked"),
        Row("PROXY expected", "backend_proxy_header_expected", FAILED, dial("connection_reset"), comes, dovecot(port=1143), "server_hangs_up"),
        Row("PROXY unexpected", "backend_proxy_header_unexpected", FAILED, dial("proxy_header_unexpected"), comes,
            dovecot(client_identity="proxy_v1")),
    ),
    "names": (
        Row("DNS fails", "name_server_unavailable", FAILED, dial("name_server_unavailable"), comes,
            named("fails.mail.test:143"), "name_server_unavailable"),
        Row("DNS has no address", "backend_name_not_found", FAILED, dial("name_not_found"), comes,
            named("empty.mail.test:143"), "server_name_not_found"),
        Row("DNS is silent", "name_server_silent", FAILED, dial("name_server_silent"), comes,
            named("silent.mail.test:143"), "name_server_unavailable"),
    ),
    "checks of health": (
        Row("LOGINDISABLED", "backend_privacy_required", "backend is not usable", ("postern_backend_probes_total", {}), is_checked,
            dovecot(health={"interval": "200ms"})),
    ),
    "the limit of sessions": (
        Row("limit of sessions", "limit_sessions", REFUSED, ended("limit_sessions"), one_too_many(1), scripted(polite)),
        Row("limit of sessions without login", "gave_way", REFUSED, ended("gave_way"), gives_way),
    ),
    "the limit of memory": (Row("limit of memory", "limit_memory", REFUSED, ended("limit_memory"), never_reads, scripted(bulk)),),
    "descriptors": (
        Row("no descriptors", "too_many_open_files", "accept failed",
            ("postern_accept_failures_total", {"reason": "too_many_open_files"}), takes_all_descriptors, mute),
    ),
    "ports": (Row("no ports", "no_local_port", FAILED, dial("no_local_port"), finds_no_port, scripted(polite)),),
    "memory of the kernel": (
        Row("no memory", "out_of_memory", FAILED, dial("out_of_memory"), comes, named("[::1]:143")),
    ),
}


def setUpModule():
    global lab
    lab = unittest.enterModuleContext(Lab())


class Causes(unittest.TestCase):
    def play(self, part, **settings):
        """Each row of that part, at one gateway."""
        rows = TABLE[part]
        backends = {row.backend: row.server(lab) for row in rows if row.server}
        gateway = self.enterContext(Gateway(**{
            "backends": backends | {"good": lab.enter_context(ScriptedBackend()).backend()},
            "default_backend": next(iter(backends)) if len(rows) == 1 else "good",
            "routes": [{"sni": f"{name}.mail.test", "backend": name} for name in backends],
            "listeners": LISTENERS, "tls": {"certificates": lab.certificates()},
            "timeouts": {"connect": "2s", "handshake": "1s", "drain": "2s"}} | settings))
        gateway.authority = lab
        for row in rows:
            with self.subTest(row.situation):
                self.check(gateway, row, backends)

    def check(self, gateway, row, backends):
        before, since = self.counts(gateway, row), len(gateway.log())
        row.client(gateway, row)
        gateway.wait_for_log(rf"\b{row.event} .*\b(reason|cause)={row.cause}\b", since)
        wait_until(lambda: all(now > then for now, then in zip(self.counts(gateway, row), before)),
                   lambda: f"more than {before}: {self.counts(gateway, row)} of {gateway.get('/status.json')[1]}")
        self.assertIn(f"<h3>{row.cause} ", gateway.get("/status")[1])
        if row.probe:
            self.probe(gateway, row, backends)

    def counts(self, gateway, row):
        """By the row's own metric, by that of all causes, and on the status page."""
        metrics, status = gateway.metrics(), json.loads(gateway.get("/status.json")[1])
        name, labels = row.metric
        own = labels | ({"backend": row.backend} if name.startswith(("postern_backend", "postern_logins")) else {})
        return (metrics.sum(name, **own), metrics.sum("postern_failures_total", cause=row.cause),
                sum(one["count"] for one in status["failures"] if one["cause"] == row.cause))

    def probe(self, gateway, row, backends):
        target = backends[row.backend]["servers"][0] if row.server else "%s:%d" % gateway.address()
        _, said = postern("probe", target, "--json", "--name", row.name, "--ca", lab.ca.root.certificate)
        self.assertIn(row.probe, {one["cause"] for one in json.loads(said)["findings"]}, said)

    def test_a_client_at_the_gateway(self):
        self.play("a client at the gateway", limits={
            "sessions_per_address": 2, "handshakes_per_address": 1, "connections_per_address": {"max": RATE, "per": "1h"},
            "deny": [UNWANTED], "login_failures": {"max": 2, "per": "1h", "ban": "1h", "delay": "0s"}})

    def test_the_gateway_at_a_server(self):
        self.play("the gateway at a server")

    def test_names(self):
        place = self.enterContext(Address())
        answers = {"fails.mail.test": SERVFAIL, "empty.mail.test": EMPTY, "silent.mail.test": SILENT}
        with NameServer(place.host, answers), asking(lab.folder, place.host):
            self.play("names")

    def test_checks_of_health(self):
        self.play("checks of health")

    def test_the_limit_of_sessions(self):
        self.play("the limit of sessions", limits={"sessions": 1}, workers=1)

    @unittest.skipIf(sanitized(), "a sanitizer's memory says nothing")
    def test_the_limit_of_memory(self):
        self.play("the limit of memory", limits={"memory": "32MiB"})

    def test_descriptors(self):
        with mock.patch.object(Gateway, "wrapper", ("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}")):
            self.play("descriptors", workers=1, timeouts={"connect": "60s", "drain": "1s"})

    def test_ports(self):
        with own_network():
            self.play("ports")

    def test_memory_of_the_kernel(self):
        with mock.patch.object(Gateway, "wrapper", (sys.executable, DENIED, "ENOMEM", "socket_inet6", "--")):
            self.play("memory of the kernel")

    def test_there_are_as_many_as_there_should_be(self):
        rows = [row for part in TABLE.values() for row in part]
        self.assertEqual(len({row.situation for row in rows}), len(rows))
        self.assertGreaterEqual(len({row.cause for row in rows}), 24)


if __name__ == "__main__":
    unittest.main()
