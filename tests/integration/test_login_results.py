"""What a login came to: which answers are wrong passwords, which are not, and how many are under way at once."""

import base64
import concurrent.futures
import contextlib
import re
import socket
import struct
import threading
import time
import unittest

from harness import Authority, Closed, Dovecot, Folder, Gateway, Impatient, ScriptedBackend
from harness.processes import wait_until
from test_login_guard import BANNED, ENDED, FAILED

LOGINS = "postern_logins_total"
CROWD, MAX = 100, 3
READ = {"hop": "client", "direction": "in"}


def sasl(text):
    return base64.b64encode(text.encode())


def reset(client):
    """Hangs up with RST."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


class Results(unittest.TestCase):
    def start(self, backend, limits=None, **sections):
        rules = {"max": MAX, "per": "1h", "ban": "1h", "delay": "0s"} | (limits or {})
        return self.enterContext(Gateway(backends={"mail": backend}, limits={"login_failures": rules}, **sections))

    def scripted(self, script):
        return self.enterContext(ScriptedBackend(script))

    def no_guess(self, gateway):
        self.assertEqual(gateway.metrics().sum(FAILED), 0)
        self.assertEqual(gateway.metrics().sum("postern_login_bans_total"), 0)
        self.assertNotIn("login failed", gateway.log())


class HungUp(Results):
    """An attempt that nobody waits to see answered is a guess as well as any."""

    def setUp(self):
        self.asked = threading.Semaphore(0)

        def mute(peer):
            peer.send(b"* OK ready\r\n")
            while not peer.line().startswith(b"DONE"):
                self.asked.release()
        self.server = self.scripted(mute)

    def attempt(self, gateway, *lines):
        client = self.enterContext(gateway.connect())
        for line in lines:
            client.send(line + b"\r\n")
            self.assertTrue(self.asked.acquire(timeout=20))
        return client

    def test_with_a_reset(self):
        gateway = self.start(self.server.backend())
        for _ in range(MAX):
            with gateway.counting(LOGINS, mechanism="login", result="abandoned"), gateway.counting(FAILED):
                reset(self.attempt(gateway, b"a LOGIN anna wrong"))
        gateway.wait_for_log(r"info +login failed listener=\S+ client=\S+ mechanism=login result=abandoned failures=3 ")
        gateway.wait_for_log("client banned")
        self.assertEqual(gateway.metrics().sum("postern_login_duration_seconds_count"), 0, "nothing was answered")

    def test_with_an_end_when_the_server_says_nothing(self):
        gateway = self.start(self.server.backend(), timeouts={"login": "3s", "drain": "2s"})
        with gateway.counting(LOGINS, mechanism="plain", result="abandoned"), gateway.counting(FAILED):
            client = self.attempt(gateway, b"a AUTHENTICATE PLAIN " + sasl("\0anna\0wrong"))
            client.socket.settimeout(0.1)
            with contextlib.suppress(TimeoutError):
                client.socket.unwrap()  # close_notify; the gateway's own comes with its end
            socket.socket.shutdown(client.socket, socket.SHUT_WR)

    def test_before_a_secret_was_sent(self):
        gateway = self.start(self.server.backend())
        with gateway.counting(LOGINS, mechanism="plain", result="cancelled"):
            reset(self.attempt(gateway, b"a AUTHENTICATE PLAIN"))
        self.no_guess(gateway)


class Refused(Results):
    """A no that says nothing of the secret."""

    def answering(self, answer):
        """A gateway before a server that answers each command so."""
        def script(peer):
            peer.send(b"* OK ready\r\n")
            while True:
                tag, command, *_ = peer.line().split()
                peer.send(b"%s %s\r\n" % (tag, answer[0] if command == b"LOGIN" else b"OK done"))
        return self.start(self.scripted(script).backend())

    def test_by_the_codes_of_rfc_5530(self):
        answer = [b""]
        gateway = self.answering(answer)
        for result, codes in {
                "privacy_required": ["PRIVACYREQUIRED"],
                "denied": ["AUTHORIZATIONFAILED", "CANNOT", "NOPERM", "REFERRAL imap://anna@b.example/", "cannot"],
                "expired": ["EXPIRED"],
                "unavailable": ["UNAVAILABLE", "INUSE", "SERVERBUG", "CONTACTADMIN", "CORRUPTION", "LIMIT", "OVERQUOTA"],
        }.items():
            for code in codes:
                with self.subTest(code), gateway.connect() as client, \
                        gateway.counting(LOGINS, mechanism="login", result=result):
                    answer[0] = b"NO [%s] not so" % code.encode()
                    self.assertTrue(client.command(b"LOGIN anna secret")[-1].endswith(answer[0] + b"\r\n"))
                    client.ok(b"NOOP")
        self.no_guess(gateway)
        self.assertRegex(gateway.log(), r"info +login refused listener=\S+ client=127\.0\.0\.1:\d+ mechanism=login "
                                        r"result=expired server=127\.0\.0\.1:\d+ cause=login_expired\n")
        self.assertEqual(len(re.findall("login refused.*result=denied", gateway.log())), 1, "one line a minute for one address")
        for code in (b"", b"[AUTHENTICATIONFAILED] ", b"[ALERT] "):
            with gateway.connect() as client, gateway.counting(LOGINS, result="failure"), gateway.counting(FAILED):
                answer[0] = b"NO " + code + b"wrong"
                client.command(b"LOGIN anna secret")


class Dovecots(Results):
    @classmethod
    def setUpClass(cls):
        resources = contextlib.ExitStack()
        cls.addClassCleanup(resources.close)
        authority = Authority(resources.enter_context(Folder("results")).path / "authority")
        cls.server = resources.enter_context(Impatient(authority))
        cls.strict = resources.enter_context(Strict(authority))

    def test_an_exchange_that_the_client_gives_up(self):
        gateway = self.start(self.server.backend())
        with gateway.connect() as client, gateway.counting(LOGINS, mechanism="plain", result="cancelled", by=2 * MAX):
            for _ in range(2 * MAX):
                tag = client.start(b"AUTHENTICATE PLAIN")
                client.until(b"+")
                client.send(b"*\r\n")
                self.assertRegex(client.until(tag + b" ")[-1], rb" (NO|BAD) ")
        with gateway.connect() as client:
            client.login()
        self.no_guess(gateway)

    def test_a_mechanism_that_the_server_does_not_know(self):
        gateway = self.start(self.server.backend())
        with gateway.connect() as client:
            for mechanism, label in ((b"SCRAM-SHA-256", "scram_sha_256"), (b"XOAUTH2", "xoauth2"), (b"FOO", "other")):
                with gateway.counting(LOGINS, mechanism=label, result="unsupported", by=2):
                    for _ in range(2):
                        self.assertRegex(client.command(b"AUTHENTICATE " + mechanism)[-1], rb" (NO|BAD) ")
            client.login()
        self.no_guess(gateway)

    def test_a_server_that_wants_a_secured_hop(self):
        gateway = self.start(self.strict.backend())
        for _ in range(3):
            with gateway.connect() as client, gateway.counting(LOGINS, result="privacy_required", by=2):
                self.assertIn(b"[PRIVACYREQUIRED]", client.command(b"LOGIN anna wrong")[-1])
                self.assertIn(b"[PRIVACYREQUIRED]",
                              client.command(b"AUTHENTICATE PLAIN " + sasl("\0anna\0wrong"))[-1])
        self.no_guess(gateway)
        warnings = [line for line in gateway.log().splitlines() if "wants a secured hop" in line]
        self.assertEqual(len(warnings), 1, warnings)
        for word in (f"server={self.strict.host}:143", "login_trusted_networks", "haproxy_trusted_networks", "starttls",
                     "client_identity"):
            self.assertIn(word, warnings[0])
        gateway.configure(backends={"mail": self.strict.backend("starttls")})
        gateway.reload()
        with gateway.connect() as client:
            client.login()

    def test_a_crowd_behind_one_address_with_the_right_passwords(self):
        gateway = self.start(self.server.backend())
        clients = [self.enterContext(gateway.connect()) for _ in range(CROWD)]
        started = time.monotonic()
        with gateway.counting(LOGINS, result="success", by=CROWD), \
                concurrent.futures.ThreadPoolExecutor(CROWD) as pool:
            list(pool.map(lambda client: client.login(), clients))
        self.assertLess(time.monotonic() - started, 20)
        self.no_guess(gateway)


class Late(Results):
    def test_dovecots_penalty_is_named_unless_it_learns_who_the_clients_are(self):
        """Dovecot's own, which the other tests turn off: 2 s after the first failure, then 4 s."""
        authority = Authority(self.enterContext(Folder("late")).path / "authority")
        with Dovecot(authority) as server, Gateway(
                backends={"blind": server.backend(), "told": server.backend(client_identity="imap_id")},
                routes=[{"sni": "told.mail.test", "backend": "told"}],
                tls={"certificates": [authority.leaf("postern.test", "*.mail.test").files]}) as gateway:
            gateway.authority = authority
            for name in ("told.mail.test", "postern.test"):
                since = len(gateway.log())
                with gateway.connect(server_name=name) as client:
                    client.socket.settimeout(30)
                    for _ in range(3):
                        client.command(b"LOGIN anna wrong")
                        if "logins answered late" in gateway.log()[since:]:
                            break
                if name == "postern.test":
                    gateway.wait_for_log(r"logins answered late backend=blind .*cause=backend_auth_penalty advice=.*client_identity", since)
                else:
                    self.assertNotIn("logins answered late", gateway.log()[since:])


class Strict(Dovecot):
    """As Debian has it: no password in clear from another machine, and postern is one for all it knows."""

    def configuration(self, version):
        strict = "disable_plaintext_auth = yes" if version < (2, 4) else "auth_allow_cleartext = no"
        return super().configuration(version) + f"\n{strict}\n"


class AtOnce(Results):
    def test_no_more_guesses_than_one_after_the_other(self):
        answer, asked = threading.Event(), []

        def late(peer):
            peer.send(b"* OK ready\r\n")
            tag = peer.line().split()[0]
            asked.append(tag)
            answer.wait(60)
            peer.send(tag + b" NO [AUTHENTICATIONFAILED] wrong\r\n")
            peer.until_gone()
        gateway = self.start(self.scripted(late).backend(), limits={"max": MAX})
        clients = [self.enterContext(gateway.connect()) for _ in range(CROWD)]
        guess = b"a LOGIN anna wrong\r\n"
        before = gateway.metrics().sum("postern_bytes_total", **READ)
        for client in clients:
            client.send(guess)
        gateway.wait_for_metric("postern_bytes_total", before + CROWD * len(guess), READ)
        wait_until(lambda: len(asked) == MAX, f"{MAX} logins at the server")
        with gateway.counting(FAILED, by=MAX), gateway.counting(ENDED, by=CROWD - MAX + 1, end_reason="banned"):
            answer.set()
        refused = 0
        for client in clients:
            said = client.line()
            if said.startswith(b"a NO "):
                refused += 1
                with contextlib.suppress(OSError):  # the last of them is gone
                    client.send(guess)
            self.assertRegex(said + client.rest(), BANNED)
        self.assertEqual(refused, MAX)
        self.assertEqual(len(asked), MAX, "the others never reached it")
        self.assertEqual(gateway.metrics().sum(LOGINS, result="interrupted"), CROWD - MAX)


class Tokens(Results):
    EXPIRED = sasl('{"status":"invalid_token","error_description":"The token expired at noon"}')
    WRONG = sasl('{"status":"invalid_token","schemes":"bearer","scope":"mail"}')

    def backend(self):
        """A server that takes a response with the word `right` in it, and has an error challenge for another token."""
        def script(peer):
            peer.send(b"* OK ready\r\n")
            while True:
                tag, _, mechanism, *rest = peer.line().split()
                if not rest:
                    peer.send(b"+ \r\n")
                response = base64.b64decode(rest[0] if rest else peer.line())
                if b"right" in response:
                    peer.send(tag + b" OK in\r\n")
                    continue
                if mechanism in (b"XOAUTH2", b"OAUTHBEARER"):
                    peer.send(b"+ %s\r\n" % (self.EXPIRED if b"expired" in response else self.WRONG))
                    peer.line()
                peer.send(tag + b" NO no\r\n")
        return self.scripted(script).backend()

    def authenticate(self, client, mechanism, response, initial=True):
        tag = client.start(b"AUTHENTICATE " + mechanism + (b" " + sasl(response) if initial else b""))
        if not initial:
            client.until(b"+")
            client.send(sasl(response) + b"\r\n")
        while (answer := client.line()).startswith(b"+"):
            client.send(b"\r\n" if mechanism == b"XOAUTH2" else b"AQ==\r\n")
        self.assertTrue(answer.startswith(tag))
        return answer.split()[1]

    MECHANISMS = {
        b"XOAUTH2": ("xoauth2", "user=%s\1auth=Bearer %s\1\1"),
        b"OAUTHBEARER": ("oauthbearer", "n,a=%s,\1host=mail\1auth=Bearer %s\1\1"),
        b"SCRAM-SHA-256": ("scram_sha_256", "n,,n=%s,r=%s"),
        b"SCRAM-SHA-1": ("scram_sha_1", "n,,n=%s,r=%s"),
        b"PLAIN": ("plain", "\0%s\0%s"),
        b"CRAM-MD5": ("cram_md5", "%s %s"),
    }

    def test_an_expired_one_is_no_guess(self):
        gateway = self.start(self.backend())
        for mechanism in (b"XOAUTH2", b"OAUTHBEARER"):
            label, form = self.MECHANISMS[mechanism]
            with gateway.connect() as client, gateway.counting(LOGINS, mechanism=label, result="expired", by=2 * MAX):
                for i in range(2 * MAX):
                    self.assertEqual(self.authenticate(client, mechanism, form % ("anna", "expired"), i % 2), b"NO")
        self.no_guess(gateway)

    def test_a_wrong_one_is_a_guess_even_if_it_is_given_up(self):
        gateway = self.start(self.backend())
        for last in (b"", b"*"):
            with gateway.connect() as client, gateway.counting(LOGINS, mechanism="xoauth2", result="failure"), \
                    gateway.counting(FAILED):
                tag = client.start(b"AUTHENTICATE XOAUTH2 " + sasl("user=anna\1auth=Bearer wrong\1\1"))
                self.assertEqual(client.line(), b"+ %s\r\n" % self.WRONG)  # which says already that it is wrong
                client.send(last + b"\r\n")
                self.assertEqual(client.line(), tag + b" NO no\r\n")

    def test_a_right_password_is_forgiven_by_whatever_mechanism(self):
        gateway = self.start(self.backend())
        for mechanism, (label, form) in self.MECHANISMS.items():
            with self.subTest(mechanism), gateway.connect() as client:
                for name in ("anna", "bert@example.org"):
                    for initial in (True, False) if mechanism != b"CRAM-MD5" else (False,):
                        with contextlib.suppress(Closed), \
                                gateway.counting(LOGINS, mechanism=label, result="failure", by=MAX - 1):
                            for _ in range(MAX - 1):
                                self.assertEqual(
                                    self.authenticate(client, mechanism, form % (name, "wrong"), initial), b"NO")
                        with gateway.connect() as again:
                            self.assertEqual(self.authenticate(again, mechanism, form % (name, "right"), initial), b"OK")
        self.assertEqual(gateway.metrics().sum("postern_login_bans_total"), 0)
        gateway.wait_for_metric("postern_login_guard_entries", 0)

    def test_the_name_counts_and_not_the_mechanism(self):
        gateway = self.start(self.backend())
        with gateway.connect() as client:
            self.authenticate(client, b"XOAUTH2", "user=Anna\1auth=Bearer wrong\1\1")
            self.authenticate(client, b"SCRAM-SHA-256", "n,,n=anna,r=wrong")
            self.assertEqual(self.authenticate(client, b"PLAIN", "\0ANNA\0right"), b"OK")
        gateway.wait_for_metric("postern_login_guard_entries", 0)


if __name__ == "__main__":
    unittest.main()
