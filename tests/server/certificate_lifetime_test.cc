#include "proxy/server/certificate_lifetime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kHourS = 3'600;
constexpr int64_t kDayS = 24 * kHourS;
constexpr int64_t kNowS = 1'800'000'000;

tls::CertificateStore::Description leaf(int64_t lifetime_s, int64_t left_s) {
  tls::CertificateStore::Description description;
  description.label = "tls.crt";
  description.not_after = kNowS + left_s;
  description.not_before = description.not_after - lifetime_s;
  return description;
}

std::vector<Lifetime> states(const Descriptions& certificates,
                             const CertificateShares& shares = {}) {
  std::vector<Lifetime> found;
  for (const LifetimeNotice& notice : judge_lifetimes(certificates, shares, kNowS)) {
    found.push_back(notice.lifetime);
  }
  return found;
}

// The short profile of Let's Encrypt, its default from 2027, and what others issue.
class EveryLifetime : public testing::TestWithParam<int64_t> {};
INSTANTIATE_TEST_SUITE_P(Certificate, EveryLifetime,
                         testing::Values(160 * kHourS, 47 * kDayS, 64 * kDayS, 90 * kDayS,
                                         398 * kDayS));

TEST_P(EveryLifetime, IsJudgedByTheShareThatIsLeft) {
  const int64_t life = GetParam();
  EXPECT_THAT(states({leaf(life, life)}), IsEmpty());
  EXPECT_THAT(states({leaf(life, life / 3)}), IsEmpty()) << "certbot and cert-manager renew here";
  EXPECT_THAT(states({leaf(life, life / 4)}), IsEmpty());
  EXPECT_THAT(states({leaf(life, life / 4 - 1)}), ElementsAre(Lifetime::Overdue));
  EXPECT_THAT(states({leaf(life, life / 10 - 1)}), ElementsAre(Lifetime::Ending));
  EXPECT_THAT(states({leaf(life, 1)}), ElementsAre(Lifetime::Ending));
  EXPECT_THAT(states({leaf(life, 0)}), ElementsAre(Lifetime::Expired));
  EXPECT_THAT(states({leaf(life, life + 1)}), ElementsAre(Lifetime::NotYetValid));
}

TEST_P(EveryLifetime, ChangesItsStateExactlyWhenItWasForetold) {
  const int64_t life = GetParam();
  const Descriptions certificates = {leaf(life, life + 60)};
  std::vector<int64_t> changes;
  int64_t now_s = kNowS;
  for (int64_t at = 0; (at = next_judgement(certificates, {}, now_s)) != 0; now_s = at) {
    const auto state = [&](int64_t when) {
      const auto notices = judge_lifetimes(certificates, {}, when);
      return notices.empty() ? -1 : static_cast<int>(notices.front().lifetime);
    };
    EXPECT_EQ(state(now_s), state(at - 1));
    EXPECT_NE(state(at - 1), state(at));
    changes.push_back(at);
  }
  EXPECT_EQ(changes.size(), 4U);
}

TEST(CertificateLifetime, GoesByTheOperatorsShares) {
  const CertificateShares shares{.renewal_overdue_percent = 50, .alarm_percent = 30};
  EXPECT_THAT(states({leaf(90 * kDayS, 40 * kDayS)}, shares), ElementsAre(Lifetime::Overdue));
  EXPECT_THAT(states({leaf(90 * kDayS, 20 * kDayS)}, shares), ElementsAre(Lifetime::Ending));
}

// An intermediate of ten years is not overdue with two years left.
TEST(CertificateLifetime, MeasuresAnIntermediateByItsLeaf) {
  auto one = leaf(90 * kDayS, 80 * kDayS);
  const auto with_intermediate = [&](int64_t left_s) {
    one.intermediates = {{"CN=R3", kNowS - 3650 * kDayS, kNowS + left_s}};
    return judge_lifetimes({one}, {}, kNowS);
  };
  EXPECT_THAT(with_intermediate(700 * kDayS), IsEmpty());
  EXPECT_THAT(with_intermediate(30 * kDayS), IsEmpty());
  const auto soon = with_intermediate(20 * kDayS);
  ASSERT_EQ(soon.size(), 1U);
  EXPECT_EQ(soon[0].lifetime, Lifetime::Overdue);
  EXPECT_EQ(text_of(soon[0], "tls.crt"),
            "chain tls.crt: certificate number 2 (CN=R3), which is sent after the leaf, expires in "
            "20d; put a newer one in its place");
  const auto over = with_intermediate(-10 * kDayS);
  ASSERT_EQ(over.size(), 1U);
  EXPECT_THAT(text_of(over[0], "tls.crt"), HasSubstr("(CN=R3), which is sent after the leaf, has "
                                                     "expired 10d ago"));
}

TEST(CertificateLifetime, IsToldInTimesThatPeopleSay) {
  EXPECT_EQ(round_time(90 * kDayS + 5), "90d");
  EXPECT_EQ(round_time(3 * kDayS - 1), "71h");
  EXPECT_EQ(round_time(kHourS - 1), "59m");
  const auto overdue = judge_lifetimes({leaf(160 * kHourS, 39 * kHourS)}, {}, kNowS);
  ASSERT_EQ(overdue.size(), 1U);
  EXPECT_EQ(text_of(overdue[0], "tls.crt"),
            "chain tls.crt: its certificate should have been renewed: 39h of 6d are left");
}

}  // namespace
}  // namespace postern
