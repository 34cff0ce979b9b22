#include "proxy/admin/internal/answer_reader.h"

#include <string>

#include <gtest/gtest.h>

namespace postern::admin {
namespace {

// "STATUS body", however the answer is cut; "none" if it is no whole one.
std::string read(std::string_view bytes) {
  std::string first;
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    AnswerReader reader;
    EXPECT_TRUE(reader.feed(as_bytes(bytes.substr(0, cut))));
    EXPECT_TRUE(reader.feed(as_bytes(bytes.substr(cut))));
    const auto answer = reader.answer();
    const std::string found =
        answer ? std::to_string(answer->status) + " " + std::string(answer->body) : "none";
    first = cut == 0 ? found : first;
    EXPECT_EQ(found, first) << cut;
  }
  return first;
}

TEST(AnswerReader, ReadsAWholeAnswer) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nA: b\r\ncontent-length:  3\r\nC: d\r\n\r\nyes"), "200 yes");
  EXPECT_EQ(read("HTTP/1.0 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"), "401 ");
}

TEST(AnswerReader, TakesNothingElse) {
  for (const char* bytes :
       {"", "HTTP/1.1 200 OK\r\n\r\nyes", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nye",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyess", "* OK IMAP ready\r\n",
        "HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3"}) {
    EXPECT_EQ(read(bytes), "none") << bytes;
  }
}

TEST(AnswerReader, IsBounded) {
  AnswerReader reader;
  const std::string much(AnswerReader::kMost, 'x');
  EXPECT_TRUE(reader.feed(as_bytes(much)));
  EXPECT_FALSE(reader.feed(as_bytes("x")));
}

}  // namespace
}  // namespace postern::admin
