#include "proxy/imap/internal/id_edit.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::imap {
namespace {

// The command's arguments as they are sent on, and how many fields were removed.
std::string edited(std::string_view arguments) {
  const auto result = edit_id(arguments);
  return result ? result->arguments + std::to_string(result->dropped) : "refused";
}

TEST(EditId, KeepsTheFieldsOfAClient) {
  EXPECT_EQ(edited(" NIL\r\n"), " NIL\r\n0");
  EXPECT_EQ(edited(" nil\n"), " NIL\r\n0");
  EXPECT_EQ(edited("\r\n"), "\r\n0");
  EXPECT_EQ(edited(" ()\r\n"), " ()\r\n0");
  EXPECT_EQ(edited(" (\"name\" \"x\")\r\n"), " (\"name\" \"x\")\r\n0");
  EXPECT_EQ(edited(" ( \"name\"  \"a \\\"b\\\" c\" \"os\"\"Linux\" ) \r\n"),
            " (\"name\" \"a \\\"b\\\" c\" \"os\" \"Linux\")\r\n0");
  EXPECT_EQ(edited(" ({4+}\r\nname {3}\nx)y \"version\" {0+}\n)\r\n"),
            " (\"name\" \"x)y\" \"version\" \"\")\r\n0");
  EXPECT_EQ(edited(" (\"name\" \"x-originating-ip\")\r\n"),
            " (\"name\" \"x-originating-ip\")\r\n0");
  EXPECT_EQ(edited(" (\"name\" NIL name)\r\n"), " (\"name\" NIL name)\r\n0");
}

TEST(EditId, RemovesTheFieldsOfAProxy) {
  EXPECT_EQ(edited(" (\"x-originating-ip\" \"192.0.2.1\")\r\n"), " NIL\r\n1");
  EXPECT_EQ(edited(" (\"name\" \"x\" \"X-Session-Id\" NIL \"os\" \"y\")\r\n"),
            " (\"name\" \"x\" \"os\" \"y\")\r\n1");
  EXPECT_EQ(edited(" (\"x-forward-user\" \"a\"  \"name\" \"x\" \"x-proxy-ttl\" \"9\")\r\n"),
            " (\"name\" \"x\")\r\n2");
  EXPECT_EQ(edited(" ({16+}\r\nx-originating-ip {9+}\r\n192.0.2.1 \"x-connected-port\" \"1\")\n"),
            " NIL\r\n2");
  EXPECT_EQ(edited(" (\"x-multiplex\" \"0\" \"X-Client-Transport\" \"TLS\")\r\n"), " NIL\r\n2");
  EXPECT_EQ(edited(" (\"X-VIA\" \"192.0.2.1\" \"name\" \"x\")\r\n"), " (\"name\" \"x\")\r\n1");
}

TEST(EditId, DecodesNamesAsAServerDoes) {
  EXPECT_EQ(edited(" (\"x\\-originating-ip\" \"1\")\r\n"), " NIL\r\n1");
  EXPECT_EQ(edited(" (\"\\x-originating-ip\" \"1\")\r\n"), " NIL\r\n1");
  EXPECT_EQ(edited(" (x-originating-ip \"1\")\r\n"), " NIL\r\n1");
}

TEST(EditId, RefusesAmbiguousArguments) {
  for (const std::string arguments :
       {" NILx\r\n", " NIL NIL\r\n", " (\"name\" \"x\"\r\n", " (\"name\" \"x\") y\r\n",
        " (\"name\" \"x\r\n", " (\"name\" \"x\\\r\n", " (\"a\" (\"b\" \"c\"))\r\n",
        " (\"a\" ~{1+}\r\nb)\r\n", " (\"a\" {9+}\r\nb)\r\n", " (\"a\" {3+}\r\nb\r\n)\r\n",
        " (\"a\" {99999999999999999999+}\r\nb)\r\n", " \"name\" \"x\"\r\n"}) {
    EXPECT_EQ(edited(arguments), "refused") << arguments;
  }
  EXPECT_EQ(edited(std::string(" (\"a\" \"b\0\")\r\n", 13)), "refused");
  EXPECT_EQ(edited(std::string(" ({17+}\r\nx-originating-ip\0 \"1\")\r\n", 33)), "refused");
}

}  // namespace
}  // namespace postern::imap
