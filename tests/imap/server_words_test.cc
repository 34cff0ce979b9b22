#include "proxy/imap/internal/server_words.h"

#include <gtest/gtest.h>

namespace postern::imap {
namespace {

TEST(ServerWords, KeepsWhatServersSay) {
  EXPECT_EQ(words_of_refusal("a NO [UNAVAILABLE] Internal error occurred. Refer to server log for "
                             "more information.\r\n"),
            "Internal error occurred. Refer to server log for more information.");
  EXPECT_EQ(words_of_refusal("a1 NO Temporary problem, please try again later\r\n"),
            "Temporary problem, please try again later");
  EXPECT_EQ(words_of_refusal("a NO [LIMIT] Maximum number of connections"),
            "Maximum number of connections");
  EXPECT_EQ(words_of_refusal("a NO [INUSE]\r\n"), "");
  EXPECT_EQ(words_of_refusal("a NO"), "");
}

// A user may have any name, so the list of words is the only way to know that one is none.
TEST(ServerWords, LeavesOutWhatMayBeOfTheUser) {
  EXPECT_EQ(words_of_refusal("a NO [UNAVAILABLE] no mailbox for anna\r\n"), "no mailbox for ..");
  EXPECT_EQ(words_of_refusal("a NO User <anna@example.org> not authenticated (pid=7)\r\n"),
            "User .. not authenticated ..");
  EXPECT_EQ(words_of_refusal("a NO [UNAVAILABLE] John Doe 4711 sesame\r\n"), "..");
  EXPECT_EQ(words_of_refusal("a NO [X] \"anna\" server.anna server@ ser\x1bver \xc3\xa4\r\n"),
            "..");
}

TEST(ServerWords, AreCut) {
  std::string line = "a NO";
  for (int i = 0; i < 1000; ++i) {
    line += " server";
  }
  EXPECT_LE(words_of_refusal(line).size(), 122U);
}

}  // namespace
}  // namespace postern::imap
