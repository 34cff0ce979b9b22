#include "proxy/lookup/answer_reader.h"

#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "tests/support/every_split.h"

namespace postern {
namespace {

using Step = LookupAnswerReader::Step;

struct Outcome {
  Step step = Step::More;
  LookupAnswer answer = {};
  bool operator==(const Outcome&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
    return out << "step " << static_cast<int>(outcome.step) << ", Auth-Status "
               << outcome.answer.verdict;
  }
};

// Read from a connection that then ends.
Outcome read(const std::string& text) {
  return test::every_split({test::server(text)}, [](const std::vector<test::Arrival>& arrivals) {
    LookupAnswerReader reader;
    Step step = Step::More;
    for (const test::Arrival& arrival : arrivals) {
      for (size_t i = 0; i < arrival.pieces.size() && step == Step::More; ++i) {
        step = reader.feed(as_bytes(arrival.pieces[i]));
      }
    }
    if (step == Step::More) {
      step = reader.end();
    }
    return Outcome{.step = step, .answer = step == Step::Whole ? reader.answer() : LookupAnswer()};
  });
}

// The same for input that is too long to be cut everywhere: as it comes in reads of 4 KiB.
Step read_on(const std::string& text) {
  LookupAnswerReader reader;
  Step step = Step::More;
  for (size_t at = 0; at < text.size() && step == Step::More; at += 4096) {
    step = reader.feed(as_bytes(std::string_view(text).substr(at, 4096)));
  }
  return step == Step::More ? reader.end() : step;
}

const LookupAnswer kFound{
    .status = 200, .verdict = "OK", .server = "192.0.2.1", .port = "143", .backend = "new"};
constexpr const char* kFields =
    "Auth-Status: OK\r\nauth-server: 192.0.2.1\r\nAUTH-PORT: 143 \r\nAuth-Backend:new\r\n";

std::string answer(const std::string& fields, const std::string& body = "") {
  return "HTTP/1.0 200 OK\r\n" + fields + "\r\n" + body;
}

TEST(LookupAnswerReader, ReadsTheFieldsOfAnAnswer) {
  EXPECT_EQ(read(answer(kFields)).answer, kFound) << "its end is that of the connection";
  const auto with = [](const std::string& more) { return answer(kFields + more); };
  EXPECT_EQ(read(with("Content-Length: 5\r\n") + "hello").answer, kFound);
  EXPECT_EQ(read(with("Content-Length: 0\r\n") + "HTTP/1.0 500 X\r\n").answer, kFound)
      << "what follows the answer is not read";
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + std::string(kFields) +
                 "\r\n3\r\nabc\r\n0\r\n\r\n")
                .answer,
            kFound);
  const LookupAnswer refused = read(
                                   "HTTP/1.1 204 No Content\r\nAuth-Status: no such user\r\n"
                                   "Auth-Wait: 3\r\nAuth-Error-Code: 535 5.7.8\r\n\r\n")
                                   .answer;
  EXPECT_EQ(refused,
            (LookupAnswer{.status = 204, .verdict = "no such user", .error_code = "535 5.7.8"}));
}

TEST(LookupAnswerReader, TakesNothingThatIsCutOff) {
  const std::string whole = answer(std::string(kFields) + "Content-Length: 5\r\n", "hello");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(read_on(whole.substr(0, size)), Step::Invalid) << size;
  }
  EXPECT_EQ(read_on(whole), Step::Whole);
}

TEST(LookupAnswerReader, TakesNothingThatIsNoHttp) {
  for (const char* text :
       {"* OK ready\r\n", "SSH-2.0-x\r\n", "HTTP/2.0 200 OK\r\n\r\n", "HTTP/1.0 OK\r\n\r\n",
        "HTTP/1.0 200 OK\r\nAuth Status: OK\r\n\r\n", "GET / HTTP/1.0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "\n\n\n"}) {
    EXPECT_EQ(read(text).step, Step::Invalid) << text;
  }
}

TEST(LookupAnswerReader, TakesNothingThatSaysTwoThings) {
  EXPECT_EQ(read(answer("Auth-Status: OK\r\nAuth-Backend: new\r\nAuth-Backend: old\r\n")).step,
            Step::Invalid);
  EXPECT_EQ(read(answer("X: 1\r\nX: 2\r\nAuth-Status: no\r\n")).step, Step::Whole);
}

TEST(LookupAnswerReader, HasItsLimits) {
  const auto lines = [](size_t count) {
    std::string fields;
    for (size_t i = 0; i < count; ++i) {
      fields += "A: b\r\n";
    }
    return answer(fields);
  };
  EXPECT_EQ(read_on(lines(LookupAnswerReader::kMaxFields)), Step::Whole);
  EXPECT_EQ(read_on(lines(LookupAnswerReader::kMaxFields + 1)), Step::TooLarge);

  const size_t rest = answer("A: \r\n").size();
  const auto head = [&](size_t size) {
    return answer("A: " + std::string(size - rest, 'x') + "\r\n");
  };
  EXPECT_EQ(read_on(head(LookupAnswerReader::kMaxHead)), Step::Whole);
  EXPECT_EQ(read_on(head(LookupAnswerReader::kMaxHead + 1)), Step::TooLarge);

  const std::string body(LookupAnswerReader::kMaxBody, 'x');
  EXPECT_EQ(read_on(answer(kFields, body)), Step::Whole);
  EXPECT_EQ(read_on(answer(kFields, body + "x")), Step::TooLarge);
  EXPECT_EQ(read_on(answer("Content-Length: 1048576\r\n")), Step::TooLarge)
      << "what is announced is not waited for";
}

}  // namespace
}  // namespace postern
