"""What the tests of deploy/ share: a certificate, a client, and a deadline instead of a sleep."""

import pathlib
import subprocess
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]

# One listener and a backend that does not exist: what the client hears crossed TLS. The drain is short, so
# that a test can wait for all of it.
SETTINGS = """\
listeners: [{address: "0.0.0.0:%(port)d", tls: implicit}]
tls: {certificates: [{chain: %(certificates)s/tls.crt, key: %(certificates)s/tls.key}]}
backends: {legacy: {servers: ["127.0.0.1:9"]}}
default_backend: legacy
timeouts: {drain: 2s}
admin: {address: "0.0.0.0:9143"}
"""


def make_certificate(folder, name="mail.example.org"):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", f"{folder}/tls.key", "-out", f"{folder}/tls.crt", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"],
                   check=True, stderr=subprocess.DEVNULL)


def output(*command, timeout=60, stderr=subprocess.PIPE, **options):
    """What the command says on standard output. If it fails, the test does, and shows all it said."""
    done = subprocess.run(command, timeout=timeout, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
                          text=True, **options)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def fields(status):
    """/proc/PID/status as a dictionary."""
    return {key: value.strip() for key, _, value in (line.partition(":") for line in status.splitlines())}


def greeting(pid, port):
    """What a TLS client in the network of process `pid` hears until the server closes."""
    return output("nsenter", "--target", str(pid), "--net", "openssl", "s_client", "-quiet", "-verify_quiet",
                  "-connect", f"127.0.0.1:{port}")


def wait_until(condition, seconds, what):
    """The condition's value once it is true. For what sends no event; each try takes its own time. `what` names it, as
    text or as a function that is called if it does not come."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"{what() if callable(what) else what}: not within {seconds} s")
    return value
