"""Certificates of all kinds, and the servers that show them or fail in another way: what a table of failures is made of.

The functions below say what a server is; each gives a function of the lab, which starts it and returns the settings of its
backend.
"""

import contextlib
import functools
import socket
import ssl

from .certificates import Authority
from .odd_files import Authorities
from .processes import Address, Folder
from .scripted import ScriptedBackend
from .servers import GuardedDovecot, Impatient
from .traps import imap_in_tls


class Guarded(Impatient, GuardedDovecot):
    pass


class Lab(contextlib.ExitStack):
    """Attributes: folder, ca (Authorities), trust (the context of a client that trusts its root alone)."""

    def __init__(self):
        super().__init__()
        self.folder = self.enter_context(Folder("lab")).path
        (files := self.folder / "lab").mkdir()
        self.ca = Authorities(files)
        self.trust = ssl.create_default_context(cafile=str(self.ca.root.certificate))

    def client_context(self):
        return self.trust

    @functools.cached_property
    def dovecot(self):
        return self.enter_context(Guarded(Authority(self.folder / "dovecot")))

    @functools.cached_property
    def own(self):
        """Self-signed."""
        return self.ca.make("own", "/CN=own.test", None, ("-addext", "subjectAltName=DNS:own.test,DNS:mail.test"))

    def certificates(self):
        """For a gateway: two that are good, and one of each fault; mail.test names its own in `alone.test` and so on."""
        leaf, link = self.ca.leaf, self.ca.intermediate
        good = [self.chain(leaf(name), link) for name in ("postern.test", "*.mail.test")]
        return good + [self.chain(leaf("expired.test", age=100.5), link), self.chain(leaf("early.test", age=-10), link),
                       self.chain(leaf("alone.test")), self.chain(self.own)]

    def chain(self, pair, *more):
        """As an entry of `tls.certificates`."""
        chain = pair.certificate.with_suffix(".pem")
        chain.write_bytes(pair.crt + b"".join(one.crt for one in more))
        return {"chain": str(chain), "key": str(pair.key_file)}

    def context(self, pair, *more):
        """Of a server that shows it."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        files = self.chain(pair, *more)
        context.load_cert_chain(files["chain"], files["key"])
        return context


# ---- what a server shows


def leaf(alone=False, **how):
    """Such a leaf (Authorities.leaf), and its intermediate."""
    return lambda lab: lab.context(lab.ca.leaf(**how), *(() if alone else (lab.ca.intermediate,)))


def tls12(method, argument):
    """What is good, but for what this method of the context makes of it."""
    def context(lab):
        made = leaf()(lab)
        made.maximum_version = ssl.TLSVersion.TLSv1_2
        getattr(made, method)(argument)
        return made
    return context


# ---- servers


def scripted(script, hop="none", context=None, port=0):
    """`port`: 143 or 993, at an address of its own."""
    def server(lab):
        host = lab.enter_context(Address()).host if port else "127.0.0.1"
        return lab.enter_context(ScriptedBackend(script, context and context(lab), (host, port))).backend(hop)
    return server


def secured(context, script=imap_in_tls):
    """TLS at once; the gateway trusts the lab's root, and wants mail.test."""
    def server(lab):
        verify = {"ca": str(lab.ca.root.certificate), "name": "mail.test"}
        return scripted(script, "implicit", context)(lab) | {"verify": verify}
    return server


def full(lab):
    """It takes one session."""
    return {"servers": [{"address": lab.enter_context(ScriptedBackend()).server, "max_sessions": 1}]}


def mute(lab):
    """Three that their kernels alone answer: a session that tries all has four descriptors."""
    listeners = [lab.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128)) for _ in range(3)]
    return {"servers": ["127.0.0.1:%d" % one.getsockname()[1] for one in listeners]}


def dovecot(hop="none", port=None, **more):
    def server(lab):
        settings = lab.dovecot.backend(hop, **more)
        return settings | ({"servers": [f"{lab.dovecot.host}:{port}"]} if port else {})
    return server


def named(host):
    return lambda _: {"servers": [host]}


def at(place):
    """Where nobody answers."""
    return lambda lab: named(lab.enter_context(place()))(lab)
