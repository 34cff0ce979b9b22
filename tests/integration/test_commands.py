"""The IMAP commands of clients as metrics, in front of a real Dovecot, which has none."""

import unittest

from harness import Authority, Dovecot, Folder, Gateway

COMMANDS = "postern_imap_commands_total"
DURATION = "postern_imap_command_duration_seconds"
MAIL = b"From: a@example.org\r\nSubject: \xc3\xa4\r\n\r\nhello\r\n"


class Commands(unittest.TestCase):
    def setUp(self):
        authority = Authority(self.enterContext(Folder("authority")).path)
        dovecot = self.enterContext(Dovecot(authority))
        self.gateway = self.enterContext(Gateway(backends={"mail": dovecot.backend()}))

    def results(self):
        """{(command, result): how many}"""
        return {(labels["command"], labels["result"]): number
                for name, labels, number in self.gateway.metrics().samples if name == COMMANDS}

    def timed(self):
        return {labels["command"]: number
                for name, labels, number in self.gateway.metrics().samples if name == f"{DURATION}_count"}

    def use_mail(self):
        with self.gateway.connect() as client:
            client.login()
            client.literals(b"APPEND INBOX ", MAIL, b"")
            client.ok(b"SELECT INBOX")
            client.ok(b"uid search all")
            self.assertIn(b"hello", b"".join(client.ok(b"UID FETCH 1:* BODY[]")))
            client.ok(b"FETCH 1 FLAGS")
            self.assertIn(b" NO ", client.command(b"EXAMINE nowhere")[-1])
            self.assertIn(b" BAD ", client.command(b"XYZZY")[-1])
            tag = client.start(b"IDLE")
            client.until(b"+")
            client.send(b"DONE\r\n")
            client.until(tag)
            first, second = client.start(b"NOOP"), client.start(b"STATUS INBOX (MESSAGES)")
            client.until(first)
            client.until(second)
            client.ok(b"LOGOUT")
        with self.gateway.connect() as client:  # last: from then on Dovecot lets this address wait
            client.command(b"LOGIN anna wrong")

    def test_commands_are_counted_by_name_and_answer(self):
        self.use_mail()
        done = ("login", "append", "select", "search", "idle", "noop", "status", "logout")
        once = {(name, "ok"): 1 for name in done}
        self.assertEqual(self.results(), once | {
            ("login", "no"): 1, ("fetch", "ok"): 2, ("examine", "no"): 1, ("other", "bad"): 1})

    def test_all_but_idle_have_a_time(self):
        self.use_mail()
        self.assertEqual(self.timed(), {"login": 2, "append": 1, "select": 1, "search": 1, "fetch": 2, "examine": 1,
                                        "other": 1, "noop": 1, "status": 1, "logout": 1})
        metrics = self.gateway.metrics()
        self.assertEqual(metrics.sum(f"{DURATION}_bucket", le="+Inf"), metrics.sum(f"{DURATION}_count"))
        self.assertLess(metrics.sum(f"{DURATION}_sum"), 10)

    def test_a_command_without_an_answer_is_abandoned(self):
        with self.gateway.connect() as client:
            client.login()
            client.ok(b"SELECT INBOX")
            client.start(b"IDLE")
            client.until(b"+")
        self.gateway.wait_for_metric(COMMANDS, 1, {"command": "idle", "result": "abandoned"})
        self.assertNotIn("idle", self.timed())

    def test_a_setting_turns_it_off(self):
        self.gateway.configure(metrics={"commands": False})
        self.gateway.reload()
        self.use_mail()
        self.assertEqual(self.results(), {})
        self.assertEqual(self.timed(), {})


if __name__ == "__main__":
    unittest.main()
