"""Checks every #include line of the tree against the rooms' link lines.

    includes.py ROOT            each offence as file:line; status 1 if there are any
    includes.py ROOT --graph    the rooms and what they link, as the Markdown table of docs/design.md

A room may include what its target links, directly or through another room. The linker alone cannot hold that: it does
not see headers in /usr/include, nor an inline function of a neighbour. The build of the tests runs this check.
"""

import pathlib
import re
import sys

TOPS = ("proxy", "tls", "metrics")
# Files beside the rooms, in proxy/ itself, may include every room.
DOOR = "proxy"

# Which room, or which rooms, may include a library's headers.
LIBRARIES = {
    r"uv(\.h$|/)": "proxy/net",
    r"openssl/": "tls",
    r"llhttp\.h$": ("proxy/admin", "proxy/lookup"),
    r"prometheus/": "metrics/export",
    r"zlib\.h$": "metrics/export",
    r"yaml-cpp/": "proxy/config",
    r"spdlog/": "proxy/log",
    r"CLI/": "proxy/cli",
    r"sys/socket\.h$": "proxy/net",
}
# The socket of the service manager, the filter of system calls, and peers that tests play.
EXEMPT = re.compile(r"(proxy/process/(service_notifier|seccomp)\.cc|tests/.*) sys/socket\.h")

SOURCES = {".h", ".cc"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ROOM = re.compile(r"^(?:postern_room\(|add_library\()(postern_\w+)(?: INTERFACE)?\)", re.MULTILINE)
LINKS = re.compile(r"^target_link_libraries\((postern_\w+)\s+PUBLIC((?:\s+postern_\w+)+)", re.MULTILINE)


class House:
    """The rooms of a tree: `links` has for each folder the folders of the rooms that its link line names."""

    def __init__(self, root):
        self.root = root
        folders, names = {}, {}
        for path in sorted(path for top in TOPS for path in (root / top).rglob("CMakeLists.txt")):
            text = path.read_text(encoding="utf-8")
            if room := ROOM.search(text):
                folders[room[1]] = str(path.parent.relative_to(root))
                names |= {name: line.split() for name, line in LINKS.findall(text) if name == room[1]}
        self.links = {folder: [folders[link] for link in names.get(name, [])] for name, folder in folders.items()}
        self.links[DOOR] = [folder for folder in self.links if folder != DOOR]
        self._below = {room: self._reach(room) for room in self.links}

    def _reach(self, room):
        found, todo = set(), [room]
        while todo:
            if (one := todo.pop()) not in found:
                found.add(one)
                todo += self.links[one]
        return found

    def may_include(self, room, other):
        return other in self._below[room]

    def room_of(self, path):
        """The room of a file or of its mirror under tests/; None for what serves all of them."""
        folders = [str(folder) for folder in pathlib.PurePath(path).parents]
        if folders[-2:-1] == ["tests"]:
            mirror = folders[-3].removeprefix("tests/") if len(folders) > 2 else ""
            folders = [folder for folder in self.links if pathlib.PurePath(folder).name == mirror]
        return next((folder for folder in folders if folder in self.links), None)


def sources(root):
    """Every file of ours, as paths relative to the root."""
    for top in (*TOPS, "tests"):
        for path in sorted((root / top).rglob("*")):
            if path.suffix in SOURCES:
                yield path.relative_to(root)


def read_includes(root):
    """{path: [(line, quoted, target)]}"""
    found = {}
    for path in sources(root):
        lines = (root / path).read_text(encoding="utf-8").splitlines()
        matches = ((number, INCLUDE.match(line)) for number, line in enumerate(lines, 1))
        found[path] = [(n, m[1] == '"', m[2]) for n, m in matches if m]
    return found


def check_library(house, path, target):
    for pattern, owners in LIBRARIES.items():
        owners = (owners,) if isinstance(owners, str) else owners
        if re.match(pattern, target) and house.room_of(path) not in (*owners, None) and not EXEMPT.fullmatch(f"{path} {target}"):
            return f"<{target}> belongs to {'/ and '.join(owners)}/ only"
    return None


def check_ours(house, path, target):
    is_test = path.parts[0] == "tests"
    if not (house.root / target).is_file() and not (house.root / (target + ".in")).is_file():
        return f'"{target}" is no file of ours, as a path from the top'
    if target.startswith("tests/"):
        return None if is_test else f'"{target}" is test code'
    room, other = house.room_of(path), house.room_of(target)
    if "/internal/" in target and room not in (other, None):
        return f'"{target}" is {other}/\'s own'
    if room is not None and other != DOOR and not house.may_include(room, other):
        return f"{room}/ must not know {other}/ (\"{target}\")"
    if room not in (None, DOOR) and other == DOOR and target != f"{DOOR}/version.h":
        return f'{room}/ must not know the door ("{target}")'
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
    house, includes, offences = House(root), read_includes(root), []
    if circle := link_circle(house):
        return [(pathlib.PurePath(circle[0], "CMakeLists.txt"), 1, "rooms link in a circle: " + " -> ".join(circle))]
    for path, found in includes.items():
        if path.suffix == ".h" and "#pragma once" not in (root / path).read_text(encoding="utf-8"):
            offences.append((path, 1, "#pragma once is missing"))
        for line, quoted, target in found:
            message = check_ours(house, path, target) if quoted else None
            message = message or check_library(house, path, target)
            if message:
                offences.append((path, line, message))
    return offences + cycles(includes) + check_graph(root)


def link_circle(house):
    """Rooms that link each other in a circle, the first one again at the end; empty if there are none."""
    done = set()

    def visit(room, trail):
        if room in trail:
            return trail[trail.index(room):] + [room]
        for below in () if room in done else house.links[room]:
            if circle := visit(below, trail + [room]):
                return circle
        done.add(room)
        return []

    return next(filter(None, (visit(room, []) for room in sorted(house.links))), [])


def graph(root):
    """One row a room, from the door down: the rooms that its target links, and those that its files include."""
    house, includes = House(root), read_includes(root)
    floors = {}

    def floor(room):
        if room not in floors:
            floors[room] = 1 + max((floor(below) for below in house.links[room]), default=-1)
        return floors[room]

    rows = ["| floor | room | links | includes |", "|---:|---|---|---|"]
    for room in sorted(house.links, key=lambda room: (-floor(room), room)):
        own = [path for path in includes if path.parts[0] != "tests" and house.room_of(path) == room]
        targets = {house.room_of(target) for path in own for _, quoted, target in includes[path] if quoted}
        links = "all" if room == DOOR else ", ".join(map(short, house.links[room]))
        rows.append(f"| {floor(room)} | {short(room)} | {links} | {', '.join(map(short, sorted(targets - {room, DOOR})))} |")
    return "\n".join(rows) + "\n"


def short(room):
    return f"`{room.removeprefix(DOOR + '/')}`"


def check_graph(root):
    """What docs/design.md shows of the rooms has to be what is there."""
    page = root / "docs/design.md"
    if not page.is_file() or graph(root) in page.read_text(encoding="utf-8"):
        return []
    return [(page.relative_to(root), 1, "the table of the rooms is not what `includes.py ROOT --graph` prints")]


def main():
    root = pathlib.Path(sys.argv[1])
    count = len(list(sources(root)))
    if count == 0:
        print(f"{root}: no sources here")
        return 2
    if sys.argv[2:] == ["--graph"]:
        print(graph(root), end="")
        return 0
    offences = check(root)
    for path, line, message in offences:
        print(f"{path}:{line}: {message}")
    print(f"{count} files, {len(offences)} offences")
    return 1 if offences else 0


if __name__ == "__main__":
    sys.exit(main())
