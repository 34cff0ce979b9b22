"""Checks that no two headers define a type of the same name. Usage: one_definition.py ROOT

Two types of one name in one namespace break the one-definition rule of C++ ([basic.def.odr]): the linker keeps one of each inline
function, without a word, and a program that uses both goes astray. Each offence is printed as file:line.
"""

import pathlib
import re
import sys

FOLDERS = ("metrics", "proxy", "tls")
NAMESPACE = re.compile(r"(?:inline )?namespace( [\w:]+)? \{")
TYPE = re.compile(r"(?:struct|class|enum class) (\w+)(?: final)?(?: : [^;{]*| *)?(?:\{|$)")


def types(path):
    """(line, name with its namespaces) of each type that the file defines outside of others and of unnamed namespaces."""
    inside, unnamed = [], 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if match := NAMESPACE.match(line):
            inside.append((match[1] or "").strip())
            unnamed += not match[1]
        elif line.startswith("}  // namespace") and inside:
            unnamed -= not inside.pop()
        elif (match := TYPE.match(line)) and not unnamed:
            yield number, "::".join([*inside, match[1]])


def check(root):
    """All offences as (path, line, message)."""
    known, found = {}, []
    for path in (path for folder in FOLDERS for path in sorted((root / folder).rglob("*.h"))):
        name = path.relative_to(root)
        for number, kind in types(path):
            if kind in known:
                found.append((name, number, f"{kind} is in {known[kind]}, too"))
            known.setdefault(kind, name)
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
