"""Checks that a test runs or judges every fenced block of the documentation. Usage: examples.py ROOT

A test names the block that it takes by block("docs/page.md", "words in it"), or says by section("docs/page.md", …) that it
takes all of that page, one heading after another. Each block with a language must be one of those, and each call must
find its block. A block without a language is a picture. Each offence is printed as file:line.
"""

import ast
import pathlib
import sys

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "deploy"))

from blocks import blocks_of  # noqa: E402  of the tests that run them


def calls(root):
    """(function, page, words or None, where) of each call in the tests that names a page."""
    for path in sorted((root / "tests").rglob("*.py")):
        constants = {}
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                constants.update({target.id: node.value.value for target in node.targets if isinstance(target, ast.Name)})
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                words = [constants.get(word.id) if isinstance(word, ast.Name) else getattr(word, "value", None)
                         for word in node.args]
                if node.func.id in ("block", "section") and isinstance(words[0], str):
                    where = f"{path.relative_to(root)}:{node.lineno}"
                    yield node.func.id, words[0], words[1] if len(words) > 1 else None, where


def offences(root):
    """What is wrong, as lines of text."""
    pages = [str(path.relative_to(root)) for pattern in ("*.md", "deploy/*.md", "docs/*.md")
             for path in sorted(root.glob(pattern))]
    taken = set()
    for function, page, words, where in calls(root):
        found = [one for one in blocks_of(page, root) if function != "block" or (words and words in one.text)]
        if function == "block" and len(found) != 1:
            yield f"{where}: {len(found)} blocks of {page} contain {words!r}"
        taken.update((page, one.line) for one in found)
    for page in pages:
        for one in blocks_of(page, root):
            if one.language and (page, one.line) not in taken:
                yield f"{page}:{one.line}: no test takes this block ({one.language})"


def main():
    found = list(offences(pathlib.Path(sys.argv[1]).resolve()))
    print("\n".join(found) or "every example has a test")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
