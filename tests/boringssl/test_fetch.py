"""tls/boringssl/fetch-and-build with packages of a few lines and an apt-get of its own: what it loads and when, and what it
says and leaves behind if a tarball is damaged, the cache is, a transfer breaks off, the disk is full or the mirror has
something else."""

import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import unittest

SOURCE = pathlib.Path(__file__).resolve().parents[2]

# Does what the private apt is asked for, from the files in $OFFERED, and notes each transfer. $BREAKS names the number of
# transfers that end after half of what is left; a later one goes on from there, as apt does.
APT_GET = r"""#!/usr/bin/env bash
case "$*" in
  *indextargets*) . /etc/os-release; echo "http://mirror.test/debian $VERSION_CODENAME main" ;;
  *update*) [[ -d $OFFERED ]] || { echo "E: Temporary failure resolving" >&2; exit 100; } ;;
  *--print-uris*) cd "$OFFERED" && for name in "${@: -1}"_*; do [[ ! -f $name ]] || echo "'http://mirror.test/$name' $name 1 SHA256:0"; done ;;
  *--download-only*)
    for file in "$OFFERED/${@: -1}"_*; do
      name=$(basename "$file") && have=$(stat -c %s "$name" 2>/dev/null || echo 0) && size=$(stat -c %s "$file")
      echo "$name from $have" >>"$NOTES"
      if [[ $(wc -l <"$NOTES") -le ${BREAKS:-0} ]]; then
        tail -c +$((have + 1)) "$file" | head -c $(((size - have) / 2)) >>"$name"
        echo "E: Connection reset" >&2; exit 100
      fi
      tail -c +$((have + 1)) "$file" >>"$name"
    done ;;
esac
"""
SOURCES_CMAKE = "\n".join(f"set({part}_{kind} {value})" for part, kind, value in (
    ("BCM", "SOURCES", "bcm.cc"), ("CRYPTO", "SOURCES", "crypto.cc"), ("CRYPTO", "HEADERS", "include/openssl/base.h"),
    ("SSL", "SOURCES", "ssl.cc"), ("CRYPTO", "SOURCES_ASM", "x-linux.S x-apple.S x-win.S")))


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Fetch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="postern-fetch.")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.cache = self.folder / "cache"
        self.offered = self.folder / "offered"
        self.notes = self.folder / "notes"
        (self.folder / "bin").mkdir()
        self.program("apt-get", APT_GET)
        shutil.copytree(SOURCE / "tls/boringssl", self.folder / "boringssl")
        self.offered.mkdir()
        new = self.tarball("chromium", "9.9", {
            "third_party/boringssl/README.chromium": "Revision: abcdef0123456789\n",
            "third_party/boringssl/src/gen/sources.cmake": SOURCES_CMAKE,
            "third_party/boringssl/src/include/openssl/base.h": "#define BORINGSSL_API_VERSION 41\n",
            "third_party/boringssl/src/unwanted.cc": "#error a test of theirs\n",
            "third_party/boringssl/src/third_party/fiat/LICENSE": "fiat\n",
            **{f"third_party/boringssl/src/{name}": f"// {name}\n" for name in (
                "bcm.cc", "crypto.cc", "ssl.cc", "x-linux.S", "LICENSE", "AUTHORS", "README.md")},
            "third_party/zlib/z.c": "", "z": "last\n"})
        old = self.tarball("android-platform-external-boringssl", "1.1", {
            "android-sources.cmake": "set(crypto_sources ${BORINGSSL_ROOT}a.c)\nset(ssl_sources ${BORINGSSL_ROOT}b.c)\n",
            "a.c": "", "b.c": "", "src/include/openssl/base.h": "#define BORINGSSL_API_VERSION 19\n",
            "src/LICENSE": "", "src/third_party/fiat/LICENSE": ""})
        self.write_table(new, old, self.manifest_of_the_kept())
        self.new, self.old = new, old

    def program(self, name, text):
        path = self.folder / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def tarball(self, package, version, files):
        top = self.folder / "tree" / f"{package}-{version}"
        for name, text in files.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(text)
        path = self.offered / f"{package}_{version}.orig.tar.xz"
        with tarfile.open(path, "w:xz") as tar:
            tar.add(top, top.name)
        return path

    def write_table(self, new, old, manifest):
        (self.folder / "boringssl/sources").write_text(
            "# a comment\n"
            f"current chromium 9.9 bookworm 1 abcdef0123456789 2026-06-01 41 {sha256(new)} {manifest}\n"
            f"2023 android-platform-external-boringssl 1.1 trixie 1 0123456 2023-04-19 19 {sha256(old)} -\n")

    def manifest_of_the_kept(self):
        """Of the files that the recipe takes, as source.sh computes it."""
        tree = self.folder / "tree/chromium-9.9/third_party/boringssl/src"
        names = sorted(f"./{path.relative_to(tree)}" for path in tree.rglob("*") if path.is_file() and path.name != "unwanted.cc")
        return hashlib.sha256("".join(f"{sha256(tree / name)}  {name}\n" for name in names).encode()).hexdigest()

    def environment(self, **changes):
        return {**os.environ, "PATH": f"{self.folder}/bin:{os.environ['PATH']}", "POSTERN_CACHE": str(self.cache),
                "OFFERED": str(self.offered), "NOTES": str(self.notes), "POSTERN_BORINGSSL": "", **changes}

    def fetch(self, status=0, **changes):
        """(prefix, what it said)"""
        done = subprocess.run([self.folder / "boringssl/fetch-and-build"], env=self.environment(**changes), timeout=60,
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertFalse(list(self.cache.glob("boringssl.??????")), "a folder of something half-made")
        if status == 0:
            prefix = pathlib.Path(done.stdout.strip())
            self.assertTrue((prefix / "lib/libssl.a").is_file())
            return prefix, done.stderr
        self.assertEqual(done.stdout, "")
        self.assertFalse(list(self.cache.glob("boringssl-*/lib")), "a prefix, although it failed")
        return None, done.stderr

    def transfers(self):
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    def test_loads_once_and_builds_what_the_table_names(self):
        prefix, said = self.fetch()
        self.assertIn("1 MB are loaded once", said)
        self.assertEqual((prefix / "share/boringssl/revision").read_text(), "abcdef01 2026-06-01\n")
        self.assertEqual((prefix / "share/boringssl/fiat/LICENSE").read_text(), "fiat\n")
        self.assertRegex(prefix.name, r"^boringssl-9\.9-abcdef01-")
        self.assertEqual(self.transfers(), ["chromium_9.9.orig.tar.xz from 0"])
        self.assertFalse(list(self.cache.rglob("*.orig.tar.xz")), "the tarball is not kept")
        self.assertEqual(self.fetch(), (prefix, ""))

    def test_builds_again_from_what_is_kept_without_a_mirror(self):
        prefix, _ = self.fetch()
        shutil.rmtree(prefix)
        shutil.rmtree(self.offered)
        self.assertEqual(self.fetch()[0], prefix)

    def test_a_broken_transfer_goes_on(self):
        _, said = self.fetch(BREAKS="2")
        self.assertEqual(said.count("it goes on from what has come"), 2)
        half = self.new.stat().st_size // 2
        self.assertEqual(self.transfers()[1], f"chromium_9.9.orig.tar.xz from {half}")

    def test_a_transfer_that_ends_early_goes_on_the_next_time(self):
        _, said = self.fetch(1, BREAKS="3", POSTERN_BORINGSSL="current")
        self.assertIn("the transfer of chromium_9.9.orig.tar.xz broke off", said)
        self.fetch(BREAKS="3", POSTERN_BORINGSSL="current")
        self.assertNotIn("from 0", self.transfers()[-1])

    def test_a_damaged_tarball_is_not_built(self):
        self.cache.mkdir()
        (self.cache / self.new.name).write_bytes(self.new.read_bytes()[:-1] + b"x")
        _, said = self.fetch(1)
        self.assertIn("chromium_9.9.orig.tar.xz has the wrong checksum and is removed", said)
        self.assertFalse((self.cache / self.new.name).exists())

    def test_a_tarball_that_was_put_there_stays(self):
        self.cache.mkdir()
        shutil.copy(self.new, self.cache)
        self.fetch(OFFERED="/nowhere")
        self.assertTrue((self.cache / self.new.name).exists())
        self.assertEqual(self.transfers(), [])

    def test_other_files_than_those_of_the_table_are_not_built(self):
        self.write_table(self.new, self.old, "0" * 64)
        _, said = self.fetch(1)
        self.assertIn("the files of chromium_9.9.orig.tar.xz are not those that the table names", said)
        self.assertFalse(list(self.cache.glob("*-source.tar.xz")))

    def test_a_damaged_cache_is_fetched_again(self):
        prefix, _ = self.fetch()
        shutil.rmtree(prefix)
        kept, = self.cache.glob("*-source.tar.xz")
        for content in (kept.read_bytes()[:-40], b"nothing of the kind"):
            with self.subTest(size=len(content)):
                kept.write_bytes(content)
                again, said = self.fetch()
                self.assertRegex(said, f"{re.escape(str(kept))} is damaged: it is removed and fetched again")
                shutil.rmtree(again)

    def test_a_full_disk_is_said_before_it_begins(self):
        self.program("df", "#!/bin/sh\nprintf 'Avail\\n  100M\\n'\n")
        _, said = self.fetch(1)
        self.assertRegex(said, r"the disk of \S+ is too full\n  why:  loading and unpacking \S+ takes 111 MB, 100 MB are free")
        self.assertEqual(self.transfers(), [])

    def test_a_disk_that_fills_up_is_said(self):
        self.program("df", f"#!/bin/sh\n[ -s {self.notes} ] && n=3 || n=900\nprintf 'Avail\\n  %sM\\n' $n\n")
        _, said = self.fetch(1, BREAKS="3")
        self.assertRegex(said, r"the disk of \S+ is full\n  why:  the download needed more")
        self.assertFalse((self.cache / "boringssl-download").exists())

    def test_the_old_one_takes_its_place_only_with_a_warning(self):
        self.new.unlink()
        prefix, said = self.fetch()
        self.assertIn("WARNING: the one of 2023-04-19 takes its place. It has NO post-quantum key exchange", said)
        self.assertEqual((prefix / "share/boringssl/revision").read_text(), "0123456 2023-04-19\n")
        again, said = self.fetch()
        self.assertEqual(again, prefix)
        self.assertRegex(said, r"WARNING.*within the last hour")

    def test_what_is_shipped_has_no_fallback(self):
        self.new.unlink()
        _, said = self.fetch(1, POSTERN_BORINGSSL="current")
        self.assertIn("could not fetch chromium_9.9.orig.tar.xz", said)
        self.assertIn("offers no source of chromium", said)
        for shipped in ("Dockerfile",):
            self.assertIn("POSTERN_BORINGSSL=current", (SOURCE / shipped).read_text())

    def test_the_old_one_on_request(self):
        prefix, said = self.fetch(POSTERN_BORINGSSL="2023")
        self.assertNotIn("WARNING", said)
        self.assertIn("-1.1-", prefix.name)

    def test_another_year_is_unknown(self):
        _, said = self.fetch(1, POSTERN_BORINGSSL="1999")
        self.assertIn("POSTERN_BORINGSSL=1999 is unknown", said)


class Table(unittest.TestCase):
    def test_the_image_names_the_one_that_the_table_has(self):
        current, = [line.split() for line in (SOURCE / "tls/boringssl/sources").read_text().splitlines() if line.startswith("current")]
        self.assertEqual(re.search(r'(?m)^ARG BORINGSSL="(.*)"$', (SOURCE / "Dockerfile").read_text())[1],
                         f"{current[5][:8]} {current[6]}")


if __name__ == "__main__":
    unittest.main()
