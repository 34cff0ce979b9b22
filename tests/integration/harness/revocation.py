"""What an authority says of its certificates: OCSP responses and revocation lists, by the openssl command."""

import datetime
import re

from .processes import run

DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def index_line(certificate, revoked):
    """Of the database that `openssl ca` and `openssl ocsp` read."""
    shown = run("openssl", "x509", "-in", certificate.chain, "-noout", "-serial", "-subject", "-nameopt", "compat")
    serial = re.search(r"serial=(\w+)", shown)[1]
    moment = lambda time: time.strftime("%y%m%d%H%M%SZ")
    state = ("R", moment(now() + 30 * DAY), moment(now() - DAY)) if revoked else ("V", moment(now() + 30 * DAY), "")
    return "\t".join((*state, serial, "unknown", "/CN=any")) + "\n"


def ocsp_response(authority, certificate, until=DAY, revoked=False):
    """A response in DER that is in force for a while from now, or was until a while ago. The dates are
    put in by hand, which spoils the signature; only clients look at that."""
    index = authority.folder / "index.txt"
    index.write_text(index_line(certificate, revoked), encoding="ascii")
    made = authority.folder / "response.der"
    run("openssl", "ocsp", "-index", index, "-CA", authority.chain, "-rsigner", authority.chain, "-rkey", authority.key,
        "-issuer", authority.chain, "-cert", certificate.chain, "-ndays", "2", "-respout", made)
    moment = lambda time: time.strftime("%Y%m%d%H%M%SZ").encode()
    times = sorted(set(re.findall(rb"\x18\x0f(\d{14}Z)", made.read_bytes())))
    first, last = times[0], times[-1]
    started = moment(now() + min(until, datetime.timedelta()) - DAY)
    return made.read_bytes().replace(last, moment(now() + until)).replace(first, started)


def revocation_list(authority, revoked, path):
    """A CRL in PEM of these certificates."""
    folder = authority.folder
    (folder / "index.txt").write_text("".join(index_line(one, True) for one in revoked), encoding="ascii")
    (folder / "ca.cnf").write_text(f"[ca]\ndefault_ca = it\n[it]\ndatabase = {folder / 'index.txt'}\n"
                                   "default_md = sha256\ndefault_crl_days = 1\n", encoding="utf-8")
    run("openssl", "ca", "-config", folder / "ca.cnf", "-gencrl", "-cert", authority.chain, "-keyfile", authority.key,
        "-out", path)
    return path
