"""curl lists, uploads, fetches, flags and moves."""

import re
import unittest

from ways import UPLOAD, USER, WORD, ClientTest


class Curl(ClientTest):
    def test_works_with_a_mailbox(self):
        self.compare(self.work)

    def work(self, way, folder):
        upload, back = folder / "up", folder / "back"
        upload.write_bytes(UPLOAD)
        url = f"{'imaps' if way.implicit else 'imap'}://{way.host}:{way.port}/"

        def curl(path, *more):
            return way.run(folder, "curl", "-sS", "--ssl-reqd", "--cacert", way.trust, "--max-time", "30", "--user", f"{USER}:{WORD}",
                       f"{url}{path}", *more)

        said = [curl("", "-X", "CREATE Curl"), curl(""), curl("", "-X", 'STATUS INBOX (MESSAGES UNSEEN)'),
                curl("Curl", "-T", upload), curl("INBOX?SUBJECT%20large"), curl("INBOX", "-X", "FETCH 1:* (FLAGS ENVELOPE)")]
        for number in range(1, 5):
            curl(f"INBOX;MAILINDEX={number}", "-o", back)
            said.append(back.read_bytes())
        curl("INBOX;MAILINDEX=2;SECTION=HEADER.FIELDS%20(SUBJECT)", "-o", back)
        said += [back.read_bytes(), curl("INBOX", "-X", r"STORE 1 +FLAGS (\Deleted $Label1)"), curl("INBOX", "-X", "MOVE 3 Archive"),
                 curl("INBOX", "-X", "EXPUNGE"), curl("Archive", "-X", "UID SEARCH ALL")]
        return [re.sub(r"COPYUID \d+|APPENDUID \d+", "UID", text) if isinstance(text, str) else text for text in said]


if __name__ == "__main__":
    unittest.main()
