"""The servers, made fast, and the gateway in front of a tap in front of one of them."""

import asyncio
import contextlib
import pathlib
import ssl

from harness import Authority, Courier, Cyrus, Dovecot, Dovecot24, Folder, Gateway, run
from player import Player
from wire import Tap

MESSAGES = (b"Subject: one\r\n\r\nbody\r\n",
            b"Subject: two\r\n\r\nt1 OK [CAPABILITY STARTTLS] done\r\n+ go on\r\n* BYE no\r\n) {5}\r\n",
            b"Subject: three\r\n\r\n" + b"x" * 3000 + b"\r\n")
PATIENT = {"handshake": "1m", "connect": "1m", "login": "5m", "drain": "2s"}  # on a busy machine servers are slow


class Quick:
    """Many connections at once and none of the waiting that is for guessers."""

    def configuration(self, version):
        reuse, forever = ("service_count", "0") if version < (2, 4) else ("restart_request_count", "unlimited")
        return super().configuration(version) + f"""
            login_trusted_networks = 127.0.0.0/8
            default_client_limit = 4096
            default_process_limit = 512
            service imap-login {{
              {reuse} = {forever}
              process_min_avail = 1
              client_limit = 2000
            }}
            service imap {{
              {reuse} = 200
              process_limit = 512
            }}
            service anvil {{
              unix_listener anvil-auth-penalty {{
                mode = 0
              }}
            }}
            """


class QuickDovecot23(Quick, Dovecot):
    sink, at_once = b"Sink", 500


class QuickDovecot24(Quick, Dovecot24):
    sink, at_once = b"Sink", 500


class QuickCourier(Courier):
    """courier.c makes it fast."""

    sink, at_once = b"INBOX.Sink", 128

    def set_up(self):
        library = self.folder / "courier.so"
        run("cc", "-shared", "-fPIC", "-o", library, pathlib.Path(__file__).with_name("courier.c"))
        script, start = super().set_up(), "IMAP_STARTTLS=YES listen 143"
        assert script.count(start) == 1
        quick = f"""
            export LD_PRELOAD={library} IMAP_STARTTLS=YES QUICK_SOCKET={self.folder}/socket
            {self.folder}/imapd Maildir &
            QUICK_LISTEN={self.host}:143 exec"""
        return script.replace(start, quick).rstrip() + f" {self.folder}/imapd Maildir\n"


class QuickCyrus(Cyrus):
    """Its processes are started ahead: by default one starts when a client waits already."""

    sink, at_once = b"INBOX/Sink", 64

    def write(self, name, text, owner=None):
        return super().write(name, text.replace(':143" proto="tcp4"', ':143" proto="tcp4" prefork="20"'), owner)


SERVERS = {"dovecot23": QuickDovecot23, "dovecot24": QuickDovecot24, "courier": QuickCourier, "cyrus": QuickCyrus}


class World(contextlib.ExitStack):
    """One server and one gateway. `player` needs the running loop."""

    def __init__(self, name, loop):
        super().__init__()
        self.gateway = None
        try:
            self._enter(name, loop)
        except BaseException:
            self.close()
            raise

    def _enter(self, name, loop):
        authority = Authority(self.enter_context(Folder("agreement")).path)
        self.server = self.enter_context(SERVERS[name](authority))
        self.tap = Tap(loop, (self.server.host, 143))
        self.callback(self.tap.close)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2  # resumed there, a handshake costs no curve
        self.player = Player(loop, (self.server.host, 143), None, context, self.tap)
        self._start()

    def _start(self):
        backend = {"servers": [f"127.0.0.1:{self.tap.address[1]}"], "client_identity": "proxy_v1"}
        self.gateway = Gateway(backends={"tapped": backend}, workers=1, log={"level": "info"},
                               listeners=[{"address": "127.0.0.1:0", "tls": "implicit"}], timeouts=PATIENT)
        self.player.meet(self.gateway.address())

    def __exit__(self, *details):
        try:
            if self.gateway and not self.death():
                self.gateway.__exit__(*details)
        finally:
            super().__exit__(*details)

    def death(self):
        """What the gateway said last, if it is dead."""
        if self.gateway.process.running():
            return ""
        words = [line for line in self.gateway.log().splitlines() if " session ended " not in line]
        return "; ".join(words[-2:])[-300:] or "it ended without a word"

    def revive(self):
        """Another gateway, if this one is dead."""
        if self.death():
            with contextlib.suppress(AssertionError):
                self.gateway.__exit__(None, None, None)
            self._start()

    async def logins(self):
        """The gateway's count, once no session lives, or none of them is about to end."""
        for _ in range(100):
            metrics = self.gateway.metrics()
            if not metrics.sum("postern_sessions_active"):
                break
            await asyncio.sleep(0.05)
        return int(metrics.sum("postern_logins_total"))


async def furnish(world):
    """The mailboxes: three messages in the INBOX, and one where messages may go."""
    for user in (b"anna", b"bert"):
        word = {b"anna": b'"open sesame"', b"bert": b"mellon"}[user]
        reader, writer = await asyncio.open_connection(world.server.host, 143)

        async def command(octets, want=b"OK"):
            writer.write(b"f " + octets + b"\r\n")
            while not (line := await asyncio.wait_for(reader.readline(), 20)).startswith((b"f ", b"+")):
                assert line, octets
            assert line.startswith(b"f " + want if want else b"+"), (octets, line)

        await reader.readline()
        await command(b"LOGIN " + user + b" " + word)
        await command(b"CREATE " + world.server.sink)
        for message in MESSAGES:
            await command(b"APPEND INBOX (\\Seen) {%d}" % len(message), b"")
            writer.write(message + b"\r\n")
            assert (await reader.readline()).startswith((b"f OK", b"*"))
        await command(b"SELECT INBOX")  # nothing is recent afterwards
        await command(b"LOGOUT")
        writer.close()
