"""Pools with servers that are slow, mute or away: no session waits for them, and none is asked by every session."""

import contextlib
import re
import time
import unittest

from harness import Gateway, ScriptedBackend
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
