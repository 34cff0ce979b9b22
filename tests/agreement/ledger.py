"""What was played so far, a line a run, so that the next run takes seeds that none had."""

import csv
import pathlib
import subprocess

FIELDS = ("server", "seed", "conversations", "disagreements", "passing", "revision")


class Ledger:
    """`path` is a CSV file; it need not exist."""

    def __init__(self, path):
        self.path = pathlib.Path(path)

    def rows(self):
        if not self.path.exists():
            return []
        with self.path.open(encoding="ascii", newline="") as file:
            return list(csv.DictReader(file))

    def next_seed(self, server):
        return max((int(row["seed"]) for row in self.rows() if row["server"] == server), default=0) + 1

    def add(self, server, seed, campaign):
        begin = not self.path.exists()
        with self.path.open("a", encoding="ascii", newline="") as file:
            out = csv.DictWriter(file, FIELDS, lineterminator="\n")
            if begin:
                out.writeheader()
            out.writerow({"server": server, "seed": seed, "conversations": campaign.played, "disagreements": sum(campaign.found.values()),
                          "passing": campaign.passing, "revision": revision()})

    def totals(self):
        """{server: (conversations, disagreements)}."""
        found = {}
        for row in self.rows():
            played, wrong = found.get(row["server"], (0, 0))
            found[row["server"]] = played + int(row["conversations"]), wrong + int(row["disagreements"])
        return found


def revision():
    """Of the tree that this file is in; with a `+` if it differs by more than ledgers."""
    def git(*words):
        return subprocess.run(["git", "-C", pathlib.Path(__file__).parent, *words], capture_output=True, text=True, check=False)
    changed = git("diff", "--quiet", "HEAD", "--", ":/", ":(exclude,top)*ledger.csv").returncode == 1
    return (git("describe", "--always", "--abbrev=10").stdout.strip() or "unknown") + ("+" if changed else "")
