"""timeouts.idle_keepalive: a client in IDLE hears that its connection lives, at the end of a response and nowhere else."""

import time
import unittest

from harness import Authority, Dovecot, Folder, Gateway, ScriptedBackend

STILL_HERE = b"* OK Still here\r\n"
EVERY_S = 0.2


def setUpModule():
    global authority
    authority = Authority(unittest.enterModuleContext(Folder("authority")).path)


def halves(peer):
    """A server that stops in the middle of a response until the client is done."""
    peer.send(b"* OK ready\r\n")
    peer.command(b"LOGIN")
    tag = peer.command(b"IDLE", None)
    peer.send(b"+ idling\r\n* 1 EX")
    peer.line()
    peer.send(b"ISTS\r\n" + tag + b" OK done\r\n")
    peer.until_gone()


class IdleKeepalive(unittest.TestCase):
    def gateway(self, backend, every=f"{int(EVERY_S * 1000)}ms", **timeouts):
        made = Gateway(backends={"mail": backend}, tls={"certificates": [authority.leaf("postern.test").files]},
                       timeouts={"idle_keepalive": every} | timeouts)
        made.authority = authority
        return self.enterContext(made)

    def test_a_client_of_dovecot_hears_it_only_while_it_idles(self):
        gateway = self.gateway(self.enterContext(Dovecot(authority)).backend())
        with gateway.connect() as client:
            client.login()
            client.ok(b"SELECT INBOX")
            tag = client.start(b"IDLE")
            client.until(b"+ idling")
            began = time.monotonic()
            for _ in range(3):
                self.assertEqual(client.line(), STILL_HERE)
            self.assertGreater(time.monotonic() - began, 2.5 * EVERY_S)
            client.send(b"DONE\r\n")
            client.until(tag + b" OK")
            client.socket.settimeout(3 * EVERY_S)
            with self.assertRaises(TimeoutError):  # at rest, and in no IDLE
                client.line()

    def test_never_inside_a_response(self):
        gateway = self.gateway(self.enterContext(ScriptedBackend(halves)).backend())
        with gateway.connect() as client:
            client.login()
            tag = client.start(b"IDLE")
            client.until(b"+ idling")
            client.socket.settimeout(3 * EVERY_S)
            with self.assertRaises(TimeoutError):
                client.line()
            client.socket.settimeout(10)
            client.send(b"DONE\r\n")
            self.assertEqual(client.line(), b"* 1 EXISTS\r\n")
            client.until(tag + b" OK")

    def test_it_puts_off_no_end_of_an_idle_session(self):
        gateway = self.gateway(self.enterContext(Dovecot(authority)).backend(), idle="1s")
        with gateway.connect() as client, gateway.counting("postern_sessions_total", end_reason="idle_timeout"):
            client.login()
            client.start(b"IDLE")
            client.until(b"+ idling")
            heard = client.goodbye()
            self.assertGreaterEqual(heard.count(STILL_HERE), 3)
            self.assertTrue(heard.endswith(b"* BYE Autologout; idle for too long\r\n"), heard)

    def test_off_by_default(self):
        gateway = self.gateway(self.enterContext(Dovecot(authority)).backend(), every="0s", idle="1s")
        with gateway.connect() as client:
            client.login()
            client.start(b"IDLE")
            client.until(b"+ idling")
            self.assertEqual(client.goodbye(), b"* BYE Autologout; idle for too long\r\n")


if __name__ == "__main__":
    unittest.main()
