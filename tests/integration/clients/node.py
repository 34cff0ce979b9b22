"""Clients for Node.js: their packages, pinned by package-lock.json, and how their scripts are run."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from harness import Process, run, wait_until
from harness.packages import cache_folder
from ways import MESSAGES, UPLOAD, USER, WORD

HERE = pathlib.Path(__file__).parent


def modules():
    """The folder of the packages; npm puts them into the cache, outside the tree."""
    lock = (HERE / "package-lock.json").read_bytes()
    folder = cache_folder() / f"node-{hashlib.sha256(lock).hexdigest()[:10]}"
    if not folder.is_dir():
        cache_folder().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache_folder()) as work:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, work)
            run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=work, timeout=240)
            try:
                os.rename(f"{work}/node_modules", folder)
            except OSError:  # another test was faster
                if not folder.is_dir():
                    raise
    return folder


def talk(script, test, way, folder):
    """What the script prints; while it waits for news, one message comes."""
    upload = folder / "up"
    upload.write_bytes(UPLOAD)
    settings = {"host": way.host, "port": way.port, "secure": way.implicit, "trust": str(way.trust), "user": USER, "pass": WORD,
                "upload": str(upload)}
    (folder / "hosts").write_text(f"{way.address} {way.host}\n")
    environment = os.environ | {"NODE_PATH": str(modules())}
    command = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"', folder / "hosts", "node", "--no-deprecation",
               HERE / script, json.dumps(settings)]
    process = Process(command, folder / "said", environment, subprocess.DEVNULL)
    try:
        wait_until(lambda: '"idling"\n' in process.text() or not process.running(), "the client to wait for news", 60)
        with test.open() as client:
            client.literals(b"APPEND INBOX ", MESSAGES[1], b"")
        assert process.wait(60) == 0, process.text()
    finally:
        process.kill()
    return process.text()
