"""What people reported of servers, clients and other proxies, replayed with the gateway between.

Each test names the report. Where a server breaks the grammar the client has to get its words unchanged, what follows
has to pass, and a login has to be counted as what it was.
"""

import itertools
import time
import unittest

from harness import Authority, Folder, Gateway, ScriptedBackend

GREETING = b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN AUTH=XOAUTH2 ID IDLE] ready\r\n"


def setUpModule():
    global backend, gateway
    backend = unittest.enterModuleContext(ScriptedBackend())
    gateway = unittest.enterModuleContext(Gateway(backends={"scripted": backend.backend()}))


def script(*steps, greeting=GREETING, then=None):
    """A server: what it expects and what it says to that, in turn."""
    def run(peer):
        peer.send(greeting)
        for expected, answer in zip(steps[::2], steps[1::2]):
            came = peer.bytes(len(expected))
            assert came == expected, f"expected {expected!r}, got {came!r}"
            peer.send(answer)
        (then or (lambda peer: peer.until_gone()))(peer)
    return run


class PublicReports(unittest.TestCase):
    def replay(self, run, *talk, results=(), tls="implicit"):
        """The client sends the first, reads the second to its last octet, and so on; `results`: how its logins ended."""
        backend.script = run
        before = {result: self.counted(result) for result in set(results)}
        with gateway.connect(tls) as client:
            for sent, expected in zip(talk[::2], talk[1::2]):
                client.send(sent)
                if expected is not None:
                    self.assertEqual(client.bytes(len(expected)), expected)
            for result in before:
                gateway.wait_for_metric("postern_logins_total", before[result] + results.count(result), {"result": result})

    @staticmethod
    def counted(result):
        return gateway.metrics().sum("postern_logins_total", result=result)

    def logged_in(self, *steps, **more):
        return script(b"a LOGIN anna x\r\n", b"a OK done\r\n", *steps, **more)

    def test_new_outlook_sends_a_login_of_literals_at_once(self):
        """migadu/sora 77: `LOGIN {n+}`, both literals in one write, at a server that offers IMAP4rev2."""
        self.replay(script(b'A1 LOGIN "user@example.com" "secretpwd"\r\n', b"A1 OK done\r\n", b"A2 NOOP\r\n", b"A2 OK done\r\n"),
                    b"A1 LOGIN {16+}\r\nuser@example.com {9+}\r\nsecretpwd\r\n", b"A1 OK done\r\n", b"A2 NOOP\r\n", b"A2 OK done\r\n", results=("success",))

    def test_append_in_pieces_waits_for_no_delayed_acknowledgement(self):
        """imaplib and c-client write literal and CRLF apart; Nagle's algorithm and a delayed acknowledgement make 40 ms of it."""
        rounds = 20
        steps = [(b"b APPEND x {5}\r\n", b"+ go\r\n"), (b"hello\r\n", b"b OK done\r\n")] * rounds
        backend.script = self.logged_in(*itertools.chain.from_iterable(steps))
        took = []
        with gateway.connect("implicit") as client:
            client.send(b"a LOGIN anna x\r\n")
            client.until(b"a ")
            for _ in range(rounds):
                client.send(b"b APPEND x {5}\r\n")
                client.until(b"+ ")
                begin = time.monotonic()
                client.send(b"hello")
                client.send(b"\r\n")
                client.until(b"b ")
                took.append(time.monotonic() - begin)
        self.assertLess(min(took[rounds // 2:]), 0.03, "a new connection's kernel delays nothing yet, so only the later ones count")

    def test_a_login_comes_before_the_greeting(self):
        """kenn-io/msgvault 218: the client does not wait for the greeting."""
        backend.script = script(b"a LOGIN anna x\r\n", b"a OK done\r\n")
        with gateway.connect_to_tls() as client:
            client.send(b"a LOGIN anna x\r\n")
            self.assertEqual(client.until(b"a "), [GREETING, b"a OK done\r\n"])

    def test_an_ok_has_brackets_and_quotes_in_its_code(self):
        """ruby/net-imap 597: Microsoft 365."""
        answer = b'a OK [Error="WrongServerException: [x] access" AuthResultFromPopImapEnd=0 Proxy=X.COM:1993:SSL Service=Imap4] AUTHENTICATE completed.\r\n'
        self.replay(script(b"a AUTHENTICATE XOAUTH2 AGE=\r\n", answer, b"b XYZZY {3}\r\n", b"b BAD\r\n"),
                    b"a AUTHENTICATE XOAUTH2 AGE=\r\n", answer, b"b XYZZY {3}\r\n", b"b BAD\r\n", results=("success",))

    def test_a_stale_no_comes_before_the_logins_ok(self):
        """chatmail/async-imap 141: a server or proxy answers an earlier command once more; only the login's own tag is its answer."""
        self.replay(script(b"a NOOP\r\n", b"a OK done\r\n", b"b LOGIN anna x\r\n", b"a NO stale\r\nb OK done\r\n", b"c APPEND x {3}\r\n", b"+ go\r\n"),
                    b"a NOOP\r\n", b"a OK done\r\n", b"b LOGIN anna x\r\n", b"a NO stale\r\nb OK done\r\n", b"c APPEND x {3}\r\n", b"+ go\r\n",
                    results=("success",))

    def test_a_refused_login_is_answered_without_a_tag(self):
        """stalwartlabs/stalwart 3241: `* NO [AUTHENTICATIONFAILED]`, and nothing under the tag before the time is over."""
        words = b"* NO [AUTHENTICATIONFAILED] Authentication failed\r\n", b"* BYE Connection timed out.\r\n"
        self.replay(script(b"a LOGIN anna app_x\r\n", b"".join(words), then=lambda peer: None),
                    b"a LOGIN anna app_x\r\n", b"".join(words), results=("failure",))

    def test_status_lines_have_no_text(self):
        """mscdex/node-imap 539, djc/imap-proto 131, apple/swift-nio-imap 550: `A6 OK`, iCloud's `* BYE`, a code alone."""
        self.replay(script(b"a LOGIN anna x\r\n", b"a OK\r\n", b"b UID COPY 9 x\r\n", b"* OK\r\n* NO [ALERT]\r\nb OK [CLOSED]\r\n", b"c LOGOUT\r\n", b"* BYE\r\nc OK\r\n"),
                    b"a LOGIN anna x\r\n", b"a OK\r\n", b"b UID COPY 9 x\r\n", b"* OK\r\n* NO [ALERT]\r\nb OK [CLOSED]\r\n", b"c LOGOUT\r\n", b"* BYE\r\nc OK\r\n",
                    results=("success",))

    def test_logout_is_answered_by_a_tagged_bye(self):
        """jonhoo/rust-imap 210: wp.pl."""
        self.replay(self.logged_in(b"b LOGOUT\r\n", b"b BYE logging out\r\n", then=lambda peer: None),
                    b"a LOGIN anna x\r\n", b"a OK done\r\n", b"b LOGOUT\r\n", b"b BYE logging out\r\n")

    def test_a_completion_has_no_tag(self):
        """neomutt/neomutt 1689: Coremail answers ENABLE with a line that has no tag; what follows has to pass."""
        self.replay(self.logged_in(b"b ENABLE X\r\n", b"OK ENABLE completed\r\n", b"c NOOP\r\n", b"c OK done\r\n"),
                    b"a LOGIN anna x\r\n", b"a OK done\r\n", b"b ENABLE X\r\n", b"OK ENABLE completed\r\n", b"c NOOP\r\n", b"c OK done\r\n")

    def test_a_code_stands_alone(self):
        """ruby/net-imap 250: Exchange 2013 answers MOVE with a bare `[COPYUID …]`."""
        answer = b"[COPYUID 124 10 233]\r\n* 1 EXPUNGE\r\nb OK MOVE completed.\r\n"
        self.replay(self.logged_in(b"b UID MOVE 10 x\r\n", answer, b"c CAPABILITY\r\n", b"* CAPABILITY IMAP4rev1 STARTTLS IDLE\r\nc OK done\r\n"),
                    b"a LOGIN anna x\r\n", b"a OK done\r\n", b"b UID MOVE 10 x\r\n", answer, b"c CAPABILITY\r\n", b"* CAPABILITY IMAP4rev1 IDLE\r\nc OK done\r\n")

    def test_a_command_gets_an_untagged_bad_only(self):
        """jstedfast/MailKit 860: poczta.interia.pl; the next command has to pass."""
        self.replay(self.logged_in(b'b LIST "" "INBOX"\r\n', b"* BAD [ALERT] Please enable IMAP access\r\n", b"c NOOP\r\n", b"c OK done\r\n"),
                    b"a LOGIN anna x\r\n", b"a OK done\r\n", b'b LIST "" "INBOX"\r\n', b"* BAD [ALERT] Please enable IMAP access\r\n", b"c NOOP\r\n", b"c OK done\r\n")

    def test_a_fetch_goes_on_behind_its_bracket(self):
        """paperless-ngx/paperless-ngx 13412: Xeams closes FETCH behind the literal, its other items stand on a line of their own."""
        answer = b"* 1 FETCH (UID 7 BODY[] {5}\r\n{9}\r\n)\r\n FLAGS (\\Seen) RFC822.SIZE 5)\r\nb OK FETCH\r\n"
        self.replay(self.logged_in(b"b UID FETCH 7 BODY[]\r\n", answer, b"c CAPABILITY\r\n", b"* CAPABILITY STARTTLS X\r\nc OK\r\n"),
                    b"a LOGIN anna x\r\n", b"a OK done\r\n", b"b UID FETCH 7 BODY[]\r\n", answer, b"c CAPABILITY\r\n", b"* CAPABILITY X\r\nc OK\r\n")

    def test_untagged_lines_come_within_sasl(self):
        """apple/swift-nio-imap 743, himalaya 625: Gmail speaks within AUTHENTICATE; a prompt may be a bare `+`."""
        self.replay(script(b"a AUTHENTICATE XOAUTH2\r\n", b"* OK wait\r\n+\r\n", b"AGE=\r\n", b"* CAPABILITY IMAP4rev1 STARTTLS IDLE\r\na OK done\r\n", b"b NOOP\r\n", b"b OK\r\n"),
                    b"a AUTHENTICATE XOAUTH2\r\n", b"* OK wait\r\n+\r\n", b"AGE=\r\n", b"* CAPABILITY IMAP4rev1 IDLE\r\na OK done\r\n", b"b NOOP\r\n", b"b OK\r\n",
                    results=("success",))

    def test_the_server_hangs_up_after_a_wrong_password(self):
        """simonrob/email-oauth2-proxy 228: NO, BYE and the end at once; the client gets the NO first, and it is a failure."""
        words = b"a NO wrong\r\n* BYE Autologout; authentication failed\r\n"
        self.replay(script(b"a LOGIN anna y\r\n", words, then=lambda peer: None), b"a LOGIN anna y\r\n", words, results=("failure",))

    def test_the_server_says_bye_again_and_again(self):
        """jstedfast/MailKit 938: Yandex goes on to say BYE to a client that waits for a tag; the client's LOGOUT ends it."""
        self.replay(self.logged_in(b"b NOOP\r\n", b"* BYE Autologout; idle for too long\r\n" * 200, b"c LOGOUT\r\n", b"c OK\r\n"),
                    b"a LOGIN anna x\r\n", b"a OK done\r\n", b"b NOOP\r\n", b"* BYE Autologout; idle for too long\r\n" * 200, b"c LOGOUT\r\n", b"c OK\r\n")
        gateway.wait_for_metric("postern_sessions_active", 0)

    def test_an_append_does_not_wait_and_is_refused(self):
        """DirectoryTree/ImapEngine 174: the octets of a `{n}` that was refused are commands, and are answered as such."""
        octets = b"Subject: probe\r\n\r\nbody\r\n"
        answers = b"b NO [TRYCREATE] no\r\nSubject: BAD unknown\r\n* BAD empty\r\nbody BAD unknown\r\n"
        self.replay(self.logged_in(b"b APPEND x {24}\r\n" + octets + b"\r\n", answers, b"c NOOP\r\n", b"c OK\r\n"),
                    b"a LOGIN anna x\r\n", b"a OK done\r\n", b"b APPEND x {24}\r\n" + octets + b"\r\n", answers, b"c NOOP\r\n", b"c OK\r\n")

    def test_a_server_shows_its_capabilities_unasked_after_starttls(self):
        """thunderbird-android 4250: `* CAPABILITY` follows the handshake at once, before any command."""
        authority = Authority(self.enterContext(Folder("authority")).path)
        context = authority.leaf("mail.test").server_context()

        def run(peer):
            peer.send(b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] IMAP4rev1 Service Ready\r\n")
            peer.command(b"STARTTLS", b"OK Begin TLS negotiation now")
            peer.start_tls(context)
            peer.send(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN AUTH=LOGIN ID\r\n")
            peer.serve({b"CAPABILITY": b"* CAPABILITY IMAP4rev1 AUTH=LOGIN AUTH=PLAIN ID\r\n%s OK done\r\n"})

        with ScriptedBackend(run) as server, Gateway(backends={"one": server.backend("starttls")}) as front, front.connect() as client:
            self.assertIn(b"AUTH=PLAIN", client.greeting)
            client.login()
            client.ok(b"NOOP")


if __name__ == "__main__":
    unittest.main()
