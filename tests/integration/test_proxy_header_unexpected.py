"""A server that does not expect the PROXY header that it is sent, and one that waits for a header in vain: real Dovecots,
and the line, the metric and the check of health that name the cause."""

import contextlib
import json
import ssl
import textwrap
import unittest

from harness import Authority, Dovecot, Folder, Gateway, ScriptedBackend
from harness.imap import Closed

REASON = "proxy_header_unexpected"
STATE = "postern_backend_server_state"
CONNECTS, PROBES = "postern_backend_connects_total", "postern_backend_probes_total"
HEADER_PORT = 10143


class WaitingDovecot(Dovecot):
    """Wants a PROXY header on a port of its own."""

    def configuration(self, version):
        return super().configuration(version) + textwrap.dedent(f"""
            haproxy_trusted_networks = 127.0.0.1
            service imap-login {{
              inet_listener imap_proxy {{
                port = {HEADER_PORT}
                haproxy = yes
              }}
            }}
            """)


def setUpModule():
    global dovecot
    folder = unittest.enterModuleContext(Folder("header")).path
    dovecot = unittest.enterModuleContext(WaitingDovecot(Authority(folder)))


class Header(unittest.TestCase):
    def gateway(self, **backend):
        return self.enterContext(Gateway(backends={"mail": backend}, workers=1))

    def visit(self, gateway):
        """A client that logs in, or tries to."""
        with contextlib.suppress(OSError, ssl.SSLError, AssertionError, Closed), gateway.connect() as client:
            client.login()

    def test_version_2_is_named_to_a_session(self):
        for hop in ("none", "implicit", "starttls"):
            with self.subTest(hop):
                gateway = self.gateway(**dovecot.backend(hop, client_identity="proxy_v2"))
                self.visit(gateway)
                gateway.wait_for_log(rf"backend failed .*reason={REASON} cause=backend_{REASON} .*advice=")
                gateway.wait_for_metric(CONNECTS, lambda count: count > 0, {"result": REASON})

    def test_version_1_is_named_to_a_session(self):
        """Dovecot greets, and says `PROXY BAD` a moment later."""
        gateway = self.gateway(**dovecot.backend("none", client_identity="proxy_v1"))
        self.visit(gateway)
        gateway.wait_for_log(rf"backend failed .*reason={REASON} cause=backend_{REASON} .*advice=")
        gateway.wait_for_metric(CONNECTS, lambda count: count > 0, {"result": REASON})

    def test_what_sessions_find_is_the_state_of_the_server(self):
        """Without checks of health: the greeting alone makes no server `up`."""
        for version in ("proxy_v1", "proxy_v2"):
            with self.subTest(version):
                gateway = self.gateway(**dovecot.backend("none", client_identity=version))
                name = f"{dovecot.host}:143"
                for number in range(1, 4):
                    self.visit(gateway)
                    gateway.wait_for_metric(CONNECTS, number, {"result": REASON})
                gateway.wait_for_metric(STATE, 1, {"server": name, "state": "down"})
                self.assertEqual(gateway.metrics().sum(CONNECTS, result="success"), 0)
                self.assertIn(f"mail {name} down\n", gateway.get("/ready")[1])
                gateway.wait_for_log(rf"backend is down .*reason={REASON} cause=backend_{REASON}")
                state = json.loads(gateway.get("/status.json")[1])
                self.assertEqual(state["backends"][0]["servers"][0]["state"], "down")

    def test_a_server_that_expects_it_is_up_once_it_has_answered(self):
        gateway = self.gateway(**dovecot.backend("none", servers=[f"{dovecot.host}:{HEADER_PORT}"], client_identity="proxy_v2"))
        self.visit(gateway)
        gateway.wait_for_metric(CONNECTS, 1, {"result": "success"})
        gateway.wait_for_metric(STATE, 1, {"server": f"{dovecot.host}:{HEADER_PORT}", "state": "up"})
        with gateway.connect():  # one that never says a word
            pass
        gateway.wait_for_metric(CONNECTS, 2, {"result": "success"})

    def test_the_answer_to_it_is_not_the_clients(self):
        def script(peer):
            peer.line()
            peer.send(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
            peer.line()
            peer.send(b"PROXY BAD what\r\na OK done\r\n")

        backend = self.enterContext(ScriptedBackend(script))
        gateway = self.gateway(**backend.backend(client_identity="proxy_v1"))
        with gateway.connect() as client:
            client.send(b"a NOOP\r\n")
            self.assertTrue(client.line().startswith(b"* BYE "))
        gateway.wait_for_log("session ended .*reason=backend_violation .*cause=backend_proxy_header_unexpected ")
        self.assertEqual(gateway.log().count("backend failed "), 1)

    def test_both_versions_are_named_by_a_check_of_health(self):
        for version in ("proxy_v1", "proxy_v2"):
            with self.subTest(version):
                gateway = self.gateway(**dovecot.backend("none", client_identity=version, health={}))
                gateway.wait_for_metric(PROBES, lambda count: count > 0, {"result": REASON})
                gateway.wait_for_log(rf"backend failed .*reason={REASON} .*sent=.*said=")

    def test_a_server_that_greets_first_and_hangs_up_on_it(self):
        def script(peer):
            peer.send(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
            for _ in range(5):  # what is left of the header is the tag of the client's command
                peer.line()
            peer.send(b"* BAD what\r\n* BAD what\r\n")

        backend = self.enterContext(ScriptedBackend(script))
        gateway = self.gateway(**backend.backend(client_identity="proxy_v2"))
        for _ in range(3):
            self.visit(gateway)
        gateway.wait_for_metric(CONNECTS, 3, {"result": REASON})
        gateway.wait_for_log("session ended .*reason=backend_closed .*cause=backend_proxy_header_unexpected .*error=.*does not expect the PROXY header")
        self.assertEqual(gateway.log().count("backend failed "), 1, "a line a minute")

    def test_one_that_is_missing(self):
        """Dovecot hangs up after three seconds."""
        gateway = self.gateway(**dovecot.backend("none", servers=[f"{dovecot.host}:{HEADER_PORT}"]))
        self.visit(gateway)
        gateway.wait_for_log(r"backend failed .*cause=backend_proxy_header_expected .*after_ms=[2-4]\d\d\d .*client_identity: proxy_v2")


if __name__ == "__main__":
    unittest.main()
