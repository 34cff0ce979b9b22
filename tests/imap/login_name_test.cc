#include "proxy/imap/login_name.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "tests/imap/filter_bench.h"

namespace postern::imap {
namespace {

// The hash of a name, as it must come out.
uint64_t hash_of(std::string_view name) {
  SipHash hash({1, 2});  // FilterBench's key
  hash.add(as_bytes(name));
  return hash.value() | 1;
}

// The user of the one login of a dialogue, which is the same wherever the client's bytes are cut.
uint64_t user_of(const std::string& command, const std::string& response = "") {
  std::set<uint64_t> users;
  for (size_t cut = 0; cut <= command.size() + response.size(); ++cut) {
    FilterBench bench;
    bench.server("* OK hi\r\n");
    bench.client(std::string_view(command).substr(0, cut));
    bench.client(std::string_view(command).substr(std::min(cut, command.size())));
    bench.server("+ go on\r\n");
    const size_t rest = cut - std::min(cut, command.size());
    bench.client(std::string_view(response).substr(0, rest));
    bench.client(std::string_view(response).substr(rest));
    bench.server("+ go on\r\n");
    bench.server("a NO wrong\r\n");
    EXPECT_EQ(bench.log.users.size(), 1U) << command << " cut at " << cut;
    users.insert(bench.log.users.begin(), bench.log.users.end());
  }
  EXPECT_EQ(users.size(), 1U) << command;
  return users.empty() ? 0 : *users.begin();
}

TEST(LoginName, IsFoundInLogin) {
  EXPECT_EQ(user_of("a LOGIN anna sesame\r\n"), hash_of("anna"));
  EXPECT_EQ(user_of("a login   anna sesame\r\n"), hash_of("anna"));
  EXPECT_EQ(user_of("a LOGIN anna@example.org \"open sesame\"\r\n"), hash_of("anna@example.org"));
  EXPECT_EQ(user_of("a LOGIN \"anna\" sesame\r\n"), hash_of("anna"));
  EXPECT_EQ(user_of("a LOGIN \"an\\\"n\\\\a x\" sesame\r\n"), hash_of("an\"n\\a x"));
  EXPECT_EQ(user_of("a LOGIN {4+}\r\nanna sesame\r\n"), hash_of("anna"));
  EXPECT_EQ(user_of("a LOGIN {4}\r\nanna {6}\r\nsesame\r\n"), hash_of("anna"));
}

TEST(LoginName, IsFoundInPlain) {
  // "\0anna\0sesame", "bert\0anna\0sesame", "\0anna\0"
  EXPECT_EQ(user_of("a AUTHENTICATE PLAIN AGFubmEAc2VzYW1l\r\n"), hash_of("anna"));
  EXPECT_EQ(user_of("a AUTHENTICATE plain YmVydABhbm5hAHNlc2FtZQ==\r\n"), hash_of("anna"));
  EXPECT_EQ(user_of("a AUTHENTICATE PLAIN AGFubmEA\r\n"), hash_of("anna"));
  EXPECT_EQ(user_of("a AUTHENTICATE PLAIN\r\n", "AGFubmEAc2VzYW1l\r\n"), hash_of("anna"));
}

TEST(LoginName, IsFoundInSaslLogin) {
  EXPECT_EQ(user_of("a AUTHENTICATE LOGIN\r\n", "YW5uYQ==\r\n"), hash_of("anna"));
  EXPECT_EQ(user_of("a AUTHENTICATE LOGIN\r\n", "YW5uYXM=\r\n"), hash_of("annas"));
  EXPECT_EQ(user_of("a AUTHENTICATE LOGIN\r\n", "YW5uYWFh\r\n"), hash_of("annaaa"));
  EXPECT_EQ(user_of("a AUTHENTICATE LOGIN YW5uYQ==\r\n", "c2VzYW1l\r\n"), hash_of("anna"));
  EXPECT_EQ(user_of("a AUTHENTICATE LOGIN\r\n", "*\r\n"), 0U);
  EXPECT_EQ(user_of("a AUTHENTICATE LOGIN =\r\n"), 0U);
}

TEST(LoginName, HasNoCaseAndNoPassword) {
  EXPECT_EQ(user_of("a LOGIN ANNA sesame\r\n"), hash_of("anna"));
  EXPECT_EQ(user_of("a LOGIN anna other\r\n"), hash_of("anna"));
  EXPECT_NE(user_of("a LOGIN annas esame\r\n"), hash_of("anna"));
}

TEST(LoginName, IsUnknownWhereItCannotBeTold) {
  EXPECT_EQ(user_of("a LOGIN\r\n"), 0U);
  EXPECT_EQ(user_of("a LOGIN \"anna\r\n"), 0U);
  EXPECT_EQ(user_of("a AUTHENTICATE PLAIN =\r\n"), 0U);
  EXPECT_EQ(user_of("a AUTHENTICATE PLAIN AGFubmE=\r\n"), 0U) << "without a password";
  EXPECT_EQ(user_of("a AUTHENTICATE PLAIN A!FubmEAc2VzYW1l\r\n"), 0U);
  EXPECT_EQ(user_of("a AUTHENTICATE PLAIN\r\n", "*\r\n"), 0U);
  EXPECT_EQ(user_of("a AUTHENTICATE SCRAM-SHA-256 biwsbj1hbm5hLHI9eA==\r\n"), 0U);
}

TEST(LoginName, BelongsToItsOwnLogin) {
  FilterBench bench;
  bench.server("* OK hi\r\n");
  bench.client("a LOGIN anna x\r\nb AUTHENTICATE XOAUTH2 abc\r\nc LOGIN bert x\r\n");
  bench.server("a NO\r\n");
  bench.server("b NO\r\n");
  bench.server("c OK\r\n");
  EXPECT_EQ(bench.log.users, (std::vector<uint64_t>{hash_of("anna"), 0, hash_of("bert")}));
}

TEST(LoginName, DependsOnTheKey) {
  FilterBench bench;
  bench.log.name_key = {3, 4};
  bench.server("* OK hi\r\n");
  bench.client("a LOGIN anna x\r\n");
  bench.server("a NO\r\n");
  EXPECT_NE(bench.log.users.front(), hash_of("anna"));
}

}  // namespace
}  // namespace postern::imap
