"""Checks what neither clang-format nor clang-tidy can hold of CONTRIBUTING.md. Usage: dialect.py ROOT

Each offence is printed as file:line: a word that the project does not use, and a statement `x++;` in place of `++x;`.
"""

import pathlib
import re
import sys

SPEAKING = {".h", ".cc", ".py", ".md", ".yaml", ".yml", ".txt", ".cmake", ""}
CODE = {".h", ".cc"}
FOLDERS = ("proxy", "tls", "metrics", "tests", "deploy", "docs", ".ci")
# They name the words in order to forbid them.
EXEMPT = ("CONTRIBUTING.md", "tests/structure/dialect.py", "tests/structure/selftest.py")

WORDS = {
    re.compile(r"\bwhoever\b", re.IGNORECASE): "name the one who acts: the client, the caller",
    re.compile(r"\bwho is\b"): "name the one who acts: the client, the caller",
    re.compile(r"\bshall\b", re.IGNORECASE): 'use "must"',
    re.compile(r"\banew\b", re.IGNORECASE): 'use "again"',
}
POST_INCREMENT = re.compile(r"(?:(?:^|[;{}]|\)\s)\s*{0}\s*;)|(?:;\s*{0}\s*\))".replace("{0}", r"[\w.\[\]>-]+?(?:\+\+|--)"))


def pages(root):
    yield from (path for path in sorted(root.glob("*.md")))
    for folder in FOLDERS:
        yield from (path for path in sorted((root / folder).rglob("*")) if path.is_file())


def check(root):
    """All offences as (path, line, message)."""
    found = []
    for path in pages(root):
        name = path.relative_to(root)
        if path.suffix not in SPEAKING or str(name) in EXEMPT or "corpus" in name.parts:
            continue
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:  # no text
            continue
        for number, line in enumerate(lines, 1):
            found += [(name, number, f'"{word.search(line)[0]}": {why}') for word, why in WORDS.items() if word.search(line)]
            if path.suffix in CODE and POST_INCREMENT.search(line.split("//")[0]):
                found.append((name, number, "a statement increments before: ++x"))
    return found


def main():
    root = pathlib.Path(sys.argv[1])
    if not (root / "CONTRIBUTING.md").is_file():
        print(f"{root}: no CONTRIBUTING.md here")
        return 2
    found = check(root)
    for path, line, message in found:
        print(f"{path}:{line}: {message}")
    print(f"{len(found)} offences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
