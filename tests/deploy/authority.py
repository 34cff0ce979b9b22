"""Let's Encrypt as pebble plays it, and the name servers of example.org, on a machine beside the one under test.

The machine under test reaches them under their real names and ports and trusts them by its ca-certificates.crt, so no
recipe has to be changed for the test. haproxy stands for the authority's front: pebble's directory has another path.
"""

import contextlib
import json
import pathlib
import subprocess

from deployed import output, wait_until

PACKAGES = ("pebble", "haproxy", "bind9", "ca-certificates", "openssl")
MASKED = ("named.service", "haproxy.service")
HOST, MACHINE = "192.0.2.53", "192.0.2.10"  # as docs/certificates.md has it
DIRECTORY = "acme-v02.api.letsencrypt.org"
# Less than the 30 days left at which the recipes renew: every renewal is due.
LIFETIME_S = 20 * 86400

NAMED = """\
include "/srv/authority/acme.key";
options {{ directory "/srv/authority"; listen-on {{ {host}; }}; listen-on-v6 {{ none; }}; recursion no; pid-file none;
           session-keyfile none; dnssec-validation no; }};
controls {{ }};
zone "example.org" {{ type primary; file "example.org";
                      update-policy {{ grant acme name _acme-challenge.mail.example.org. TXT; }}; }};
zone "letsencrypt.org" {{ type primary; file "letsencrypt.org"; }};
"""
ZONE = "$TTL 60\n@ SOA ns.example.org. postmaster.example.org. 1 60 60 60 60\n@ NS ns.example.org.\n"
HAPROXY = """\
defaults
  mode http
  timeout client 20s
  timeout server 20s
  timeout connect 5s
frontend acme
  bind {host}:443 ssl crt /srv/authority/front.pem
  http-request set-path /dir if {{ path /directory }}
  default_backend pebble
backend pebble
  server pebble 127.0.0.1:14000 ssl verify none
"""


class Authority:
    """Runs in the root of the machine, which must have booted, but in a network of its own. `key` is a TSIG key as BIND
    writes it, with which a client may update the records of the challenge."""

    def __init__(self, machine, key):
        self._ends = contextlib.ExitStack()
        self.root, self.folder = machine.root, machine.root / "srv/authority"
        self.folder.mkdir(parents=True)
        self._write(key)
        holder = self._start("unshare", "--net", "cat", stdin=subprocess.PIPE)  # while it lives, so does the network
        self._ends.callback(holder.stdin.close)
        self._inside = ("nsenter", "--target", str(holder.pid), "--net")
        wait_until(lambda: pathlib.Path(f"/proc/{holder.pid}/ns/net").readlink() !=
                   pathlib.Path("/proc/self/ns/net").readlink(), 10, "the network")
        self._connect(str(holder.pid), machine.leader)
        here = (*self._inside, "chroot", self.root)
        self._start(*here, "named", "-f", "-c", "/srv/authority/named.conf")
        self._start(*here, "env", "PEBBLE_VA_NOSLEEP=1", "PEBBLE_AUTHZREUSE=0", "PEBBLE_WFE_NONCEREJECT=0", "pebble",
                    "-config", "/srv/authority/pebble.json", "-dnsserver", f"{HOST}:53")
        self._start(*here, "haproxy", "-db", "-f", "/srv/authority/haproxy.cfg")
        wait_until(lambda: self._get(f"https://{DIRECTORY}/directory", "--resolve", f"{DIRECTORY}:443:{HOST}"), 20,
                   lambda: "the authority; " + (self.folder / "log").read_text())
        self.roots = self.folder / "roots.pem"
        self.roots.write_text(self._get("https://127.0.0.1:15000/roots/0"))

    def close(self):
        self._ends.close()

    def _write(self, key):
        (self.folder / "acme.key").write_text(key)
        (self.folder / "named.conf").write_text(NAMED.format(host=HOST))
        (self.folder / "example.org").write_text(ZONE + f"ns A {HOST}\nmail A {MACHINE}\n")
        (self.folder / "letsencrypt.org").write_text(ZONE + f"acme-v02.api A {HOST}\n")
        (self.folder / "haproxy.cfg").write_text(HAPROXY.format(host=HOST))
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": {
            "listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
            "certificate": "/srv/authority/front.crt", "privateKey": "/srv/authority/front.key",
            "httpPort": 80, "tlsPort": 443, "certificateValidityPeriod": LIFETIME_S}}))
        self._make_front()
        # Debian's BIND may become its own user, who writes the journal of the updates here.
        self.folder.chmod(0o777)
        (self.root / "etc/resolv.conf").write_text(f"nameserver {HOST}\n")

    def _make_front(self):
        certificate, key = self.folder / "front.crt", self.folder / "front.key"
        output("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-days", "2", "-subj", f"/CN={DIRECTORY}", "-addext", f"subjectAltName=DNS:{DIRECTORY},DNS:localhost",
               "-keyout", key, "-out", certificate)
        (self.folder / "front.pem").write_text(certificate.read_text() + key.read_text())
        with open(self.root / "etc/ssl/certs/ca-certificates.crt", "a") as trusted:
            trusted.write(certificate.read_text())

    @staticmethod
    def _connect(authority, machine):
        """A cable between the two, which ends with either."""
        output("ip", "link", "add", "mail0", "netns", machine, "type", "veth", "peer", "name", "acme0", "netns", authority)
        for pid, name, address in ((machine, "mail0", MACHINE), (authority, "acme0", HOST)):
            for words in (f"address add {address}/24 dev {name}", f"link set {name} up", "link set lo up"):
                output("nsenter", "--target", pid, "--net", "ip", *words.split())

    def _start(self, *command, **options):
        log = self._ends.enter_context(open(self.folder / "log", "a"))
        process = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], stdout=log, stderr=log,
                                   **{"stdin": subprocess.DEVNULL, **options})
        self._ends.callback(process.wait)
        self._ends.callback(process.kill)
        return process

    def _get(self, url, *options):
        done = subprocess.run([*self._inside, "curl", "-ksS", *options, url], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=20)
        return done.stdout if done.returncode == 0 else ""
