#include "proxy/imap/syntax.h"

#include <string>

#include <gtest/gtest.h>

#include "proxy/imap/capability_edit.h"
#include "proxy/imap/server_head.h"

namespace postern::imap {
namespace {

TEST(Syntax, ComparesWordsWithoutCase) {
  EXPECT_TRUE(same_word("StartTLS", "STARTTLS"));
  EXPECT_FALSE(same_word("STARTTL", "STARTTLS"));
  EXPECT_FALSE(same_word("[", "{"));  // 0x20 apart, but no letters
  EXPECT_TRUE(starts_with_word("auth=plain", "AUTH="));
}

TEST(Syntax, EchoesOnlyTagsOfTheGrammar) {
  for (const char* tag : {"a", "A0001", "a]b", "<x>", "a.1-2:3"}) {
    EXPECT_TRUE(is_echoable_tag(tag)) << tag;
  }
  for (const char* tag :
       {"", "*", "+", "a+b", "a(", "a\"", "a%", "a\\", "a{5}", "a\x80", "a\x7f"}) {
    EXPECT_FALSE(is_echoable_tag(tag)) << tag;
  }
  EXPECT_TRUE(is_echoable_tag(std::string(64, 'a')));
  EXPECT_FALSE(is_echoable_tag(std::string(65, 'a')));
}

TEST(Syntax, TakesWordsAndLineEnds) {
  std::string_view rest = "a NOOP\r\n";
  EXPECT_EQ(take_word(rest), "a");
  skip_spaces(rest);
  EXPECT_EQ(take_word(rest), "NOOP");
  EXPECT_EQ(rest, "\r\n");
  EXPECT_EQ(without_line_end("x\r\n"), "x");
  EXPECT_EQ(without_line_end("x\n"), "x");
  EXPECT_EQ(without_line_end("x"), "x");
}

std::string hidden(std::string_view line) {
  return hide_capabilities(line, capability_list(line)).value_or("(unchanged)");
}

TEST(CapabilityEdit, HidesCapabilitiesThatAreFalseInsideTls) {
  EXPECT_EQ(hidden("* CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN LOGINDISABLED IDLE\r\n"),
            "* CAPABILITY IMAP4rev1 AUTH=PLAIN IDLE\r\n");
  EXPECT_EQ(hidden("* capability imap4rev1 starttls LoginDisabled\n"), "* capability imap4rev1\n");
  EXPECT_EQ(hidden("* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-1 AUTH=SCRAM-SHA-1-PLUS "
                   "AUTH=scram-sha-256-plus\r\n"),
            "* CAPABILITY IMAP4rev1 AUTH=SCRAM-SHA-1\r\n");
}

TEST(CapabilityEdit, LeavesAllElseByteForByte) {
  EXPECT_EQ(hidden("* CAPABILITY IMAP4rev1 XSTARTTLS STARTTLSX AUTH=PLUS X-PLUS LITERAL+\r\n"),
            "(unchanged)");
  EXPECT_EQ(hidden("* CAPABILITY  IMAP4rev1   STARTTLS  IDLE \r\n"),
            "* CAPABILITY  IMAP4rev1    IDLE \r\n");
  EXPECT_EQ(hidden("* OK [CAPABILITY IMAP4rev1 STARTTLS] STARTTLS LOGINDISABLED [x]\r\n"),
            "* OK [CAPABILITY IMAP4rev1] STARTTLS LOGINDISABLED [x]\r\n");
}

TEST(CapabilityEdit, KeepsACodeThatBecomesEmptyValid) {
  EXPECT_EQ(hidden("a OK [CAPABILITY STARTTLS] x\r\n"), "a OK [CAPABILITY] x\r\n");
  EXPECT_EQ(hidden("* CAPABILITY STARTTLS LOGINDISABLED\r\n"), "* CAPABILITY\r\n");
  EXPECT_EQ(hidden("* CAPABILITY\r\n"), "(unchanged)");
  EXPECT_EQ(hidden("* OK [CAPABILITY STARTTLS"), "* OK [CAPABILITY");  // never closed
}

TEST(CapabilityEdit, FindsACapabilityInAList) {
  EXPECT_TRUE(lists_capability(capability_list("* CAPABILITY IMAP4rev1 StartTls\r\n"), "STARTTLS"));
  EXPECT_TRUE(lists_capability(capability_list("* OK [CAPABILITY STARTTLS] x\r\n"), "STARTTLS"));
  EXPECT_FALSE(
      lists_capability(capability_list("* OK [CAPABILITY IDLE] STARTTLS\r\n"), "STARTTLS"));
  EXPECT_FALSE(lists_capability(capability_list("* CAPABILITY XSTARTTLS \r x\r\n"), "STARTTLS"));
}

using Kind = ServerHead::Kind;

TEST(ServerHead, DistinguishesKindsAsSoonAsItCan) {
  EXPECT_EQ(parse_server_head("").kind, Kind::Undecided);
  EXPECT_EQ(parse_server_head("+").kind, Kind::Continuation);
  EXPECT_EQ(parse_server_head("* ").kind, Kind::Undecided);
  EXPECT_EQ(parse_server_head("* 1").kind, Kind::Data);
  EXPECT_EQ(parse_server_head("* O").kind, Kind::Undecided);
  EXPECT_EQ(parse_server_head("* OKAY ").kind, Kind::Data);
  EXPECT_EQ(parse_server_head("* ok\r\n").kind, Kind::Status);
  EXPECT_EQ(parse_server_head("* CAPABILITY ").kind, Kind::Capability);
  EXPECT_EQ(parse_server_head("* CAPABILITYX").kind, Kind::Data);
  EXPECT_EQ(parse_server_head("a1").kind, Kind::Undecided);
  EXPECT_EQ(parse_server_head("a1 CAPABILITY x").kind, Kind::Other);
  EXPECT_EQ(parse_server_head("a1 BYE x").kind, Kind::Other);
  EXPECT_EQ(parse_server_head("\r\n").kind, Kind::Other);
  EXPECT_EQ(parse_server_head(std::string(255, 'a')).kind, Kind::Undecided);
  EXPECT_EQ(parse_server_head(std::string(256, 'a')).kind, Kind::Other);
}

TEST(ServerHead, ReadsACodeOnlyDirectlyAfterTheCondition) {
  EXPECT_EQ(parse_server_head("a OK [CAPABILITY x").code, "CAPABILITY");
  EXPECT_EQ(parse_server_head("a no [inuse] x").code, "inuse");
  EXPECT_EQ(parse_server_head("* OK ready. [CAPABILITY x]\r\n").code, "");
  EXPECT_EQ(parse_server_head("* OK  [CAPABILITY x]\r\n").code, "");
  EXPECT_EQ(parse_server_head("* OK [CAPAB").kind, Kind::Undecided);
  EXPECT_EQ(parse_server_head("* OK [VERYVERYVERYLONGCODEOFOURS").kind, Kind::Status);
  EXPECT_FALSE(parse_server_head("a NO [CAPABILITY x] y\r\n").has_capabilities());
  EXPECT_TRUE(parse_server_head("* PREAUTH [CAPABILITY x] y\r\n").has_capabilities());
}

}  // namespace
}  // namespace postern::imap
