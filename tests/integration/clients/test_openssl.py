"""openssl s_client can be typed into."""

import re
import unittest

from harness import run
from ways import USER, WORD, ClientTest

# Whether Dovecot adds its capabilities to the OK depends on what it has read by then.
PASSING = re.compile(r" \([\d.+ ]+secs\)|\[UIDVALIDITY \d+\] |(?<=a OK )\[CAPABILITY [^]]*\] ")


class Openssl(ClientTest):
    def test_types_a_conversation(self):
        self.compare(self.talk)

    def talk(self, way, _):
        # FETCH comes late: while its answer waits for the client, Dovecot goes on with commands that do not depend on it. It is of
        # the small messages only: LOGOUT is there already, and a busy Dovecot closes before its last words on a large one are out.
        commands = (f'a LOGIN {USER} "{WORD}"', "b STATUS INBOX (MESSAGES)", "c EXAMINE INBOX", 'd LIST "" *', "e XYZZY", "f NOOP",
                    "g FETCH 1:3 (FLAGS BODY.PEEK[])", "h LOGOUT")
        seen = run("openssl", "s_client", "-connect", f"{way.address}:{way.port}", "-quiet", "-verify_return_error",
                   "-CAfile", way.trust, "-verify_hostname", way.host, "-servername", way.host, "-ign_eof",
                   *(() if way.implicit else ("-starttls", "imap")), input="".join(f"{line}\r\n" for line in commands).encode())
        for answer in ("a OK", "* STATUS INBOX (MESSAGES 4)", "* BYE", "h OK"):
            self.assertIn(answer, seen)
        return PASSING.sub("", seen[seen.index("a OK"):])


if __name__ == "__main__":
    unittest.main()
