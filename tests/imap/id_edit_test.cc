#include "proxy/imap/id_edit.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::imap {
namespace {

// The command's arguments as they pass on, and how many fields they have lost.
std::string edited(std::string_view arguments) {
  const auto result = edit_id(arguments);
  return result ? result->arguments + std::to_string(result->dropped) : "refused";
}

TEST(EditId, LetsPassWhatAClientSaysOfItself) {
  for (const std::string arguments :
       {" NIL\r\n", " nil\n", " ()\r\n", " (\"name\" \"x\")\r\n", "(\"name\" NIL)\r\n",
        " ( \"name\"  \"a \\\"b\\\" c\" \"os\"\"Linux\" ) \r\n",
        " (\"name\" {3+}\r\na\r\n \"version\" {0+}\n)\r\n",
        " ({4+}\r\nname \"x-originating-ip\")\r\n", " (\"ax-originating-ip\" \"1\")\r\n"}) {
    EXPECT_EQ(edited(arguments), arguments + "0");
  }
}

TEST(EditId, TakesOutWhatOnlyAProxyMaySay) {
  EXPECT_EQ(edited(" (\"x-originating-ip\" \"192.0.2.1\")\r\n"), " NIL\r\n1");
  EXPECT_EQ(edited(" (\"name\" \"x\" \"X-Session-Id\" NIL \"os\" \"y\")\r\n"),
            " (\"name\" \"x\" \"os\" \"y\")\r\n1");
  EXPECT_EQ(edited(" (\"x-forward-user\" \"a\"  \"name\" \"x\" \"x-proxy-ttl\" \"9\")\r\n"),
            " (\"name\" \"x\")\r\n2");
  EXPECT_EQ(edited(" ({16+}\r\nx-originating-ip {9+}\r\n192.0.2.1 \"x-connected-port\" \"1\")\n"),
            " NIL\n2");
  EXPECT_EQ(edited(" (\"x-forwarded-for\" \"a\" \"name\" {3+}\r\na\r\n)\r\n"),
            " (\"name\" {3+}\r\na\r\n)\r\n1");
}

TEST(EditId, SeesThroughWhatAServerWouldSeeThrough) {
  EXPECT_EQ(edited(" (\"x\\-originating-ip\" \"1\")\r\n"), " NIL\r\n1");
  EXPECT_EQ(edited(" (\"\\x-originating-ip\" \"1\")\r\n"), " NIL\r\n1");
  EXPECT_EQ(edited(std::string(" ({17+}\r\nx-originating-ip\0 \"1\")\r\n", 33)), " NIL\r\n1");
}

TEST(EditId, RefusesWhatCouldBeReadInTwoWays) {
  for (const std::string arguments :
       {"\r\n", " \r\n", " NILx\r\n", " NIL NIL\r\n", " (name \"x\")\r\n", " (\"name\" x)\r\n",
        " (\"name\")\r\n", " (NIL \"x\")\r\n", " (\"name\" \"x\"\r\n", " (\"name\" \"x\") y\r\n",
        " (\"name\" \"x\r\n", " (\"name\" \"x\\\r\n", " (\"a\" (\"b\" \"c\"))\r\n",
        " (\"a\" ~{1+}\r\nb)\r\n", " (\"a\" {1}\r\nb)\r\n", " (\"a\" {9+}\r\nb)\r\n",
        " (\"a\" {99999999999999999999+}\r\nb)\r\n", " \"name\" \"x\"\r\n"}) {
    EXPECT_EQ(edited(arguments), "refused") << arguments;
  }
  EXPECT_EQ(edited(std::string(" (\"a\" \"b\0\")\r\n", 13)), "refused");
}

}  // namespace
}  // namespace postern::imap
