"""What servers of the field do that real ones on this machine do not: capabilities in every place where
they may stand, and text that must not be taken for them. Also which backend a client's name leads to."""

import itertools
import unittest

from harness import Authority, Folder, Gateway, ScriptedBackend

FRONTS = ("implicit", "starttls")
UNTRUE = b" LOGINDISABLED STARTTLS AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-1-PLUS"
SASL = b" AUTH=PLAIN AUTH=SCRAM-SHA-256 AUTH=XOAUTH2 AUTH=GSSAPI"

# What the backend sends and what the client has to see, line by line; %s is the tag.
LOGIN_ANSWERS = {
    "a code in the tagged OK": (
        b"%s OK [CAPABILITY IMAP4rev1" + UNTRUE + b" IDLE] logged in\r\n",
        b"%s OK [CAPABILITY IMAP4rev1 IDLE] logged in\r\n"),
    "untagged before the tagged OK, as SmarterMail": (
        b"* CAPABILITY IMAP4rev1" + UNTRUE + b" IDLE\r\n%s OK logged in\r\n",
        b"* CAPABILITY IMAP4rev1 IDLE\r\n%s OK logged in\r\n"),
    "a code in an untagged OK": (
        b"* OK [CAPABILITY LOGINDISABLED IMAP4rev1] hello\r\n%s OK logged in\r\n",
        b"* OK [CAPABILITY IMAP4rev1] hello\r\n%s OK logged in\r\n"),
    "in another case": (
        b"* capability imap4rev1 starttls LoginDisabled idle\r\n%s ok [capability imap4rev1 StartTLS] in\r\n",
        b"* capability imap4rev1 idle\r\n%s ok [capability imap4rev1] in\r\n"),
    "look-alikes": (
        b"* CAPABILITY IMAP4rev1 XSTARTTLS STARTTLS2 LOGINDISABLED=x AUTH=-PLUSX X-PLUS\r\n%s OK STARTTLS\r\n",
        b"* CAPABILITY IMAP4rev1 XSTARTTLS STARTTLS2 LOGINDISABLED=x AUTH=-PLUSX X-PLUS\r\n%s OK STARTTLS\r\n"),
    "free text": (
        b"* NO [ALERT] try STARTTLS {5}\r\n* OK CAPABILITY STARTTLS\r\n%s OK [READ-WRITE] [CAPABILITY STARTTLS] {7}\r\n",
        b"* NO [ALERT] try STARTTLS {5}\r\n* OK CAPABILITY STARTTLS\r\n%s OK [READ-WRITE] [CAPABILITY STARTTLS] {7}\r\n"),
    "a refusal": (
        b"%s NO [CAPABILITY IMAP4rev1 STARTTLS] later\r\n", None),
    "quoted strings and literals": (
        b'* LIST () "/" "* CAPABILITY STARTTLS"\r\n* LIST () "/" {20}\r\n* CAPABILITY STARTTL\r\n%s OK in\r\n',
        b'* LIST () "/" "* CAPABILITY STARTTLS"\r\n* LIST () "/" {20}\r\n* CAPABILITY STARTTL\r\n%s OK in\r\n'),
}
GREETINGS = {
    "with a code": (b"* OK [CAPABILITY IMAP4rev1" + UNTRUE + SASL + b"] ready\r\n",
                    b"* OK [CAPABILITY IMAP4rev1" + SASL + b"] ready\r\n"),
    "of Exchange": (b"* OK The Microsoft Exchange IMAP4 service is ready. [QgBMADAAUwBUAEEAUgBUAFQATABTAA==]\r\n",) * 2,
    "of an old UW": (b"* OK [CAPABILITY IMAP4REV1 STARTTLS LOGINDISABLED] mail.test IMAP4rev1 2007f.404\r\n",
                     b"* OK [CAPABILITY IMAP4REV1] mail.test IMAP4rev1 2007f.404\r\n"),
    "bare": (b"* OK\r\n", b"* OK\r\n"),
    "that knows the client already": (b"* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n",
                                      b"* PREAUTH [CAPABILITY IMAP4rev1] hello\r\n"),
}


class Capabilities(unittest.TestCase):
    def start(self, script):
        backend = self.enterContext(ScriptedBackend(script))
        return self.enterContext(Gateway(backends={"mail": backend.backend()}))

    def test_in_answer_to_a_login(self):
        def script(peer):
            peer.send(b"* OK ready\r\n")
            peer.serve({b"LOGIN": sent})

        gateway = self.start(script)
        for front, (name, (sent, seen)) in itertools.product(FRONTS, LOGIN_ANSWERS.items()):
            with self.subTest(name, front=front), gateway.connect(front) as client:
                tag = client.start(b"LOGIN anna sesame")
                last = client.start(b"NOOP")
                answers = b"".join(client.until(last + b" "))
                expected = (seen or sent) + b"%s OK done\r\n"
                self.assertEqual(answers, expected.replace(b"%s", tag, 1).replace(b"%s", last))

    def test_in_the_greeting(self):
        def script(peer):
            peer.send(sent)
            peer.serve()

        gateway = self.start(script)
        for name, (sent, seen) in GREETINGS.items():
            with self.subTest(name), gateway.connect() as client:
                self.assertEqual(client.greeting, seen)
                client.ok(b"NOOP")

    def test_untagged_at_any_time(self):
        def script(peer):
            peer.send(b"* OK ready\r\n")
            peer.serve({b"CAPABILITY": b"* CAPABILITY IMAP4rev1" + UNTRUE + SASL + b"\r\n%s OK done\r\n",
                        b"NOOP": b"* CAPABILITY STARTTLS\r\n%s OK done\r\n"})

        gateway = self.start(script)
        for front in FRONTS:
            with self.subTest(front), gateway.connect(front) as client:
                for log_in in (lambda: None, client.login):
                    log_in()
                    self.assertEqual(client.ok(b"CAPABILITY")[0], b"* CAPABILITY IMAP4rev1" + SASL + b"\r\n")
                self.assertNotIn(b"STARTTLS", b"".join(client.ok(b"NOOP")))

    def test_continuation_may_be_bare(self):
        def script(peer):
            peer.send(b"* OK ready\r\n")
            tag = peer.command(b"AUTHENTICATE XOAUTH2", None)
            peer.send(b"+\r\n")
            self.assertEqual(peer.line(), b"STARTTLS\r\n")  # no command here, whatever it looks like
            peer.send(b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n")
            self.assertEqual(peer.line(), b"*\r\n")
            peer.send(tag + b" NO no\r\n")
            peer.serve()

        gateway = self.start(script)
        with gateway.connect() as client, gateway.counting("postern_logins_total", mechanism="xoauth2", result="failure"):
            client.start(b"AUTHENTICATE XOAUTH2")
            self.assertEqual(client.line(), b"+\r\n")
            client.send(b"STARTTLS\r\n")
            self.assertEqual(client.line(), b"+ eyJzdGF0dXMiOiI0MDAifQ==\r\n")
            client.send(b"*\r\n")
            self.assertEqual(client.line(), b"t1 NO no\r\n")
            client.login()


class Routes(unittest.TestCase):
    # asked name: the backend that has to answer
    TABLE = {
        "mail.example.test": b"exact",
        "MAIL.Example.TEST": b"exact",
        "imap.example.test": b"wild",
        "a.b.example.test": b"default",
        "example.test": b"default",
        "elsewhere.test": b"default",
        None: b"default",
    }

    def test_lead_by_name_to_a_backend(self):
        def named(name):
            def script(peer):
                peer.send(b"* OK ready\r\n")
                peer.serve({b"NOOP": b"* OK %s\r\n%%s OK done\r\n" % name})
            return self.enterContext(ScriptedBackend(script)).backend()

        authority = Authority(self.enterContext(Folder("authority")).path)
        gateway = self.enterContext(Gateway(
            backends={name: named(name.encode()) for name in ("exact", "wild", "default")},
            routes=[{"sni": "*.example.test", "backend": "wild"}, {"sni": "mail.example.test", "backend": "exact"}],
            default_backend="default", tls={"certificates": [authority.leaf("any.test").files]}))
        context = authority.client_context()
        context.check_hostname = False
        for front, (asked, name) in itertools.product(FRONTS, self.TABLE.items()):
            with self.subTest(asked, front=front), gateway.connect(front, asked, context) as client:
                self.assertIn(b"* OK %s\r\n" % name, client.ok(b"NOOP"))


if __name__ == "__main__":
    unittest.main()
