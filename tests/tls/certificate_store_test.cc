#include "tls/certificate_store.h"

#include <ctime>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/pem.h>

#include "tests/support/sanitized.h"
#include "tests/tls/contexts.h"
#include "tests/tls/peers.h"
#include "tls/internal/certificate.h"

namespace postern::tls {
namespace {

using test::TestKey;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string to_pem(const CertificateStore::Certificate& certificate) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  for (const auto& der : certificate.chain) {
    PEM_write_bio(bio.get(), PEM_STRING_X509, "", CRYPTO_BUFFER_data(der.get()),
                  static_cast<long>(CRYPTO_BUFFER_len(der.get())));
  }
  const uint8_t* text = nullptr;
  size_t length = 0;
  BIO_mem_contents(bio.get(), &text, &length);
  return std::string(as_text({text, length}));
}

class CertificateStoreFiles : public testing::Test {
 protected:
  CertificateFiles files(const test::Issued& issued) {
    const std::string number = std::to_string(++count_);
    return {directory_.write(number + ".crt", issued.certificate_pem),
            directory_.write(number + ".key", issued.key_pem), "postern.yaml:" + number};
  }
  static std::string faults(const std::vector<CertificateFiles>& all) {
    const auto store = CertificateStore::load(all);
    std::string text;
    for (const Fault& fault : store ? Faults{} : store.faults()) {
      text += fault.text() + "\n";
    }
    return text;
  }

  test::TempDirectory directory_;
  int count_ = 0;
};

TEST_F(CertificateStoreFiles, DescribesWhatWasLoaded) {
  const auto one = files(test::self_signed({.names = {"Mail.Example.org", "192.0.2.1"}}));
  const auto store = expect_value(CertificateStore::load({one}));
  const auto description = store->describe().front();
  EXPECT_EQ(description.label, one.chain);
  EXPECT_THAT(description.names, ElementsAre("mail.example.org"));
  EXPECT_EQ(description.key_type, KeyType::Ecdsa);
  EXPECT_EQ(description.not_after - description.not_before, 25 * 3600);
  EXPECT_NEAR(static_cast<double>(description.not_after),
              static_cast<double>(wall_clock_s() + 24 * 3600), 5);
  EXPECT_EQ(description.fingerprint_sha256.size(), 64U);
  EXPECT_EQ(store->digest().size(), 32U);
}

TEST_F(CertificateStoreFiles, ReportsEveryFaultOfAllFilesAtOnce) {
  const test::Issued good = test::self_signed({.names = {"good"}});
  const test::Issued other = test::self_signed({.names = {"other"}});
  auto missing = files(good);
  missing.chain = directory_.path() + "/missing.crt";
  missing.key = directory_.path() + "/missing.key";
  const auto swapped = files({good.certificate_pem, other.key_pem, ""});
  const auto weak = files(test::self_signed({.names = {"weak"}, .key = TestKey::Rsa1024}));
  const auto not_pem = files({"hello", "hello", ""});
  const auto encrypted =
      files({good.certificate_pem, test::encrypt_key(good.key_pem, "secret"), ""});
  const auto reversed = files({other.certificate_pem + good.certificate_pem, good.key_pem, ""});
  const auto broken =
      files({"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", good.key_pem, ""});
  const auto torn = files({good.certificate_pem.substr(0, 200), good.key_pem, ""});
  const std::string text =
      faults({missing, swapped, weak, not_pem, encrypted, reversed, broken, torn});
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("postern.yaml:1: chain " + missing.chain + ": cannot be read: No such file"),
            HasSubstr("postern.yaml:1: key " + missing.key + ": cannot be read: No such file"),
            HasSubstr("postern.yaml:2: key " + swapped.key + " is not the key of " + swapped.chain),
            HasSubstr("postern.yaml:3: key " + weak.key + " is an RSA key of 1024 bits"),
            HasSubstr("postern.yaml:4: chain " + not_pem.chain + " holds no certificate"),
            HasSubstr("postern.yaml:4: key " + not_pem.key + " holds no private key")));
  EXPECT_THAT(
      text,
      AllOf(HasSubstr("postern.yaml:5: key " + encrypted.key + " is encrypted; name the file"),
            HasSubstr("postern.yaml:6: chain " + reversed.chain +
                      " must begin with the certificate of the key, which is number 2"),
            HasSubstr("postern.yaml:7: certificate number 1 of " + broken.chain +
                      " cannot be parsed"),
            HasSubstr("postern.yaml:8: chain " + torn.chain + " has a broken PEM block")));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 10) << text;
}

TEST_F(CertificateStoreFiles, KnowsWhichNamesItsCertificatesHave) {
  const auto store = expect_value(CertificateStore::load(
      {files(test::self_signed({.names = {"mail.example.org", "*.example.net"}}))}));
  for (const char* name : {"mail.example.org", "MAIL.example.org.", "imap.example.net"}) {
    EXPECT_TRUE(store->has_name(name)) << name;
  }
  for (const char* name : {"imap.example.org", "example.net", "a.b.example.net", "192.0.2.7"}) {
    EXPECT_FALSE(store->has_name(name)) << name;
  }
}

// A refusal would keep all certificates from being renewed for a name too many in one of them.
TEST_F(CertificateStoreFiles, LetsTheFirstOfAKindServeAName) {
  const auto one = files(test::self_signed({.names = {"mail.example.org"}}));
  const auto same = files(test::self_signed({.names = {"MAIL.example.org"}}));
  const auto store = expect_value(CertificateStore::load({one, same}));
  EXPECT_EQ(store->find("mail.example.org").front(), store->all().front().get());
  ASSERT_EQ(store->warnings().size(), 1U);
  EXPECT_EQ(store->warnings().front().text(),
            "postern.yaml:2: " + same.chain + " and " + one.chain +
                " are both for 'mail.example.org' with the same kind of key; " + one.chain +
                " serves it");
  const auto rsa =
      files(test::self_signed({.names = {"mail.example.org"}, .key = TestKey::Rsa2048}));
  EXPECT_EQ(faults({one, rsa}), "");
}

TEST_F(CertificateStoreFiles, OnlyTheFirstMayBeNameless) {
  const auto named = files(test::self_signed({.names = {"mail.example.org"}}));
  const auto nameless = files(test::self_signed({.common_name = "mail.example.org"}));
  EXPECT_EQ(faults({nameless, named}), "");
  EXPECT_THAT(faults({named, nameless}), HasSubstr("has no dNSName in its subjectAltName"));
}

TEST_F(CertificateStoreFiles, LoadsAnExpiredOneSoThatAServerCanStart) {
  const auto old = files(test::self_signed(
      {.names = {"mail.example.org"}, .valid_from_s = -7200, .valid_until_s = -3600}));
  const auto store = expect_value(CertificateStore::load({old}));
  EXPECT_LT(store->describe().front().not_after, wall_clock_s());
}

TEST_F(CertificateStoreFiles, TakesChainAndKeyFromOneFile) {
  const test::Issued issued = test::self_signed({.names = {"mail.example.org"}});
  const std::string path = directory_.write("both.pem", issued.key_pem + issued.certificate_pem);
  EXPECT_EQ(faults({{path, path, ""}}), "");
}

TEST_F(CertificateStoreFiles, NeedsACertificate) {
  EXPECT_EQ(faults({}), "no certificate is configured\n");
}

// Half of them with RSA keys, which take longest to check. The keys repeat, because they also take
// longest to make; the store does not know that.
TEST_F(CertificateStoreFiles, LoadsAThousandInASecond) {
  const test::Authority authority;
  std::vector<std::string> rsa_keys;
  for (int i = 0; i < 4; ++i)
    rsa_keys.push_back(authority.issue({.key = TestKey::Rsa2048}).key_pem);
  std::vector<CertificateFiles> all;
  for (size_t i = 0; i < 1000; ++i) {
    test::Issued issued =
        authority.issue({.names = {"mail" + std::to_string(i) + ".example.org"},
                         .key_pem = i % 2 == 0 ? "" : rsa_keys[i / 2 % rsa_keys.size()]});
    issued.certificate_pem += authority.pem();
    all.push_back(files(issued));
  }
  const std::clock_t start = std::clock();  // processor time: the machine may be busy
  const auto store = expect_value(CertificateStore::load(all));
  const double took_s = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  RecordProperty("took_ms", static_cast<int>(took_s * 1000));
  EXPECT_LT(took_s, test::kSanitized ? 20 : 1);
  EXPECT_EQ(store->find("mail777.example.org").front(), store->all()[777].get());
  EXPECT_EQ(store->describe()[777].key_type, KeyType::Rsa);
}

TEST_F(CertificateStoreFiles, FindsExactThenWildcardThenFirst) {
  const auto store = store_of({test::self_signed({.names = {"first.example"}}),
                               test::self_signed({.names = {"*.example.org", "b*d.example.net"}}),
                               test::self_signed({.names = {"mail.example.org"}})});
  const auto found = [&](std::string_view name) {
    for (size_t i = 0; i < store->all().size(); ++i) {
      if (store->find(name).front() == store->all()[i].get()) {
        return i;
      }
    }
    return store->all().size();
  };
  EXPECT_EQ(found("mail.example.org"), 2U);
  EXPECT_EQ(found("MAIL.Example.Org"), 2U);
  EXPECT_EQ(found("imap.example.org"), 1U);
  EXPECT_EQ(found("mail.example.org."), 2U) << "the root's dot makes no other name of it";
  EXPECT_EQ(found("imap.example.org."), 1U);
  EXPECT_EQ(found("."), 0U);
  EXPECT_EQ(found(""), 0U);
  for (const std::string& name : {std::string("a.mail.example.org"), std::string("example.org"),
                                  std::string("mail.example.org.."), std::string(".example.org"),
                                  std::string("bad.example.net"), std::string("192.0.2.1"),
                                  std::string("mail.example.org\0x", 18), std::string(253, 'a'),
                                  std::string(254, 'a'), std::string(100000, 'a')}) {
    EXPECT_EQ(found(name), 0U) << name.substr(0, 40);
  }
}

TEST(CertificateStore, MakesASelfSignedOneThatVerifies) {
  const auto store = expect_value(CertificateStore::self_signed({"mail.example.org", "192.0.2.7"}));
  const auto description = store->describe().front();
  EXPECT_THAT(description.names, ElementsAre("mail.example.org"));
  EXPECT_NEAR(static_cast<double>(description.not_after - wall_clock_s()), 30 * 24 * 3600, 5);
  const test::TempDirectory directory;
  const auto context = server_context(store);
  for (const char* host : {"mail.example.org", "192.0.2.7"}) {
    const auto clients =
        client_context(intermediate(), {Verification::Mode::Verify,
                                        directory.write("ca.pem", to_pem(*store->all().front())),
                                        "",
                                        {}});
    EnginePeer server(*context);
    EnginePeer client(*clients, host);
    converse(client, server);
    EXPECT_TRUE(client.engine->open()) << client.engine->error().text();
  }
  EXPECT_FALSE(CertificateStore::self_signed({}));
  EXPECT_FALSE(CertificateStore::self_signed({"m\xc3\xa4il.example"}));
}

// Which certificate a client is shown.
class Choice : public testing::Test {
 protected:
  RawPeer connect(const RawPeer::Configure& configure, const std::string& sni = "two.example.org") {
    EnginePeer server(*context_);
    RawPeer client = RawPeer::client(configure, sni);
    converse(client, server);
    failure_ = server.failed ? server.failure() : Failure::Internal;
    return client;
  }
  static RawPeer::Configure tls12(const char* suites, const char* groups = "X25519:P-256") {
    return [=](SSL_CTX* ctx) {
      SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
      ASSERT_EQ(SSL_CTX_set_strict_cipher_list(ctx, suites), 1);
      ASSERT_EQ(SSL_CTX_set1_curves_list(ctx, groups), 1);
    };
  }

  const std::unique_ptr<ServerContext> context_ = server_context(
      store_of({test::self_signed({.names = {"one.example.org"}}),
                test::self_signed({.names = {"two.example.org"}, .key = TestKey::Rsa2048}),
                test::self_signed({.names = {"two.example.org"}, .key = TestKey::P384})}));
  Failure failure_ = Failure::Internal;
};

TEST_F(Choice, PrefersEcdsa) {
  EXPECT_EQ(connect({}).peer_key(), EVP_PKEY_EC);
  EXPECT_EQ(
      connect(tls12("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256", "X25519:P-384"))
          .peer_key(),
      EVP_PKEY_EC);
}

TEST_F(Choice, ShowsRsaToClientsThatKnowNothingElse) {
  EXPECT_EQ(connect(tls12("ECDHE-RSA-AES128-GCM-SHA256")).peer_key(), EVP_PKEY_RSA);
  EXPECT_EQ(connect([](SSL_CTX* ctx) {
              const uint16_t schemes[] = {SSL_SIGN_RSA_PSS_RSAE_SHA256};
              SSL_CTX_set_verify_algorithm_prefs(ctx, schemes, 1);
            }).peer_key(),
            EVP_PKEY_RSA);
}

TEST_F(Choice, ShowsRsaToClientsThatDoNotKnowTheCurve) {
  EXPECT_EQ(
      connect(tls12("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256", "X25519:P-256"))
          .peer_key(),
      EVP_PKEY_RSA);
  EXPECT_EQ(
      connect([](SSL_CTX* ctx) {  // TLS 1.3 ties P-384 to SHA-384
        const uint16_t schemes[] = {SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA256};
        SSL_CTX_set_verify_algorithm_prefs(ctx, schemes, 2);
      })
          .peer_key(),
      EVP_PKEY_RSA);
}

TEST_F(Choice, ReportsTheRightFailureWhenNoneSuits) {
  EXPECT_FALSE(connect([](SSL_CTX* ctx) {
                 const uint16_t schemes[] = {SSL_SIGN_ECDSA_SECP256R1_SHA256};
                 SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
                 SSL_CTX_set_verify_algorithm_prefs(ctx, schemes, 1);
               }).open());
  EXPECT_EQ(failure_, Failure::NoSharedSignature);
}

// CVE-2013-4584: a policy that held on one way into TLS and not on another.
TEST_F(Choice, KeepsThePolicyWhateverTheName) {
  for (const char* name : {"", "one.example.org", "two.example.org", "three.example.org"}) {
    EXPECT_FALSE(
        connect([](SSL_CTX* ctx) { SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION); }, name)
            .open());
    EXPECT_EQ(failure_, Failure::UnsupportedVersion) << name;
    EXPECT_FALSE(connect(tls12("ECDHE-RSA-AES128-SHA:ECDHE-ECDSA-AES128-SHA:AES128-SHA",
                               "X25519:P-256:P-384"),
                         name)
                     .open());
    EXPECT_EQ(failure_, Failure::NoSharedCipher) << name;
    EXPECT_FALSE(connect(
                     [](SSL_CTX* ctx) {
                       const Bytes h2 = as_bytes("\x02h2");
                       SSL_CTX_set_alpn_protos(ctx, h2.data(), 3);
                     },
                     name)
                     .open());
    EXPECT_EQ(failure_, Failure::NoApplicationProtocol) << name;
  }
}

}  // namespace
}  // namespace postern::tls
