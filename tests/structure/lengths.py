"""Names source files over 400 lines and fails over 450: such a file is two. Usage: lengths.py ROOT"""

import pathlib
import sys

LIMIT, HARD_LIMIT = 400, 450
FOLDERS = ("proxy", "tls", "metrics", "tests", "deploy")
SUFFIXES = {".h", ".cc", ".py"}


def long_files(root):
    """(lines, path) of each file over the limit, longest first."""
    paths = (p for folder in FOLDERS for p in (root / folder).rglob("*") if p.suffix in SUFFIXES)
    lengths = ((len(p.read_text(encoding="utf-8").splitlines()), p.relative_to(root)) for p in paths)
    return sorted((found for found in lengths if found[0] > LIMIT), reverse=True)


def main():
    found = long_files(pathlib.Path(sys.argv[1]))
    for lines, path in found:
        verdict = "must be split" if lines > HARD_LIMIT else f"over {LIMIT}"
        print(f"{path}:{lines}: {lines} lines, {verdict}")
    return 1 if any(lines > HARD_LIMIT for lines, _ in found) else 0


if __name__ == "__main__":
    sys.exit(main())
