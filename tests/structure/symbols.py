"""Checks that the binary exports nothing of BoringSSL. Usage: symbols.py BINARY

A shared library in the same process that expects OpenSSL would bind to such a symbol and crash. Exit 77
(skipped) if the binary has no dynamic symbol table at all, and hence exports nothing.
"""

import re
import subprocess
import sys

BORINGSSL = re.compile(r"^(_ZN?K?4bssl|(SSL|EVP|CRYPTO|OPENSSL|X509|BIO|ERR|RSA|EC|ECDSA|BN|ASN1|PEM|RAND)_)")


def names(binary, *options):
    run = subprocess.run(["nm", *options, binary], stdout=subprocess.PIPE, text=True, check=True)
    return [line.split()[-1].split("@")[0] for line in run.stdout.splitlines() if line.strip()]


def offences(exported):
    return [name for name in exported if BORINGSSL.match(name)]


def main():
    binary = sys.argv[1]
    if not names(binary, "-D"):
        print(f"skipped: {binary} has no dynamic symbol table")
        return 77
    exported = names(binary, "-D", "--defined-only")
    found = offences(exported)
    for name in found:
        print(f"{binary}: exports {name}")
    print(f"{len(exported)} symbols exported, {len(found)} of them BoringSSL's")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
