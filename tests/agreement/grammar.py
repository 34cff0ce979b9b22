"""Makes conversations: from IMAP's grammar, and from mutations of it.

Tags of visible commands are a1, a2, …; commands that stand where a reader may take them for a literal's octets have the
tags h1, h2, …, so that an answer to one shows which side took them for a command.
"""

import base64
import re
import zlib

from script import Script, Step

PLAIN = base64.b64encode(b"\0bert\0mellon")
WRONG = base64.b64encode(b"\0bert\0wrong")
GIVEN_UP = (b"NOOP )", b"NOOP (", b"NOOP", b"NOOP ]", b"NOOP %", b'NOOP "', b'NOOP "a" "', b"NOOP \\", b"NOOP \x00", b"NOOP {5}", b"NOOP \xff",
            b"NOOP  ", b"", b"CAPABILITY (", b"LOGIN", b"LOGIN bert", b'LOGIN "bert', b"LOGIN (", b"LOGIN bert\x00", b"LOGIN )", b"LOGIN bert mellon",
            b"ID", b"ID (", b'ID ("name"', b"ID )", b"ID NIL", b"AUTHENTICATE", b"AUTHENTICATE PLAIN", b"AUTHENTICATE PLAIN =", b"AUTHENTICATE (",
            b"XYZZY", b"XYZZY )", b"APPEND x", b"APPEND nowhere", b"SELECT", b"IDLE", b'IDLE "x', b"STARTTLS", b"COMPRESS", b"LIST \"\"", b"SEARCH SUBJECT",
            b"LOGOUT", b"LOGOUT )", b"ENABLE", b"UID", b"UNAUTHENTICATE")
ODD_TAGS = (b"+", b"*", b"a/1", b"a+b", b"+a", b"", b"t" * 300, b"a b", b'a"b', b"a(b", b"a]b", b"a{3}", b"a}", b"~a", b"\xe4", b"a\\b", b"A.1", b"%", b"-", b"1")
COMPRESSED = (lambda deflate: deflate.compress(b"d1 NOOP\r\n") + deflate.flush(zlib.Z_SYNC_FLUSH))(
    zlib.compressobj(wbits=-15))
HUGE = (b"4294967295", b"4294967296", b"9223372036854775807", b"9223372036854775808", b"18446744073709551616", b"99999999999999999999999")


class Maker:
    """One conversation of one seed. `sink` is a mailbox where messages may go."""

    def __init__(self, rng, sink):
        self.rng, self.sink = rng, sink
        self.steps = []
        self.number = self.hidden = 0

    def script(self):
        rng = self.rng
        kind = rng.random()
        if kind < 0.45:
            for _ in range(rng.randint(1, 3)):
                self._before_login()
            if rng.random() < 0.5:
                self._login(True)
                if rng.random() < 0.5:
                    self._after_login()
        elif kind < 0.9:
            if rng.random() < 0.2:
                self._before_login()
            self._login(True)
            for _ in range(rng.randint(1, 4)):
                self._after_login()
        else:
            self._login(rng.random() < 0.5)
        end = rng.choices(("close", "half", "now", "reset"), (76, 10, 7, 7))[0]
        if rng.random() < 0.15:
            self._mutate()
        if rng.random() < 0.15:
            self.steps = [(data, b"") for data, _ in self.steps]
        joined = [[b"", b""]]
        for data, wait in self.steps:
            if joined[-1][1]:
                joined.append([b"", b""])
            joined[-1] = [joined[-1][0] + data, wait]
        return Script(tuple(Step(self._cut(data), wait) for data, wait in joined if data), end)

    # What a conversation is put together from

    def _pick(self, *choices):
        return self.rng.choice(choices)

    def _tag(self):
        self.number += 1
        return b"a%d" % self.number

    def _send(self, data, tag=b"", wait=0.85):
        self.steps.append((data, tag if tag and self.rng.random() < wait else b""))

    def _line(self, text):
        tag = self._tag()
        self._send(tag + b" " + text + b"\r\n", tag)

    def _hidden(self):
        self.hidden += 1
        return b"h%d " % self.hidden + self._pick(
            b"LOGIN bert mellon", b"LOGIN bert mellon", b"LOGIN bert wrong", b"NOOP", b"NOOP", b"LOGOUT", b"CAPABILITY",
            b'ID ("x-originating-ip" "203.0.113.9")', b"AUTHENTICATE PLAIN " + PLAIN, b"SELECT INBOX") + b"\r\n"

    def _octets(self):
        return self._pick(self._hidden(), self._hidden(), self._hidden() + self._hidden(), b"x", b"", b"abc", b"\r\n", b'"', b"a\x00b",
                          b"\xc3\xa4", b"DONE\r\n", b"*\r\n", PLAIN + b"\r\n", b" {3+}\r\n", b"bert", b"x" * 300)

    def _announced(self, octets):
        size = b"%d" % max(0, len(octets) + (self._pick(0, 0, 0, -1, 1, -2, 2)))
        if self.rng.random() < 0.04:
            size = self._pick(*HUGE)
        return self._pick(b"{%s}", b"{%s+}", b"{%s+}", b"{%s+}", b"~{%s}", b"~{%s+}", b"{%s-}", b"{%s", b"{%s} ", b"{%s+} ", b"{0%s+}",
                          b"{+%s}", b'"{%s+}', b"{ %s}", b"({%s+}", b"{%s++}") % size

    def _literal(self, head):
        """A head, a literal announced behind it, and its octets, which are commands rather often."""
        tag, octets = self._tag(), self._octets()
        self._send(tag + b" " + head + self._pick(b" ", b" ", b" ", b"") + self._announced(octets) + b"\r\n", tag, 0.5)
        tail = self._pick(b"\r\n", b"\r\n", b"", b" x\r\n", b")\r\n", b" mellon\r\n", b" {3+}\r\nabc\r\n")
        self._send(octets + tail, self._pick(b"", tag), 0.6)

    def _well_formed_literals(self, head, texts, tail=b""):
        """Each literal behind its prompt."""
        tag = self._tag()
        data = tag + b" " + head
        for text in texts:
            if self.rng.random() < 0.8:
                plus = b"+" if self.rng.random() < 0.25 else b""
                self._send(data + b" {%d%s}\r\n" % (len(text), plus), b"" if plus else tag, 1)
                data = text
            else:
                data += b' "' + text + b'"'
        self._send(data + tail + b"\r\n", tag, 1)

    def _before_login(self):
        self.rng.choices((self._plain, lambda: self._literal(self._pick(*GIVEN_UP)), self._odd, self._id, self._sasl, lambda: self._login(False),
                          self._refused), (15, 40, 15, 8, 12, 5, 5))[0]()

    def _plain(self):
        self._line(self._pick(b"NOOP", b"CAPABILITY", b"ID NIL", b'ID ("name" "x")', b"XYZZY", b"noop", b"SELECT INBOX", b"NOOP x",
                              b'LIST "" *', b"LOGOUT", b'XYZZY "a" "b\\"c"', b"ENABLE CONDSTORE", b"NAMESPACE", b"ID"))

    def _refused(self):
        tag = self._tag()
        self._send(tag + b" " + self._pick(b"IDLE", b"COMPRESS DEFLATE", b"STARTTLS", b"UNAUTHENTICATE") + b"\r\n", tag)
        if self.rng.random() < 0.5:
            self._send(self._pick(b"DONE\r\n", self._hidden(), b"\r\n"), self._pick(b"", tag))

    def _odd(self):
        """A command with something in it that grammars forbid."""
        tag = self._pick(*ODD_TAGS) if self.rng.random() < 0.4 else self._tag()
        text = bytearray(self._pick(b"NOOP", b"CAPABILITY", b'LOGIN bert "mellon"', b"LOGIN bert mellon", b'ID ("name" "x")',
                                    b"AUTHENTICATE PLAIN " + PLAIN))
        for _ in range(self.rng.randint(0, 2)):
            at = self.rng.randint(0, len(text))
            text[at:at] = self._pick(b"\0", b"\xe4", b"\r", b"\n", b"\t", b'"', b"\\", b" ", b"(", b")", b"{", b"}", b"%", b"\x7f", b"\x1b", b"{1+}",
                                     b"\xc3\xa4", b'""', b"\r\r", b"\0\0")
        self._send(tag + self._pick(b" ", b" ", b" ", b"  ", b"\t", b"") + bytes(text) + self._pick(b"\r\n", b"\r\n", b"\n", b"\r\r\n", b" \r\n"),
                   tag if tag and re.fullmatch(rb"[A-Za-z0-9]+", tag) else b"")

    def _id(self):
        pairs = self._pick(1, 1, 2, 5, 30)
        names = [self._pick(b"name", b"version", b"x-originating-ip", b"x-via", b"x-originating-port", b"vendor%d" % n) for n in range(pairs)]
        if self.rng.random() < 0.5:
            self._line(b"ID (" + b" ".join(b'"%s" %s' % (name, self._pick(b'"v"', b"NIL", b'"203.0.113.9"', b'"a\\"b"', b'"' + b"v" * self._pick(100, 1024) + b'"'
                                                                           )) for name in names) + b")")
        else:
            tag, data = self._tag(), b""
            data = tag + b" ID ("
            for number, word in enumerate(word for name in names[:3] for word in (name, b"val")):
                data += b" " if number else b""
                if self.rng.random() < 0.4:
                    plus = b"+" if self.rng.random() < 0.3 else b""
                    self._send(data + b"{%d%s}\r\n" % (len(word), plus), b"" if plus else tag, 1)
                    data = word
                else:
                    data += b'"' + word + b'"'
            self._send(data + b")\r\n", tag)

    def _sasl(self):
        tag = self._tag()
        mechanism = self._pick(b"PLAIN", b"PLAIN", b"PLAIN", b"plain", b"LOGIN", b"XOAUTH2", b"GSSAPI", b"EXTERNAL", b"CRAM-MD5", b"NOSUCH")
        extra = self._pick(b"", b"", b" " + WRONG, b" =", b" " + WRONG + b" x", b" *", b" !!", b" {%d}" % len(WRONG), b" {%d+}" % len(WRONG), b"  " + WRONG)
        self._send(tag + b" AUTHENTICATE " + mechanism + extra + b"\r\n", tag)
        for _ in range(self._pick(0, 1, 1, 1, 2)):
            self._send(self._pick(WRONG, WRONG, b"*", b"", b"=", b"!!", b"a", b"{5+}", b"{5}", PLAIN + b" ", b"\0", b" *", b"YQ=", b"h9 NOOP",
                                  b"+", b"* ", b"x" * 3000) + self._pick(b"\r\n", b"\r\n", b"\r\n", b"\n"), tag)

    def _login(self, right):
        word = b"mellon" if right else self._pick(b"wrong", b"", b"mellon ", b"mel\\\\lon", b"m\xc3\xa4")
        way = self.rng.randint(0, 5)
        if way == 0 and word and b" " not in word and b"\\" not in word:
            self._line(self._pick(b"LOGIN", b"login", b"Login") + b" bert " + word)
        elif way == 1:
            self._line(b'LOGIN "bert" "' + word + b'"')
        elif way <= 3:
            self._well_formed_literals(b"LOGIN", (b"bert", word))
        else:
            response = PLAIN if right else WRONG
            tag = self._tag()
            if way == 4:
                self._send(tag + b" AUTHENTICATE PLAIN " + response + b"\r\n", tag, 1)
            else:
                self._send(tag + b" AUTHENTICATE PLAIN\r\n", tag, 1)
                self._send(response + b"\r\n", tag, 1)

    def _after_login(self):
        self.rng.choices((self._mail, self._idle, self._append, lambda: self._literal(self._pick(*GIVEN_UP)), self._odd, self._pipelined, self._opaque,
                          self._sasl, self._refused), (25, 22, 18, 12, 6, 7, 3, 3, 2))[0]()

    def _mail(self):
        if self.rng.random() < 0.2:
            self._well_formed_literals(b"SEARCH SUBJECT", (b"one",))
            return
        self._line(self._pick(b"NOOP", b"EXAMINE INBOX", b"SELECT INBOX", b"FETCH 1:* (FLAGS BODY.PEEK[])", b"FETCH 2 BODY.PEEK[HEADER]", b'LIST "" *',
                              b"STATUS INBOX (MESSAGES)", b"SEARCH ALL", b"LOGIN bert mellon", b"CAPABILITY", b"XYZZY", b"CLOSE", b"CHECK",
                              b"ID NIL", b'ID ("x-via" "y")', b"NAMESPACE", b"LOGOUT", b"NOOP )", b'NOOP "', b"STARTTLS", b"LIST \"\" {1}"))

    def _idle(self):
        tag = self._tag()
        if self.rng.random() < 0.15:
            self._send(tag + b' IDLE "x ' + self._announced(b"") + b"\r\n", tag)
        else:
            self._send(tag + b" IDLE" + self._pick(b"", b"", b"", b"", b" x", b" ") + b"\r\n", tag)
        for _ in range(self._pick(1, 1, 2)):
            line = self._pick(b"DONE", b"DONE", b"DONE", b"", b"done", b"DONE ", b" DONE", b"DON", b"x", self._tag() + b" NOOP", self._tag() + b" LOGOUT",
                              b"{3+}", b"DONE {3+}", b"*", b"\0", b"D" * 300)
            self._send(line + self._pick(b"\r\n", b"\r\n", b"\r\n", b"\n"), tag)

    def _append(self):
        size = self._pick(0, 1, 9, 9, 40, 300, 5000)
        octets = self._pick(self._hidden(), b"Subject: x\r\n\r\n" + b"y" * size)
        if self.rng.random() < 0.5:
            self._well_formed_literals(b"APPEND " + self._pick(b"nowhere", b"nowhere", self.sink), (octets,))
            return
        tag = self._tag()
        head = tag + b" APPEND " + self._pick(b"nowhere", b"nowhere", self.sink, b'"', b"x (", b"x (\\Seen)", b'x "bad date"')
        size = self._pick(b"%d" % len(octets), b"%d" % len(octets), *HUGE)
        self._send(head + b" " + self._pick(b"{%s}", b"{%s}", b"{%s+}", b"~{%s}", b"~{%s+}", b"{%s-}") % size + b"\r\n", tag, 0.7)
        if self.rng.random() < 0.8:
            self._send(octets + b"\r\n", tag)

    def _pipelined(self):
        tags = [self._tag() for _ in range(self.rng.randint(2, 5))]
        texts = [self._pick(b"NOOP", b"CAPABILITY", b'LIST "" *', b"FETCH 1:3 BODY.PEEK[]", b"SELECT INBOX", b"LOGOUT", b"XYZZY", b"NOOP )") for _ in tags]
        self._send(b"".join(tag + b" " + text + b"\r\n" for tag, text in zip(tags, texts)), tags[-1])

    def _opaque(self):
        tag = self._tag()
        self._send(tag + b" COMPRESS DEFLATE\r\n", tag, 1)
        self._send(self._pick(COMPRESSED, b"x NOOP\r\n", b"\0\0\0\0\xff\xff"))

    # What is done to a whole conversation

    def _mutate(self):
        at = self.rng.randrange(len(self.steps))
        data, wait = self.steps[at]
        data = bytearray(data)
        for _ in range(self.rng.randint(1, 3)):
            place = self.rng.randint(0, len(data))
            what = self.rng.random()
            if what < 0.4:
                data[place:place] = self._pick(b"\0", b"\xff", b"\r", b"\n", b'"', b"\\", b" ", b"(", b")", b"{", b"}", b"+", b"\r\n", b"{5+}", b"{5}\r\n", b"~")
            elif what < 0.75:
                del data[place:place + self._pick(1, 1, 2, 5)]
            else:
                data[place:place] = data[place:place + self._pick(1, 4, 20)]
        self.steps[at] = (bytes(data), wait)
        if self.rng.random() < 0.15 and len(self.steps) > 1:
            del self.steps[self.rng.randrange(len(self.steps))]

    def _cut(self, data):
        if self.rng.random() > 0.3 or len(data) < 2:
            return (data,)
        brace = data.find(b"}")
        if brace > 0 and self.rng.random() < 0.5 and brace + 2 < len(data):
            cuts = {brace + self._pick(0, 1, 1, 1, 2)}
        else:
            cuts = {self.rng.randint(1, len(data) - 1) for _ in range(self._pick(1, 1, 2))}
        places = [0, *sorted(cuts), len(data)]
        return tuple(data[a:b] for a, b in zip(places, places[1:]) if b > a)
