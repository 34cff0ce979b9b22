#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tls/contexts.h"
#include "tls/certificate_store.h"
#include "tls/internal/certificate.h"

namespace postern::tls {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kDayS = 86'400;

// A chain leaf, R3, R2, root, and what can be wrong with it.
class Chain : public testing::Test {
 protected:
  // What is said of a file with these certificates, each without the file's name.
  std::vector<std::string> doubts(const std::string& certificates) {
    return doubts_of(certificates, leaf_.key_pem);
  }
  std::vector<std::string> doubts_of(const std::string& certificates, const std::string& key) {
    const std::string chain = directory_.write("tls.crt", certificates);
    store_ = expect_value(
        CertificateStore::load({{chain, directory_.write("tls.key", key), "postern.yaml:7"}}));
    std::vector<std::string> said;
    for (const Fault& warning : store_->warnings()) {
      EXPECT_EQ(warning.where, "postern.yaml:7");
      EXPECT_EQ(warning.message.find("chain " + chain + " "), 0U) << warning.message;
      said.push_back(warning.message.substr(chain.size() + 7));
    }
    return said;
  }

  const test::TempDirectory directory_;
  const test::Authority root_{"Root"};
  const test::Authority r2_ = root_.intermediate("R2");
  const test::Authority r3_ = r2_.intermediate("R3");
  const test::Issued leaf_ =
      r3_.issue({.names = {"mail.example.org"}, .common_name = "mail.example.org"});
  const std::string pem_ = leaf_.certificate_pem;
  std::shared_ptr<const CertificateStore> store_;
};

TEST_F(Chain, InOrderIsRightWithItsRootOrWithout) {
  EXPECT_THAT(doubts(pem_ + r3_.pem() + r2_.pem()), IsEmpty());
  EXPECT_THAT(doubts(pem_ + r3_.pem() + r2_.pem() + root_.pem()), IsEmpty());
  EXPECT_THAT(doubts(pem_ + r3_.pem()), IsEmpty());
  const auto intermediates = store_->describe().front().intermediates;
  ASSERT_EQ(intermediates.size(), 1U);
  EXPECT_EQ(intermediates[0].subject, "CN=R3");
  EXPECT_EQ(intermediates[0].not_after - intermediates[0].not_before, kDayS + 3600);
}

TEST_F(Chain, OfALeafAloneLacksItsIssuer) {
  EXPECT_THAT(doubts(pem_),
              ElementsAre(HasSubstr("holds the leaf alone, not the certificate of its issuer "
                                    "(CN=R3); append it")));
}

TEST_F(Chain, NamesWhatIsUnrelated) {
  const test::Authority other("Other");
  const test::Authority namesake("R3");  // signed other things with another key
  EXPECT_THAT(doubts(pem_ + r3_.pem() + other.pem()),
              ElementsAre("holds certificate number 3 (CN=Other), which has issued none of the "
                          "others; remove it"));
  EXPECT_THAT(doubts(pem_ + namesake.pem()),
              ElementsAre(HasSubstr("does not hold the certificate of the leaf's issuer (CN=R3)"),
                          HasSubstr("number 2 (CN=R3), which has issued none")));
}

TEST_F(Chain, NamesWhatStandsTooEarlyOrTwice) {
  EXPECT_THAT(doubts(pem_ + r2_.pem() + r3_.pem()),
              ElementsAre("holds certificate number 2 (CN=R2) too early: it has issued number 3 "
                          "(CN=R3) and must stand after that"));
  EXPECT_THAT(doubts(pem_ + pem_ + r3_.pem()),
              ElementsAre("holds certificate number 1 again as number 2; remove it"));
}

// RFC 8446 §4.4.2 lets a server send more than one way to a root.
TEST_F(Chain, MayHoldTwoWaysToARoot) {
  const test::Authority new_root("New Root");
  const auto cross_signed =
      new_root.issue({.common_name = "R2", .authority = true, .key_pem = r2_.own().key_pem});
  EXPECT_THAT(doubts(pem_ + r3_.pem() + r2_.pem() + cross_signed.certificate_pem), IsEmpty());
}

TEST_F(Chain, OfACommonNameAloneHasNoName) {
  const auto old = r3_.issue({.common_name = "mail.example.org"});
  EXPECT_THAT(doubts_of(old.certificate_pem + r3_.pem(), old.key_pem),
              ElementsAre(HasSubstr("its common name 'mail.example.org' is none (RFC 9525)")));
}

TEST_F(Chain, ServesAnIntermediateAfterAByteOrderMark) {
  EXPECT_THAT(doubts("\xef\xbb\xbf" + pem_ + "\n\xef\xbb\xbf" + r3_.pem()), IsEmpty());
  EXPECT_EQ(store_->all().front()->chain.size(), 2U);
}

TEST_F(Chain, OfASelfSignedOneIsWhole) {
  const auto alone = test::self_signed({.names = {"localhost"}, .common_name = "localhost"});
  EXPECT_THAT(doubts_of(alone.certificate_pem, alone.key_pem), IsEmpty());
  EXPECT_TRUE(store_->describe().front().self_signed);
}

}  // namespace
}  // namespace postern::tls
