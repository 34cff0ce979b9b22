#include "proxy/server/certificate_expiry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/log/log.h"
#include "tests/support/certificates.h"
#include "tests/support/logged.h"

namespace postern {
namespace {

using test::logged;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

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

  // A certificate for each of `days` to live.
  std::shared_ptr<const tls::CertificateStore> living(const std::vector<int>& days) {
    std::vector<tls::CertificateFiles> files;
    for (const int count : days) {
      const std::string name = std::to_string(count);
      // An hour more: the day that has begun counts as none.
      const auto issued = test::self_signed({.names = {"n" + name + ".test"},
                                             .valid_from_s = -100 * kDayS,
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

 private:
  void start_ticking() override {}
  void stop_ticking() override {}
  uint64_t now_ms() const override { return static_cast<uint64_t>(now_s) * 1000; }

  test::TempDirectory directory_;

 protected:
  net::DeadlineWheel wheel_;
  ExpiryReminder reminder_{wheel_, &test_clock_s};
};

using Expiry = ExpiryTest;

TEST_F(Expiry, WarnsAtOnceOfLessThanTwoWeeks) {
  const auto store = living({20, 14, 13, 2, 0, -3});
  EXPECT_THAT(logged([&] { reminder_.follow(store); }),
              ElementsAre(AllOf(HasSubstr("warn"), HasSubstr("13.crt"), HasSubstr("days_left=13")),
                          AllOf(HasSubstr("2.crt"), HasSubstr("days_left=2")),
                          AllOf(HasSubstr("0.crt"), HasSubstr("days_left=0")),
                          AllOf(HasSubstr("error"), HasSubstr("certificate has expired"),
                                HasSubstr("-3.crt"), HasSubstr("days_ago=2"))));
}

TEST_F(Expiry, WarnsOnceADay) {
  const auto store = living({15});
  EXPECT_THAT(logged([&] { reminder_.follow(store); }), IsEmpty());
  EXPECT_THAT(pass(kDayS / 2), IsEmpty());  // from here on a reminder comes in the middle
  EXPECT_THAT(pass(kDayS), IsEmpty());
  EXPECT_THAT(pass(kDayS), ElementsAre(HasSubstr("days_left=13")));
  EXPECT_THAT(pass(3 * kDayS), ElementsAre(HasSubstr("days_left=12"), HasSubstr("days_left=11"),
                                           HasSubstr("days_left=10")));
}

TEST_F(Expiry, SpeaksOfTheNewCertificatesOnly) {
  const auto old = living({3});
  const auto renewed = living({90});
  EXPECT_THAT(logged([&] { reminder_.follow(old); }), ElementsAre(HasSubstr("3.crt")));
  EXPECT_THAT(logged([&] { reminder_.follow(renewed); }), IsEmpty());
  EXPECT_THAT(pass(10 * kDayS), IsEmpty());
}

}  // namespace
}  // namespace postern
