#include "tls/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tls/engine.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/suites.h"

namespace postern::tls {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Policy, IntermediateIsTls12And13WithEcdheAndAead) {
  const Policy policy = intermediate();
  EXPECT_EQ(policy.min_version, Version::Tls12);
  EXPECT_EQ(policy.max_version, Version::Tls13);
  EXPECT_EQ(policy.ciphers.size(), 6U);
  EXPECT_THAT(policy.ciphers, Each(HasSubstr("TLS_ECDHE_")));
  EXPECT_THAT(policy.ciphers, Each(Not(HasSubstr("CBC"))));
  EXPECT_THAT(std::vector(policy.groups.end() - 3, policy.groups.end()),
              ElementsAre("X25519", "secp256r1", "secp384r1"));
}

TEST(Policy, ModernIsTls13Alone) {
  const Policy policy = expect_value(Policy::preset("modern"));
  EXPECT_EQ(policy.min_version, Version::Tls13);
  EXPECT_TRUE(policy.ciphers.empty());
}

TEST(Policy, UnknownPresetListsThePresets) {
  const auto policy = Policy::preset("old");
  ASSERT_FALSE(policy);
  EXPECT_THAT(policy.faults().front().message, HasSubstr("modern (TLS 1.3) and intermediate"));
}

TEST(Policy, CustomReportsAllFaultsAtOnce) {
  const auto policy = Policy::custom(
      Version::Tls10,
      {"TLS_RSA_WITH_AES_128_CBC_SHA", "ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"},
      {"X25519", "brainpoolP256r1", "X25519"});
  ASSERT_FALSE(policy);
  std::string text;
  for (const Fault& fault : policy.faults()) {
    text += fault.message + "\n";
  }
  EXPECT_EQ(policy.faults().size(), 6U) << text;
  EXPECT_THAT(text, HasSubstr("minimum version 1.0 is not safe for clients"));
  EXPECT_THAT(text, HasSubstr("'TLS_RSA_WITH_AES_128_CBC_SHA' is not safe for clients; allowed are "
                              "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"));
  EXPECT_THAT(text, HasSubstr("'ECDHE-RSA-AES128-GCM-SHA256' is unknown"));
  EXPECT_THAT(text, HasSubstr("'TLS_AES_128_GCM_SHA256' belongs to TLS 1.3"));
  EXPECT_THAT(text, HasSubstr("'brainpoolP256r1' is unknown; allowed are "));
  EXPECT_THAT(text, HasSubstr("group 'X25519' is named twice"));
}

TEST(Policy, SuggestsTheIntendedName) {
  const std::vector<std::string> good_ciphers = intermediate().ciphers;
  const auto fault_of_cipher = [](const std::string& name) {
    return Policy::custom(Version::Tls12, {name}, {"X25519"}).faults().front().message;
  };
  const auto fault_of_group = [&](const std::string& name) {
    return Policy::custom(Version::Tls12, good_ciphers, {name}).faults().front().message;
  };
  for (const char* name : {"ECDHE-RSA-AES128-GCM-SHA256", "tls_ecdhe_rsa_with_aes_128_gcm_sha256",
                           "TLS_ECDHE_RSA_WIHT_AES_128_GCM_SHA256"}) {
    EXPECT_THAT(fault_of_cipher(name),
                HasSubstr("did you mean 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'?; allowed are "));
  }
  EXPECT_THAT(fault_of_cipher("AES128-SHA"),
              HasSubstr("is unknown; did you mean 'TLS_RSA_WITH_AES_128_CBC_SHA'?"));
  EXPECT_THAT(fault_of_cipher("HIGH"), Not(HasSubstr("did you mean")));
  for (const char* name : {"P-256", "prime256v1", "SECP256R1", "secp256r2"}) {
    EXPECT_THAT(fault_of_group(name), HasSubstr("did you mean 'secp256r1'?")) << name;
  }
  EXPECT_THAT(fault_of_group("x25519"), HasSubstr("did you mean 'X25519'?"));
}

TEST(Policy, CustomNeedsACipherForTls12AndAGroup) {
  EXPECT_EQ(Policy::custom(Version::Tls12, {}, {}).faults().size(), 2U);
  EXPECT_TRUE(Policy::custom(Version::Tls13, {}, {"X25519"}));
}

TEST(Policy, NamesTheVersionsAsTheConfigurationDoes) {
  EXPECT_STREQ(name_of(Version::Tls10), "1.0");
  EXPECT_STREQ(name_of(Version::Tls13), "1.3");
}

TEST(Policy, DescribesWhatIsInForce) {
  const std::string text = intermediate().describe();
  EXPECT_THAT(text, HasSubstr("versions: 1.2 to 1.3\n"));
  EXPECT_THAT(text, HasSubstr("TLS 1.3 suites: TLS_AES_128_GCM_SHA256, "));
  EXPECT_THAT(text, HasSubstr("TLS 1.2 suites: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "));
  EXPECT_THAT(text, HasSubstr("secp256r1, secp384r1\n"));
  EXPECT_THAT(expect_value(Policy::preset("modern")).describe(), Not(HasSubstr("1.2")));
}

TEST(Policy, EverySuiteIsKnownToBoringSsl) {
  for (const Suite& suite : suites()) {
    const SSL_CIPHER* cipher = SSL_get_cipher_by_value(suite.id);
    ASSERT_NE(cipher, nullptr) << suite.name;
    EXPECT_STREQ(SSL_CIPHER_standard_name(cipher), suite.name);
  }
}

TEST(Policy, EveryNameHasItsIndex) {
  ASSERT_EQ(cipher_names().size(), suites().size() + 1);
  EXPECT_STREQ(cipher_names()[cipher_index(0xc02f)], "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256");
  EXPECT_STREQ(cipher_names()[cipher_index(0xffff)], "other");
  EXPECT_STREQ(group_names()[group_index(0)], "none");
  EXPECT_STREQ(group_names()[group_index(SSL_CURVE_X25519)], "X25519");
  EXPECT_STREQ(group_names()[group_index(0xffff)], "other");
}

TEST(Policy, ContextRefusesWhatBoringSslDoesNotKnow) {
  Policy policy = intermediate();
  policy.ciphers = {"TLS_NO_SUCH_SUITE"};
  const auto context =
      ClientContext::make({policy, expect_value(load_verifier(no_verification()))});
  ASSERT_FALSE(context);
  EXPECT_THAT(context.faults().front().message, HasSubstr("cipher suites of TLS policy"));
}

}  // namespace
}  // namespace postern::tls
