#include "proxy/server/internal/certificate_expiry.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/log/log.h"
#include "tests/support/certificates.h"
#include "tests/support/logged.h"

namespace postern {
namespace {

using test::logged;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr int64_t kDayS = 86'400;

// One time for the date and for the wheel; it passes only when a test says so.
int64_t now_s = 0;
int64_t test_clock_s() {
  return now_s;
}

class ExpiryTest : public testing::Test, private net::DeadlineWheel::Driver {
 protected:
  ExpiryTest() : wheel_(*this) {
    now_s = tls::wall_clock_s();
    log::configure(log::Format::Text, log::Level::Info);
  }

  // A certificate of 100 days for each of `days` to live.
  std::shared_ptr<const tls::CertificateStore> living(const std::vector<int>& days) {
    std::vector<tls::CertificateFiles> files;
    for (const int count : days) {
      const std::string name = std::to_string(count);
      // An hour more: the day that has begun counts as none.
      const auto issued = test::self_signed({.names = {"n" + name + ".test"},
                                             .valid_from_s = (count - 100) * kDayS + 3600,
                                             .valid_until_s = count * kDayS + 3600});
      files.push_back({directory_.write(name + ".crt", issued.certificate_pem),
                       directory_.write(name + ".key", issued.key_pem), "p.yaml:1"});
    }
    auto store = tls::CertificateStore::load(files);
    EXPECT_TRUE(store);
    return store.value();
  }
  std::vector<std::string> pass(int64_t seconds) {
    return logged([&] {
      for (int64_t i = 0; i < seconds; i += 60) {
        now_s += 60;
        wheel_.advance(now_ms());
      }
    });
  }

  test::TempDirectory directory_;

 private:
  void start_ticking() override {}
  void stop_ticking() override {}
  uint64_t now_ms() const override { return static_cast<uint64_t>(now_s) * 1000; }

 protected:
  net::DeadlineWheel wheel_;
  ExpiryReminder reminder_{wheel_, &test_clock_s};
};

using Expiry = ExpiryTest;

TEST_F(Expiry, WarnsOfOneThatEndsEarlierThanTheOneThatItReplaces) {
  reminder_.follow(living({80})->describe(), {});
  EXPECT_THAT(logged([&] { reminder_.follow(living({80})->describe(), {}); }), IsEmpty());
  const auto issued = test::self_signed(
      {.names = {"n80.test"}, .valid_from_s = -3600, .valid_until_s = 60 * kDayS + 3600});
  const tls::CertificateFiles files{directory_.write("80.crt", issued.certificate_pem),
                                    directory_.write("80.key", issued.key_pem), "p.yaml:1"};
  const auto store = tls::CertificateStore::load({files});
  ASSERT_TRUE(store);
  EXPECT_THAT(logged([&] { reminder_.follow(store.value()->describe(), {}); }),
              ElementsAre(AllOf(HasSubstr("certificate ends earlier than the one that it replaces"),
                                HasSubstr("left=60d left_before=80d"))));
}

TEST_F(Expiry, WarnsAtOnceOfWhatHasLittleLeft) {
  const auto store = living({50, 25, 24, 10, 9, 0, -3});
  EXPECT_THAT(
      logged([&] { reminder_.follow(store->describe(), {}); }),
      ElementsAre(AllOf(HasSubstr("warn"), HasSubstr("renewal is overdue"), HasSubstr("24.crt"),
                        HasSubstr("left=24d"), HasSubstr("lifetime=100d")),
                  AllOf(HasSubstr("warn"), HasSubstr("10.crt"), HasSubstr("left=10d")),
                  AllOf(HasSubstr("error"), HasSubstr("certificate expires soon"),
                        HasSubstr("9.crt"), HasSubstr("left=9d")),
                  AllOf(HasSubstr("error"), HasSubstr("0.crt"), HasSubstr("left=1h")),
                  AllOf(HasSubstr("error"), HasSubstr("certificate has expired"),
                        Not(HasSubstr("subject")), HasSubstr("-3.crt"), HasSubstr("days_ago=2"))));
}

TEST_F(Expiry, WarnsWhenItBeginsAndThenOnceADay) {
  const auto store = living({26});
  EXPECT_THAT(logged([&] { reminder_.follow(store->describe(), {}); }), IsEmpty());
  EXPECT_THAT(pass(kDayS), IsEmpty());
  // An hour into the next day a quarter is left; the daily reminder comes at its end.
  EXPECT_THAT(pass(2 * 3600), ElementsAre(HasSubstr("left=24d")));
  EXPECT_THAT(pass(kDayS), ElementsAre(HasSubstr("left=24d")));
  EXPECT_THAT(pass(3 * kDayS),
              ElementsAre(HasSubstr("left=23d"), HasSubstr("left=22d"), HasSubstr("left=21d")));
}

// A certificate for 160 hours would be over between two daily looks.
TEST_F(Expiry, MissesNoTurnOfAShortLife) {
  const auto issued = test::self_signed(
      {.names = {"short.test"}, .valid_from_s = -60, .valid_until_s = 158 * int64_t{3600}});
  const auto store =
      tls::CertificateStore::load({{directory_.write("short.crt", issued.certificate_pem),
                                    directory_.write("short.key", issued.key_pem), "p.yaml:1"}});
  ASSERT_TRUE(store);
  EXPECT_THAT(logged([&] { reminder_.follow(store.value()->describe(), {}); }), IsEmpty());
  EXPECT_THAT(pass(118 * 3600), IsEmpty());
  EXPECT_THAT(pass(1 * 3600), ElementsAre(HasSubstr("renewal is overdue")));
  const auto rest = pass(40 * 3600);
  EXPECT_THAT(rest, Contains(AllOf(HasSubstr("expires soon"), HasSubstr("left=15h"))));
  EXPECT_THAT(rest.back(), HasSubstr("certificate has expired"));
}

TEST_F(Expiry, SpeaksOfTheNewCertificatesOnly) {
  const auto old = living({3});
  const auto renewed = living({90});
  EXPECT_THAT(logged([&] { reminder_.follow(old->describe(), {}); }),
              ElementsAre(HasSubstr("3.crt")));
  EXPECT_THAT(logged([&] { reminder_.follow(renewed->describe(), {}); }), IsEmpty());
  EXPECT_THAT(pass(10 * kDayS), IsEmpty());
}

TEST_F(Expiry, SpeaksOfAnIntermediateThatEndsBeforeItsLeaf) {
  const test::Authority root("Root");
  const auto old = root.issue({.common_name = "R3",
                               .valid_from_s = -400 * kDayS,
                               .valid_until_s = 20 * kDayS + 60,
                               .authority = true});
  const auto issued = living({90});
  const std::string chain = directory_.path() + "/90.crt";
  std::ofstream(chain, std::ios::app) << old.certificate_pem;
  const auto store =
      tls::CertificateStore::load({{chain, directory_.path() + "/90.key", "p.yaml:1"}});
  ASSERT_TRUE(store);
  EXPECT_THAT(
      logged([&] { reminder_.follow(store.value()->describe(), {}); }),
      ElementsAre(AllOf(HasSubstr("warn"), HasSubstr("intermediate certificate expires soon"),
                        HasSubstr("CN=R3"), HasSubstr("left=20d"))));
}

}  // namespace
}  // namespace postern
