#include "proxy/imap/internal/scanner.h"

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/every_split.h"

namespace postern::imap {
namespace {

using test::client;
using Found = Scanner::Found;
using Marks = Scanner::Marks;

// Frames all of `text`: each line end as "|", each literal as "<bytes>", a bad one as "!".
std::string frame(const std::string& text, Marks marks = Marks::Heed) {
  return test::every_split({client(text)}, [&](const std::vector<test::Arrival>& arrivals) {
    Scanner scanner;
    std::string framed;
    for (std::string_view rest : arrivals.front().pieces) {
      while (!rest.empty()) {
        size_t used = 0;
        if (scanner.literal_left() > 0) {
          used = scanner.read_literal(rest.size());
          framed.append(rest.substr(0, used)).append(scanner.literal_left() == 0 ? ">" : "");
        } else {
          const Found found = scanner.read_line(as_bytes(rest), marks, used);
          framed += found == Found::LineEnd ? "|" : found == Found::BadLiteral ? "!" : "";
          framed += found == Found::Literal ? scanner.synchronising() ? "<" : "<+" : "";
          framed += found == Found::Literal && scanner.literal_left() == 0 ? ">" : "";
        }
        rest.remove_prefix(used);
      }
    }
    return framed;
  });
}

TEST(Scanner, EndsLinesAtLineFeedWithOrWithoutCarriageReturn) {
  EXPECT_EQ(frame("* OK\r\n* 1 EXISTS\n\r\n\n"), "||||");
}

TEST(Scanner, SkipsLiteralsByCount) {
  EXPECT_EQ(frame("* 1 FETCH (BODY[] {5}\r\nab\r\nc)\r\n"), "<ab\r\nc>|");
  EXPECT_EQ(frame("a APPEND x {3+}\r\nabc\r\n"), "<+abc>|");
  EXPECT_EQ(frame("a APPEND x ~{3}\r\na\nc {2}\r\nde\r\n"), "<a\nc><de>|");
  EXPECT_EQ(frame("a X {0}\r\n\r\nb X {0003}\nabc\r\n"), "<>|<abc>|");
}

TEST(Scanner, FindsMarksOnlyAtTheEndOfALine) {
  for (const char* line : {"a {5} b\r\n", "a {5}}\r\n", "a {}\r\n", "a {+}\r\n", "a {5+\r\n",
                           "a {-5}\r\n", "a { 5}\r\n", "a {5++}\r\n", "a {5}\r\r\n", "a 5}\r\n",
                           "a {5x}\r\n", "}\r\n", "a {5} \r\n"}) {
    EXPECT_EQ(frame(line), "|") << line;
    EXPECT_EQ(frame(line, Marks::Check), "|") << line;
  }
  EXPECT_EQ(frame("a {1{2}\r\nxy\r\n"), "<xy>|");
}

TEST(Scanner, IgnoresMarksInFreeText) {
  EXPECT_EQ(frame("* OK {5}\r\na\r\n", Marks::Ignore), "||");
}

TEST(Scanner, RefusesSizesBeyond63Bits) {
  EXPECT_EQ(frame("a X {9223372036854775808}\r\n"), "!");
  EXPECT_EQ(frame("a X {99999999999999999999999+}\r\n"), "!");
  EXPECT_EQ(frame("a X {18446744073709551621}\r\n"), "!");  // 2^64 + 5
  Scanner scanner;
  size_t used = 0;
  EXPECT_EQ(scanner.read_line(as_bytes("a {9223372036854775807}\r\n"), Marks::Heed, used),
            Found::Literal);
  EXPECT_EQ(scanner.literal_left(), 9223372036854775807U);
}

TEST(Scanner, ChecksThePlaceOfANonSynchronisingLiteral) {
  EXPECT_EQ(frame("a LOGIN \"x {5+}\r\n", Marks::Check), "!");
  EXPECT_EQ(frame("a LOGIN \"x\\\" {5+}\r\n", Marks::Check), "!");
  EXPECT_EQ(frame("a LOGIN x{5+}\r\n", Marks::Check), "!");
  EXPECT_EQ(frame("a LOGIN \"x\\\\\" {1+}\r\nz\r\n", Marks::Check), "<+z>|");
  EXPECT_EQ(frame("a X ({1+}\r\nz ~{1+}\r\nz)\r\n", Marks::Check), "<+z><+z>|");
  EXPECT_EQ(frame("a LOGIN \"x {5}\r\nabcde\r\n", Marks::Check), "<abcde>|");
}

TEST(Scanner, ReportsDoubtAndContinues) {
  for (const auto& [line, doubtful] :
       {std::pair{"a X \"x {5+}\r\n", true}, {"a X x{5}\r\n", true}, {"a X ({5}\r\n", false}}) {
    Scanner scanner;
    size_t used = 0;
    EXPECT_EQ(scanner.read_line(as_bytes(line), Marks::Doubt, used), Found::Literal) << line;
    EXPECT_EQ(scanner.doubtful(), doubtful) << line;
    EXPECT_EQ(scanner.literal_left(), 5U);
  }
}

TEST(Scanner, CountsLineBytesWithoutLiterals) {
  Scanner scanner;
  size_t used = 0;
  ASSERT_EQ(scanner.read_line(as_bytes("a {3}\r\n"), Marks::Heed, used), Found::Literal);
  EXPECT_EQ(scanner.line_length(), 7U);
  EXPECT_EQ(scanner.read_literal(10), 3U);
  EXPECT_FALSE(scanner.at_line_start());
  ASSERT_EQ(scanner.read_line(as_bytes("xy"), Marks::Heed, used), Found::Nothing);
  EXPECT_EQ(scanner.line_length(), 9U);
  ASSERT_EQ(scanner.read_line(as_bytes("\r\n"), Marks::Heed, used), Found::LineEnd);
  EXPECT_EQ(scanner.line_length(), 0U);
  EXPECT_TRUE(scanner.at_line_start());
}

TEST(Scanner, AbandonsALiteralThatWasRefused) {
  Scanner scanner;
  size_t used = 0;
  ASSERT_EQ(scanner.read_line(as_bytes("a X {3}\r\n"), Marks::Check, used), Found::Literal);
  scanner.abandon_line();
  EXPECT_TRUE(scanner.at_line_start());
  EXPECT_EQ(scanner.literal_left(), 0U);
}

}  // namespace
}  // namespace postern::imap
