"""Backends that are down, silent, wrong or dying: the client learns it in IMAP and in time, log and
metrics say which server it was and why, and another server of the pool takes over if there is one."""

import contextlib
import itertools
import ssl
import time
import unittest

from harness import Authority, Folder, Gateway, ScriptedBackend
from harness.traps import black_hole, greets, hangs_up, nobody, only_version, resets

CONNECT_S = 2
SLACK_S = 3  # for a busy machine
UNAVAILABLE = rb"\* BYE \[UNAVAILABLE\] [^\r\n]+\r\n\Z"
CONNECTS = "postern_backend_connects_total"


# name: (script, settings of the hop, the reason that is counted, how the log says it)
SCRIPTED = {
    "silent": (greets(b""), {}, "greeting_timeout", "check --preflight"),
    "half-greeting": (greets(b"* OK [CAPABILITY IMAP4rev1] rea"), {}, "greeting_timeout", "said="),
    "hangs-up": (hangs_up, {}, "connection_closed", "greeting"),
    "resets": (resets, {}, "connection_reset", ""),
    "bye": (greets(b"* BYE too busy\r\n"), {}, "backend_bye", "too busy"),
    "smtp": (greets(b"220 mail.test ESMTP\r\n"), {}, "not_imap", "220 mail.test ESMTP"),
    "pop3": (greets(b"+OK ready\r\n"), {}, "not_imap", "POP3"),
    "garbage": (greets(b"\x00\xff\x16\x03\x01\r\n"), {}, "not_imap", "IMAP"),
    "untagged-no": (greets(b"* NO ready\r\n"), {}, "not_imap", "IMAP"),
    "endless-line": (greets(b"* OK " + b"x" * 100_000), {}, "backend_line_too_long", "long"),
    "no-tls": (greets(b"* OK ready\r\n"), {"tls": "implicit", "verify": "none"},
               "plaintext_imap", "without TLS"),
}


def setUpModule():
    global authority, gateway, places
    enter = unittest.enterModuleContext
    authority = Authority(enter(Folder("authority")).path)
    stranger = Authority(authority.folder / "stranger", name="another CA")
    pools, places = {}, {}

    def add(name, server, reason, text, **settings):
        pools[name] = {"servers": [server]} | settings
        places[name] = (server, reason, text)

    for name, (script, settings, reason, text) in SCRIPTED.items():
        add(name, enter(ScriptedBackend(script)).server, reason, text, **settings)
    add("down", enter(nobody()), "connection_refused", "connecting")
    add("black-hole", enter(black_hole()), "timed_out", "connecting")
    tls = enter(ScriptedBackend(implicit_tls=authority.leaf("right.test").server_context())).server
    old = enter(ScriptedBackend(implicit_tls=only_version(authority.leaf("right.test").server_context(), ssl.TLSVersion.TLSv1_1))).server
    oldest = enter(ScriptedBackend(implicit_tls=only_version(authority.leaf("right.test").server_context(), ssl.TLSVersion.TLSv1))).server
    trust = {"ca": str(authority.chain), "name": "right.test"}
    add("untrusted", tls, "certificate_untrusted", "authority", tls="implicit",
        verify=trust | {"ca": str(stranger.chain)})
    add("other-name", tls, "certificate_name_mismatch", "name", tls="implicit",
        verify=trust | {"name": "wrong.test"})
    add("other-pin", tls, "certificate_pin_mismatch", "pin", tls="implicit",
        verify=trust | {"pin_sha256": ["A" * 43 + "="]})
    add("old-tls", old, "unsupported_version", "version", tls="implicit", verify=trust)
    add("oldest-tls", oldest, "unsupported_version", "version", tls="implicit", verify=trust, min_version="1.1")
    for name, server in (("old-tls-allowed", old), ("oldest-tls-allowed", oldest)):
        pools[name] = {"servers": [server], "tls": "implicit", "verify": trust, "min_version": "1.0"}
    gateway = enter(Gateway(
        backends=pools, routes=[{"sni": f"{name}.mail.test", "backend": name} for name in pools],
        tls={"certificates": [authority.leaf("*.mail.test").files]},
        timeouts={"connect": f"{CONNECT_S}s", "drain": "2s"}))
    gateway.authority = authority


class Failures(unittest.TestCase):
    def test_reaches_client_log_and_metrics(self):
        for front, (name, (server, reason, text)) in itertools.product(
                ("implicit", "starttls"), places.items()):
            with self.subTest(name, front=front):
                since = len(gateway.log())
                with gateway.counting(CONNECTS, backend=name, server=server, result=reason), \
                        gateway.counting(CONNECTS, backend=name), \
                        gateway.counting("postern_sessions_total", end_reason="backend_unavailable"):
                    self.expect_bye(name, front)
                gateway.wait_for_log(rf'backend failed.* backend={name} server={server} reason={reason} '
                                     rf'cause=\w+ error=[^\n]*{text}', since)

    def expect_bye(self, name, front):
        started = time.monotonic()
        with gateway.connect_to_tls(front, f"{name}.mail.test") as client:
            self.assertRegex(client.goodbye(), rb"\A" + UNAVAILABLE)
        self.assertLess(time.monotonic() - started, CONNECT_S + SLACK_S)

    def test_old_tls_toward_one_backend_can_be_allowed(self):
        for name, version in (("old-tls-allowed", "1.1"), ("oldest-tls-allowed", "1.0")):
            with self.subTest(version), \
                    gateway.counting("postern_backend_handshakes_total", backend=name, version=version,
                                     cipher="TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA"):
                with gateway.connect(server_name=f"{name}.mail.test") as client:
                    client.login()
                self.assertGreater(gateway.metrics().sum("postern_backend_certificate_not_after_timestamp_seconds",
                                                         backend=name), time.time())


class Impatience(unittest.TestCase):
    def test_a_server_that_kept_a_client_waiting_is_on_record(self):
        """A user who gives up first would hide a server that never answers."""
        for name, (server, reason) in {"silent": (places["silent"][0], "greeting_timeout"),
                                       "black-hole": (places["black-hole"][0], "timed_out")}.items():
            with self.subTest(name):
                since = len(gateway.log())
                with gateway.counting(CONNECTS, backend=name, server=server, result=reason), \
                        gateway.counting("postern_sessions_total", end_reason="client_closed"), \
                        gateway.connect_to_tls("implicit", f"{name}.mail.test") as client:
                    client.socket.settimeout(1.3)
                    with self.assertRaises(TimeoutError):
                        client.socket.recv(1)
                gateway.wait_for_log(rf"backend failed.* backend={name} server={server} reason={reason} ", since)

    def test_a_client_that_hangs_up_at_once_says_nothing_about_the_server(self):
        server = places["silent"][0]
        before = gateway.metrics().sum(CONNECTS, server=server)
        with gateway.counting("postern_sessions_total", end_reason="client_closed"):
            gateway.connect_to_tls("implicit", "silent.mail.test").close()
        self.assertEqual(gateway.metrics().sum(CONNECTS, server=server), before)


class Failover(unittest.TestCase):
    def test_serves_from_the_next_server(self):
        for name, dead in (("down", nobody()), ("black hole", black_hole()),
                           ("not IMAP", ScriptedBackend(greets(b"220 ESMTP\r\n")))):
            with self.subTest(name), dead as lost, ScriptedBackend() as good:
                lost = lost.server if isinstance(lost, ScriptedBackend) else lost
                pool = {"servers": [lost, good.server], "balance": "round_robin"}
                with Gateway(workers=1, backends={"pair": pool}, timeouts={"connect": "4s", "drain": "1s"}) as gate:
                    for _ in range(4):
                        with gate.connect() as client:
                            client.login()
                    gate.wait_for_log(f"backend failed.* server={lost} ")
                    metrics = gate.metrics()
                    # After the first failure it is left alone for a while.
                    self.assertEqual(metrics.sum(CONNECTS, server=lost), 1)
                    self.assertEqual(metrics.sum(CONNECTS, server=good.server, result="success"), 4)

    def test_balances_over_servers_that_live(self):
        with ScriptedBackend() as one, ScriptedBackend() as two, \
                Gateway(workers=1, backends={"pair": {"servers": [one.server, two.server]}}) as gate:
            with contextlib.ExitStack() as clients:
                for _ in range(6):
                    clients.enter_context(gate.connect()).login()
                for server in (one.server, two.server):
                    self.assertEqual(gate.metrics().sum("postern_backend_sessions_active", server=server), 3)
            for server in (one.server, two.server):
                gate.wait_for_metric("postern_backend_sessions_active", 0, {"server": server})


class Endings(unittest.TestCase):
    """What a client hears when the backend leaves a session that was going well."""

    CASES = {
        # last words of the backend: (what the client gets after them, end_reason)
        b"": (UNAVAILABLE, "backend_closed"),
        b"* 1 EXISTS\r\n": (UNAVAILABLE, "backend_closed"),
        b"* BYE shutting down\r\n": (rb"\Z", "backend_closed"),
        b"* 1 FETCH (BODY[] {100}\r\nhalf of": (rb"\Z", "backend_closed"),
        b"* 1 EXI": (rb"\Z", "backend_closed"),
    }

    def test_say_bye_at_a_safe_place_and_nowhere_else(self):
        last_words = b""

        def script(peer):
            peer.send(b"* OK [CAPABILITY IMAP4rev1] ready\r\n")
            peer.command(b"LOGIN")
            peer.command(b"SELECT", None)
            peer.send(last_words)

        with ScriptedBackend(script) as backend, Gateway(backends={"dying": backend.backend()}) as gate:
            for last_words, (more, reason) in self.CASES.items():
                with self.subTest(last_words), gate.connect() as client:
                    with gate.counting("postern_sessions_total", end_reason=reason):
                        client.login()
                        client.start(b"SELECT INBOX")
                        rest = client.goodbye()
                        self.assertTrue(rest.startswith(last_words), rest)
                        self.assertRegex(rest[len(last_words):], rb"\A" + more)

    def test_outage_of_a_login_is_not_counted_as_a_wrong_password(self):
        answers = {b"LOGIN": b"%s NO [UNAVAILABLE] user database is down\r\n"}

        def script(peer):
            peer.send(b"* OK ready\r\n")
            peer.serve(answers)

        with ScriptedBackend(script) as backend, Gateway(backends={"sick": backend.backend()}) as gate, \
                gate.connect() as client:
            with gate.counting("postern_logins_total", mechanism="login", result="unavailable"), \
                    gate.counting("postern_logins_total"):
                self.assertIn(b"NO [UNAVAILABLE] user database is down", client.command(b"LOGIN a b")[-1])


if __name__ == "__main__":
    unittest.main()
