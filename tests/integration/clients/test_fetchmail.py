"""fetchmail fetches and keeps, fetches and deletes."""

import re
import unittest

from ways import USER, WORD, ClientTest


class Fetchmail(ClientTest):
    logins = 3

    def test_fetches_keeps_and_deletes(self):
        self.compare(self.work)

    def work(self, way, folder):
        found = []
        for more in ("keep", "keep fetchall", "nokeep fetchall"):
            box = folder / "box"
            box.write_bytes(b"")
            box.chmod(0o666)
            configuration = folder / "fetchmailrc"
            configuration.write_text(
                f"poll {way.host} service {way.port} proto IMAP user {USER} password \"{WORD}\" {more} no rewrite folder INBOX "
                f"mda \"cat >>{box}; echo -- >>{box}\" {'ssl' if way.implicit else 'sslproto TLS1.2+'} sslcertck sslcertfile {way.trust}\n")
            configuration.chmod(0o600)
            way.run(folder, "env", f"FETCHMAILHOME={folder}", "fetchmail", "--nodetach", "--nosyslog", "--invisible",
                    "-f", configuration, "--idfile", folder / "ids")
            found.append(re.sub(rb"(?m)^(?:Return-Path|Delivered-To): .*\n", b"", box.read_bytes()))
        return found


if __name__ == "__main__":
    unittest.main()
