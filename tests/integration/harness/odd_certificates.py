"""Certificates and keys as certbot, acme.sh, Windows, Exchange, word processors and people write them: ROWS.

A row is a name, a verdict, the words that must be said, and how the files come to be. begin() comes first.
"""

import collections

from .odd_files import BOM, Authorities, Converter, bare_base64, crlf, link, secret_value, utf16

ca = tools = None


def begin(folder):
    global ca, tools
    ca = Authorities(folder)
    tools = Converter(folder)


Row = collections.namedtuple("Row", "name verdict words files options")
ROWS = []


def row(name, verdict, *words, **options):
    """Adds a function that returns (chain, key) or (chain, key, passphrase) as bytes or paths."""
    def add(files):
        ROWS.append(Row(name, verdict, words, files, options))
        return files
    return add


def good(name, *words, **options):
    return row(name, "good", *words, **options)


def warns(name, *words, **options):
    return row(name, "warns", *words, **options)


def ended(name, *words, **options):
    """A start would serve it, and yet clients get nowhere."""
    return row(name, "ended", *words, **options)


def refused(name, *words, **options):
    return row(name, "refused", *words, **options)


def leaf():
    return ca.leaf()


def full():
    return leaf().crt + ca.intermediate.crt


# ---- as ACME clients write them

@good("certbot, live/fullchain.pem")
def _(folder):
    (folder / "archive").mkdir()
    (folder / "archive/fullchain1.pem").write_bytes(full())
    key = folder / "archive/privkey1.pem"
    key.write_bytes(leaf().key)
    key.chmod(0o600)
    return link(folder / "live/fullchain.pem", folder / "archive/fullchain1.pem"), link(folder / "live/privkey.pem", key)


@warns("certbot, cert.pem in place of fullchain.pem", "holds the leaf alone", "CN=Lab R3,O=Lab", "append it")
def _(_folder):
    return leaf().crt, leaf().key


@refused("certbot, chain.pem in place of fullchain.pem", "is not the key of",
         "begins with the certificate of CN=Lab R3,O=Lab, an authority", "fullchain.pem")
def _(_folder):
    return ca.intermediate.crt, leaf().key


@good("acme.sh, a key that begins with the name of its curve")
def _(_folder):
    traditional = tools.openssl("ec", content=leaf().key)
    return full(), b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + traditional


@good("openssl x509 -text above each certificate")
def _(_folder):
    return b"".join(tools.openssl("x509", "-text", content=one) for one in (leaf().crt, ca.intermediate.crt)), leaf().key


@good("chain and key in one file, as for HAProxy")
def _(_folder):
    both = full() + leaf().key
    return both, both


@good("OpenSSL's TRUSTED CERTIFICATE and the old X509 CERTIFICATE")
def _(_folder):
    trusted = tools.openssl("x509", "-trustout", content=leaf().crt)
    return trusted + ca.intermediate.crt.replace(b" CERTIFICATE", b" X509 CERTIFICATE"), leaf().key


@good("no line break at the end")
def _(_folder):
    return full().rstrip(), leaf().key.rstrip()


# ---- as Windows writes them

@good("Notepad: byte order mark and CRLF")
def _(_folder):
    return BOM + crlf(full()), BOM + crlf(leaf().key)


@good("copy /b of two files with byte order marks")
def _(_folder):
    return BOM + crlf(leaf().crt) + BOM + crlf(ca.intermediate.crt), crlf(leaf().key)


@good("a byte order mark after a blank line, where OpenSSL stops looking")
def _(_folder):
    return leaf().crt + b"\n" + BOM + ca.intermediate.crt, leaf().key


@refused("PowerShell: > writes UTF-16", "chain", "holds no certificate in PEM", "UTF-16", "iconv")
def _(_folder):
    return utf16(crlf(full())), leaf().key


@refused("PowerShell: a key in UTF-16", "key", "holds no private key in PEM", "UTF-16")
def _(_folder):
    return full(), utf16(leaf().key)


@refused("DER encoded binary X.509 (.cer)", "a certificate in DER", "openssl x509 -inform der")
def _(_folder):
    return tools.der(leaf().crt), leaf().key


@refused("a key in DER", "a private key in DER", "openssl pkey -inform der")
def _(_folder):
    return full(), tools.openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "der", content=leaf().key)


@refused("an encrypted key in DER", "a private key in DER")
def _(_folder):
    return full(), tools.encrypted(leaf(), "-outform", "der")


@refused("PFX in place of both, as Exchange exports it", "PKCS #12 (PFX)", "-nokeys", "-nocerts")
def _(_folder):
    pfx = tools.pfx(leaf(), ca.intermediate.crt)
    return pfx, pfx


@refused("P7B in PEM, as certsrv gives it", "PKCS #7", "-print_certs")
def _(_folder):
    return tools.pkcs7(leaf().crt, ca.intermediate.crt), leaf().key


@refused("P7B in DER", "PKCS #7 in DER", "openssl pkcs7 -inform der")
def _(_folder):
    return tools.pkcs7(leaf().crt, ca.intermediate.crt, form="der"), leaf().key


@good("a PFX of Exchange, unpacked by openssl pkcs12 -nodes")
def _(_folder):
    both = tools.unpacked(leaf(), ca.intermediate.crt + ca.root.crt)
    return both, both


@refused("a PFX unpacked, the intermediate before the leaf", "must begin with the certificate of the key, which is number 2")
def _(_folder):
    return ca.intermediate.crt + leaf().crt, leaf().key


@good("self-signed, as Exchange makes it at its installation", "self-signed")
def _(_folder):
    one = ca.make("self", "/CN=EX01", None, ("-addext", "subjectAltName=DNS:EX01,DNS:ex01.corp.test"), days=1825)
    return one.crt, one.key


# ---- as people write them

@refused("lines that end in CR", "lines that end in CR alone")
def _(_folder):
    return full().replace(b"\n", b"\r"), leaf().key


@refused("cat of files without a line break at their ends", "line break is missing between the END")
def _(_folder):
    return leaf().crt.rstrip() + ca.intermediate.crt, leaf().key


@refused("indented, copied out of YAML", "line 1", "nothing else in its line")
def _(_folder):
    return b"".join(b"    " + line + b"\n" for line in full().splitlines()), leaf().key


@refused("hyphens that a word processor has joined", "five hyphens")
def _(_folder):
    return full().replace(b"-----BEGIN", "—–BEGIN".encode()), leaf().key


@refused("something invisible before the intermediate: OpenSSL passes over it", "broken PEM block in line", "seems to begin one",
         openssl_takes_it=True)
def _(_folder):
    return leaf().crt + "\u200b".encode() + ca.intermediate.crt, leaf().key


@refused("cut off in the intermediate", "broken PEM block", "ends before its END line")
def _(_folder):
    return full()[:-60], leaf().key


@refused("a letter lost in the base64", "broken PEM block in line 1", "not base64")
def _(_folder):
    return leaf().crt[:100] + b"!" + leaf().crt[101:], leaf().key


@refused("END of another kind", "END line with other words")
def _(_folder):
    return leaf().crt.replace(b"END CERTIFICATE", b"END PKCS7"), leaf().key


@refused("an empty file", "it is empty")
def _(_folder):
    return b"", leaf().key


@refused("the web page of a failed download", "a web page")
def _(_folder):
    return b"<!DOCTYPE html>\n<html><body>404</body></html>\n", leaf().key


@refused("the archive as the authority sent it", "a ZIP archive")
def _(_folder):
    return b"PK\x03\x04" + bytes(100), leaf().key


@refused("base64 alone, from a web form", "base64 without the lines -----BEGIN")
def _(_folder):
    return bare_base64(leaf().crt), leaf().key


@refused("the value of a Kubernetes Secret", "encoded once more in base64", "base64 -d")
def _(_folder):
    return secret_value(full()), leaf().key


@refused("the request in place of its answer", "a certificate request")
def _(_folder):
    return tools.request(leaf()), leaf().key


@refused("chain and key swapped", "they are swapped")
def _(_folder):
    return leaf().key, full()


@refused("a public key in place of the private one", "holds no private key in PEM", "a public key; the private one is wanted")
def _(_folder):
    return full(), tools.openssl("pkey", "-pubout", content=leaf().key)


@refused("the certificate twice, no key", "holds no private key in PEM; it holds a certificate")
def _(_folder):
    return full(), full()


@refused("a key of OpenSSH", "a key for SSH")
def _(_folder):
    return full(), b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----\n"


@refused("a key of PuTTY", "a key of PuTTY for SSH")
def _(_folder):
    return full(), b"PuTTY-User-Key-File-3: ecdsa-sha2-nistp256\nEncryption: none\n"


@refused("the key of the former certificate", "is not the key of",
         "begins with the certificate of CN=mail.test: name the two that belong together")
def _(_folder):
    return full(), ca.leaf(edition="-former").key


# ---- keys

@refused("an encrypted key without a passphrase", "is encrypted", "passphrase_file")
def _(_folder):
    return full(), tools.encrypted(leaf())


@good("an encrypted key, its passphrase written by Notepad without a mark")
def _(_folder):
    return full(), tools.encrypted(leaf()), b"open sesame\r\n"


@good("a key encrypted the old way, DEK-Info: DES-EDE3-CBC")
def _(_folder):
    old = tools.openssl("ec", "-des3", "-passout", "pass:open sesame", content=leaf().key)
    return full(), old, b"open sesame\n"


@refused("a passphrase in UTF-16", "cannot be decrypted", "passphrase_file", "UTF-16")
def _(_folder):
    return full(), tools.encrypted(leaf()), utf16(b"open sesame\r\n")


@refused("a passphrase after a byte order mark", "cannot be decrypted", "byte order mark")
def _(_folder):
    return full(), tools.encrypted(leaf()), BOM + b"open sesame\n"


@refused("a wrong passphrase", "cannot be decrypted with what is in passphrase_file\n")
def _(_folder):
    return full(), tools.encrypted(leaf()), b"open barley\n"


@refused("a key encrypted with scrypt", "by a method that postern does not have", "openssl pkcs8 -topk8", openssl_takes_it=True)
def _(_folder):
    return full(), tools.encrypted(leaf(), "-scrypt"), b"open sesame\n"


@refused("an RSA key of 1024 bits", "1024 bits", "2048 is the least")
def _(_folder):
    one = ca.leaf(key="rsa1024")
    return one.crt + ca.intermediate.crt, one.key


@refused("a key on Bitcoin's curve", "TLS cannot use", "P-256", openssl_takes_it=True)
def _(_folder):
    one = ca.leaf(key="secp256k1")
    return one.crt + ca.intermediate.crt, one.key


# ---- chains

@good("leaf, intermediate and root, as many authorities send them")
def _(_folder):
    return full() + ca.root.crt, leaf().key


@warns("an expired intermediate", "number 2", "CN=Lab R3,O=Lab", "has expired 10d ago")
def _(_folder):
    return leaf().crt + ca.expired_intermediate.crt, leaf().key


@warns("an unrelated intermediate", "does not hold the certificate of the leaf's issuer (CN=Lab R3,O=Lab)",
       "number 2 (CN=Another Root), which has issued none of the others; remove it")
def _(_folder):
    return leaf().crt + ca.other.crt, leaf().key


@warns("an unrelated certificate after a good chain", "number 3 (CN=Another Root), which has issued none")
def _(_folder):
    return full() + ca.other.crt, leaf().key


@warns("the root before the intermediate", "number 2 (CN=Lab Root) too early", "number 3 (CN=Lab R3,O=Lab)")
def _(_folder):
    return leaf().crt + ca.root.crt + ca.intermediate.crt, leaf().key


@warns("the leaf twice", "number 1 again as number 2; remove it")
def _(_folder):
    return leaf().crt + full(), leaf().key


# ---- dates

@ended("an expired leaf", "its certificate has expired 10d ago", "EXPIRED")
def _(_folder):
    one = ca.leaf(age=100.5)
    return one.crt + ca.intermediate.crt, one.key


@warns("a leaf of tomorrow", "becomes valid only in", "look at the clock")
def _(_folder):
    one = ca.leaf(age=-1)
    return one.crt + ca.intermediate.crt, one.key


@warns("90 days, of which 19 are left", "should have been renewed: 19d of 90d are left")
def _(_folder):
    one = ca.leaf(age=70.5)
    return one.crt + ca.intermediate.crt, one.key


@good("90 days, of which 29 are left")
def _(_folder):
    one = ca.leaf(age=60.5)
    return one.crt + ca.intermediate.crt, one.key


@warns("47 days, of which 3 are left", "expires soon: 3d of 47d are left")
def _(_folder):
    one = ca.leaf(days=47, age=43.5)
    return one.crt + ca.intermediate.crt, one.key


@good("47 days, of which 3 are left, and the operator's shares", tls=("renewal_overdue: 5%", "expiry_alarm: 2%"))
def _(_folder):
    one = ca.leaf(days=47, age=43.5)
    return one.crt + ca.intermediate.crt, one.key


# ---- what the certificate is for

@warns("a common name alone", "its common name 'mail.test' is none (RFC 9525)")
def _(_folder):
    one = ca.leaf(san=False, edition="-cn")
    return one.crt + ca.intermediate.crt, one.key


@warns("a certificate for clients", "is not for TLS servers")
def _(_folder):
    one = ca.leaf(more=("-addext", "extendedKeyUsage=clientAuth"), edition="-client")
    return one.crt + ca.intermediate.crt, one.key


@row("an RSA certificate alone", "hints", "hint", "no ECDSA certificate", "Outlook on Windows 7 to 8.1")
def _(_folder):
    one = ca.leaf(key="rsa")
    return one.crt + ca.intermediate.crt, one.key


@good("an RSA certificate alone where TLS 1.2 is off", tls=("policy: modern",))
def _(_folder):
    one = ca.leaf(key="rsa")
    return one.crt + ca.intermediate.crt, one.key


# ---- who can read it

@warns("a key that everybody can read", "key", "can be read by every user of this machine (mode 0644)", key_mode=0o644)
def _(_folder):
    return full(), leaf().key


@good("a key that the group can read", key_mode=0o640)
def _(_folder):
    return full(), leaf().key
