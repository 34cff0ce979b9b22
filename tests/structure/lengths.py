"""Fails for a source file over 400 lines, and for one of tests/ over 450: such a file is two. Usage: lengths.py ROOT"""

import pathlib
import sys

LIMITS = {"proxy": 400, "tls": 400, "metrics": 400, "deploy": 400, "tests": 450}
SUFFIXES = {".h", ".cc", ".py"}


def long_files(root):
    """(lines, path, limit) of each file over its limit, longest first."""
    found = []
    for folder, limit in LIMITS.items():
        for path in (path for path in (root / folder).rglob("*") if path.suffix in SUFFIXES):
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > limit:
                found.append((lines, path.relative_to(root), limit))
    return sorted(found, reverse=True)


def main():
    found = long_files(pathlib.Path(sys.argv[1]))
    for lines, path, limit in found:
        print(f"{path}:{lines}: {lines} lines, the limit is {limit}: find the two ideas in it")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
