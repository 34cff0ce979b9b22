"""The judges of the differential test, held against transcripts that are known to be right or wrong."""

import asyncio
import pathlib
import random
import sys
import tempfile
import types
import unittest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parent)]
from campaign import Campaign  # noqa: E402
from compare import Verdict, faithful, lines_of, normal  # noqa: E402
from grammar import Maker  # noqa: E402
from ledger import Ledger  # noqa: E402
from owed import owed  # noqa: E402
from player import Heard  # noqa: E402
from reading import Reading  # noqa: E402
from script import Script, Step  # noqa: E402
from shrink import smaller  # noqa: E402
from wire import Relay, Tapped  # noqa: E402

HELLO = ("server", b"* OK hello\r\n")


def kinds(*events):
    return {kind for kind, _ in Reading((HELLO, *events)).faults}


class WhatTheGatewayMaySend(unittest.TestCase):
    def test_single_lines_pass(self):
        self.assertEqual(kinds(("client", b'a ID ("x" "y\\"")\r\nb NOOP "\\c"\r\n'), ("server", b"a OK\r\nb OK\r\n")), set())

    def test_hidden_command_is_known_by_its_answer(self):
        found = kinds(("client", b"a NOOP ) {9+}\r\nh1 NOOP\r\n\r\n"), ("server", b"a BAD x\r\nh1 OK\r\n"))
        self.assertLessEqual({"literal", "hidden command"}, found)
        login = b"a NOOP ) {9+}\r\nh1 LOGIN x y\r\n\r\n"
        self.assertIn("hidden login", kinds(("client", login), ("server", b"a BAD x\r\nh1 OK\r\n")))
        self.assertIn("answer to no command", kinds(("client", login), ("server", b"a BAD x\r\nh1 NO\r\n")))

    def test_literal_of_a_login_waits_for_the_servers_prompt(self):
        rest = (("client", b"bert mellon\r\n"), ("server", b"a OK\r\n"))
        self.assertEqual(kinds(("client", b"a LOGIN {4}\r\n"), ("server", b"+ OK\r\n"), *rest), set())
        self.assertEqual(kinds(("client", b"a LOGIN {4}\r\n"), *rest), {"literal before +"})
        self.assertIn("literal", kinds(("client", b"a LOGIN {4+}\r\n"), *rest))

    def test_nothing_stands_behind_a_login(self):
        self.assertEqual(kinds(("client", b"a LOGIN x y\r\nb NOOP\r\n")), {"behind a login"})
        self.assertEqual(kinds(("client", b"a LOGIN x y\r\n"), ("server", b"a NO\r\n"), ("client", b"b NOOP\r\n")), set())

    def test_sasl_lines_come_one_for_each_prompt(self):
        start = ("client", b"a AUTHENTICATE PLAIN\r\n")
        self.assertEqual(kinds(start, ("server", b"+ \r\n"), ("client", b"AGE=\r\n"), ("server", b"a NO\r\n")), set())
        self.assertIn("SASL line before +", kinds(start, ("client", b"AGE=\r\n")))
        self.assertIn("SASL line", kinds(start, ("server", b"+ \r\n"), ("client", b"h1 NOOP\r\n")))
        self.assertIn("AUTHENTICATE", kinds(("client", b"a AUTHENTICATE PLAIN {9}\r\n")))

    def test_forbidden_lines(self):
        for line, kind in ((b"a NOOP \0\r\n", "control octet"), (b'a NOOP "\r\n', "quotes"), (b'a NOOP "\\"\r\n', "quotes"), (b"a IDLE\r\n", "not before login"),
                           (b"a NOOP\n", "bare LF"), (b"a NOOP", "part of a line"), (b"a NOOP ~{3}\r\n", "literal")):
            with self.subTest(line):
                self.assertIn(kind, kinds(("client", line)))

    def test_after_login_all_passes_and_logins_are_counted(self):
        reading = Reading((HELLO, ("client", b"a LOGIN x y\r\n"), ("server", b"a NO\r\n"), ("client", b"b LOGIN x z\r\n"),
                           ("server", b"b OK\r\n"), ("client", b"c IDLE {3+}\r\n\0")))
        self.assertEqual((reading.faults, reading.answered, reading.granted), ([], 2, 1))
        self.assertEqual(bytes(reading.after), b"c IDLE {3+}\r\n\0")


class WhatTheClientMustHear(unittest.TestCase):
    def test_edits_and_local_answers_are_allowed_before_login_only(self):
        server = lines_of(b"* OK [CAPABILITY STARTTLS IDLE]\r\n* X\r\na OK\r\n")
        self.assertEqual(faithful(server, lines_of(b"* OK [CAPABILITY IDLE]\r\n+ OK\r\nb BAD x\r\n* X\r\na OK\r\n"), 2)[0], "")
        self.assertIn("c BAD", faithful(server, lines_of(b"* OK [CAPABILITY IDLE]\r\n* X\r\na OK\r\nc BAD x\r\n"), 2)[0])
        self.assertEqual(faithful(server, lines_of(b"* OK [CAPABILITY IDLE]\r\n* X\r\n"), 2)[2], 1)
        prompts = lines_of(b"* OK\r\na BAD\r\n+ OK\r\n+ OK\r\nb NO\r\nc OK\r\n")  # the gateway has asked for both literals before
        self.assertEqual(faithful(prompts, lines_of(b"* OK\r\n+ OK\r\n+ OK\r\na BAD\r\nb NO\r\nc OK\r\n"), -1)[0], "")

    def test_only_the_last_line_may_come_in_part(self):
        server = lines_of(b"* OK\r\na OK\r\n* 1 EXISTS\r\nb OK\r\n")
        self.assertEqual(faithful(server, lines_of(b"* OK\r\na OK\r\n* 1 EX"), 1)[::2], ("", 2))
        self.assertIn("* 1 EY", faithful(server, lines_of(b"* OK\r\na OK\r\n* 1 EY"), 1)[0])
        self.assertIn("* 1 EX", faithful(server, lines_of(b"* OK\r\na OK\r\n* 1 EX\nb OK\r\n"), 1)[0])

    def test_normal_lines_keep_what_matters(self):
        self.assertEqual(normal([b"* OK x\r\n", b"a1 OK done (0.1 + 2 secs).\r\n"]), normal([b"* OK y\r\n", b"a1 OK done (3 secs).\r\n"]))
        self.assertNotEqual(normal([b"* OK\r\n", b"a1 OK x\r\n"]), normal([b"* OK\r\n", b"a2 OK x\r\n"]))
        self.assertNotEqual(normal([b"* OK\r\n", b"a1 OK x\r\n"]), normal([b"* OK\r\n", b"a1 NO x\r\n"]))


def verdict(script, direct, client, events, **heard):
    tapped = Tapped()
    tapped.events, tapped.times = [HELLO, *events], [0.0] * (len(events) + 1)
    came = lines_of(b"* OK hello\r\n" + client)
    theirs = [b"* OK hello\r\n", *lines_of(direct)]
    through = Heard(**({"lines": came, "octets": b"".join(came), "before": len(came), "probe": 1, "sent": len(script.data),
                        "tapped": tapped, "over": 9.0, "sent_when": [len(script.steps[0].data)] * len(came)} | heard))
    said = Heard(lines=theirs, octets=b"".join(theirs), before=len(theirs), probe=1, closed=heard.get("closed", ""), sent_when=[len(script.data)] * len(theirs))
    return {kind for kind, _ in Verdict(script, said, through, *owed(script, said, "dovecot23")).faults}


class Verdicts(unittest.TestCase):
    script = Script((Step((b"a LOGIN b c\r\n",), b"a"), Step((b"b NOOP\r\n",), b"b")))
    events = (("client", b"a LOGIN b c\r\n"), ("server", b"a OK\r\n"), ("client", b"b NOOP\r\n"), ("server", b"b OK x\r\n"))

    def test_agreement(self):
        self.assertEqual(verdict(self.script, b"a OK\r\nb OK x\r\n", b"a OK\r\nb OK x\r\n", self.events), set())

    def test_the_end_has_words_where_the_server_had_none(self):
        ended = (*self.events[:3], ("server", b""))
        self.assertEqual(verdict(self.script, b"a OK\r\n", b"a OK\r\n* BYE gone\r\n", ended, closed="end", probe=0), set())

    def test_another_answer(self):
        self.assertIn("answers", verdict(self.script, b"a OK\r\nb NO x\r\n", b"a OK\r\nb OK x\r\n", self.events))

    def test_no_answer_and_words_that_were_lost(self):
        self.assertIn("lost words", verdict(self.script, b"a OK\r\nb OK x\r\n", b"a OK\r\n", self.events))
        self.assertIn("no answer", verdict(self.script, b"a OK\r\nb OK x\r\n", b"a OK\r\n", self.events[:3]))

    def test_silence(self):
        self.assertIn("silence", verdict(self.script, b"a OK\r\nb OK x\r\n", b"a OK\r\n", self.events[:3], probe=0))

    def test_silence_while_a_literal_comes_that_no_script_fills_is_none(self):
        for size, found in ((b"99", {"silence"}), (b"5014", set())):
            script = Script((Step((b"a LOGIN { {%s}\r\n" % size,)),))
            self.assertEqual(verdict(script, b"a NO\r\n", b"+ OK\r\n", (), probe=0), found)

    def test_octets_that_did_not_pass(self):
        self.assertIn("octets", verdict(self.script, b"a OK\r\n", b"a OK\r\n", self.events[:2]))

    def test_connection_left_behind(self):
        self.assertIn("left", verdict(self.script, b"a OK\r\nb OK x\r\n", b"a OK\r\nb OK x\r\n", self.events, left=5.5))


class Owed(unittest.TestCase):
    def test_a_login_that_is_none_by_the_grammar_is_owed_no_equal_answer(self):
        said = Heard(lines=[b"* OK\r\n", b"a NO\r\n"], sent_when=[0, 99])
        for line, equal in ((b"a LOGIN b c\r\n", True), (b"a LOGIN b\r\n", False), (b"a LOGIN b c d\r\n", False), (b"+ LOGIN b c\r\n", False)):
            with self.subTest(line):
                self.assertEqual(owed(Script((Step((line,), b"a"),)), said, "courier")[0], equal)


    def test_a_literal_is_owed_if_the_server_asks_for_it(self):
        script = Script((Step((b"a ID ({1}\r\n",), b"a"), Step((b"x NIL)\r\n",), b"a")))
        said = Heard(lines=[b"* OK\r\n", b"a NO\r\n"], sent_when=[0, 99], waits=[b"+ OK\r\n", b"a NO\r\n"])
        self.assertTrue(owed(script, said, "courier")[0])
        said.waits[0] = b""
        self.assertFalse(owed(script, said, "courier")[0])


class AtTheTap(unittest.TestCase):
    def test_a_connection_given_up_before_the_first_octet_counts_for_nothing(self):
        tapped = Tapped()
        tapped.relay = first = Relay.__new__(Relay)
        first.tapped, tapped.gateway_gone = tapped, 1.0
        tapped.begin_again()
        first.tapped.events.append(HELLO)
        self.assertEqual((tapped.events, tapped.gateway_gone, tapped.relay), ([], None, None))


class Scripts(unittest.TestCase):
    def test_the_same_seed_makes_the_same_and_text_brings_it_back(self):
        for number in range(300):
            script, again = (Maker(random.Random(number), b"Sink").script() for _ in range(2))
            self.assertEqual(script, again)
            self.assertEqual(Script.of(script.text()), script)

    def test_what_shrinking_tries_is_smaller(self):
        script = Script((Step((b"a NOOP\r\n", b"b NOOP\r\n"), b"b"), Step((b"c NOOP\r\n",))), "half")
        weight = lambda one: (len(one.data), len(one.steps), sum(len(step.segments) + bool(step.wait) for step in one.steps), one.end)
        for other in smaller(script):
            self.assertNotEqual(other, script)
            self.assertTrue(any(a < b for a, b in zip(weight(other), weight(script))), other)


class TheCampaign(unittest.TestCase):
    def look_into(self, again):
        """Twenty conversations that disagree at once; each is played again, with that outcome."""
        options = types.SimpleNamespace(seed=1, at_once=1, per_kind=2, findings=None)
        campaign = Campaign(types.SimpleNamespace(server=types.SimpleNamespace(at_once=1)), "none", options)
        reported = []

        async def one(*_):
            await asyncio.sleep(0)
            return types.SimpleNamespace(faults=again)

        async def report(what, *_):
            reported.append(what)

        async def all_of_them():
            late = types.SimpleNamespace(faults=[("answers", "late")], script=None)
            await asyncio.gather(*(campaign._look_into(number, late) for number in range(20)))
        campaign._one, campaign._report = one, report
        asyncio.run(all_of_them())
        return campaign.found["answers"], campaign.passing, len(reported)

    def test_what_does_not_come_again_is_no_disagreement(self):
        self.assertEqual(self.look_into([]), (0, 20, 0))

    def test_what_comes_again_is_made_small_a_few_times(self):
        found, passing, reported = self.look_into([("answers", "again")])
        self.assertEqual((found, passing), (20, 0))
        self.assertLessEqual(reported, 4)


class TheLedger(unittest.TestCase):
    def test_each_run_of_a_server_takes_the_next_seed(self):
        with tempfile.TemporaryDirectory() as folder:
            for server, seed in (("cyrus", 1), ("cyrus", 2), ("courier", 1)):
                ledger = Ledger(f"{folder}/ledger.csv")
                self.assertEqual(ledger.next_seed(server), seed)
                ledger.add(server, seed, types.SimpleNamespace(played=100, found={"words": 1, "left": 0}, passing=3))
            self.assertEqual(ledger.totals(), {"cyrus": (200, 2), "courier": (100, 1)})


if __name__ == "__main__":
    unittest.main()
