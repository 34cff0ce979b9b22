"""Whose address a session has: announced by HAProxy in front, passed on to Dovecot, and not for a client to invent."""

import contextlib
import re
import socket
import struct
import textwrap
import unittest

from harness import Authority, Dovecot, Folder, Gateway, ScriptedBackend
from harness.imap import Client
from harness.processes import DEADLINE_S, Address, Process, wait_until

CLIENT = "127.77.0.9"  # where our clients are
PROXY = "127.66.0.1"  # where load balancers are
CLAIMED = "203.0.113.9"  # where nobody is
ENDED = "postern_sessions_total"
HEADERS = "postern_proxy_headers_total"
FRONTS = ("implicit", "starttls")
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.1 198.51.100.2 4711 993\r\n"
V2 = SIGNATURE + struct.pack("!BBH4s4sHH", 0x21, 0x11, 12, socket.inet_aton("192.0.2.1"),
                             socket.inet_aton("198.51.100.2"), 4711, 993)
PROXY_PORT, PROXY_TLS_PORT = 10143, 10993


class TrustingDovecot(Dovecot):
    """Takes PROXY headers on ports of their own, believes postern's IDs, and wants no password on a hop that
    is not secured."""

    def configuration(self, version):
        strict = "disable_plaintext_auth = yes" if version < (2, 4) else "auth_allow_cleartext = no"
        return super().configuration(version) + f"""
            {strict}
            haproxy_trusted_networks = 127.0.0.1
            login_trusted_networks = 127.0.0.1
            service imap-login {{
              inet_listener imap_proxy {{
                port = {PROXY_PORT}
                haproxy = yes
              }}
              inet_listener imaps_proxy {{
                port = {PROXY_TLS_PORT}
                ssl = yes
                haproxy = yes
              }}
            }}
            """

    def behind_proxy(self, hop, version):
        port = PROXY_TLS_PORT if hop == "implicit" else PROXY_PORT
        return self.backend(hop, servers=[f"{self.host}:{port}"], client_identity=f"proxy_{version}")


def setUpModule():
    global authority, clients, dovecot
    folder = unittest.enterModuleContext(Folder("identity")).path
    authority, clients = Authority(folder / "servers"), Authority(folder / "clients")
    dovecot = unittest.enterModuleContext(TrustingDovecot(authority))


def arrive(address, front="implicit", header=b"", source=CLIENT, name="postern.test", certificate=None):
    """A client inside TLS, from that address, with these bytes in front of everything."""
    client = Client(socket.create_connection(address, DEADLINE_S, source_address=(source, 0)))
    try:
        client.send(header)
        if front == "starttls":
            client.greeting = client.response()
            client.start_tls()
        context = authority.client_context()
        if certificate is not None:
            context.load_cert_chain(certificate.chain, certificate.key)
        client.secure(context, name)
        if front == "implicit":
            client.greeting = client.response()
    except BaseException:
        client.close()
        raise
    return client


class PassedToDovecot(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        pools = {f"{way}-{hop}": settings for hop in ("none", "starttls", "implicit") for way, settings in {
            "v1": dovecot.behind_proxy(hop, "v1"), "v2": dovecot.behind_proxy(hop, "v2"),
            "id": dovecot.backend(hop, client_identity="imap_id")}.items()}
        cls.gateway = cls.enterClassContext(Gateway(
            backends=pools, routes=[{"sni": f"{pool}.mail.test", "backend": pool} for pool in pools],
            tls={"certificates": [authority.leaf("*.mail.test").files]}))

    def through(self, pool, front="implicit"):
        return arrive(self.gateway.address(front), front, name=f"{pool}.mail.test")

    def dovecot_logs(self, pattern, since):
        def found():
            return re.search(pattern, dovecot.process.text()[since:])
        return wait_until(found, lambda: f"{pattern} in\n{dovecot.process.text()[since:]}")

    def test_it_logs_the_clients_address(self):
        for pool in ("v1-starttls", "v1-implicit", "v2-none", "v2-starttls", "v2-implicit", "id-none", "id-starttls",
                     "id-implicit"):
            for front in FRONTS:
                with self.subTest(pool=pool, front=front):
                    since = len(dovecot.process.text())
                    with self.through(pool, front) as client:
                        port = client.socket.getsockname()[1]
                        client.login()
                    line = self.dovecot_logs(rf".*Login: user=<anna>.*rip={re.escape(CLIENT)},.*", since)[0]
                    self.assertIn(f"lip={self.gateway.address(front)[0]},", line)
                    if pool.startswith("id-"):
                        session = re.search(r"session=<([0-9a-f]{16})>", line)[1]
                        self.gateway.wait_for_log(rf"session ended.*{CLIENT}:{port}.*{session}")

    def test_the_tls_in_a_version_2_header_makes_the_plain_hop_secured(self):
        with self.through("v1-none") as client:
            self.assertIn(b" NO [PRIVACYREQUIRED]", client.command(b'LOGIN anna "open sesame"')[-1])
        since = len(dovecot.process.text())
        with self.through("v2-none") as client:
            client.login()
        self.dovecot_logs(r"Login: user=<anna>.*(secured|TLS)", since)

    def test_a_client_cannot_say_it_by_id(self):
        id_ = b'ID ("name" "x" "x-originating-ip" "%s" "x-session-id" "mine")' % CLAIMED.encode()
        for pool in ("id-none", "v2-none"):
            since = len(dovecot.process.text())
            with self.subTest(pool), self.through(pool) as client, \
                    self.gateway.counting("postern_id_fields_dropped_total", by=2):
                client.ok(id_)
                client.login()
                client.ok(id_)  # which passes, and which no server takes for anything by then
            self.dovecot_logs(rf"Login: user=<anna>.*rip={re.escape(CLIENT)},", since)
        self.assertNotIn(CLAIMED, dovecot.process.text())
        self.assertNotIn("<mine>", dovecot.process.text())


class PassedToAny(unittest.TestCase):
    """What stands in the header, and a server that knows no ID."""

    def test_a_version_2_header_carries_the_clients_tls_and_certificate(self):
        headers = []

        def script(peer):
            fixed = peer.bytes(16)
            headers.append(fixed + peer.bytes(struct.unpack("!H", fixed[14:])[0]))
            peer.send(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
            peer.serve()

        backend = self.enterContext(ScriptedBackend(script))
        gateway = self.enterContext(Gateway(
            backends={"mail": backend.backend(client_identity="proxy_v2")},
            tls={"certificates": [authority.leaf("postern.test").files],
                 "client_ca": {"file": str(clients.chain), "mode": "optional"}}))
        for certificate, flags, verify in ((clients.leaf("anna"), 7, 0), (None, 1, 1)):
            with arrive(gateway.address(), certificate=certificate) as client:
                port = client.socket.getsockname()[1]
            header = headers.pop()
            self.assertEqual(header[:14], SIGNATURE + b"\x21\x11")
            self.assertEqual(header[16:28], socket.inet_aton(CLIENT) + socket.inet_aton("127.0.0.1") +
                             struct.pack("!HH", port, gateway.address()[1]))
            sent = tlvs(header[28:])
            self.assertEqual(sent[2], b"postern.test")
            self.assertEqual(struct.unpack("!BI", sent[0x20][:5]), (flags, verify))
            ssl = tlvs(sent[0x20][5:])
            self.assertEqual(ssl[0x21], b"TLSv1.3")
            self.assertTrue(ssl[0x23].startswith(b"TLS_"))
            self.assertEqual(ssl.get(0x22), b"anna" if certificate else None)

    def test_a_reload_changes_the_peers_that_may_announce(self):
        backend = self.enterContext(ScriptedBackend())
        listener = {"address": "127.0.0.1:0", "tls": "implicit"}
        gateway = self.enterContext(Gateway(
            listeners=[listener], backends={"mail": backend.backend()},
            tls={"certificates": [authority.leaf("postern.test").files]}))
        with gateway.counting(HEADERS, result="refused"), self.assertRaises(OSError):
            arrive(gateway.address(), header=V1, source=PROXY)
        gateway.configure(listeners=[listener | {"proxy_protocol": {"from": [PROXY]}}])
        self.assertNotIn("needs a restart", gateway.reload())
        with gateway.counting(HEADERS, result="v1"):
            arrive(gateway.address(), header=V1, source=PROXY).close()

    def test_a_server_that_knows_no_id_serves_all_the_same(self):
        def script(peer):
            peer.send(b"* OK ready\r\n")
            peer.command(b"ID (", b"BAD what")
            peer.serve()

        backend = self.enterContext(ScriptedBackend(script))
        gateway = self.enterContext(Gateway(workers=1, backends={"mail": backend.backend(client_identity="imap_id")}))
        with gateway.counting("postern_backend_identity_refusals_total", by=2):
            for _ in range(2):
                with gateway.connect() as client:
                    self.assertEqual(client.greeting, b"* OK ready\r\n")
                    client.login()
        self.assertEqual(gateway.log().count("does not take the client's address"), 1)


def tlvs(data):
    found = {}
    while data:
        kind, size = struct.unpack("!BH", data[:3])
        found[kind], data = data[3:3 + size], data[3 + size:]
    return found


class Announced(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.backend = cls.enterClassContext(ScriptedBackend())
        listeners = [{"address": f"127.0.0.{1 + i}:0", "tls": front, "proxy_protocol": {"from": ["127.66.0.0/16"]}}
                     for i, front in enumerate(FRONTS)]
        cls.gateway = cls.enterClassContext(Gateway(
            listeners=listeners, timeouts={"handshake": "2s", "drain": "2s"},
            backends={"mail": cls.backend.backend(), "dovecot": dovecot.backend(client_identity="imap_id")},
            routes=[{"sni": "dovecot.mail.test", "backend": "dovecot"}],
            tls={"certificates": [authority.leaf("postern.test", "*.mail.test").files]}))

    def say(self, front, words, source):
        """What comes back, until the gateway closes."""
        client = Client(socket.create_connection(self.gateway.address(front), DEADLINE_S, source_address=(source, 0)))
        with client:
            client.send(words)
            return client.rest()

    def test_the_header_names_the_client(self):
        for front in FRONTS:
            for version, header in (("v1", V1), ("v2", V2)):
                since = len(self.gateway.log())
                with self.subTest(front=front, version=version), self.gateway.counting(HEADERS, result=version):
                    arrive(self.gateway.address(front), front, header, PROXY).close()
                    self.gateway.wait_for_log(
                        rf'session ended.*client="?192\.0\.2\.1:4711"? proxy="?{re.escape(PROXY)}:\d+', since)

    def test_haproxy_in_front_and_dovecot_behind_agree(self):
        for front in FRONTS:
            with self.subTest(front), haproxy(self.gateway.address(front)) as address:
                since, logged = len(dovecot.process.text()), len(self.gateway.log())
                with arrive(address, front, name="dovecot.mail.test") as client:
                    port = client.socket.getsockname()[1]
                    client.login()
                self.gateway.wait_for_log(rf'session ended.*client="?{re.escape(CLIENT)}:{port}"? proxy="?{PROXY}:', logged)
                wait_until(lambda: re.search(rf"Login: user=<anna>.*rip={re.escape(CLIENT)},",
                                             dovecot.process.text()[since:]), "Dovecot's line")
                self.gateway.wait_for_metric(HEADERS, lambda count: count > 0, {"result": "local"})  # health checks

    def test_one_from_an_unlisted_network_is_refused(self):
        for front in FRONTS:
            for header in (V1, V2):
                since = len(self.gateway.log())
                with self.subTest(front=front, header=header), self.gateway.counting(HEADERS, result="refused"), \
                        self.gateway.counting(ENDED, end_reason="proxy_header_refused"):
                    self.assertNotIn(b" OK ", self.say(front, header, CLIENT).partition(b"\n")[2])
                    self.gateway.wait_for_log(r"proxy_header_refused.*proxy_protocol\.from", since)

    def test_a_missing_one_is_named(self):
        for front in FRONTS:
            since = len(self.gateway.log())
            with self.subTest(front), self.gateway.counting(HEADERS, result="missing"), \
                    self.gateway.counting(ENDED, end_reason="proxy_header_missing"):
                self.assertEqual(self.say(front, b"\x16\x03\x01\x02\x00", PROXY), b"")
                self.gateway.wait_for_log(r"proxy_header_missing.*proxy_protocol\.from", since)

    def test_silence_ends_with_the_time_for_a_handshake(self):
        with self.gateway.counting(HEADERS, result="timeout"), \
                self.gateway.counting(ENDED, end_reason="proxy_header_timeout"):
            self.assertEqual(self.say("starttls", b"PROXY TCP4", PROXY), b"")

    def test_every_truncation_ends_cleanly_and_is_counted(self):
        for header in (V1, V2):
            with self.gateway.counting(HEADERS, by=len(header) - 1, result="truncated"), \
                    self.gateway.counting(ENDED, by=len(header) - 1, end_reason="proxy_header_invalid"):
                for size in range(1, len(header)):
                    address = self.gateway.address(FRONTS[size % 2])
                    with socket.create_connection(address, DEADLINE_S, source_address=(PROXY, 0)) as connection:
                        connection.sendall(header[:size])
                        connection.shutdown(socket.SHUT_WR)
                        self.assertEqual(connection.recv(1), b"", f"after {size} octets")
        self.gateway.wait_for_metric("postern_sessions_active", 0)

    def test_a_client_announced_and_refused_has_a_line_a_minute(self):
        backends = {"mail": self.backend.backend()}
        listeners = [{"address": "127.0.0.1:0", "proxy_protocol": {"from": ["127.66.0.0/16"]}}]
        with Gateway(backends=backends, listeners=listeners, limits={"deny": ["192.0.2.0/24"]}) as gateway:
            with gateway.counting(ENDED, by=3, end_reason="denied"):
                for _ in range(3):
                    with socket.create_connection(gateway.address(), DEADLINE_S, source_address=(PROXY, 0)) as client:
                        client.sendall(V1)
                        self.assertEqual(client.recv(1), b"")
            said = gateway.log()
        self.assertEqual(said.count("session refused"), 1, said)
        self.assertRegex(said, r'session refused.*client="?192\.0\.2\.1:4711"? reason=denied')
        self.assertNotIn("session ended", said)

    def test_none_is_taken_inside_tls(self):
        since = len(self.gateway.log())
        with arrive(self.gateway.address()) as client:
            client.send(V1)
            client.until(b"PROXY OK")  # to the backend it is a command like any other
        self.gateway.wait_for_log(rf'session ended.*client="?{re.escape(CLIENT)}:', since)


@contextlib.contextmanager
def haproxy(target):
    """The address of an HAProxy that announces its clients to `target`, and checks its health so too."""
    with Folder("haproxy") as folder, Address() as place:
        configuration = folder.path / "haproxy.cfg"
        configuration.write_text(textwrap.dedent(f"""
            defaults
              mode tcp
              timeout connect 5s
              timeout client 60s
              timeout server 60s
            listen imap
              bind {place.host}:993
              option tcp-check
              tcp-check connect send-proxy linger  # else its reset may overtake accept(), and nobody sees the check
              server postern {target[0]}:{target[1]} send-proxy-v2 source {PROXY} check inter 200ms
            """), encoding="utf-8")
        process = Process(["/usr/sbin/haproxy", "-db", "-f", configuration], folder.path / "output")
        try:
            wait_until(lambda: accepts((place.host, 993)), process.text)
            yield (place.host, 993)
        finally:
            process.kill()


def accepts(address):
    with contextlib.suppress(OSError), socket.create_connection(address, 1):
        return True
    return False


if __name__ == "__main__":
    unittest.main()
