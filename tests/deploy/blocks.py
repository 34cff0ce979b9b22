"""The fenced blocks of the documentation, so that a test can run each as it stands.

block(page, words) is the block of that page that contains these words. structure.examples finds all such calls in the
tests and fails if a block of a page is in none.
"""

import dataclasses
import pathlib
import re

SOURCE = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
# "# /etc/postern/lego.env, mode 600": the file that a block is.
PATH = re.compile(r"\A(?:#!.*\n)?# (?P<path>/[^\s,:;]+)(?P<rest>.*)")


@dataclasses.dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str

    @property
    def path(self):
        """Where the file belongs that the block is; None for a command."""
        return (match := PATH.match(self.text)) and match["path"]

    @property
    def mode(self):
        """As the block's first line says, else that of a file for all to read."""
        said = (match := PATH.match(self.text)) and re.search(r"mode (\d+)", match["rest"])
        return int(said[1], 8) if said else 0o644


def blocks_of(page, root=SOURCE):
    """All fenced blocks of a page, their indentation removed. A picture has no language."""
    text = (root / page).read_text(encoding="utf-8")
    return [Block(page, text.count("\n", 0, found.start()) + 1, found["language"],
                  re.sub(f"^{found['indent']}", "", found["text"], flags=re.M)) for found in FENCE.finditer(text)]


def block(page, words):
    """The block of the page that contains the words, which no other block of that page does."""
    found = [one for one in blocks_of(page) if words in one.text]
    if len(found) != 1:
        raise AssertionError(f"{page}: {len(found)} blocks contain {words!r}")
    return found[0]


def section(page, heading):
    """The blocks between this heading and the next."""
    lines = (SOURCE / page).read_text(encoding="utf-8").splitlines()
    fenced, starts = False, []
    for number, line in enumerate(lines, 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and line.startswith("#"):
            starts.append((number, line.lstrip("#").strip()))
    (begin,) = [number for number, words in starts if words == heading]
    end = min((number for number, _ in starts if number > begin), default=len(lines) + 1)
    return [one for one in blocks_of(page) if begin < one.line < end]


def packages(commands):
    """What the `apt-get install` lines of the commands install."""
    return [name for line in re.findall(r"^apt-get install ([^#\n]*)", commands, re.M) for name in line.split()]
