// Filter, client to server: what becomes of ID.
#include <string>

#include <gtest/gtest.h>

#include "tests/imap/filter_bench.h"

namespace postern::imap {
namespace {

using test::client;
using test::server;

constexpr std::string_view kBad = " BAD ID is malformed, too long, or waits for a literal\r\n";

Outcome talk(test::Transcript transcript, const Filter::Options& options = {}) {
  transcript.insert(transcript.begin(), server("* OK hi\r\n"));
  Outcome outcome = run_everywhere(transcript, options);
  outcome.to_client.erase(0, 9);
  return outcome;
}

TEST(FilterId, PassesByteForByteIfNothingIsWrongWithIt) {
  const std::string text =
      "a ID NIL\r\nb id (\"name\"  \"Mail\" \"os\" NIL)\r\nc ID ({4+}\r\nname {0+}\r\n)\r\nd "
      "NOOP\r\n";
  const Outcome outcome = talk({client(text), server("* ID NIL\r\na OK\r\nb OK\r\nc OK\r\n")});
  EXPECT_EQ(outcome.to_server, text);
  EXPECT_EQ(outcome.to_client, "* ID NIL\r\na OK\r\nb OK\r\nc OK\r\n");
  EXPECT_EQ(outcome.events, "");
}

TEST(FilterId, LosesWhatOnlyAProxyMaySayBeforeAndAfterLogin) {
  const std::string id = "a ID (\"x-originating-ip\" \"192.0.2.1\" \"name\" \"x\")\r\n";
  const Outcome outcome =
      talk({client(id + "l LOGIN u p\r\n"), server("a OK\r\nl OK\r\n"), client("  " + id)});
  EXPECT_EQ(outcome.to_server,
            "a ID (\"name\" \"x\")\r\nl LOGIN u p\r\n  a ID (\"name\" \"x\")\r\n");
  EXPECT_EQ(outcome.events, "dropped 1, attempt login, success login, dropped 1");
}

TEST(FilterId, CannotBeDisguised) {
  for (const char* command : {"a ID(\"X-SESSION-ID\" \"1\")\r\n", "a  iD  (\"x-session-id\" NIL)\n",
                              "a ID ({12+}\r\nx-session-id {1+}\r\n1)\r\n"}) {
    const Outcome outcome = talk({client("l LOGIN u p\r\n"), server("l OK\r\n"), client(command)});
    EXPECT_TRUE(outcome.events.ends_with("dropped 1")) << command;
    EXPECT_EQ(outcome.to_server.find("ession"), std::string::npos) << outcome.to_server;
  }
}

TEST(FilterId, IsRefusedHereWhereServersCouldReadItInTwoWays) {
  for (const char* command : {"a ID\r\n", "a ID (x-originating-ip \"1\")\r\n", "a ID (\"name\"\r\n",
                              "a ID (\"name\" {3}\r\n", "a ID ({2+}\r\nab ~{2}\r\n"}) {
    const Outcome outcome = talk({client(std::string(command) + "b NOOP\r\n"), server("b OK\r\n")});
    EXPECT_EQ(outcome.to_server, "b NOOP\r\n") << command;
    EXPECT_EQ(outcome.to_client, "a" + std::string(kBad) + "b OK\r\n") << command;
  }
}

TEST(FilterId, IsBoundedWithItsLiterals) {
  Filter::Options options;
  options.limits.id_command = 40;
  const std::string fits = "a ID (\"name\" \"aaaaaaaaaaaaaaaaaaaaaa\")\r\n";
  ASSERT_EQ(fits.size(), 40U);
  EXPECT_EQ(talk({client(fits)}, options).to_server, fits);
  for (const std::string& command :
       {std::string("a ID (\"name\" \"aaaaaaaaaaaaaaaaaaaaaaa\")\r\n"),
        std::string("a ID (\"name\" {30+}\r\n") + std::string(30, 'x') + ")\r\n",
        std::string("a ID (\"name\" {3+}\r\nxxx \"b\" {3+}\r\nxxx \"c\" \"d\" {5}\r\n")}) {
    const Outcome outcome = talk({client(command + "b NOOP\r\n")}, options);
    EXPECT_EQ(outcome.to_server, "b NOOP\r\n") << command;
    EXPECT_EQ(outcome.to_client, "a" + std::string(kBad)) << command;
  }
  const std::string endless = "a ID (\"" + std::string(100, 'x');
  EXPECT_EQ(talk({client(endless)}, options).to_client, "") << "the answer waits for its end";
}

TEST(FilterId, CountsToTheRefusalsAClientMayHave) {
  Filter::Options options;
  options.limits.refusals = 2;
  EXPECT_EQ(talk({client("a ID\r\na STARTTLS\r\n")}, options).violation, "");
  EXPECT_EQ(talk({client("a ID\r\na STARTTLS\r\na ID\r\n")}, options).violation,
            "too_many_refusals");
}

TEST(FilterId, IsAnsweredInTheOrderOfItsQueue) {
  // The answer to the ID does not pass for that of the command behind it.
  const Outcome outcome = talk({client("a ID NIL\r\na LOGIN u p\r\n"), server("a OK\r\n")});
  EXPECT_EQ(outcome.events, "");
  EXPECT_EQ(outcome.to_client, "a BAD Tag is in use\r\na OK\r\n");
}

}  // namespace
}  // namespace postern::imap
