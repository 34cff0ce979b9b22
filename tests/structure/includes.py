"""Checks every #include line of the tree against the order of the rooms. Usage: includes.py ROOT

What CMake's link lines cannot see (headers in /usr/include, headers of a neighbour) is caught here.
Each offence is printed as file:line. Rooms, libraries and the order inside proxy/ stand in the three
tables below: a new file of proxy/ gets its place there.
"""

import pathlib
import re
import sys

# Which rooms a room may include. A path belongs to the room with the longest matching folder.
ROOMS = {
    "proxy/base": {"proxy/base"},
    "tls": {"tls", "proxy/base"},
    "metrics": {"metrics", "proxy/base"},
    "proxy/net": {"proxy/net", "proxy/base"},
    "proxy/imap": {"proxy/imap", "proxy/base"},
    "proxy": {"proxy", "tls", "metrics", "proxy/net", "proxy/imap", "proxy/base"},
}

# Which room may include a library's headers.
LIBRARIES = {
    r"uv(\.h$|/)": "proxy/net",
    r"openssl/": "tls",
    r"llhttp\.h$": "metrics",
    r"prometheus/": "metrics",
    r"(yaml-cpp|CLI|spdlog|fmt)/": "proxy",
}

# The order inside proxy/: a file includes its own step and earlier ones. `session_states.h` stands with
# `session`, unless it is named itself.
PROXY_ORDER = [
    ["version", "log", "config", "refusal", "end_reason", "counted", "proxy_protocol", "labels", "environment"],
    ["client_table", "refusal_log", "login_guard", "admission", "addresses", "backend", "dial", "health",
     "introduction", "tls_stream", "snapshot", "expiry"],
    ["relay", "probe", "preflight"],
    ["session"],
    ["inherited", "listening", "drain_pace", "notify", "describe"],
    ["worker", "upkeep", "admin", "privileges", "confinement", "heap_trim"],
    ["pulse", "upgrade"],
    ["server"],
    ["cli"],
    ["main"],
]
STEPS = {name: step for step, names in enumerate(PROXY_ORDER) for name in names}

SOURCES = {".h", ".cc"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def sources(root):
    """Every file of ours, as paths relative to the root."""
    for top in ("proxy", "tls", "metrics", "tests"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SOURCES:
                yield path.relative_to(root)


def room_of(path):
    """The room of a file or of its mirror under tests/; None for what serves all of them."""
    text = str(path)
    if text.startswith("tests/"):
        text = text.removeprefix("tests/")
        if text.startswith(("base/", "net/", "imap/")):
            text = "proxy/" + text
    folder = str(pathlib.PurePath(text).parent)
    matches = [r for r in ROOMS if folder == r or folder.startswith(r + "/")]
    return max(matches, key=len, default=None)


def step_of(path):
    """The place of a file directly in proxy/, None if the table does not name it."""
    stem = path.stem
    while stem not in STEPS and "_" in stem:
        stem = stem.rpartition("_")[0]
    return STEPS.get(stem)


def read_includes(root):
    """{path: [(line, quoted, target)]}"""
    found = {}
    for path in sources(root):
        lines = (root / path).read_text(encoding="utf-8").splitlines()
        matches = ((number, INCLUDE.match(line)) for number, line in enumerate(lines, 1))
        found[path] = [(n, m[1] == '"', m[2]) for n, m in matches if m]
    return found


def check_library(path, target):
    for pattern, owner in LIBRARIES.items():
        if re.match(pattern, target) and room_of(path) not in (owner, None):
            return f"<{target}> belongs to {owner}/ only"
    return None


def check_ours(root, path, target):
    is_test = path.parts[0] == "tests"
    if not (root / target).is_file() and not (root / (target + ".in")).is_file():
        return f'"{target}" is no file of ours, as a path from the top'
    if target.startswith("tests/"):
        return None if is_test else f'"{target}" is test code'
    room, other = room_of(path), room_of(pathlib.PurePath(target))
    if room is not None and other not in ROOMS[room]:
        return f"{room}/ must not know {other}/ (\"{target}\")"
    if room == other == "proxy" and not is_test:
        here, there = step_of(path), step_of(pathlib.PurePath(target))
        if here is not None and there is not None and there > here:
            return f'"{target}" comes later in the order of proxy/'
    return None


def cycles(includes):
    """Each circle of headers once, as the line that closes it."""
    state, offences = {}, []

    def visit(path, trail):
        state[path] = "open"
        for line, quoted, target in includes.get(path, []):
            other = pathlib.PurePath(target)
            if not quoted or other not in by_path:
                continue
            if state.get(by_path[other]) == "open":
                circle = trail[trail.index(by_path[other]):] + [by_path[other]]
                offences.append((path, line, "circle: " + " -> ".join(map(str, circle))))
            elif by_path[other] not in state:
                visit(by_path[other], trail + [by_path[other]])
        state[path] = "done"

    by_path = {pathlib.PurePath(path): path for path in includes}
    for path in includes:
        if path not in state:
            visit(path, [path])
    return offences


def check(root):
    """All offences as (path, line, message)."""
    includes, offences = read_includes(root), []
    for path, found in includes.items():
        if room_of(path) == "proxy" and path.parts[0] == "proxy" and step_of(path) is None:
            offences.append((path, 1, f"has no place in PROXY_ORDER ({pathlib.Path(__file__).name})"))
        if path.suffix == ".h" and "#pragma once" not in (root / path).read_text(encoding="utf-8"):
            offences.append((path, 1, "#pragma once is missing"))
        for line, quoted, target in found:
            message = check_ours(root, path, target) if quoted else None
            message = message or check_library(path, target)
            if message:
                offences.append((path, line, message))
    return offences + cycles(includes)


def main():
    root = pathlib.Path(sys.argv[1])
    count = len(list(sources(root)))
    if count == 0:
        print(f"{root}: no sources here")
        return 2
    offences = check(root)
    for path, line, message in offences:
        print(f"{path}:{line}: {message}")
    print(f"{count} files, {len(offences)} offences")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
