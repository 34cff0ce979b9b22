"""Certificate and key files as tools and people write them, good and bad, made by the openssl command."""

import base64
import functools
import os
import pathlib

from .processes import HarnessError, run

KEYS = {
    "ecdsa": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
    "secp256k1": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"),
    "rsa": ("-newkey", "rsa:2048"),
    "rsa1024": ("-newkey", "rsa:1024"),
}
BOM = b"\xef\xbb\xbf"
SERVER = ("-addext", "basicConstraints=critical,CA:FALSE")


def faketime(days):
    """The start of a command that believes to be run so many days from now."""
    library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
    if library is None:
        raise HarnessError("libfaketime is missing: run tests/install test")
    return ("env", f"LD_PRELOAD={library}", f"FAKETIME={round(days * 24):+d}h")


class Pair:
    """A certificate and its key, as bytes and as files."""

    def __init__(self, stem):
        self.certificate, self.key_file = (stem.with_name(stem.name + suffix) for suffix in (".crt", ".key"))

    @property
    def crt(self):
        return self.certificate.read_bytes()

    @property
    def key(self):
        return self.key_file.read_bytes()


class Authorities:
    """A root, an intermediate below it, and whatever they issue."""

    def __init__(self, folder):
        self.folder = folder
        authority = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.root = self.make("root", "/CN=Lab Root", None, authority, days=3650)
        self.intermediate = self.make("intermediate", "/O=Lab/CN=Lab R3", self.root, authority, days=1000)
        # The same key and name, but its time is over.
        self.expired_intermediate = self.make("expired-intermediate", "/O=Lab/CN=Lab R3", self.root, authority,
                                              days=30, age=40.5, same_key=self.intermediate)
        self.other = self.make("other", "/CN=Another Root", None, authority, days=3650)

    def make(self, name, subject, issuer, more=(), key="ecdsa", days=90, age=0, same_key=None):
        pair = Pair(self.folder / name)
        signer = () if issuer is None else ("-CA", issuer.certificate, "-CAkey", issuer.key_file)
        if same_key is not None:
            pair.key_file.write_bytes(same_key.key)
        keys = KEYS[key] + ("-keyout", pair.key_file) if same_key is None else ("-key", pair.key_file)
        run(*(faketime(-age) if age else ()), "openssl", "req", "-x509", *signer, *keys, "-nodes", "-days", days,
            "-subj", subject, *more, "-out", pair.certificate)
        return pair

    @functools.cache
    def leaf(self, name="mail.test", key="ecdsa", days=90, age=0, san=True, more=(), edition=""):
        names = ("-addext", f"subjectAltName=DNS:{name}") if san else ()
        return self.make(f"{name}-{key}-{days}-{age}{edition}", f"/CN={name}", self.intermediate,
                         (*SERVER, *names, *more), key=key, days=days, age=age)


class Converter:
    """What tools make of a pair; `folder` is for files in between."""

    def __init__(self, folder):
        self.folder = folder
        self._count = 0

    def file(self, content):
        self._count += 1
        path = self.folder / f"between-{self._count}"
        path.write_bytes(content)
        return path

    def openssl(self, *command, content=b""):
        out = self.folder / "out"
        run("openssl", *command, "-in", self.file(content), "-out", out)
        return out.read_bytes()

    def der(self, certificate):
        return self.openssl("x509", "-outform", "der", content=certificate)

    def pfx(self, pair, more=b"", *options):
        return self.openssl("pkcs12", "-export", "-inkey", pair.key_file, "-passout", "pass:", *options,
                            content=pair.crt + more)

    def unpacked(self, pair, more=b""):
        """As `openssl pkcs12 -nodes` writes it: bag attributes, subjects, key and certificates in one file."""
        return self.openssl("pkcs12", "-nodes", "-passin", "pass:", content=self.pfx(pair, more))

    def pkcs7(self, *certificates, form="pem"):
        joined = self.file(b"".join(certificates))
        out = self.folder / "out.p7b"
        run("openssl", "crl2pkcs7", "-nocrl", "-certfile", joined, "-outform", form, "-out", out)
        return out.read_bytes()

    def request(self, pair):
        out = self.folder / "out.csr"
        run("openssl", "req", "-new", "-key", pair.key_file, "-subj", "/CN=mail.test", "-out", out)
        return out.read_bytes()

    def encrypted(self, pair, *options, passphrase="open sesame"):
        return self.openssl("pkcs8", "-topk8", *options, "-passout", "pass:" + passphrase, content=pair.key)


def crlf(text):
    return text.replace(b"\n", b"\r\n")


def utf16(text):
    return text.decode().encode("utf-16")


def bare_base64(text):
    return b"".join(line + b"\n" for line in text.splitlines() if not line.startswith(b"-----"))


def link(where, target):
    where.parent.mkdir(parents=True, exist_ok=True)
    where.symlink_to(os.path.relpath(target, where.parent))
    return where


def secret_value(text):
    return base64.b64encode(text)
