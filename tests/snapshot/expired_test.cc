#include "proxy/snapshot/internal/expired.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/certificates.h"
#include "tls/context.h"

namespace postern {
namespace {

using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr int64_t kDayS = 86'400;

class ExpiredTest : public testing::Test {
 protected:
  using Store = std::shared_ptr<const tls::CertificateStore>;

  Store store(const std::string& file, const std::string& name, int64_t until_s) const {
    const test::Issued issued =
        test::self_signed({.names = {name}, .valid_from_s = -90 * kDayS, .valid_until_s = until_s});
    return tls::CertificateStore::load(
               {{directory_.write(file + ".crt", issued.certificate_pem),
                 directory_.write(file + ".key", issued.key_pem), "p.yaml:7"}})
        .value();
  }
  static Faults look(const Store& renewed, const Store& former) {
    return find_expired(*renewed, *former, tls::wall_clock_s());
  }

  test::TempDirectory directory_;
};

TEST_F(ExpiredTest, DoesNotReplaceAGoodOne) {
  const Store former = store("a", "a.test", kDayS);
  const Faults faults = look(store("a", "a.test", -kDayS), former);
  EXPECT_THAT(faults, ElementsAre(Field(&Fault::where, "p.yaml:7")));
  EXPECT_THAT(faults.front().message, HasSubstr("a.crt has expired ("));
  EXPECT_THAT(faults.front().message, HasSubstr("), and the one in force, which is good until "));
}

TEST_F(ExpiredTest, IsFoundUnderAnotherFileByItsName) {
  const Store former = store("a", "a.test", kDayS);
  EXPECT_EQ(look(store("b", "a.test", -kDayS), former).size(), 1U);
  EXPECT_THAT(look(store("b", "b.test", -kDayS), former), IsEmpty()) << "it replaces none";
}

TEST_F(ExpiredTest, MayReplaceOneThatHasEndedToo) {
  EXPECT_THAT(look(store("a", "a.test", -kDayS), store("a", "a.test", -2 * kDayS)), IsEmpty());
}

TEST_F(ExpiredTest, GoodOnesReplaceAll) {
  EXPECT_THAT(look(store("a", "a.test", kDayS), store("a", "a.test", 2 * kDayS)), IsEmpty());
  EXPECT_THAT(look(store("a", "a.test", kDayS), store("a", "a.test", -kDayS)), IsEmpty());
}

}  // namespace
}  // namespace postern
