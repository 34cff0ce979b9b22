#include "proxy/imap/login.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace postern::imap {
namespace {

TEST(Login, LabelsAreDistinctAndStable) {
  std::set<std::string> labels;
  for (int i = 0; i < kLoginResultCount; ++i) {
    labels.insert(login_result_label(static_cast<LoginResult>(i)));
  }
  EXPECT_EQ(labels.size(), static_cast<size_t>(kLoginResultCount));
  EXPECT_STREQ(login_result_label(LoginResult::Success), "success");
  EXPECT_STREQ(login_result_label(LoginResult::PrivacyRequired), "privacy_required");
  EXPECT_STREQ(login_result_label(LoginResult::Interrupted), "interrupted");
  EXPECT_STREQ(mechanism_label(Mechanism::Preauth), "preauth");
  EXPECT_STREQ(mechanism_label(mechanism_named("scram-sha-256-plus")), "scram_sha_256");
  EXPECT_EQ(mechanism_named("SCRAM-SHA-512"), Mechanism::Other);
}

TEST(Login, CountsOnlyAPossiblyWrongSecretAsAGuess) {
  for (int i = 0; i < kLoginResultCount; ++i) {
    const auto result = static_cast<LoginResult>(i);
    EXPECT_EQ(is_guess(result), result == LoginResult::Failure || result == LoginResult::Abandoned);
  }
}

TEST(Login, IsAnsweredOnlyByTheServer) {
  int answers = 0;
  for (int i = 0; i < kLoginResultCount; ++i) {
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
