"""Pools with servers that are slow, mute or away: no session waits for them, and none is asked by every session."""

import contextlib
import re
import select
import threading
import time
import unittest

from harness import Gateway, ScriptedBackend
from harness.processes import DEADLINE_S
from harness.scripted import polite

CONNECTS = "postern_backend_connects_total"
STATE = "postern_backend_server_state"
HEAD_START_S = 0.25
SLACK_S = 0.25  # for a busy machine


def mute(peer):
    """Accepts, as a stopped process's kernel does, and says nothing."""
    peer.until_gone()


def slow(peer):
    time.sleep(0.3)  # the server's own slowness, not a wait for an event
    polite(peer)


def together(gone):
    """A server of many sessions that go all at once."""
    def script(peer):
        peer.send(b"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n")
        peer.command(b"LOGIN")
        gone.wait(DEADLINE_S)
    return script


class Pools(unittest.TestCase):
    def seconds_of_a_session(self, gateway):
        started = time.monotonic()
        with gateway.connect() as client:
            client.login()
        return time.monotonic() - started

    def state(self, gateway, server):
        """The one that the metrics show."""
        states = [state for state in ("up", "suspect", "down")
                  if gateway.metrics().sum(STATE, server=server.server, state=state) == 1]
        self.assertEqual(len(states), 1, states)
        return states[0]

    def test_one_session_waits_for_a_mute_server_and_that_not_long(self):
        with ScriptedBackend(mute) as lost, ScriptedBackend() as good, \
                Gateway(workers=1, backends={"pair": {"servers": [lost.server, good.server]}}) as gateway:
            seconds = sorted(self.seconds_of_a_session(gateway) for _ in range(40))
            self.assertLess(seconds[-1], HEAD_START_S + 2 * SLACK_S)
            self.assertLess(seconds[-2], HEAD_START_S, "a second one waited, too")
            self.assertEqual(gateway.metrics().sum(CONNECTS, server=lost.server, result="overtaken"), 1)
            gateway.wait_for_log(f"backend failed.* server={lost.server} reason=overtaken")

    def test_what_one_worker_learns_the_others_know(self):
        with ScriptedBackend(mute) as lost, ScriptedBackend() as good, \
                Gateway(workers=4, backends={"pair": {"servers": [lost.server, good.server]}}) as gateway:
            for _ in range(40):  # each worker gets some
                self.seconds_of_a_session(gateway)
            self.assertEqual(gateway.metrics().sum(CONNECTS, server=lost.server, result="overtaken"), 1)
            self.assertEqual(self.state(gateway, lost), "suspect")
            self.assertEqual(self.state(gateway, good), "up")
            self.assertEqual(len(re.findall(rf"backend failed .*server={lost.server}", gateway.log())), 1)
            gateway.reload()
            for _ in range(20):
                self.seconds_of_a_session(gateway)
            self.assertEqual(gateway.metrics().sum(CONNECTS, server=lost.server, result="overtaken"), 1)
            self.assertEqual(self.state(gateway, lost), "suspect", "the reload has forgotten it")

    def test_clients_of_a_server_that_goes_hear_of_it_one_after_another(self):
        sessions, spread_s, gone = 300, 3, threading.Event()
        with ScriptedBackend(together(gone)) as server, contextlib.ExitStack() as stack, \
                Gateway(backends={"one": server.backend()}, workers=1, timeouts={"spread": f"{spread_s}s"}) as gateway:
            clients = [stack.enter_context(gateway.connect()) for _ in range(sessions)]
            for client in clients:
                client.login()
            gone.set()
            gateway.wait_for_metric("postern_sessions_authenticated", 0)
            began, heard, late = time.monotonic(), [], []
            while clients and time.monotonic() < began + 3 * spread_s:
                ready, _, _ = select.select([client.socket for client in clients], [], [], 0.05)
                now = time.monotonic() - began
                for client in [one for one in clients if one.socket in ready]:
                    self.assertTrue(client.line().startswith(b"* BYE [UNAVAILABLE] Lost the connection"))
                    heard.append(now)
                    clients.remove(client)
                if clients and not late and heard:  # one that says something need not wait
                    clients[-1].send(b"a NOOP\r\n")
                    self.assertTrue(clients.pop().line().startswith(b"* BYE "))
                    late.append(time.monotonic() - began)
            self.assertEqual(len(heard) + len(late), sessions, "one has heard nothing")
            self.assertLess(late[0], 1)
            self.assertGreater(sum(0.2 < when for when in heard), sessions / 6, "they hear of it all at once")
            self.assertLess(max(heard), spread_s + 2)

    def test_one_that_gives_way_meanwhile_hears_of_it_all_the_same(self):
        sessions, gone = 150, threading.Event()
        with ScriptedBackend(together(gone)) as server, contextlib.ExitStack() as stack, \
                Gateway(backends={"one": server.backend()}, workers=1, timeouts={"spread": "1m"}, limits={"sessions": sessions}) as gateway:
            clients = [stack.enter_context(gateway.connect()) for _ in range(sessions)]
            for client in clients:
                client.login()
            gone.set()
            gateway.wait_for_metric("postern_sessions_authenticated", 0)
            with gateway.counting("postern_sessions_total", end_reason="limit_sessions", by=0):
                for _ in range(sessions):  # each newcomer takes the place of one of them
                    stack.enter_context(gateway.connect_to_tls())
            for client in clients:
                self.assertTrue(client.line().startswith(b"* BYE [UNAVAILABLE] Lost the connection"))

    def test_many_slow_servers_let_every_client_in(self):
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(ScriptedBackend(slow)) for _ in range(32)]
            gateway = stack.enter_context(Gateway(
                workers=1, backends={"slow": {"servers": [server.server for server in servers]}}))
            for session in range(1, 9):
                self.seconds_of_a_session(gateway)
                self.assertLessEqual(sum(len(server.transcripts) for server in servers), 2 * session)
            self.assertEqual(gateway.metrics().sum(CONNECTS, result="success"), 8)


if __name__ == "__main__":
    unittest.main()
