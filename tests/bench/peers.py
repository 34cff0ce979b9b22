"""The gateways that are measured, each configured as a competent operator would: the same certificate, TLS
1.2 and 1.3, the same suites, one worker, no access log. A peer is started in a folder of its own and
listens on 127.0.0.1:PORT, with the bench's backend behind it.
"""

import pathlib
import shutil
import subprocess
import sys

CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
SUITES = "TLS_AES_128_GCM_SHA256"


class Peer:
    """What every peer shares. `command(folder, port, backend, pem)` writes its files and says how to start."""

    name = ""
    package = ""
    program = ""

    def available(self):
        return shutil.which(self.program, path="/usr/sbin:/usr/bin:/sbin:/bin") is not None

    def version(self):
        return "?"

    def command(self, folder, port, backend, pem):
        raise NotImplementedError


def first_line(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0]


class Postern(Peer):
    name = "postern"

    def __init__(self, binary, name="postern"):
        self.program = str(binary)
        self.name = name

    def available(self):
        return pathlib.Path(self.program).exists()

    def version(self):
        return first_line(self.program, "--version")

    def command(self, folder, port, backend, pem):
        config = folder / "postern.yaml"
        config.write_text(f"""
workers: 1
listeners:
  - {{address: "127.0.0.1:{port}", tls: implicit}}
tls:
  certificates: [{{chain: "{pem}", key: "{pem}"}}]
backends:
  bench: {{servers: ["127.0.0.1:{backend}"]}}
limits: {{sessions: 20000, sessions_per_address: 20000, handshakes_in_flight: 20000}}
log: {{level: warn}}
""", encoding="utf-8")
        return [self.program, "serve", "--config", str(config)]


class HAProxy(Peer):
    name, package, program = "haproxy", "haproxy", "haproxy"

    def version(self):
        return first_line("/usr/sbin/haproxy", "-v").split(" - ")[0]

    def command(self, folder, port, backend, pem):
        config = folder / "haproxy.cfg"
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
    bind 127.0.0.1:{port} ssl crt {pem} backlog 4096
    server backend 127.0.0.1:{backend}
""", encoding="utf-8")
        return ["/usr/sbin/haproxy", "-db", "-f", str(config)]


NGINX_HEAD = """
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
events {{ worker_connections 19900; multi_accept on; }}
"""

NGINX_TLS = f"""
    ssl_certificate {{pem}};
    ssl_certificate_key {{pem}};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers {CIPHERS};
    ssl_conf_command Ciphersuites {SUITES};
    ssl_session_cache shared:bench:50m;
    ssl_session_tickets on;
"""


class NginxStream(Peer):
    name, package, program = "nginx-stream", "libnginx-mod-stream", "nginx"

    def version(self):
        return first_line("/usr/sbin/nginx", "-v")

    def command(self, folder, port, backend, pem):
        config = folder / "nginx.conf"
        config.write_text(NGINX_HEAD.format(folder=folder) + "stream {" + NGINX_TLS.format(pem=pem) + f"""
    tcp_nodelay on;
    proxy_buffer_size 16k;
    proxy_timeout 31m;
    server {{ listen 127.0.0.1:{port} ssl backlog=4096; proxy_pass 127.0.0.1:{backend}; }}
}}
""", encoding="utf-8")
        return ["/usr/sbin/nginx", "-c", str(config), "-p", str(folder)]


class Hitch(Peer):
    name, package, program = "hitch", "hitch", "hitch"

    def version(self):
        return first_line("/usr/sbin/hitch", "--version")

    def command(self, folder, port, backend, pem):
        config = folder / "hitch.conf"
        config.write_text(f"""
frontend = "[127.0.0.1]:{port}"
backend = "[127.0.0.1]:{backend}"
pem-file = "{pem}"
workers = 1
backlog = 4096
user = "nobody"
tls-protos = TLSv1.2 TLSv1.3
ciphers = "{CIPHERS}"
ciphersuites = "{SUITES}"
daemon = off
log-level = 0
""", encoding="utf-8")
        return ["/usr/sbin/hitch", "--config=" + str(config)]


class Stunnel(Peer):
    name, package, program = "stunnel", "stunnel4", "stunnel4"

    def version(self):
        done = subprocess.run(["/usr/bin/stunnel4", "-version"], capture_output=True, text=True, check=False)
        words = (done.stdout + done.stderr).split()
        return " ".join(words[words.index("stunnel"):][:2]) if "stunnel" in words else "stunnel"

    def command(self, folder, port, backend, pem):
        config = folder / "stunnel.conf"
        config.write_text(f"""
foreground = yes
debug = crit
pid =
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
[imaps]
accept = 127.0.0.1:{port}
connect = 127.0.0.1:{backend}
cert = {pem}
sslVersionMin = TLSv1.2
ciphers = {CIPHERS}
ciphersuites = {SUITES}
""", encoding="utf-8")
        return ["/usr/bin/stunnel4", str(config)]


PEERS = [HAProxy, NginxStream, Hitch, Stunnel]


def install(peers):
    """Installs the packages of those that are missing; their services are not started."""
    missing = [peer.package for peer in peers if peer.package and not peer.available()]
    if not missing:
        return
    print("installing " + " ".join(missing), file=sys.stderr)
    root = pathlib.Path(__file__).resolve().parents[2]
    subprocess.run([root / "tests/install", "packages", *missing], check=True)
