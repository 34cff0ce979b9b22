// Filter, client to server before login: the command ID.
#include <string>

#include <gtest/gtest.h>

#include "tests/imap/strict_talk.h"

namespace postern::imap {
namespace {

TEST(StrictReaderId, QuotesTheStringsOfId) {
  EXPECT_EQ(talk({client("a ID NIL\r\nb id (\"name\"  \"Mail\" \"os\" NIL)\r\n")}).to_server,
            "a ID NIL\r\nb id (\"name\" \"Mail\" \"os\" NIL)\r\n");
  const Outcome outcome = talk({client("c ID ({4}\r\nname {0+}\r\n \"a\" {3}\r\nx\"y)\r\n")});
  EXPECT_EQ(outcome.to_server, "c ID (\"name\" \"\" \"a\" \"x\\\"y\")\r\n");
  EXPECT_EQ(outcome.to_client, "+ OK\r\n+ OK\r\n");
}

TEST(StrictReaderId, AcceptsIdAsDovecotDoes) {
  EXPECT_EQ(talk({client("a ID\r\n")}).to_server, "a ID\r\n");
  EXPECT_EQ(talk({client("a ID (\"name\")\r\n")}).to_server, "a ID (\"name\")\r\n");
  EXPECT_EQ(talk({client("a ID ()\r\n")}).to_server, "a ID ()\r\n");
  EXPECT_EQ(talk({client("a ID (name x)\r\n")}).to_server, "a ID (name x)\r\n");
}

TEST(StrictReaderId, AcceptsThirtyPairsOfFullLength) {
  std::string id = "a ID (\"name\" \"x\"";
  for (int i = 10; i < 40; ++i) {
    id +=
        " \"" + std::string(28, 'k') + std::to_string(i) + "\" \"" + std::string(1024, 'v') + "\"";
  }
  FilterBench bench;
  bench.server("* OK hi\r\n");
  bench.client(id + ")\r\n");
  EXPECT_EQ(bench.to_server.text, id + ")\r\n");
}

TEST(StrictReaderId, DropsTheFieldsOfAProxy) {
  for (const char* command :
       {"a ID (\"x-originating-ip\" \"192.0.2.1\")\r\n", "a  iD  (\"x-session-id\" NIL)\n",
        "a ID ({12+}\r\nx-session-id {1}\r\n1)\r\n", "a ID (\"x\\-originating-ip\" \"1\")\r\n",
        "a ID (x-originating-ip \"1\")\r\n", "a ID (\"X-VIA\")\r\n"}) {
    const Outcome outcome = talk({client(command)});
    EXPECT_EQ(outcome.events, "dropped 1") << command;
    EXPECT_TRUE(outcome.to_server.ends_with(" NIL\r\n")) << outcome.to_server;
  }
}

TEST(StrictReaderId, RefusesAnAmbiguousId) {
  for (const char* command :
       {"a ID (\"name\"\r\n", "a ID (\"name\" \"x\") y\r\n", "a ID \"name\" \"x\"\r\n",
        "a ID NILx\r\n", "a ID ({3+}\r\na\r\n NIL)\r\n", "a ID ((\"a\" \"b\"))\r\n"}) {
    const Outcome outcome = talk({client(std::string(command) + "b NOOP\r\n")});
    EXPECT_EQ(outcome.to_server, "b NOOP\r\n") << command;
    EXPECT_EQ(outcome.to_client, refusal(CommandRefusal::Id)) << command;
  }
  EXPECT_EQ(talk({client("a ID(\"name\" \"x\")\r\n")}).to_client,
            refusal(CommandRefusal::Malformed));
}

}  // namespace
}  // namespace postern::imap
