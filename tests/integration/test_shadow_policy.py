"""tls.shadow_policy: what it counts is what a gateway with that policy in force refuses."""

import collections
import ssl
import unittest

from harness import Gateway, ScriptedBackend, wait_until
from harness import client_hello as tls
from harness.client_hello import Hello

SHADOW = "postern_shadow_refusals_total"
FAILURES = "postern_handshake_failures_total"
BROKEN_OFF = ("connection_lost", "truncated")
TLS13_SUITES = (0x1301, 0x1302, 0x1303)
AEAD = (0xC02B, 0xC02C, 0xCCA9)
CBC = (0xC009, 0xC00A)

MIX = {
    "TLS 1.3": (Hello((tls.TLS13,), TLS13_SUITES), 5),
    "TLS 1.2 and 1.3": (Hello((tls.TLS13, tls.TLS12), TLS13_SUITES + AEAD), 4),
    "TLS 1.2 only": (Hello((tls.TLS12,), AEAD), 7),
    "CBC only": (Hello((tls.TLS12,), CBC), 3),
    "TLS 1.1": (Hello((tls.TLS11,), CBC), 2),
    "AES-256 only": (Hello((tls.TLS12,), (0xC02C,)), 3),
    "P-256 only": (Hello((tls.TLS13,), TLS13_SUITES, groups=(tls.SECP256R1,)), 6),
    "P-521 only": (Hello((tls.TLS13,), TLS13_SUITES, groups=(tls.SECP521R1,)), 2),
    "P-256 and a group of TLS 1.3, TLS 1.2": (Hello((tls.TLS12,), AEAD, groups=(tls.SECP256R1, tls.X25519MLKEM768)), 3),
    "P-256 only, TLS 1.2": (Hello((tls.TLS12,), AEAD, groups=(tls.SECP256R1,)), 2),
    "RSA signatures only": (Hello((tls.TLS13,), TLS13_SUITES, signatures=(tls.RSA_PSS_SHA256,)), 1),
}
STRICTER = {
    "modern": "modern",
    "groups": {"min_version": "1.2", "groups": ["X25519"]},
    "suites": {"ciphers": ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]},
    "both": {"min_version": "1.3", "groups": ["X25519"]},
}


def setUpModule():
    global backend
    backend = unittest.enterModuleContext(ScriptedBackend())


class Shadow(unittest.TestCase):
    def gateway(self, **policies):
        made = Gateway(backends={"scripted": backend.backend()})
        made.configure(tls=made.configuration["tls"] | policies)
        made.reload()
        return made

    def ask(self, gateway, hello):
        """The alert and the reason why the gateway refuses, or nothing."""
        before = self.refusals(gateway)
        with gateway.connect_in_clear() as client:
            answer = tls.say(client, hello)
        if answer.alert is None:
            return None
        new = wait_until(lambda: self.refusals(gateway) - before, "the refusal to be counted")
        self.assertEqual(sum(new.values()), 1)
        return next(iter(new))

    def refusals(self, gateway):
        """{reason: how often}, without the handshakes that a test broke off."""
        return collections.Counter({labels["reason"]: number for name, labels, number in gateway.metrics().samples
                                    if name == FAILURES and labels["reason"] not in BROKEN_OFF})

    def test_counts_agree_with_a_gateway_that_refuses(self):
        for name, policy in STRICTER.items():
            with self.subTest(name), self.gateway(shadow_policy=policy) as lenient, self.gateway(policy=policy) as strict:
                expected = collections.Counter()
                for hello, times in MIX.values():
                    refused = self.ask(strict, hello)
                    for _ in range(times):
                        if self.ask(lenient, hello) is None and refused is not None:
                            expected[refused] += 1
                self.assertGreater(sum(expected.values()), 0)
                lenient.wait_for_metric(SHADOW, sum(expected.values()))
                found = {labels["reason"]: number for sample, labels, number in lenient.metrics().samples
                         if sample == SHADOW and number > 0}
                self.assertEqual(found, dict(expected))

    def test_refuses_nobody(self):
        with self.gateway(shadow_policy="modern") as gateway:
            context = gateway.client_context()
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with gateway.counting(SHADOW, reason="unsupported_version"), gateway.connect(context=context) as client:
                client.login()
            with gateway.connect() as client:
                client.login()
            self.assertEqual(gateway.metrics().sum(SHADOW), 1)


class OfListener(unittest.TestCase):
    def test_a_listener_may_have_a_policy_of_its_own(self):
        listeners = [{"address": "127.0.0.1:0"}, {"address": "127.0.0.2:0", "tls": "starttls", "policy": "modern"}]
        with Gateway(backends={"scripted": backend.backend()}, listeners=listeners) as gateway:
            hello = MIX["TLS 1.2 only"][0]
            with gateway.connect_in_clear("implicit") as client:
                self.assertIsNone(tls.say(client, hello).alert)
            with gateway.connect_in_clear("starttls") as client:
                self.assertEqual(tls.say(client, hello).alert, tls.PROTOCOL_VERSION)


if __name__ == "__main__":
    unittest.main()
