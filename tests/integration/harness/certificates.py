"""Certificates of a throw-away authority, made by the openssl command."""

import dataclasses
import functools
import pathlib
import ssl

from .processes import run

KEYS = {
    "ecdsa": ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
    "rsa": ("-newkey", "rsa:2048"),
}


@dataclasses.dataclass(frozen=True)
class Certificate:
    chain: pathlib.Path
    key: pathlib.Path

    @property
    def files(self):
        """As an entry of `tls.certificates`."""
        return {"chain": str(self.chain), "key": str(self.key)}

    @property
    def der(self):
        return ssl.PEM_cert_to_DER_cert(self.chain.read_text(encoding="ascii"))

    def server_context(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.chain, self.key)
        return context


class Authority:
    """Signs leaves for names; both stay in `folder`."""

    def __init__(self, folder, name="postern test CA"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.chain = self.folder / "ca.crt"
        self.key = self.folder / "ca.key"
        run("openssl", "req", "-x509", *KEYS["ecdsa"], "-nodes", "-days", "30", "-subj", f"/CN={name}",
            "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.key, "-out", self.chain)

    @functools.cache
    def leaf(self, *names, key="ecdsa", edition="", more=()):
        """A certificate for DNS names; one that looks like an address is one. Other editions are other
        certificates for the same names; `more` are further arguments of `openssl req`."""
        is_address = lambda name: name.replace(".", "").isdigit()
        sans = ",".join(("IP:" if is_address(name) else "DNS:") + name for name in names)
        stem = f"{names[0].replace('*', 'any')}-{key}{edition}"
        made = Certificate(self.folder / f"{stem}.crt", self.folder / f"{stem}.key")
        run("openssl", "req", "-x509", "-CA", self.chain, "-CAkey", self.key, *KEYS[key], "-nodes",
            "-days", "30", "-subj", f"/CN={names[0]}", "-addext", f"subjectAltName={sans}",
            "-addext", "basicConstraints=critical,CA:FALSE", *more, "-keyout", made.key, "-out", made.chain)
        return made

    def client_context(self):
        """Trusts this authority alone and checks names."""
        return ssl.create_default_context(cafile=str(self.chain))
