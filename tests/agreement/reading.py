"""What the gateway sent to the server, read strictly, from the tap's transcript.

Independent of the gateway's own reader on purpose: it knows RFC 9051 and the rule of docs, nothing else. Before login
only whole single lines may pass; the octets of LOGIN's synchronising literal only after the server's own `+`; one SASL
line for each `+`; nothing behind a LOGIN or AUTHENTICATE until it is answered. From the OK on all octets are the client's own.
"""

import re

TAG = re.compile(rb'[^\x00-\x20"%(){}~*\\+\x7f-\xff]+')  # what RFC 9051 has, without `}` and `~`, at which Courier ends one
COMMAND = re.compile(rb"(\S+) +(\S+)(?: (.*))?\Z", re.S)
LITERAL = re.compile(rb"~?\{(\d+)([+-]?)\}\Z")
SASL = re.compile(rb"(?:[A-Za-z0-9+/]+={0,2}|=|\*|)\Z")
ARGUMENTS = re.compile(rb"[A-Za-z0-9_-]+(?: (?:[A-Za-z0-9+/]+={0,2}|=))?\Z")
NOT_BEFORE_LOGIN = (b"IDLE", b"COMPRESS", b"STARTTLS")
LOGINS = (b"LOGIN", b"AUTHENTICATE")


def balanced(text):
    """Whether every quote is closed; a backslash before whatever octet hides none."""
    return re.fullmatch(rb'(?:[^"]|"(?:[^"\\]|\\.)*")*', text, re.S) is not None


class Reading:
    """Reads the events in their order. `faults` are (kind, detail); logins are counted."""

    def __init__(self, events):
        self.faults = []
        self.sent = 0  # logins that were sent to the server
        self.tried = 0  # with something to try in them: LOGIN, or a SASL response
        self.answered = 0  # and had their tagged answer
        self.granted = 0
        self.granted_tag = b""
        self.later = 0  # LOGIN and AUTHENTICATE lines after login, which servers refuse
        self.after = bytearray()  # what passed after login
        self.passed = []  # the lines before login
        self._owed = []  # (tag, name), the oldest first
        self._authenticated = self._greeted = False
        self._line = b""  # of a command whose literal comes
        self._literal = 0
        self._plus = 0
        self._login = b""  # its tag, while it is not answered
        self._sasl = self._trying = False
        self._client, self._server, self._sent = bytearray(), bytearray(), bytearray()
        for side, data in events:
            if side == "server":
                self._read_server(data)
            elif self._authenticated:
                self.after += data
            else:
                self._client += data
                self._sent += data
                self._read_client()
        self.later = len(re.findall(rb"(?mi)^\S+ +(?:LOGIN|AUTHENTICATE)\b", bytes(self.after)))
        if self._client and not self._literal:
            self._fault("part of a line", bytes(self._client[:60]))

    def _fault(self, kind, detail):
        self.faults.append((kind, detail if isinstance(detail, bytes) else str(detail).encode()))

    def _read_server(self, data):
        self._server += data
        while (end := self._server.find(b"\n")) >= 0:
            line = bytes(self._server[:end + 1])
            del self._server[:end + 1]
            self._server_line(line.rstrip(b"\r\n"))

    def _server_line(self, line):
        if not self._greeted:
            self._greeted = True
            self._authenticated = line.startswith(b"* PREAUTH")
        elif line.startswith(b"+"):
            self._plus += 1
        elif self._authenticated:
            self._answer_after(line)
        elif not line.startswith(b"* "):
            self._answer(*(line.split(b" ", 2) + [b"", b""])[:2])

    def _answer(self, tag, status):
        owed = next((command for command in self._owed if command[0] == tag), None)
        if owed is None:
            if self._client.startswith(tag):  # a server may answer before the line ends
                return
            ran = re.search(rb"(?mi)^" + re.escape(tag) + rb" (LOGIN|AUTHENTICATE)?", bytes(self._sent))
            kind = "answer to no command" if status != b"OK" else "hidden login" if ran and ran[1] else "hidden command"
            self._fault(kind, tag + b" " + status)
            return
        self._owed.remove(owed)
        if tag == self._login:
            self.answered += 1
            self._login, self._sasl = b"", False
            if status == b"OK":
                self.granted += 1
                self.granted_tag = tag
                self._authenticated = True
                if self._client:
                    self._fault("behind a login", bytes(self._client))
                    self._client.clear()
        elif status == b"OK" and owed[1] in LOGINS:
            self._fault("login out of turn", tag)
        if self._line.startswith(tag + b" "):
            self._literal, self._line = 0, b""
        self._plus = 0
        self._authenticated |= owed[1] == b"LOGOUT" and status == b"OK"  # nothing is a command any more

    def _answer_after(self, line):
        """UNAUTHENTICATE leads back."""
        tag, status = (line.split(b" ", 2) + [b""])[:2]
        if status == b"OK" and re.search(rb"(?mi)^" + re.escape(tag) + rb" UNAUTHENTICATE\r?$", bytes(self.after)):
            self._authenticated = False

    def _read_client(self):
        while self._client:
            if self._literal:
                if not self._plus:
                    self._fault("literal before +", bytes(self._client[:40]))
                    self._plus = 1
                if len(self._client) < self._literal:
                    return
                self._line += bytes(self._client[:self._literal])
                del self._client[:self._literal]
                self._literal = self._plus = 0
                continue
            end = self._client.find(b"\n")
            if end < 0:
                return
            line = bytes(self._client[:end + 1])
            del self._client[:end + 1]
            self._client_line(line)

    def _client_line(self, line):
        if not line.endswith(b"\r\n"):
            self._fault("bare LF", line[:60])
        text = line.rstrip(b"\r\n") if line.endswith(b"\r\n") else line[:-1]
        if re.search(rb"[\x00-\x1f\x7f]", text):
            self._fault("control octet", text[:60])
        if self._sasl:
            self._sasl_line(text)
            return
        if not text and not self._line:
            return  # an empty line, which hides nothing
        if self._login and not self._line:
            self._fault("behind a login", text[:60])
        self._command_part(self._line, text)

    def _sasl_line(self, text):
        if not self._plus:
            self._fault("SASL line before +", text[:60])
        self._plus = 0
        if not SASL.match(text):
            self._fault("SASL line", text[:60])
        if not self._trying and text not in (b"*", b""):
            self._trying = True
            self.tried += 1

    def _command_part(self, before, text):
        """A line, or what stands behind a literal of one."""
        match = COMMAND.match(before or text)
        if not match:
            self._fault("not a command", text[:60])
            return
        tag, name, arguments = match[1], match[2].upper(), match[3]
        if not before:
            self.passed.append(text)
            if not TAG.fullmatch(tag) or (name in LOGINS and any(other == tag for other, _ in self._owed)):
                self._fault("tag", text[:60])
            self._owed.append((tag, name))
        if name in NOT_BEFORE_LOGIN:
            self._fault("not before login", text[:60])
        if name == b"AUTHENTICATE" and not ARGUMENTS.match(arguments or b""):
            self._fault("AUTHENTICATE", text[:60])
        if not balanced(text):
            self._fault("quotes", text[:60])
        literal = LITERAL.search(text)
        if literal:
            if name != b"LOGIN" or literal[2] or text[literal.start():].startswith(b"~"):
                self._fault("literal", text[:60])
            # What the sender means to be one is read as one: its octets are no commands.
            self._literal, self._line = int(literal[1]), (before or text) + b"\r\n"
            if literal[2]:  # Cyrus takes {n-} as {n+}
                self._plus = 1
            if name in LOGINS:
                self._login = tag
            return
        self._line = b""
        if name in LOGINS:
            self.sent += 1
            self._login = tag
            self._sasl = name == b"AUTHENTICATE"
            self._plus = 0
            self._trying = name == b"LOGIN" or (arguments or b"").count(b" ") > 0
            self.tried += self._trying
