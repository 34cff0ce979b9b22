"""The gateways that are measured, each configured as a competent operator would: the same certificate, TLS
1.2 and 1.3, the same suites, one worker, no access log. A peer is started in a folder of its own and
listens on 127.0.0.1:PORT, with the bench's backend behind it.
"""

import pathlib
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
SUITES = "TLS_AES_128_GCM_SHA256"


class Peer:
    """What every peer shares. `command(folder, port, backend, pems)` writes its files and says how to start."""

    name = ""
    program = ""
    module = ""  # a file that comes with the package, where the program alone is not enough
    pairs = 1    # of certificate and key that it takes for one name
    dials = True  # a backend for every session, whether it logs in or not
    root = ""    # where a Debian of its own is unpacked, whose loader starts the program

    @property
    def hybrid(self):
        """Whether its TLS library has X25519MLKEM768."""
        return self.root != ""

    def available(self):
        found = shutil.which(self.program, path="/usr/sbin:/usr/bin:/sbin:/bin") is not None
        return found and (not self.module or pathlib.Path(self.module).exists())

    def start(self, program):
        """The words that start it."""
        if not self.root:
            return [program]
        loader = next(pathlib.Path(self.root).glob("usr/lib/*/ld-linux-*.so.*"))
        return [str(loader), "--library-path", str(loader.parent), self.root + program]

    def version(self):
        return "?"

    def command(self, folder, port, backend, pems):
        raise NotImplementedError


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


class Postern(Peer):
    name = "postern"
    pairs = 2
    hybrid = True

    def __init__(self, binary, workers=1):
        self.program = str(binary)
        self.workers = workers

    def available(self):
        return pathlib.Path(self.program).exists()

    def version(self):
        return ", ".join(subprocess.check_output([self.program, "--version"], text=True).splitlines())

    def command(self, folder, port, backend, pems):
        config = folder / "postern.yaml"
        certificates = ", ".join(f'{{chain: "{pem}", key: "{pem}"}}' for pem in pems)
        config.write_text(f"""
workers: {self.workers}
listeners:
  - {{address: "127.0.0.1:{port}", tls: implicit}}
tls:
  certificates: [{certificates}]
backends:
  bench: {{servers: ["127.0.0.1:{backend.imap}"]}}
limits: {{sessions: 20000, sessions_per_address: 20000, handshakes_in_flight: 20000}}
log: {{level: warn}}
""", encoding="utf-8")
        return [self.program, "serve", "--config", str(config)]


class HAProxy(Peer):
    name, program = "haproxy", "haproxy"
    pairs = 2

    def version(self):
        return first_line(*self.start("/usr/sbin/haproxy"), "-v").split(" - ")[0]

    def command(self, folder, port, backend, pems):
        config = folder / "haproxy.cfg"
        certificate = pems[0]
        if len(pems) > 1:  # it takes what belongs together by the ends of the names
            certificate = folder / "site.pem"
            for pem in pems:
                shutil.copy(pem, f"{certificate}.{pem.stem}")
        config.write_text(f"""
global
    nbthread 1
    maxconn 9940
    tune.ssl.cachesize 100000
    ssl-default-bind-options ssl-min-ver TLSv1.2
    ssl-default-bind-ciphers {CIPHERS}
    ssl-default-bind-ciphersuites {SUITES}
defaults
    mode tcp
    timeout connect 5s
    timeout client 31m
    timeout server 31m
listen imaps
    bind 127.0.0.1:{port} ssl crt {certificate} backlog 4096
    server backend 127.0.0.1:{backend.imap}
""", encoding="utf-8")
        return [*self.start("/usr/sbin/haproxy"), "-db", "-f", str(config)]


NGINX_MODULES = "/usr/lib/nginx/modules"
NGINX_HEAD = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
load_module {module};
events {{ worker_connections 19900; multi_accept on; }}
"""

NGINX_TLS = f"""
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers {CIPHERS};
    ssl_conf_command Ciphersuites {SUITES};
    ssl_session_cache shared:bench:50m;
    ssl_session_tickets on;
"""


class Nginx(Peer):
    program = "nginx"
    pairs = 2

    def version(self):
        return first_line(*self.start("/usr/sbin/nginx"), "-v")

    def command(self, folder, port, backend, pems):
        config = folder / "nginx.conf"
        pairs = "".join(f"    ssl_certificate {pem};\n    ssl_certificate_key {pem};\n" for pem in pems)
        block = f"{self.kind} {{\n{pairs}{NGINX_TLS}{self.server(port, backend)}}}\n"
        config.write_text(NGINX_HEAD.format(folder=folder, module=self.root + self.module) + block, encoding="utf-8")
        return [*self.start("/usr/sbin/nginx"), "-c", str(config), "-p", str(folder)]


class NginxStream(Nginx):
    name, kind = "nginx-stream", "stream"
    module = f"{NGINX_MODULES}/ngx_stream_module.so"

    def server(self, port, backend):
        return f"""
    tcp_nodelay on;
    proxy_buffer_size 16k;
    proxy_timeout 31m;
    server {{ listen 127.0.0.1:{port} ssl backlog=4096; proxy_pass 127.0.0.1:{backend.imap}; }}
"""


class NginxMail(Nginx):
    """Greets by itself and reads the password; which server to dial it asks by HTTP, of the bench's backend."""

    dials = False
    name, kind = "nginx-mail", "mail"
    module = f"{NGINX_MODULES}/ngx_mail_module.so"

    def server(self, port, backend):
        return f"""
    auth_http 127.0.0.1:{backend.auth}/;
    proxy_buffer 16k;
    proxy_timeout 31m;
    timeout 31m;
    imap_capabilities IMAP4rev1 LITERAL+ IDLE AUTH=PLAIN;
    server {{ listen 127.0.0.1:{port} ssl backlog=4096; protocol imap; server_name bench; }}
"""


class Hitch(Peer):
    name, program = "hitch", "hitch"

    def version(self):
        return first_line(*self.start("/usr/sbin/hitch"), "--version")

    def command(self, folder, port, backend, pems):
        config = folder / "hitch.conf"
        config.write_text(f"""
frontend = "[127.0.0.1]:{port}"
backend = "[127.0.0.1]:{backend.imap}"
pem-file = "{pems[0]}"
workers = 1
backlog = 4096
user = "nobody"
tls-protos = TLSv1.2 TLSv1.3
ciphers = "{CIPHERS}"
ciphersuites = "{SUITES}"
daemon = off
log-level = 0
""", encoding="utf-8")
        return [*self.start("/usr/sbin/hitch"), "--config=" + str(config)]


class Stunnel(Peer):
    name, program = "stunnel", "stunnel4"

    def version(self):
        done = subprocess.run(["/usr/bin/stunnel4", "-version"], capture_output=True, text=True, check=False)
        words = (done.stdout + done.stderr).split()
        return " ".join(words[words.index("stunnel"):][:2]) if "stunnel" in words else "stunnel"

    def command(self, folder, port, backend, pems):
        config = folder / "stunnel.conf"
        config.write_text(f"""
foreground = yes
debug = crit
pid =
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[imaps]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{backend.imap}
cert = {pems[0]}
sslVersionMin = TLSv1.2
ciphers = {CIPHERS}
ciphersuites = {SUITES}
""", encoding="utf-8")
        return ["/usr/bin/stunnel4", str(config)]


PEERS = [HAProxy, NginxStream, NginxMail, Hitch, Stunnel]


def installed():
    """All that Debian has; installs the packages of those that are missing, and what draws. Their services are not started."""
    peers = [peer() for peer in PEERS]
    if not all(peer.available() for peer in peers) or not shutil.which("gnuplot"):
        subprocess.run([ROOT / "tests/install", "peers"], check=True)
    return peers


def of_debian13():
    """Those that do TLS with OpenSSL 3.5, in a root that is unpacked once beside the archive that it comes from."""
    made = subprocess.run([ROOT / "tests/deploy/debian-root", "--with", "haproxy,nginx,libnginx-mod-stream,hitch", "trixie"],
                          check=True, stdout=subprocess.PIPE, text=True)
    archive = pathlib.Path(made.stdout.splitlines()[-1])
    root = archive.with_suffix("")
    if not root.is_dir():
        with tempfile.TemporaryDirectory(dir=root.parent) as work:
            made = pathlib.Path(work) / "root"
            made.mkdir()
            subprocess.run(["tar", "-xf", archive, "-C", made, "--exclude=./dev/*"], check=True)
            made.rename(root)
    peers = [HAProxy(), NginxStream(), Hitch()]
    for peer in peers:
        peer.root = str(root)
    return peers
