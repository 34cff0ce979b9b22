"""Checks of the backends' health: what they find before a session does."""

import contextlib
import time
import unittest

from harness import Dovecot, Gateway, ScriptedBackend
from harness.certificates import Authority
from harness.processes import Folder
from harness.scripted import polite

CONNECTS = "postern_backend_connects_total"
STATE = "postern_backend_server_state"
PROBES = "postern_backend_probes_total"
HEALTH = {"interval": "200ms", "timeout": "300ms", "rise": 2, "fall": 2}


class Health(unittest.TestCase):
    def wait_for_state(self, gateway, server, state):
        gateway.wait_for_metric(STATE, 1, {"server": server, "state": state})

    def test_a_mute_server_is_found_and_found_again(self):
        serves = [True]

        def script(peer):
            if serves[0]:
                polite(peer)
            else:
                peer.until_gone()

        with ScriptedBackend(script) as one, ScriptedBackend() as other, Gateway(backends={"pair": {
                "servers": [one.server, other.server], "health": HEALTH, "slow_start": "0s"}}) as gateway:
            gateway.wait_for_metric(PROBES, lambda count: count >= 2, {"server": one.server, "result": "success"})
            serves[0] = False
            self.wait_for_state(gateway, one.server, "down")
            gateway.wait_for_log(f"backend is down .*server={one.server} reason=greeting_timeout")
            for _ in range(10):
                started = time.monotonic()
                with gateway.connect() as client:
                    client.login()
                self.assertLess(time.monotonic() - started, 0.25, "a session has waited for it")
            self.assertEqual(gateway.metrics().sum(CONNECTS, server=one.server), 0)
            serves[0] = True
            self.wait_for_state(gateway, one.server, "up")
            gateway.wait_for_log(f"backend serves again .*server={one.server}")
            with contextlib.ExitStack() as stack:
                for _ in range(10):
                    stack.enter_context(gateway.connect()).login()
                self.assertGreater(gateway.metrics().sum(CONNECTS, server=one.server, result="success"), 2)

    def test_real_servers_on_each_hop(self):
        authority = Authority(self.enterContext(Folder("authority")).path)
        server = self.enterContext(Dovecot(authority))
        backends = {hop: server.backend(hop, health=HEALTH) for hop in ("none", "starttls", "implicit")}
        gateway = self.enterContext(Gateway(backends=backends))
        for hop in backends:
            gateway.wait_for_metric(PROBES, lambda count: count >= 3, {"backend": hop, "result": "success"})
        server.process.kill()
        for hop in backends:
            gateway.wait_for_log(f"backend is down .*backend={hop} ")

    def test_a_certificate_of_another_is_found_without_a_session(self):
        authority = Authority(self.enterContext(Folder("authority")).path)
        server = self.enterContext(Dovecot(authority))
        verify = {"ca": str(authority.chain), "name": "other.test"}
        gateway = self.enterContext(Gateway(backends={"mail": server.backend("implicit", health=HEALTH, verify=verify)}))
        gateway.wait_for_log("backend failed .*reason=certificate_.*other.test")
        gateway.wait_for_log("backend is down ")

    def test_ready_names_the_servers_and_speaks_for_them_if_asked_to(self):
        serves = [False]

        def script(peer):
            if serves[0]:
                polite(peer)

        with ScriptedBackend(script) as server, contextlib.ExitStack() as gateways:
            backends = {"mail": server.backend(health=HEALTH)}
            plain = gateways.enter_context(Gateway(backends=backends))
            strict = gateways.enter_context(Gateway(
                backends=backends, admin={"address": "127.0.0.1:0", "ready": "backends"}))
            for gateway in (plain, strict):
                self.wait_for_state(gateway, server.server, "down")
            states = f"mail {server.server} "
            self.assertEqual(plain.get("/ready"), (200, f"ok\n{states}down\n"))
            self.assertEqual(strict.get("/ready"), (503, f"no server of backend mail is up\n{states}down\n"))
            strict.wait_for_metric("postern_ready", 0)
            serves[0] = True
            self.wait_for_state(strict, server.server, "up")
            self.assertEqual(strict.get("/ready"), (200, f"ok\n{states}up\n"))

    def test_none_is_sent_unless_the_configuration_says_so(self):
        with ScriptedBackend() as server, Gateway(backends={"mail": server.backend(health="none")}) as gateway:
            with gateway.connect() as client:
                client.login()
            self.assertEqual(gateway.metrics().sum(PROBES), 0)
            self.assertEqual(len(server.transcripts), 1)


if __name__ == "__main__":
    unittest.main()
