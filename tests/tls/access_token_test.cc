#include "tls/access_token.h"

#include <string>

#include <gtest/gtest.h>

#include "tests/support/certificates.h"

namespace postern::tls {
namespace {

std::string fault_of(const Result<std::shared_ptr<const AccessToken>>& result) {
  return result ? "" : result.faults().front().message;
}

TEST(AccessToken, IsTheFilesOneWord) {
  test::TempDirectory directory;
  const std::string token(AccessToken::kLeast, 'k');
  const auto loaded = AccessToken::load(directory.write("token", token + "\r\n"));
  ASSERT_TRUE(loaded) << fault_of(loaded);
  EXPECT_TRUE(loaded.value()->is(token));
  for (const std::string& other :
       {std::string(), token + "k", token + "\n", token.substr(1), "j" + token.substr(1),
        token.substr(1) + "j", std::string(100'000, 'k')}) {
    EXPECT_FALSE(loaded.value()->is(other)) << other.substr(0, 40);
  }
}

TEST(AccessToken, RefusesAFileThatHoldsNone) {
  test::TempDirectory directory;
  const auto fault = [&](const std::string& content) {
    return fault_of(AccessToken::load(directory.write("token", content)));
  };
  EXPECT_EQ(fault(std::string(31, 'k') + "\n"),
            "holds 31 octets, but a token has 32 to 1024; make one with `openssl rand -base64 48`");
  EXPECT_EQ(fault("\n").substr(0, 14), "holds 0 octets");
  EXPECT_EQ(fault(std::string(1025, 'k')).substr(0, 17), "holds 1025 octets");
  EXPECT_EQ(fault(std::string(1024, 'k')), "");
  EXPECT_NE(fault(std::string(32, 'k') + " k").find("one word of ASCII"), std::string::npos);
  EXPECT_NE(fault(std::string(32, 'k') + "\xc3\xa4").find("one word"), std::string::npos);
  EXPECT_NE(fault_of(AccessToken::load("/nonexistent/token")).find("cannot be read"),
            std::string::npos);
}

}  // namespace
}  // namespace postern::tls
