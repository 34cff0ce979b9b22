"""Checks the links of README.md, CONTRIBUTING.md, SECURITY.md, CHANGELOG.md, deploy/ and docs/. Usage: links.py ROOT

A relative link must lead to a file or folder of the tree, its anchor to a heading of that page, and a link whose
text is a function, [`Relay::pace()`](../proxy/relay/relay.cc), to a file that defines it. README.md has at most 150 lines.
Each offence is printed as file:line. Addresses of other hosts are not looked at.
"""

import pathlib
import re
import sys

PAGES = ("*.md", "deploy/*.md", "docs/*.md")
README_LINES = 150

FENCE = re.compile(r"^\s*(```|~~~)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
INLINE = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\(\s*<?([^)\s>]+)>?[^)]*\)")
REFERENCE = re.compile(r"^ *\[([^\]\n]+)\]:[ \t]*<?([^\s>]+)>?", re.M)
FUNCTION = re.compile(r"^`(?:\w+::)*?(?:(\w+)::)?(\w+)\(\)`$")
CODE = re.compile(r"`[^`\n]*`")


def prose(text):
    """The lines of a page, with empty ones in place of fenced blocks."""
    fence, lines = None, []
    for line in text.splitlines():
        mark = FENCE.match(line)
        if mark and fence in (None, mark[1]):
            fence = None if fence else mark[1]
            line = ""
        lines.append("" if fence else line)
    return lines


def anchors(text):
    """The anchors that GitHub gives to the headings of a page."""
    found = set()
    for line in prose(text):
        heading = HEADING.match(line)
        if heading:
            words = INLINE.sub(lambda link: link[1], heading[1]).lower()
            anchor = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
            copies = (f"{anchor}-{n}" if n else anchor for n in range(len(found) + 1))
            found.add(next(name for name in copies if name not in found))
    return found


def links(text):
    """(line number, text, target) of each link. A link inside a code span is an example and no link."""
    text = "\n".join(prose(text))
    spans = [span.span() for span in CODE.finditer(text)]
    for link in (*INLINE.finditer(text), *REFERENCE.finditer(text)):
        if not any(start < link.start() and link.end() <= end for start, end in spans):
            yield text.count("\n", 0, link.start()) + 1, link[1], link[2]


def offence(root, page, words, target):
    """What is wrong with one link; None if nothing is."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    path, _, anchor = target.partition("#")
    place = (page.parent / path).resolve() if path else page
    if path.startswith("/") or not place.is_relative_to(root.resolve()):
        return f"{target} leads out of the tree"
    if not place.exists():
        return f"{target}: there is no such file"
    if anchor and place.suffix != ".md":
        return f"{target}: only a page has anchors"
    if anchor and anchor not in anchors(place.read_text(encoding="utf-8")):
        return f"{target}: the page has no such heading"
    function = FUNCTION.match(words)
    if function and place.suffix in (".h", ".cc") and not defines(place.read_text(encoding="utf-8"), *function.groups()):
        return f"{words} is not in {path}"
    return None


def defines(code, owner, name):
    """Whether the code defines the function: by its full name, in the body of its class, or in a
    namespace (which has a small letter)."""
    if owner is None or owner.islower() or re.search(rf"\b(class|struct) (\w+::)*{owner}\b[^;]*{{", code):
        return re.search(rf"^[^/\n]*\b{name}\(", code, re.M)
    return re.search(rf"^[^\s/][^\n]*\b{owner}::{name}\(", code, re.M)


def pages(root):
    return [page for pattern in PAGES for page in sorted(root.resolve().glob(pattern))]


def check(root):
    """All offences as (path, line, message)."""
    found = []
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(root.resolve())
        for line, words, target in links(text):
            message = offence(root, page, words, target)
            if message:
                found.append((name, line, message))
        if str(name) == "README.md" and len(text.splitlines()) > README_LINES:
            found.append((name, README_LINES + 1, f"README.md has more than {README_LINES} lines"))
    return found


def main():
    root = pathlib.Path(sys.argv[1])
    if not (root / "README.md").is_file():
        print(f"{root}: no README.md here")
        return 2
    found = check(root)
    for path, line, message in found:
        print(f"{path}:{line}: {message}")
    count = sum(len(list(links(page.read_text(encoding='utf-8')))) for page in pages(root))
    print(f"{len(pages(root))} pages, {count} links, {len(found)} offences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
