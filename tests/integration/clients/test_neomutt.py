"""NeoMutt, keys typed into it, flags, copies, moves and waits for news."""

import os
import pty
import re
import select
import signal
import unittest

from harness import wait_until
from ways import MESSAGES, USER, WORD, ClientTest

# It is there when the first prompt for a key comes; what is pushed comes before.
KEYS = ("<sync-mailbox>", "<first-entry><pipe-message>cat >>{box}<enter>", "<next-entry><pipe-message>cat >>{box}<enter>",
        "<next-entry><pipe-message>cat >>{box}<enter>", "<last-entry><pipe-message>cat >>{box}<enter>",
        "<first-entry><flag-message><copy-message>=Mutt<enter>", "<next-entry><save-message>=Archive<enter>", "<sync-mailbox>",
        "<last-entry><delete-message>", "<sync-mailbox>", "<pipe-message>cat >{box}.last && touch {folder}/ready<enter>")


class Neomutt(ClientTest):
    def test_works_with_a_mailbox_and_waits_for_news(self):
        self.compare(self.work)

    def work(self, way, folder):
        box = folder / "box"
        (folder / "muttrc").write_text(f"""
set folder = {"imaps" if way.implicit else "imap"}://{way.host}:{way.port}/
set imap_user = {USER} imap_pass = "{WORD}"
set ssl_force_tls ssl_starttls = yes certificate_file = {way.trust}
unset header_cache message_cachedir mark_old confirm_append confirm_create wait_key collapse_unread
set imap_idle imap_check_subscribed = no mail_check = 1 timeout = 1 quit = yes delete = yes move = no sort = mailbox-order
set pipe_decode = no new_mail_command = "touch {folder}/news" resolve = no
set spool_file = =INBOX record = "" tmpdir = {folder}
push "{"".join(KEYS).format(box=box, folder=folder)}"
""", encoding="utf-8")
        (folder / "hosts").write_text(f"{way.address} {way.host}\n")
        pid, terminal = pty.fork()
        if pid == 0:
            os.execvpe("unshare", ["unshare", "--mount", "sh", "-c", f'mount --bind {folder}/hosts /etc/hosts && exec neomutt -n -F {folder}/muttrc'],
                       os.environ | {"TERM": "vt100", "LANG": "C.UTF-8", "HOME": str(folder)})
        try:
            screen = Screen(terminal)
            screen.until(lambda: (folder / "ready").exists())
            with self.open() as client:
                client.literals(b"APPEND INBOX ", MESSAGES[2], b"")
            screen.until(lambda: (folder / "news").exists())
            os.write(terminal, b"q")
            screen.rest()
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            os.close(terminal)
        return re.sub(rb"(?m)^(?:Status|X-Status|Content-Length|Lines): .*\n", b"", box.read_bytes())


class Screen:
    """Takes what the program writes to its terminal."""

    def __init__(self, terminal):
        self.terminal, self.seen = terminal, b""

    def more(self, seconds):
        """What comes within the time; b"" is the end."""
        if not select.select([self.terminal], [], [], seconds)[0]:
            return None
        try:
            data = os.read(self.terminal, 65536)
        except OSError:  # the other side is closed
            data = b""
        self.seen += data
        return data

    def until(self, condition):
        wait_until(lambda: self.more(0.01) == b"" or condition(), lambda: f"the screen has {self.seen[-2000:]!r}", 60)
        assert condition(), f"it ended, the screen has {self.seen[-2000:]!r}"

    def rest(self):
        wait_until(lambda: self.more(0.1) == b"", lambda: f"the end; the screen has {self.seen[-2000:]!r}", 60)



if __name__ == "__main__":
    unittest.main()
