"""Packages that cannot be installed beside each other, unpacked into a cache outside the tree."""

import os
import pathlib
import tempfile

from .processes import HarnessError, run


def unpacked(package):
    """The folder where the files of a Debian package are."""
    version = candidate(package)
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"{package}_{version.replace(':', '%')}"
    if not folder.is_dir():
        # Tests run side by side: the first to finish wins, the others take what it made.
        with tempfile.TemporaryDirectory(dir=cache) as work:
            run("apt-get", "-q", "download", f"{package}={version}", cwd=work, timeout=120)
            archive = next(pathlib.Path(work).glob("*.deb"))
            run("dpkg", "-x", archive, f"{work}/files")
            try:
                os.rename(f"{work}/files", folder)
            except OSError:
                if not folder.is_dir():
                    raise
    return folder


def debian13(program):
    """The words that start a program of Debian 13's OpenSSL, by the loader of its own C library."""
    helper = pathlib.Path(__file__).parents[2] / "deploy/debian-package"
    folders = {name: pathlib.Path(run(helper, "trixie", name, timeout=300).splitlines()[-1])
               for name in ("openssl", "libssl3t64", "libc6", "zlib1g", "libzstd1")}
    libraries = sorted({str(file.parent) for name, folder in folders.items() if name != "openssl"
                        for file in folder.glob("usr/lib/*/lib*.so.*")})
    loader = next(file for file in folders["libc6"].glob("usr/lib/*/ld-linux-*.so.*"))
    return [loader, "--library-path", ":".join(libraries), folders["openssl"] / "usr/bin" / program]


def candidate(package):
    for line in run("apt-cache", "policy", package).splitlines():
        key, _, value = line.strip().partition(": ")
        if key == "Candidate" and value != "(none)":
            return value
    raise HarnessError(f"apt knows no package {package}: run tests/install test")


def cache_folder():
    home = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(os.environ.get("POSTERN_CACHE") or pathlib.Path(home) / "postern") / "servers"
