// Compares the verdict of the shadow policy with what a server with that policy in force does, for
// every client and every policy below.
#include "tls/internal/shadow.h"

#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"

namespace postern::tls {
namespace {

using test::TestKey;
using Configure = RawPeer::Configure;

const std::vector<std::string> kAes128 = {"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"};

std::map<std::string, Policy> stricter_policies() {
  const auto custom = [](Version version, const std::vector<std::string>& ciphers,
                         const std::vector<std::string>& groups) {
    return expect_value(Policy::custom(version, ciphers, groups));
  };
  const std::vector<std::string> all = intermediate().ciphers;
  return {{"modern", expect_value(Policy::preset("modern"))},
          {"X25519", custom(Version::Tls12, all, {"X25519"})},
          {"P-384", custom(Version::Tls12, all, {"secp384r1"})},
          {"ECDSA with AES-128", custom(Version::Tls12, kAes128, intermediate().groups)},
          {"RSA", custom(Version::Tls12, {"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"}, {"secp256r1"})},
          {"1.3 and X25519", custom(Version::Tls13, {}, {"X25519"})},
          {"the same", intermediate()}};
}

Configure client(uint16_t min_version, uint16_t max_version, const char* suites = nullptr,
                 const char* groups = nullptr, std::vector<uint16_t> signatures = {}) {
  return [=](SSL_CTX* ctx) {
    ASSERT_EQ(SSL_CTX_set_min_proto_version(ctx, min_version), 1);
    ASSERT_EQ(SSL_CTX_set_max_proto_version(ctx, max_version), 1);
    ASSERT_TRUE(suites == nullptr || SSL_CTX_set_strict_cipher_list(ctx, suites) == 1);
    ASSERT_TRUE(groups == nullptr || SSL_CTX_set1_curves_list(ctx, groups) == 1);
    if (!signatures.empty()) {
      SSL_CTX_set_verify_algorithm_prefs(ctx, signatures.data(), signatures.size());
    }
  };
}

std::map<std::string, Configure> clients() {
  constexpr uint16_t k10 = TLS1_VERSION;
  constexpr uint16_t k11 = TLS1_1_VERSION;
  constexpr uint16_t k12 = TLS1_2_VERSION;
  constexpr uint16_t k13 = TLS1_3_VERSION;
  static constexpr char kCbc[] = "ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA:AES128-SHA";
  return {
      {"today's", client(k12, k13)},
      {"1.3", client(k13, k13)},
      {"1.3 P-256", client(k13, k13, nullptr, "P-256")},
      {"1.3 P-384", client(k13, k13, nullptr, "P-384")},
      {"1.3 P-521", client(k13, k13, nullptr, "P-521")},
      {"1.3 RSA", client(k13, k13, nullptr, nullptr, {SSL_SIGN_RSA_PSS_RSAE_SHA256})},
      {"1.3 Ed25519", client(k13, k13, nullptr, nullptr, {SSL_SIGN_ED25519})},
      {"1.2", client(k12, k12)},
      {"1.2 CBC", client(k12, k12, kCbc)},
      {"1.2 P-256", client(k12, k12, nullptr, "P-256")},
      {"1.2 P-384", client(k12, k12, nullptr, "P-384")},
      {"1.2 P-521", client(k12, k12, nullptr, "P-521")},
      {"1.2 AES-256 ECDSA", client(k12, k12, "ECDHE-ECDSA-AES256-GCM-SHA384")},
      {"1.2 AES-256 RSA", client(k12, k12, "ECDHE-RSA-AES256-GCM-SHA384")},
      {"1.2 RSA signatures", client(k12, k12, nullptr, nullptr, {SSL_SIGN_RSA_PKCS1_SHA256})},
      {"1.2 Ed25519", client(k12, k12, nullptr, nullptr, {SSL_SIGN_ED25519})},
      {"1.1", client(k10, k11)},
      {"1.0", client(k10, k10)},
  };
}

std::unique_ptr<ServerContext> server(std::shared_ptr<const CertificateStore> store, Policy policy,
                                      std::optional<Policy> shadow) {
  return expect_value(ServerContext::make({.policy = std::move(policy),
                                           .certificates = std::move(store),
                                           .tickets = tickets(),
                                           .binding = "listener",
                                           .shadow = std::move(shadow)}));
}

struct Outcome {
  std::optional<Failure> failure;
  std::optional<Failure> shadow;
};

Outcome meet(const ServerContext& context, const Configure& configure) {
  EnginePeer gateway(context);
  RawPeer peer = RawPeer::client(configure, "mail.example.org");
  converse(gateway, peer);
  EXPECT_EQ(gateway.engine->open(), !gateway.failed);
  return {gateway.failed ? std::optional(gateway.failure()) : std::nullopt,
          gateway.engine->hello().shadow_refusal};
}

class Shadow : public testing::TestWithParam<bool> {};

INSTANTIATE_TEST_SUITE_P(Keys, Shadow, testing::Bool(), [](const auto& with_rsa) {
  return with_rsa.param ? "EcdsaAndRsa" : "EcdsaAlone";
});

TEST_P(Shadow, PredictsWhatAServerWithThatPolicyDoes) {
  std::vector<test::Issued> keys{test::self_signed({.names = {"mail.example.org"}})};
  if (GetParam()) {
    keys.push_back(test::self_signed({.names = {"mail.example.org"}, .key = TestKey::Rsa2048}));
  }
  const auto store = store_of(keys);
  std::map<Failure, int> counts;
  for (const auto& [policy_name, policy] : stricter_policies()) {
    const auto lenient = server(store, intermediate(), policy);
    const auto strict = server(store, policy, std::nullopt);
    for (const auto& [client_name, configure] : clients()) {
      const Outcome shadowed = meet(*lenient, configure);
      const Outcome judged = meet(*strict, configure);
      EXPECT_EQ(judged.shadow, std::nullopt);
      // A client that the policy in force refuses already is not lost to the stricter one.
      EXPECT_EQ(shadowed.shadow, shadowed.failure.has_value() ? std::nullopt : judged.failure)
          << client_name << " and policy " << policy_name;
      if (shadowed.shadow.has_value()) {
        ++counts[*shadowed.shadow];
      }
    }
  }
  EXPECT_GT(counts[Failure::UnsupportedVersion], 0);
  EXPECT_GT(counts[Failure::NoSharedCipher], 0);
  EXPECT_GT(counts[Failure::NoSharedGroup], 0);
}

TEST(WithoutAShadow, NothingIsReported) {
  const auto context = server(self_signed_store(), intermediate(), std::nullopt);
  EXPECT_EQ(meet(*context, client(TLS1_2_VERSION, TLS1_2_VERSION)).shadow, std::nullopt);
}

}  // namespace
}  // namespace postern::tls
