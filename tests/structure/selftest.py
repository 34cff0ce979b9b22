"""Plants one offence of each kind and sees it found: a check that cannot fail checks nothing."""

import pathlib
import tempfile
import unittest

import dialect
import examples
import includes
import lengths
import links
import one_definition
import symbols


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)

    def plant(self, path, *lines):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        head = ["#pragma once"] if target.suffix == ".h" else []
        target.write_text("\n".join(head + list(lines)) + "\n", encoding="utf-8")

    def room(self, folder, name, *links):
        line = f"target_link_libraries(postern_{name} PUBLIC {' '.join(f'postern_{link}' for link in links)})"
        self.plant(f"{folder}/CMakeLists.txt", f"postern_room(postern_{name})", *([line] if links else []))

    def found(self):
        return [f"{path}:{line}: {text}" for path, line, text in includes.check(self.root)]

    def expect(self, start, *words):
        offences = self.found()
        self.assertEqual(len(offences), 1, offences)
        self.assertTrue(offences[0].startswith(start), offences)
        for word in words:
            self.assertIn(word, offences[0])


class Includes(Tree):
    def setUp(self):
        super().setUp()
        self.plant("proxy/base/CMakeLists.txt", "add_library(postern_base INTERFACE)")
        for name in ("tls", "metrics"):
            self.room(name, name, "base")
        self.room("metrics/export", "export", "metrics")
        for name in ("net", "imap", "log"):
            self.room(f"proxy/{name}", name, "base")
        self.room("proxy/config", "config", "log", "net", "tls")
        self.room("proxy/session", "session", "config", "imap")
        self.room("proxy/server", "server", "session")

    def test_clean_tree_has_no_offence(self):
        self.plant("proxy/base/error.h")
        self.plant("proxy/base/result.h", '#include "proxy/base/error.h"')
        self.plant("proxy/net/tcp.h", "#include <uv.h>", '#include "proxy/base/result.h"')
        self.plant("tls/engine.cc", "#include <openssl/ssl.h>", '#include "proxy/base/error.h"')
        self.plant("metrics/export/exporter.h", "#include <prometheus/collectable.h>")
        self.plant("tests/export/exporter_test.cc", "#include <zlib.h>", '#include "metrics/export/exporter.h"')
        self.plant("proxy/config/config.h", "#include <string>")
        self.plant("proxy/session/session.h", '#include "proxy/config/config.h"', '#include "proxy/net/tcp.h"')
        self.plant("proxy/main.cc", '#include "proxy/session/session.h"', '#include "proxy/door.h"')
        self.plant("proxy/door.h")
        self.plant("proxy/version.h.in")
        self.plant("proxy/server/internal/status.cc", '#include "proxy/version.h"')
        self.plant("tests/support/peer.h", "#include <uv.h>", "#include <openssl/ssl.h>")
        self.plant("tests/net/tcp_test.cc", "#include <uv.h>", '#include "tests/support/peer.h"')
        self.assertEqual(self.found(), [])

    def test_library_outside_its_room(self):
        for header, path in (("uv.h", "proxy/session/x.cc"), ("openssl/ssl.h", "proxy/net/tcp.cc"),
                             ("llhttp.h", "proxy/server/x.cc"), ("prometheus/registry.h", "tls/x.cc"),
                             ("yaml-cpp/yaml.h", "metrics/x.cc"), ("uv.h", "tests/imap/x_test.cc")):
            with self.subTest(header=header, path=path):
                self.plant(path, "// a line", f"#include <{header}>")
                self.expect(f"{path}:2:", f"<{header}> belongs to")
                self.plant(path)

    def test_leaf_that_knows_a_leaf(self):
        self.plant("tls/engine.h")
        self.plant("proxy/net/tcp.cc", '#include "tls/engine.h"')
        self.expect("proxy/net/tcp.cc:1:", "proxy/net/ must not know tls/")

    def test_test_of_a_leaf_that_knows_a_leaf(self):
        self.plant("tls/engine.h")
        self.plant("tests/imap/x_test.cc", '#include "tls/engine.h"')
        self.expect("tests/imap/x_test.cc:1:", "proxy/imap/ must not know tls/")

    def test_base_that_knows_a_leaf(self):
        self.plant("proxy/net/tcp.h")
        self.plant("proxy/base/bytes.h", '#include "proxy/net/tcp.h"')
        self.expect("proxy/base/bytes.h:2:", "proxy/base/ must not know proxy/net/")

    def test_leaf_that_knows_the_daemon(self):
        self.plant("proxy/config/config.h")
        self.plant("metrics/x.cc", '#include "proxy/config/config.h"')
        self.expect("metrics/x.cc:1:", "metrics/ must not know proxy/config/")

    def test_room_that_knows_one_above(self):
        self.plant("proxy/server/worker.h")
        self.plant("proxy/session/session.cc", '#include "proxy/server/worker.h"')
        self.expect("proxy/session/session.cc:1:", "proxy/session/ must not know proxy/server/")

    def test_test_of_a_room_that_knows_one_above(self):
        self.plant("proxy/server/worker.h")
        self.plant("tests/session/session_test.cc", '#include "proxy/server/worker.h"')
        self.expect("tests/session/session_test.cc:1:", "proxy/session/ must not know proxy/server/")

    def test_room_that_knows_the_inside_of_another(self):
        self.plant("tls/internal/shadow.h")
        self.plant("tls/server_context.cc", '#include "tls/internal/shadow.h"')
        self.plant("tests/tls/shadow_test.cc", '#include "tls/internal/shadow.h"')
        self.plant("proxy/config/x.cc", '#include "tls/internal/shadow.h"')
        self.expect("proxy/config/x.cc:1:", "is tls/'s own")

    def test_room_that_knows_the_door(self):
        self.plant("proxy/door.h")
        self.plant("proxy/server/server.cc", '#include "proxy/door.h"')
        self.expect("proxy/server/server.cc:1:", "must not know the door")

    def test_circle_of_links(self):
        self.room("proxy/net", "net", "base", "server")
        self.expect("proxy/config/CMakeLists.txt:1:", "in a circle", "proxy/net -> proxy/server -> proxy/session -> proxy/config")

    def test_circle_of_headers(self):
        self.plant("tls/a.h", '#include "tls/b.h"')
        self.plant("tls/b.h", '#include "tls/c.h"')
        self.plant("tls/c.h", '#include "tls/a.h"')
        self.expect("tls/c.h:2:", "tls/a.h -> tls/b.h -> tls/c.h -> tls/a.h")

    def test_path_not_from_the_top(self):
        self.plant("tls/a.h")
        self.plant("tls/a.cc", '#include "a.h"')
        self.expect("tls/a.cc:1:", "from the top")

    def test_room_that_includes_test_code(self):
        self.plant("tests/support/peer.h")
        self.plant("tls/a.cc", '#include "tests/support/peer.h"')
        self.expect("tls/a.cc:1:", "test code")

    def test_header_without_pragma_once(self):
        self.plant("tls/a.h")
        (self.root / "tls/a.h").write_text("int a;\n", encoding="utf-8")
        self.expect("tls/a.h:1:", "pragma once")


class Lengths(Tree):
    def test_long_file_is_named(self):
        self.plant("tls/short.cc", *["//"] * 400)
        self.plant("tls/long.cc", *["//"] * 401)
        self.plant("tests/tls/short_test.cc", *["//"] * 450)
        self.plant("tests/tls/long_test.cc", *["//"] * 451)
        found = [(451, pathlib.PurePath("tests/tls/long_test.cc"), 450), (401, pathlib.PurePath("tls/long.cc"), 400)]
        self.assertEqual(lengths.long_files(self.root), found)


class Dialect(Tree):
    def test_words_and_increments_are_named(self):
        self.plant("tls/a.cc", "for (size_t i = 0; i < n; ++i) {", "  ++count_;", "  return at++;", "  *out++ = 1;")
        self.plant("docs/a.md", "The client must send it again.")
        self.assertEqual(dialect.check(self.root), [])
        self.plant("tls/a.cc", "  count_--;", "for (; n > 0; n--) {", "// Whoever calls it", "  [&] { list[1].left++; }")
        self.plant("docs/a.md", "", "The client shall send it anew.")
        self.assertEqual([(str(path), line) for path, line, _ in dialect.check(self.root)],
                         [("tls/a.cc", 1), ("tls/a.cc", 2), ("tls/a.cc", 3), ("tls/a.cc", 4), ("docs/a.md", 2),
                          ("docs/a.md", 2)])


class OneDefinition(Tree):
    def test_a_type_that_two_headers_define_is_named(self):
        self.plant("tls/a.h", "namespace postern {", "struct Finding {", "struct Inner {", "struct Known;", "}  // namespace postern")
        self.plant("proxy/base/b.h", "namespace postern::other {", "struct Finding {", "}  // namespace postern::other")
        self.plant("proxy/base/c.h", "namespace postern {", "class Known final : public A {", "}  // namespace postern")
        self.assertEqual(one_definition.check(self.root), [])
        self.plant("proxy/base/d.h", "namespace postern {", "", "class Finding final {", "}  // namespace postern")
        self.assertEqual([(str(path), line) for path, line, _ in one_definition.check(self.root)], [("tls/a.h", 3)])


class Links(Tree):
    def expect_page(self, line, *words):
        offences = [(str(path), number, text) for path, number, text in links.check(self.root)]
        self.assertEqual(len(offences), 1, offences)
        self.assertEqual(offences[0][:2], ("docs/a.md", line))
        for word in words:
            self.assertIn(word, offences[0][2])

    def test_clean_pages_have_no_offence(self):
        self.plant("proxy/relay.cc", "void Relay::pace() {", "}")
        self.plant("docs/b.md", "# What's `new` in 1.0?", "## Same", "## Same")
        self.plant("docs/a.md", "# A", "[b](b.md#whats-new-in-10), [twice](b.md#same-1), [here](#a), ![p](../docs/b.md)",
                   "[`Relay::pace()`](../proxy/relay.cc), [a folder](../proxy), [host](https://example.org/x#y), [over",
                   "two lines](b.md), `[no](link.md)`", "```", "[no](link.md)", "```", "[b]: b.md")
        self.assertEqual(links.check(self.root), [])
        self.assertEqual(len(list(links.links((self.root / "docs/a.md").read_text(encoding="utf-8")))), 9)

    def test_file_that_is_not_there(self):
        for lines in (["[x](gone.md)"], ["![x](gone.svg)"], ["[x]: gone.md"], ["[x](../docs/gone.md#a)"],
                      ["[over", "two lines](gone.md)"]):
            with self.subTest(lines=lines):
                self.plant("docs/a.md", "", *lines)
                self.expect_page(2, "gone.", "no such file")

    def test_heading_that_is_not_there(self):
        self.plant("docs/b.md", "# B", "```", "# Not a heading", "```")
        self.plant("docs/a.md", "[x](b.md#not-a-heading)")
        self.expect_page(1, "no such heading")
        self.plant("docs/a.md", "# A", "[x](#b)")
        self.expect_page(2, "no such heading")

    def test_anchor_into_code(self):
        self.plant("tls/a.cc")
        self.plant("docs/a.md", "[x](../tls/a.cc#L5)")
        self.expect_page(1, "only a page")

    def test_way_out_of_the_tree(self):
        self.plant("docs/a.md", "[x](../../etc/passwd)")
        self.expect_page(1, "out of the tree")
        self.plant("docs/a.md", "[x](/docs/a.md)")
        self.expect_page(1, "out of the tree")

    def test_function_that_has_gone(self):
        self.plant("docs/a.md", "[`Relay::pace()`](../proxy/relay.cc)")
        for left in ("void Relay::keep_pace() {", "void Relay::run() {  pace();", "  // as Relay::pace() does"):
            with self.subTest(left=left):
                self.plant("proxy/relay.cc", left, "}")
                self.expect_page(1, "`Relay::pace()`", "proxy/relay.cc")

    def test_long_readme(self):
        self.plant("README.md", *["x"] * links.README_LINES)
        self.assertEqual(links.check(self.root), [])
        self.plant("README.md", *["x"] * (links.README_LINES + 1))
        found = [(pathlib.PurePath("README.md"), 151, "README.md has more than 150 lines")]
        self.assertEqual(links.check(self.root), found)


class Examples(Tree):
    def test_only_a_block_that_a_test_takes_is_no_offence(self):
        self.plant("docs/a.md", "```", "a picture", "```", "```sh", "postern --version", "```", "```yaml", "tls:", "```")
        self.plant("tests/deploy/test_a.py", 'PAGE = "docs/a.md"', 'block(PAGE, "--version")')
        self.assertEqual(list(examples.offences(self.root)), ["docs/a.md:7: no test takes this block (yaml)"])
        self.plant("tests/deploy/test_b.py", 'block("docs/a.md", "tls:")')
        self.assertEqual(list(examples.offences(self.root)), [])

    def test_a_call_that_finds_no_block(self):
        self.plant("docs/a.md", "# A")
        self.plant("tests/deploy/test_a.py", 'block("docs/a.md", "gone")')
        self.assertEqual(list(examples.offences(self.root)),
                         ["tests/deploy/test_a.py:1: 0 blocks of docs/a.md contain 'gone'"])


class Symbols(unittest.TestCase):
    def test_boringssl_is_recognised(self):
        exported = ["SSL_read", "EVP_DigestInit", "CRYPTO_free", "_ZN4bssl3FooEv", "stdout", "main", "uv_SSL_"]
        self.assertEqual(symbols.offences(exported), exported[:4])


if __name__ == "__main__":
    unittest.main()
