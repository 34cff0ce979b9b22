"""The real IMAP servers, each on a loopback address of its own: 143 with STARTTLS, 993 with TLS at once.

`with Dovecot(authority) as server:` starts one and waits until it greets. Users and passwords are USERS;
their mailboxes are empty. All of them need root: they change to the user that owns the mail.
"""

import contextlib
import os
import pathlib
import shutil
import socket
import textwrap

from .certificates import Certificate
from .packages import unpacked
from .processes import Address, Folder, HarnessError, Jail, run, wait_until

USERS = {"anna": "open sesame", "bert": "mellon"}
MAIL_UID = MAIL_GID = 65534  # nobody, nogroup


class Server(contextlib.ExitStack):
    """What the three have in common. A subclass writes its files and returns the script to run."""

    ready_s = 30

    def __init__(self, authority):
        super().__init__()
        if os.geteuid() != 0:
            raise HarnessError(f"{type(self).__name__} cannot be started: the tests need root")
        self.name = type(self).__name__.lower()
        self.folder = self.enter_context(Folder(self.name)).path
        self.host = self.enter_context(Address()).host
        self.authority = authority
        self.certificate = authority.leaf(f"{self.name}.test")
        try:
            self.process = Jail(self.set_up(), self.folder / "output")
            self.callback(self.process.kill)
            for port in (143, 993):
                wait_until(lambda p=port: self._accepts(p), f"{self.name} on port {port}", self.ready_s)
            self.create_users()
        except BaseException:
            self.close()
            raise

    def set_up(self):
        raise NotImplementedError

    def create_users(self):
        """For a server that wants its users made by a client."""

    def backend(self, hop="none", **more):
        """The pool's configuration for a hop of that kind to this server."""
        settings = {"servers": [f"{self.host}:{993 if hop == 'implicit' else 143}"], "tls": hop}
        if hop != "none":
            settings["verify"] = {"ca": str(self.authority.chain), "name": f"{self.name}.test"}
        return settings | more

    def _accepts(self, port):
        if not self.process.running():
            raise HarnessError(f"{self.name} did not start:\n{self.process.text()}")
        try:
            with socket.create_connection((self.host, port), 10) as connection:
                return port == 993 or connection.recv(1)
        except OSError:
            return False

    def write(self, name, text, owner=None):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        if owner is not None:
            shutil.chown(path, *owner)
        return path

    def make_folder(self, name, owner):
        path = self.folder / name
        path.mkdir(parents=True)
        shutil.chown(path, *owner)
        return path


class Dovecot(Server):
    def set_up(self):
        self.make_folder("mail", (MAIL_UID, MAIL_GID))
        self.write("users", "".join(f"{user}:{{PLAIN}}{word}\n" for user, word in USERS.items()))
        version = tuple(map(int, run("dovecot", "--version").split()[0].split(".")[:2]))
        return f"exec dovecot -F -c {self.write('dovecot.conf', self.configuration(version))}"

    def configuration(self, version):
        common = f"""
            base_dir = {self.folder}/run
            state_dir = {self.folder}/state
            log_path = /dev/stderr
            listen = {self.host}
            protocols = imap
            ssl = yes
            auth_mechanisms = plain login
            auth_failure_delay = 0
            mail_max_userip_connections = 0
            mailbox_idle_check_interval = 1 s
            first_valid_uid = 1
            service imap-login {{
              inet_listener imap {{
                port = 143
              }}
              inet_listener imaps {{
                port = 993
                ssl = yes
              }}
            }}
            namespace inbox {{
              inbox = yes
              separator = /
            }}
            """
        if version < (2, 4):
            return common + self.settings_2_3()
        versions = "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n"
        return versions + common + self.settings_2_4()

    def settings_2_3(self):
        return f"""
            ssl_cert = <{self.certificate.chain}
            ssl_key = <{self.certificate.key}
            disable_plaintext_auth = no
            mail_location = maildir:~/Maildir
            passdb {{
              driver = passwd-file
              args = {self.folder}/users
            }}
            userdb {{
              driver = static
              args = uid={MAIL_UID} gid={MAIL_GID} home={self.folder}/mail/%u
            }}
            """

    def settings_2_4(self):
        return f"""
            ssl_server_cert_file = {self.certificate.chain}
            ssl_server_key_file = {self.certificate.key}
            auth_allow_cleartext = yes
            mail_driver = maildir
            mail_path = ~/Maildir
            passdb passwd-file {{
              passwd_file_path = {self.folder}/users
            }}
            userdb static {{
              fields {{
                uid = {MAIL_UID}
                gid = {MAIL_GID}
                home = {self.folder}/mail/%{{user}}
              }}
            }}
            """


class Impatient(Dovecot):
    """Without the penalty that Dovecot itself has for an address, which here is the gateway's."""

    def configuration(self, version):
        return super().configuration(version) + """
            service anvil {
              unix_listener anvil-auth-penalty {
                mode = 0
              }
            }
            """


class GuardedDovecot(Dovecot):
    """Takes no password in clear; on port 1143 it waits for a PROXY header."""

    def configuration(self, version):
        text = super().configuration(version)
        text = text.replace("disable_plaintext_auth = no", "disable_plaintext_auth = yes")
        text = text.replace("auth_allow_cleartext = yes", "auth_allow_cleartext = no")
        return text.replace("inet_listener imap {", "inet_listener imap_proxied {\nport = 1143\nhaproxy = yes\n}\n"
                            "inet_listener imap {") + f"\nhaproxy_trusted_networks = {self.host.rpartition('.')[0]}.0/8\n"


class Dovecot24(Dovecot):
    """Debian 13's Dovecot, in a root made for it: it cannot be installed beside Debian 12's. Wants mmdebstrap
    (`tests/install deploy`) when the root is made for the first time."""

    def set_up(self):
        recipe = pathlib.Path(__file__).parents[2] / "deploy/debian-root"
        archive = run(recipe, "--with", "dovecot-imapd", "trixie", timeout=1200).splitlines()[-1]
        self.make_folder("mail", (MAIL_UID, MAIL_GID))
        for name, file in (("server.crt", self.certificate.chain), ("server.key", self.certificate.key)):
            self.write(name, file.read_text(encoding="ascii"))
        self.certificate = Certificate(self.folder / "server.crt", self.folder / "server.key")
        self.write("users", "".join(f"{user}:{{PLAIN}}{word}\n" for user, word in USERS.items()))
        configuration = self.write("dovecot.conf", self.configuration((2, 4)))
        root = self.folder / "root"
        root.mkdir()
        run("tar", "-xf", archive, "-C", root, "--numeric-owner", "--exclude=./dev/*", timeout=300)
        return f"""
            mkdir -p {root}{self.folder}
            mount --bind {self.folder} {root}{self.folder}
            mount -t proc proc {root}/proc
            mount --rbind /dev {root}/dev
            exec chroot {root} dovecot -F -c {configuration}
            """


class Courier(Server):
    """Courier's authdaemon has its files at fixed places; a mount namespace puts ours there."""

    def set_up(self):
        package = unpacked("courier-imap")
        for program in ("usr/lib/courier/courier/imaplogin", "usr/bin/imapd"):
            shutil.copy(package / program, self.folder)  # where the mail user may reach it
        self.write("etc/authdaemonrc", """
            authmodulelist="authuserdb"
            authmodulelistorig="authuserdb"
            daemons=3
            authdaemonvar=/run/courier/authdaemon
            DEBUG_LOGIN=0
            DEFAULTOPTIONS=""
            LOGGEROPTS=""
            """)
        accounts = "".join(self.account(user, word) for user, word in USERS.items())
        self.write("etc/userdb", accounts).chmod(0o600)
        pem = self.folder / "server.pem"
        pem.write_bytes(self.certificate.key.read_bytes() + self.certificate.chain.read_bytes())
        return f"""
            mount --bind {self.folder}/etc /etc/courier
            mount -t tmpfs tmpfs /run
            install -d -o courier -g courier /run/courier /run/courier/authdaemon
            /usr/sbin/makeuserdb
            authdaemond start
            export IMAP_CAPABILITY="IMAP4rev1 UIDPLUS CHILDREN NAMESPACE SORT QUOTA IDLE AUTH=PLAIN SASL-IR"
            export IMAP_CAPABILITY_TLS="$IMAP_CAPABILITY"
            export IMAP_IDLE_TIMEOUT=1 IMAP_ENHANCEDIDLE=0 IMAP_UMASK=022 IMAP_CHECK_ALL_FOLDERS=0
            export IMAP_TLS_REQUIRED=0 COURIERTLS=/usr/bin/couriertls TLS_CERTFILE={pem} TLS_VERIFYPEER=NONE
            listen() {{
              /usr/sbin/couriertcpd -address={self.host} -nodnslookup -maxprocs=200 \
                -maxperip=200 "$@" {self.folder}/imapd Maildir
            }}
            IMAP_STARTTLS=NO IMAP_TLS=1 listen 993 /usr/bin/couriertls -server -tcpd {self.folder}/imaplogin &
            IMAP_STARTTLS=YES listen 143 {self.folder}/imaplogin
            """

    def account(self, user, word):
        home = self.make_folder(f"mail/{user}", (MAIL_UID, MAIL_GID))
        run("setpriv", f"--reuid={MAIL_UID}", f"--regid={MAIL_GID}", "--clear-groups",
            "maildirmake.courier", home / "Maildir")
        crypted = run("openssl", "passwd", "-1", word).strip()
        return f"{user}\tuid={MAIL_UID}|gid={MAIL_GID}|home={home}|systempw={crypted}\n"


class Cyrus(Server):
    """Its programs read /etc/imapd.conf, which is ours inside the mount namespace."""

    OWNER = ("cyrus", "mail")

    def set_up(self):
        shutil.copytree(unpacked("cyrus-imapd") / "usr/lib/cyrus/bin", self.folder / "bin")
        for name in ("config", "spool", "run"):
            self.make_folder(name, self.OWNER)
        key = self.write("server.key", self.certificate.key.read_text(), self.OWNER)
        configuration = self.write("imapd.conf", f"""
            configdirectory: {self.folder}/config
            partition-default: {self.folder}/spool
            defaultpartition: default
            idlesocket: {self.folder}/run/idle
            lmtpsocket: {self.folder}/run/lmtp
            notifysocket: {self.folder}/run/notify
            unixhierarchysep: yes
            admins: admin
            allowplaintext: yes
            allowstarttls: on
            failedloginpause: 0
            imapidlepoll: 1
            sasl_pwcheck_method: auxprop
            sasl_auxprop_plugin: sasldb
            sasl_sasldb_path: {self.folder}/sasldb
            sasl_mech_list: PLAIN
            tls_server_cert: {self.certificate.chain}
            tls_server_key: {key}
            """)
        services = self.write("cyrus.conf", f"""
            START {{
              recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -r"
            }}
            SERVICES {{
              imap cmd="{self.folder}/bin/imapd" listen="{self.host}:143" proto="tcp4"
              imaps cmd="{self.folder}/bin/imapd -s" listen="{self.host}:993" proto="tcp4"
            }}
            EVENTS {{
            }}
            """)
        for user, word in (USERS | {"admin": "admin"}).items():
            run("saslpasswd2", "-p", "-c", "-f", self.folder / "sasldb", "-u", socket.gethostname(), user,
                input=word.encode())
        shutil.chown(self.folder / "sasldb", *self.OWNER)
        return f"""
            mount --bind {configuration} /etc/imapd.conf
            exec /usr/sbin/cyrmaster -M {services} -p {self.folder}/run/pid
            """

    def create_users(self):
        """Cyrus has no mailbox until its administrator makes one."""
        with socket.create_connection((self.host, 143), 10) as connection:
            lines = connection.makefile("rwb")
            lines.readline()
            for command in ("LOGIN admin admin", *(f"CREATE user/{user}" for user in USERS)):
                lines.write(f"a {command}\r\n".encode())
                lines.flush()
                answer = next(line for line in lines if line.startswith(b"a "))
                if not answer.startswith(b"a OK"):
                    raise HarnessError(f"cyrus: {command}: {answer!r}")
