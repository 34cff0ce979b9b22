#include "proxy/imap/login.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace postern::imap {
namespace {

TEST(Login, LabelsAreDistinctAndStable) {
  std::set<std::string> labels;
  for (size_t i = 0; i < kCountOf<LoginResult>; ++i) {
    labels.insert(name_of(static_cast<LoginResult>(i)));
  }
  EXPECT_EQ(labels.size(), kCountOf<LoginResult>);
  EXPECT_STREQ(name_of(LoginResult::Success), "success");
  EXPECT_STREQ(name_of(LoginResult::PrivacyRequired), "privacy_required");
  EXPECT_STREQ(name_of(LoginResult::Interrupted), "interrupted");
  EXPECT_STREQ(name_of(Mechanism::Preauth), "preauth");
  EXPECT_STREQ(name_of(mechanism_named("scram-sha-256-plus")), "scram_sha_256");
  EXPECT_EQ(mechanism_named("SCRAM-SHA-512"), Mechanism::Other);
}

TEST(Login, CountsOnlyAPossiblyWrongSecretAsAGuess) {
  for (size_t i = 0; i < kCountOf<LoginResult>; ++i) {
    const auto result = static_cast<LoginResult>(i);
    EXPECT_EQ(is_guess(result), result == LoginResult::Failure || result == LoginResult::Abandoned);
  }
}

TEST(Login, IsAnsweredOnlyByTheServer) {
  int answers = 0;
  for (size_t i = 0; i < kCountOf<LoginResult>; ++i) {
    answers += is_answer(static_cast<LoginResult>(i)) ? 1 : 0;
  }
  EXPECT_EQ(answers, 7);
  EXPECT_FALSE(is_answer(LoginResult::Abandoned));
  EXPECT_FALSE(is_answer(LoginResult::Cancelled));
  EXPECT_FALSE(is_answer(LoginResult::Interrupted));
}

TEST(Login, ReadsTheCodeOfARefusal) {
  EXPECT_EQ(result_of_refusal("privacyrequired"), LoginResult::PrivacyRequired);
  for (const char* code : {"AUTHORIZATIONFAILED", "CANNOT", "NOPERM", "Referral"}) {
    EXPECT_EQ(result_of_refusal(code), LoginResult::Denied) << code;
  }
  EXPECT_EQ(result_of_refusal("EXPIRED"), LoginResult::Expired);
  for (const char* code : {"UNAVAILABLE", "INUSE", "SERVERBUG", "CONTACTADMIN", "CORRUPTION",
                           "LIMIT", "OVERQUOTA", "limit"}) {
    EXPECT_EQ(result_of_refusal(code), LoginResult::Unavailable) << code;
  }
  for (const char* code : {"", "AUTHENTICATIONFAILED", "ALERT", "CLIENTBUG", "UNAVAILABLE2"}) {
    EXPECT_EQ(result_of_refusal(code), LoginResult::Failure) << code;
  }
}

}  // namespace
}  // namespace postern::imap
