"""ClientHellos made by hand, for what today's TLS libraries refuse to say, and what the server answers."""

import dataclasses
import os
import struct

TLS10, TLS11, TLS12, TLS13 = 0x0301, 0x0302, 0x0303, 0x0304
ALERT, HANDSHAKE = 21, 22
HANDSHAKE_FAILURE, PROTOCOL_VERSION, NO_APPLICATION_PROTOCOL = 40, 70, 120
X25519, SECP256R1, SECP521R1, X25519MLKEM768 = 0x001D, 0x0017, 0x0019, 0x11EC
UNKNOWN_GROUP = 0x3A3A
ECDSA_SHA256, RSA_PSS_SHA256, RSA_PKCS1_SHA256 = 0x0403, 0x0804, 0x0401


@dataclasses.dataclass(frozen=True)
class Hello:
    versions: tuple
    ciphers: tuple
    groups: tuple = (X25519, SECP256R1)
    signatures: tuple = (ECDSA_SHA256, RSA_PSS_SHA256, RSA_PKCS1_SHA256)
    unknown_share: int = 0  # octets of a first key share, of a group that nobody knows
    padding: int = 0

    def record(self):
        """All of it as one record."""
        return record(self.message())

    def records(self, size):
        """In records of at most `size` octets of it."""
        message = self.message()
        return b"".join(record(message[at:at + size]) for at in range(0, len(message), size))

    def message(self):
        legacy_version = min(max(self.versions), TLS12)
        extensions = [
            extension(10, vector(2, words(self.groups))),
            extension(11, vector(1, b"\0")),
            extension(13, vector(2, words(self.signatures))),
        ]
        if TLS13 in self.versions:
            # Any 32 octets are a share of X25519; of another group none is sent, as a client may.
            x25519 = words((X25519,)) + vector(2, os.urandom(32))
            share = x25519 if self.groups[0] == X25519 else b""
            if self.unknown_share:
                share = words((UNKNOWN_GROUP,)) + vector(2, os.urandom(self.unknown_share)) + share
            extensions += [extension(43, vector(1, words(self.versions))), extension(51, vector(2, share))]
        if self.padding:
            extensions.append(extension(21, bytes(self.padding)))
        body = (words((legacy_version,)) + os.urandom(32) + vector(1, os.urandom(32)) +
                vector(2, words(self.ciphers)) + vector(1, b"\0") + vector(2, b"".join(extensions)))
        return b"\1" + len(body).to_bytes(3, "big") + body


def record(content):
    return bytes((HANDSHAKE,)) + words((TLS10,)) + vector(2, content)


@dataclasses.dataclass(frozen=True)
class Answer:
    """Either the alert's number or the ServerHello's choices."""

    alert: int = None
    version: int = None
    cipher: int = None


def say(client, hello):
    """Sends the hello on an open connection (a Client in clear) and reads the answer."""
    client.send(hello.record())
    return answer(client)


def answer(client):
    """What the first record from the server says."""
    kind, _, length = struct.unpack("!BHH", client.bytes(5))
    content = client.bytes(length)
    if kind == ALERT:
        return Answer(alert=content[1])
    assert kind == HANDSHAKE and content[0] == 2, f"neither alert nor ServerHello: {content[:8]!r}"
    at = 4 + 2 + 32 + 1 + content[38]
    cipher, = struct.unpack_from("!H", content, at)
    version, = struct.unpack_from("!H", content, 4)
    at += 2 + 1 + 2
    while at < 4 + int.from_bytes(content[1:4], "big"):
        number, size = struct.unpack_from("!HH", content, at)
        if number == 43:
            version, = struct.unpack_from("!H", content, at + 4)
        at += 4 + size
    return Answer(version=version, cipher=cipher)


def words(values):
    return b"".join(value.to_bytes(2, "big") for value in values)


def vector(size, content):
    """Content after its length, which takes `size` bytes."""
    return len(content).to_bytes(size, "big") + content


def extension(number, content):
    return words((number,)) + vector(2, content)
