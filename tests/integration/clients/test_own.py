"""A client that keeps every octet: pipelined commands, literals of both kinds, IDLE, MOVE, messages of some size."""

import re
import ssl
import unittest

import harness
from ways import MESSAGES, UPLOAD, USER, WORD, ClientTest

PASSING = re.compile(rb" \([\d.+ ]+secs\)|(?<=APPENDUID )\d+|(?<=COPYUID )\d+|(?<=UIDVALIDITY )\d+|(?<=OK )\[CAPABILITY [^]]*\] |"
                     rb'\* OK Still here\r\n|\* \d+ RECENT\r\n|(?<=INTERNALDATE )"[^"]*"|\* ID \([^)]*\)\r\n|(?<=ID completed)\.')


class Own(ClientTest):
    logins = 2

    def test_works_with_a_mailbox_and_waits_for_news(self):
        self.compare(lambda way, _: [PASSING.sub(b"", b"".join(self.work(way, login))) for login in (self.by_literals, self.by_sasl)])

    @staticmethod
    def by_literals(client):
        return client.literals(b"LOGIN ", USER.encode(), b" ", WORD.encode(), b"")

    @staticmethod
    def by_sasl(client):
        return client.authenticate_plain(USER, WORD, initial_response=False)

    def work(self, way, login):
        context = ssl.create_default_context(cafile=str(way.trust))
        with harness.connect((way.address, way.port), way.tls, context, way.host) as client:
            found = client.command(b'ID ("name" "own" "version" "1")') + client.command(b"LOGIN nobody x") + login(client)
            client.send(b'p1 LIST "" *\r\np2 SELECT INBOX\r\np3 FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)\r\n'
                        b"p4 UID FETCH 1:* (BODY.PEEK[] BODY.PEEK[HEADER])\r\np5 XYZZY\r\np6 NOOP\r\n")
            found += sorted(client.until(b"p6 "))  # Dovecot works at several at once
            found += client.literals(b"APPEND ", b"INBOX", b" (\\Seen) ", UPLOAD, b"")
            found += client.literals(b"APPEND INBOX ", UPLOAD, b"", synchronising=False)
            found += client.literals(b"SEARCH CHARSET UTF-8 SUBJECT ", "grüße".encode(), b" NOT SUBJECT ", b"x", b"")
            found += client.command(b"APPEND nowhere {3}")  # refused, or asked for
            if found[-1].startswith(b"+"):
                found += client.literals(b"NOOP")
            found += client.ok(b"MOVE 2 Archive") + client.ok(rb"STORE 1:* +FLAGS.SILENT (\Deleted)") + client.ok(b"UNSELECT")
            found += client.ok(b"SELECT Archive") + self.idle(client) + client.ok(b"FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE BODY[])")
            return [*found, *client.command(b"LOGOUT"), client.goodbye()]

    def idle(self, client):
        tag = client.start(b"IDLE")
        found = client.until(b"+")
        with self.open() as other:
            other.literals(b"APPEND Archive ", MESSAGES[3], b"")
        while not found[-1].endswith(b" EXISTS\r\n"):
            found.append(client.response())
        client.send(b"DONE\r\n")
        return found + client.until(tag + b" ")


if __name__ == "__main__":
    unittest.main()
