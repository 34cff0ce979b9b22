"""Which server of a pool gets a session: shares by weight, limits, backups, and a server that drains."""

import contextlib
import re
import unittest

from harness import Dovecot, Gateway, ScriptedBackend
from harness.certificates import Authority
from harness.processes import Folder
from harness.scripted import polite

CONNECTS = "postern_backend_connects_total"
SESSIONS = "postern_backend_sessions_active"
STATE = "postern_backend_server_state"


class Balance(unittest.TestCase):
    def setUp(self):
        self.stack = self.enterContext(contextlib.ExitStack())

    def pool(self, *more, **backend):
        """Scripted servers with these keys each, and a gateway before them."""
        servers = [self.stack.enter_context(ScriptedBackend()) for _ in more]
        written = [{"address": server.server} | keys for server, keys in zip(servers, more)]
        gateway = self.stack.enter_context(Gateway(backends={"pool": {"servers": written} | backend}))
        return gateway, servers

    def session(self, gateway):
        client = self.stack.enter_context(gateway.connect())
        client.login()
        return client

    def sessions_of(self, gateway, servers):
        return [gateway.metrics().sum(SESSIONS, server=server.server) for server in servers]

    def test_round_robin_by_weight(self):
        gateway, servers = self.pool({"weight": 3}, {"weight": 1}, balance="round_robin")
        for _ in range(80):
            with gateway.connect() as client:
                client.login()
        shares = [gateway.metrics().sum(CONNECTS, server=server.server, result="success") for server in servers]
        self.assertEqual(sum(shares), 80)
        self.assertAlmostEqual(shares[0], 60, delta=6)

    def test_least_sessions_by_weight_over_all_workers(self):
        gateway, servers = self.pool({"weight": 3}, {}, {}, balance="least_sessions")
        for _ in range(50):
            self.session(gateway)
        shares = self.sessions_of(gateway, servers)
        for share, wanted in zip(shares, (30, 10, 10)):
            self.assertAlmostEqual(share, wanted, delta=1)

    def test_a_full_server_passes_sessions_on_and_a_full_pool_refuses_them(self):
        gateway, servers = self.pool({"max_sessions": 2}, {"max_sessions": 1}, balance="round_robin")
        clients = [self.session(gateway) for _ in range(3)]
        self.assertEqual(self.sessions_of(gateway, servers), [2, 1])
        with gateway.counting("postern_sessions_total", end_reason="limit_backend"):
            with gateway.connect_to_tls() as refused:
                self.assertIn(b"* BYE [LIMIT] ", refused.goodbye())
        gateway.wait_for_log("backend is full ")
        with gateway.counting("postern_sessions_total", end_reason="client_logout"):
            clients[0].ok(b"LOGOUT")
        self.session(gateway)
        self.assertEqual(gateway.metrics().sum("postern_backend_sessions_limit", server=servers[0].server), 2)

    def test_a_server_that_drains_keeps_its_sessions_and_gets_no_more(self):
        gateway, servers = self.pool({}, {}, balance="round_robin")
        clients = [self.session(gateway) for _ in range(6)]
        before = self.sessions_of(gateway, servers)
        self.assertGreater(before[0], 0)
        backends = {"pool": {"servers": [{"address": servers[0].server, "drain": True}, servers[1].server]}}
        gateway.configure(backends=backends)
        gateway.reload()
        self.assertEqual(gateway.metrics().sum(STATE, server=servers[0].server, state="draining"), 1)
        for _ in range(6):
            self.session(gateway)
        self.assertEqual(self.sessions_of(gateway, servers), [before[0], before[1] + 6])
        for client in clients:
            client.ok(b"NOOP")

    def test_sessions_come_from_each_source_in_its_turn(self):
        seen = []

        def script(peer):
            seen.append(peer.socket.getpeername()[0])
            polite(peer)

        server = self.stack.enter_context(ScriptedBackend(script))
        gateway = self.stack.enter_context(Gateway(workers=1, backends={
            "mail": server.backend(source=["127.0.0.2", "127.0.0.3", "::1"])}))
        for _ in range(6):
            self.session(gateway)
        self.assertEqual(seen, ["127.0.0.2", "127.0.0.3"] * 3)
        gateway.wait_for_log("sessions of a backend backend=mail at_most=")

    def test_a_backup_serves_when_the_server_has_been_killed(self):
        authority = Authority(self.enterContext(Folder("authority")).path)
        server, backup = (self.stack.enter_context(Dovecot(authority)) for _ in range(2))
        addresses = [one.backend()["servers"][0] for one in (server, backup)]
        gateway = self.stack.enter_context(Gateway(backends={
            "pair": {"servers": [addresses[0], {"address": addresses[1], "backup": True}]}}))
        for _ in range(4):
            self.session(gateway)
        self.assertEqual(gateway.metrics().sum(SESSIONS, server=addresses[0]), 4)
        self.assertEqual(gateway.metrics().sum(STATE, server=addresses[1], state="backup"), 1)
        server.process.kill()
        for _ in range(4):
            self.session(gateway)
        self.assertEqual(gateway.metrics().sum(SESSIONS, server=addresses[1]), 4)
        self.assertLessEqual(gateway.metrics().sum(CONNECTS, server=addresses[0], result="connection_refused"), 2)
        gateway.wait_for_log(rf"backend failed .*{re.escape(addresses[0])} ")


if __name__ == "__main__":
    unittest.main()
