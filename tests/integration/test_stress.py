"""Many connections do random valid commands through the gateway, and every octet of the answers is held against a model.

As imaptest does. Each connection has two mailboxes of its own, so that a model knows what Dovecot must say: every line is
expected, and no other comes. POSTERN_STRESS_SECONDS makes it long, POSTERN_STRESS_SEED repeats the commands of a run.
"""

import concurrent.futures
import os
import random
import re
import time
import unittest

from harness import Authority, Dovecot, Folder, Gateway

SECONDS = float(os.environ.get("POSTERN_STRESS_SECONDS", 3))
CONNECTIONS = int(os.environ.get("POSTERN_STRESS_CONNECTIONS", 16))
SEED = int(os.environ.get("POSTERN_STRESS_SEED", random.randrange(1 << 30)))
FLAGS = (rb"\Answered", rb"\Flagged", rb"\Deleted", rb"\Seen", rb"\Draft")  # in the order in which Dovecot shows them
PATIENT = {"handshake": "1m", "connect": "1m", "login": "2m", "drain": "2s"}  # Dovecot starts a program for each connection
PASSING = re.compile(rb" \([\d.+ ]+secs\)| ?\\Recent(?=\))| \\(?:UnM|M)arked(?=\))")
TEXTS = (b"* BYE no", b") {12}", b"t1 OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED] x", b"+ go on", b"DONE", b"", b"* 1 EXPUNGE",
         b"a line of text", "grüße {3+}".encode(), b"x" * 997, b'"', b"\\")


def setUpModule():
    global gateway
    authority = Authority(unittest.enterModuleContext(Folder("authority")).path)
    server = unittest.enterModuleContext(Dovecot(authority))
    gateway = unittest.enterModuleContext(Gateway(backends={"dovecot": server.backend()}, log={"level": "info"}, timeouts=PATIENT))


class Mismatch(AssertionError):
    pass


class Mailbox:
    """What the server has to know: [uid, flags, message]."""

    def __init__(self, name):
        self.name, self.messages, self.next_uid, self.validity = name, [], 1, b"0"

    def take(self, flags, message):
        self.messages.append([self.next_uid, set(flags), message])
        self.next_uid += 1
        return self.next_uid - 1


def shown(flags):
    return b"(%s)" % b" ".join(flag for flag in FLAGS if flag in flags)


def uid_set(uids):
    """As Dovecot writes it: runs as first:last."""
    runs = []
    for uid in uids:
        if runs and runs[-1][1] == uid - 1:
            runs[-1][1] = uid
        else:
            runs.append([uid, uid])
    return b",".join(b"%d" % a if a == b else b"%d:%d" % (a, b) for a, b in runs)


class Talker:
    """One connection and its model."""

    def __init__(self, number, seconds):
        self.rng = random.Random(f"{SEED}/{number}")
        self.box, self.other = Mailbox(b"stress%d" % number), Mailbox(b"stress%d-other" % number)
        self.end, self.commands, self.octets = time.monotonic() + seconds, 0, 0
        self.number, self.tags, self.past = number, 0, []

    def run(self):
        try:
            while time.monotonic() < self.end or not self.commands:
                self.connection()
        except BaseException as error:
            raise Mismatch(f"seed {SEED}, connection {self.number}, after {self.past[-4:]!r}: {error!r}") from error
        return self.commands, self.octets

    def connection(self):
        self.past = []
        with gateway.connect(self.rng.choice(("implicit", "starttls"))) as self.client:
            self.client.socket.settimeout(60)
            self.rng.choice((self.client.login, self.client.authenticate_plain))()
            for box in (self.other, self.box):
                self.select(box)
            for _ in range(self.rng.randint(20, 60)):
                if time.monotonic() > self.end:
                    break
                doings = [self.append, self.append, self.read, self.read, self.pipeline, self.idle, self.refused]
                if self.box.messages:
                    doings += [self.store, self.store, self.copy, self.move, self.expunge, self.reselect]
                self.rng.choice(doings)()
            self.send(self.tagged(b"LOGOUT"))
            self.expect([b"* BYE Logging out", self.tag + b" OK Logout completed."])

    # What goes out and what must come

    def tagged(self, command):
        self.tags += 1
        self.tag = b"s%d" % self.tags
        self.past.append(command[:80])
        self.commands += 1
        return self.tag + b" " + command + b"\r\n"

    def send(self, data):
        """In pieces, often."""
        cuts = sorted(self.rng.randint(0, len(data)) for _ in range(self.rng.choice((0, 0, 0, 1, 3))))
        for begin, end in zip([0, *cuts], [*cuts, len(data)]):
            if end > begin:
                self.client.send(data[begin:end])

    def expect(self, lines):
        """Responses without their CRLF and their clocks, in this order; RECENT is other sessions' business."""
        for line in lines:
            came = self.answer()
            if came != line:
                raise Mismatch(f"expected {line[:300]!r}, came {came[:300]!r}")

    def answer(self):
        while True:
            whole = self.client.response()
            self.octets += len(whole)
            if not re.fullmatch(rb"\* \d+ RECENT\r\n|\* OK Still here\r\n", whole):
                assert whole.endswith(b"\r\n"), whole[-80:]
                if b"{" in whole and b"\r\n" in whole[:-2]:  # a message: its octets are no clock
                    return whole[:-2]
                return PASSING.sub(b"", whole[:-2])

    def done(self, word, code=b""):
        return b"%s OK %s%s completed." % (self.tag, code, word)

    def some(self):
        """Numbers of messages, in their order, and the set that asks for them."""
        count = len(self.box.messages)
        first = self.rng.randint(1, count)
        last = min(count, first + self.rng.choice((0, 0, 1, 3)))
        return list(range(first, last + 1)), b"%d" % first if first == last else b"%d:%d" % (first, last)

    # The commands

    def select(self, box):
        self.send(self.tagged(b"SELECT " + box.name))
        found = [self.answer()]
        while not found[-1].startswith(self.tag + b" "):
            found.append(self.answer())
        unseen = next((n for n, (_, flags, _) in enumerate(box.messages, 1) if rb"\Seen" not in flags), 0)
        validity = next(match[1] for line in found if (match := re.match(rb"\* OK \[UIDVALIDITY (\d+)\]", line)))
        if box.validity not in (b"0", validity):
            raise Mismatch("another UIDVALIDITY")
        box.validity = validity
        modseq = [line for line in found if re.fullmatch(rb"\* OK \[HIGHESTMODSEQ \d+\] Highest", line)]
        flags = b" ".join(FLAGS)
        must = [b"* FLAGS (%s)" % flags, rb"* OK [PERMANENTFLAGS (%s \*)] Flags permitted." % flags, b"* %d EXISTS" % len(box.messages),
                b"* OK [UIDVALIDITY %s] UIDs valid" % validity, b"* OK [UIDNEXT %d] Predicted next UID" % box.next_uid, *modseq,
                b"%s OK [READ-WRITE] Select completed." % self.tag]
        if unseen:
            must.insert(3, b"* OK [UNSEEN %d] First unseen." % unseen)
        if found and found[0] == b"* OK [CLOSED] Previous mailbox closed.":
            del found[0]
        if found != must:
            raise Mismatch(f"expected {must!r}, came {found!r}")

    def reselect(self):
        self.send(self.tagged(b"UNSELECT"))
        self.expect([self.done(b"Unselect")])
        self.select(self.box)

    def append(self):
        flags = set(self.rng.sample(FLAGS, self.rng.choice((0, 0, 1, 2))))
        lines = [self.rng.choice(TEXTS) for _ in range(self.rng.choice((0, 3, 30, 300)))]
        message = b"\r\n".join([b"Subject: %d" % self.rng.randrange(1000), b"", *lines, b""])
        plus = self.rng.random() < 0.5
        head = self.tagged(b"APPEND %s %s {%d%s}" % (self.box.name, shown(flags), len(message), b"+" if plus else b""))
        if not plus:
            self.send(head)
            self.expect([b"+ OK"])
            head = b""
        self.send(head + message + b"\r\n")
        uid = self.box.take(flags, message)
        self.expect([b"* %d EXISTS" % len(self.box.messages), self.done(b"Append", b"[APPENDUID %s %d] " % (self.box.validity, uid))])

    def question(self):
        """A command that changes nothing, and its answers."""
        kind = self.rng.choice(("noop", "search", "status", "flags", "body", "part", "xlist"))
        messages = self.box.messages
        if kind == "search":
            flag = self.rng.choice(FLAGS)
            hits = [b" %d" % n for n, (_, flags, _) in enumerate(messages, 1) if flag in flags]
            return self.tagged(b"SEARCH " + flag[1:].upper()), [b"* SEARCH" + b"".join(hits), self.done(b"Search")]
        if kind == "status":
            box = self.other
            return self.tagged(b"STATUS %s (MESSAGES UIDNEXT UIDVALIDITY)" % box.name), [
                b"* STATUS %s (MESSAGES %d UIDNEXT %d UIDVALIDITY %s)" % (box.name, len(box.messages), box.next_uid, box.validity),
                self.done(b"Status")]
        if kind == "xlist":
            return self.tagged(b'LIST "" ' + self.box.name), [rb'* LIST (\HasNoChildren) "/" ' + self.box.name, self.done(b"List")]
        if kind == "noop" or not messages:
            return self.tagged(b"NOOP"), [self.done(b"NOOP")]
        numbers, asked = self.some()
        about = [(n, *messages[n - 1]) for n in numbers]
        if kind == "flags":
            return self.tagged(b"FETCH %s (UID FLAGS RFC822.SIZE)" % asked), [
                *(b"* %d FETCH (UID %d FLAGS %s RFC822.SIZE %d)" % (n, uid, shown(flags), len(text)) for n, uid, flags, text in about),
                self.done(b"Fetch")]
        if kind == "body":
            return self.tagged(b"UID FETCH %s (BODY.PEEK[])" % uid_set([uid for _, uid, _, _ in about])), [
                *(b"* %d FETCH (UID %d BODY[] {%d}\r\n%s)" % (n, uid, len(text), text) for n, uid, _, text in about), self.done(b"Fetch")]
        start = self.rng.randrange(min(len(text) for *_, text in about))
        size = self.rng.choice((1, 80, 5000))
        return self.tagged(b"FETCH %s BODY.PEEK[]<%d.%d>" % (asked, start, size)), [
            *(b"* %d FETCH (BODY[]<%d> {%d}\r\n%s)" % (n, start, len(part), part) for n, _, _, text in about for part in [text[start:start + size]]),
            self.done(b"Fetch")]

    def read(self):
        command, must = self.question()
        self.send(command)
        self.expect(must)

    def pipeline(self):
        """Dovecot works at several at once: the lines come in an order of its own."""
        talk = [self.question() for _ in range(self.rng.randint(2, 8))]
        self.send(b"".join(command for command, _ in talk))
        must = sorted(line for _, lines in talk for line in lines)
        came = sorted(self.answer() for _ in must)
        if came != must:
            raise Mismatch(f"expected {next(line for line in must if line not in came)[:300]!r}, came {came!r:.3000}")

    def refused(self):
        command, words = self.rng.choice(((b"XYZZY", b"Unknown command"), (b"FETCH 0 FLAGS", b"Invalid messageset"), (b"STORE", b"Invalid arguments"),
                                          (b"LOGIN a b", b"Unknown command"), (b"STARTTLS", b"Unknown command")))
        self.send(self.tagged(command))
        came = self.answer()
        if not came.startswith(self.tag + b" BAD Error in IMAP command " + command.split()[0] + b": " + words[:7]):
            raise Mismatch(f"expected a BAD to {command!r}, came {came!r}")

    def idle(self):
        self.send(self.tagged(b"IDLE"))
        self.expect([b"+ idling"])
        self.send(self.rng.choice((b"DONE\r\n", b"done\r\n")))
        self.expect([self.done(b"Idle")])

    def store(self):
        numbers, asked = self.some()
        flag, silent = self.rng.choice(FLAGS), self.rng.random() < 0.4
        sign = b"-" if all(flag in self.box.messages[n - 1][1] for n in numbers) else b"+"
        self.send(self.tagged(b"STORE %s %sFLAGS%s (%s)" % (asked, sign, b".SILENT" if silent else b"", flag)))
        must = []
        for number in numbers:
            flags = self.box.messages[number - 1][1]
            changes = (flag in flags) != (sign == b"+")  # Dovecot shows what is new
            if sign == b"-":
                flags.discard(flag)
            else:
                flags.add(flag)
            must += [] if silent or not changes else [b"* %d FETCH (FLAGS %s)" % (number, shown(flags))]
        self.expect([*must, self.done(b"Store")])

    def copied(self, numbers):
        """The UIDs here and there."""
        before = [self.box.messages[n - 1][0] for n in numbers]
        after = [self.other.take(self.box.messages[n - 1][1], self.box.messages[n - 1][2]) for n in numbers]
        return b"[COPYUID %s %s %s] " % (self.other.validity, uid_set(before), uid_set(after))

    def copy(self):
        numbers, asked = self.some()
        self.send(self.tagged(b"COPY %s %s" % (asked, self.other.name)))
        self.expect([self.done(b"Copy", self.copied(numbers))])

    def move(self):
        numbers, asked = self.some()
        self.send(self.tagged(b"MOVE %s %s" % (asked, self.other.name)))
        self.expect([b"* OK " + self.copied(numbers) + b"Moved UIDs."])
        self.gone(numbers, b"Move")

    def expunge(self):
        self.send(self.tagged(b"EXPUNGE"))
        self.gone([n for n, (_, flags, _) in enumerate(self.box.messages, 1) if rb"\Deleted" in flags], b"Expunge")

    def gone(self, numbers, word):
        """EXPUNGE lines may come in any order; each is a number of that moment."""
        must = {self.box.messages[n - 1][0] for n in numbers}
        for _ in numbers:
            match = re.fullmatch(rb"\* (\d+) EXPUNGE", line := self.answer())
            if not match or not 0 < int(match[1]) <= len(self.box.messages):
                raise Mismatch(f"expected an EXPUNGE, came {line!r}")
            must.discard(self.box.messages.pop(int(match[1]) - 1)[0])
        if must:
            raise Mismatch(f"not expunged: {must}")
        self.expect([self.done(word)])


class Stress(unittest.TestCase):
    def test_every_octet_of_the_answers_is_the_models(self):
        with gateway.connect() as client:  # Dovecot answers ALREADYEXISTS at times if several connections create
            client.login()
            for number in range(CONNECTIONS):
                client.ok(b"CREATE stress%d" % number)
                client.ok(b"CREATE stress%d-other" % number)
        with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as threads:
            jobs = [threads.submit(Talker(number, SECONDS).run) for number in range(CONNECTIONS)]
            commands, octets = map(sum, zip(*(job.result() for job in jobs)))
        print(f"seed {SEED}: {commands} commands, {octets} octets of answers", flush=True)
        self.assertGreater(commands, CONNECTIONS)


if __name__ == "__main__":
    unittest.main()
