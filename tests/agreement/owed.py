"""Which conversations the gateway owes the server's own answers, because nothing in them can be read in two ways.

owed() reads a script by the grammar up to its login. After it the server decides alone, so all is owed. Where it is not
owed the gateway may answer BAD itself, and only silence and what the server really said are judged.
"""

import re

from reading import LITERAL, NOT_BEFORE_LOGIN, balanced

LINE = re.compile(rb'([A-Za-z0-9]{1,30}) ([A-Za-z]{1,30})((?: [^ \x00-\x1f\x7f-\xff{}]+)*)\r\n\Z')
WORD = rb'(?:[A-Za-z0-9.@_-]+|"(?:[^"\\\x00-\x1f\x7f-\xff]|\\["\\])*")'
LOGIN = re.compile(rb"\S+ LOGIN " + WORD + b" " + WORD + rb"\r\n\Z", re.I)
ID = re.compile(rb'\S+ ID (?:NIL|\((?:"[^"\\]*" (?:"[^"\\]*"|NIL)(?: (?!\))|(?=\))))+\))\r\n\Z', re.I)
AUTHENTICATE = re.compile(rb"\S+ AUTHENTICATE [A-Za-z0-9-]{1,20}(?: (?:(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|"
                          rb"[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})|=))?\r\n\Z", re.I)
SASL = re.compile(rb"(?:(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?|=|\*)\r\n\Z")
LITERAL_PLUS = ("dovecot23", "dovecot24", "cyrus")


def owed(script, direct, server):
    """(bool, why not)."""
    reader = _Reader(script, direct, server)
    try:
        reader.read()
    except _Doubt as doubt:
        return False, str(doubt)
    return True, ""


class _Doubt(Exception):
    pass


class _Reader:
    def __init__(self, script, direct, server):
        self.data, self.direct, self.server = script.data, direct, server
        self.waited, at = {}, 0  # where the client waited for an answer -> for which tag
        self.came, waits = {}, iter(direct.waits)  # and what came directly
        for step in script.steps:
            at += len(step.data)
            self.waited[at] = step.wait
            self.came[at] = next(waits, b"") if step.wait else b""
        self.at = 0
        self.tags = set()

    def read(self):
        while self.at < len(self.data):
            line = self._line()
            match = re.match(rb"([A-Za-z0-9]{1,30}) ([A-Za-z]+)", line)
            if not match or match[1] in self.tags or match[1].startswith(b"zz"):
                raise _Doubt(f"no command, or its tag is unusual or not new: {line[:40]!r}")
            tag, name = match[1], match[2].upper()
            self.tags.add(tag)
            if name in NOT_BEFORE_LOGIN or name == b"UNAUTHENTICATE":
                raise _Doubt(f"{name.decode()} before login")
            if name == b"AUTHENTICATE":
                self._authenticate(line, tag)
            elif name == b"ID" and re.search(rb"(?i)x-", self.data[self.at - len(line):]):
                raise _Doubt("ID with a field that is a proxy's: the server sees another command")
            elif name in (b"LOGIN", b"ID") and LITERAL.search(line.rstrip(b"\r\n")):
                self._literals(line, tag, name)
            elif not LINE.match(line) or not balanced(line):
                raise _Doubt(f"not plain: {line[:40]!r}")
            elif name == b"LOGIN" and not LOGIN.match(line) or name == b"ID" and not ID.match(line):
                raise _Doubt(f"not its grammar: {line[:40]!r}")
            if name in (b"LOGIN", b"AUTHENTICATE"):
                if any(answer.startswith(tag + b" OK") for answer in self.direct.lines):
                    if self.waited.get(self.at) != tag and self.at < len(self.data):
                        raise _Doubt("sent behind a login without waiting")
                    return
                if self.waited.get(self.at) != tag:
                    raise _Doubt("a login that was not waited for")
            if name == b"LOGOUT" and self.at < len(self.data):
                raise _Doubt("sent behind LOGOUT")

    def _line(self):
        end = self.data.find(b"\r\n", self.at)
        if end < 0:
            raise _Doubt("part of a line")
        line = self.data[self.at:end + 2]
        self.at = end + 2
        return line

    def _literals(self, line, tag, name):
        """LOGIN or ID with literals: with each the client waits, or need not."""
        whole = b""
        while literal := LITERAL.search(line.rstrip(b"\r\n")):
            if literal[0].startswith(b"~") or literal[2] == b"-" or len(literal[1]) > 4:
                raise _Doubt("a literal of an unusual kind")
            if literal[2] and self.server not in LITERAL_PLUS:
                raise _Doubt("the server has no LITERAL+")
            if not literal[2] and not self.waited.get(self.at):
                raise _Doubt("a literal without waiting for its prompt")
            if not literal[2] and not self.came[self.at].startswith(b"+"):
                raise _Doubt("a literal that the server does not ask for")
            octets = self.data[self.at:self.at + int(literal[1])]
            if len(octets) < int(literal[1]) or re.search(rb"[\x00-\x1f\x7f-\xff]", octets):
                raise _Doubt("octets that no quoted string may have")
            self.at += len(octets)
            whole += line[:literal.start()] + b'"x"'
            line = self._line()
        whole += line
        if name == b"LOGIN" and not LOGIN.match(whole):
            raise _Doubt(f"not LOGIN's grammar: {whole[:40]!r}")
        if name == b"ID" and not ID.match(whole):
            raise _Doubt(f"not ID's grammar: {whole[:40]!r}")

    def _authenticate(self, line, tag):
        if not AUTHENTICATE.match(line):
            raise _Doubt("not AUTHENTICATE's grammar")
        while self.at < len(self.data):
            if not self.waited.get(self.at):
                raise _Doubt("a SASL line that was not waited for")
            if self._ended(tag):
                return
            sasl = self._line()
            if not SASL.match(sasl):
                raise _Doubt(f"not a SASL line: {sasl[:40]!r}")

    def _ended(self, tag):
        """Whether the direct conversation had answered AUTHENTICATE when the client had sent so much."""
        return any(line.startswith(tag + b" ") and sent <= self.at
                   for line, sent in zip(self.direct.lines, self.direct.sent_when))
