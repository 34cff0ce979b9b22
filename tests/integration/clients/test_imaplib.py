"""Python's imaplib works with a mailbox and waits for news."""

import contextlib
import imaplib
import re
import ssl
import unittest

from ways import MESSAGES, UPLOAD, USER, WORD, ClientTest

PASSING = re.compile(rb"(?<=APPENDUID )\d+|(?<=COPYUID )\d+|(?<=UIDVALIDITY )\d+| \([\d.+ ]+secs\)")


@contextlib.contextmanager
def opened(way):
    context = ssl.create_default_context(cafile=str(way.trust))
    context.check_hostname = False  # there is no name for it here
    if way.implicit:
        client = imaplib.IMAP4_SSL(way.address, way.port, ssl_context=context, timeout=20)
    else:
        client = imaplib.IMAP4(way.address, way.port, timeout=20)
        client.starttls(context)
    with client:
        yield client


class Imaplib(ClientTest):
    logins = 2

    def test_works_with_a_mailbox_and_waits_for_news(self):
        self.compare(lambda way, _: [*self.work(way), *self.wait_for_news(way)])

    def work(self, way):
        with opened(way) as client:
            self.assertNotIn("STARTTLS", client.capabilities)
            said = [client.authenticate("PLAIN", lambda _: f"\0{USER}\0{WORD}".encode())[0], client.list(), client.create("Lib"),
                    client.append("Lib", r"(\Seen)", None, UPLOAD), client.append("INBOX", None, None, b""), client.select("INBOX"),
                    client.search(None, "FROM", "a@example.org"), self.search_by_literal(client),
                    client.fetch("1:*", "(FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE)"), client.fetch("1:*", "(BODY.PEEK[])"),
                    client.fetch("4", "(BODY.PEEK[]<100.100000> BODY.PEEK[HEADER.FIELDS (SUBJECT)])"),
                    client.store("2", "+FLAGS", r"\Deleted"), client.uid("MOVE", "3", "Archive"), client.expunge(),
                    client.sort("SUBJECT", "UTF-8", "ALL"), client.namespace(), client.noop(), client.close(), client.select("Archive", True),
                    client.unselect()]
        return [PASSING.sub(b"", repr(answer).encode()) for answer in said]

    @staticmethod
    def search_by_literal(client):
        client.literal = "grüße".encode()
        return client.search("UTF-8", "SUBJECT")

    def wait_for_news(self, way):
        with opened(way) as client:
            client.login(USER, WORD)
            client.select("INBOX")
            found = []
            for message in (MESSAGES[0], MESSAGES[3]):
                tag = client._new_tag()  # this imaplib has no IDLE
                client.send(tag + b" IDLE\r\n")
                found.append(client.readline())
                with self.open() as other:
                    other.literals(b"APPEND INBOX ", message, b"")
                while not found[-1].endswith(b"EXISTS\r\n"):
                    found.append(client.readline())
                client.send(b"DONE\r\n")
                while not found[-1].startswith(tag):
                    found.append(client.readline())
            return [PASSING.sub(b"", line).removeprefix(client.tagpre) for line in found
                    if b"RECENT" not in line and b"Still here" not in line]


if __name__ == "__main__":
    unittest.main()
