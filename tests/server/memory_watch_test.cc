#include "proxy/server/internal/memory_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/log/log.h"
#include "proxy/session/make_label_sets.h"
#include "tests/support/gateway.h"
#include "tests/support/logged.h"
#include "tests/support/test_loop.h"

namespace postern {
namespace {

using metrics::Metric;
using testing::Contains;
using testing::HasSubstr;

class MemoryWatchTest : public testing::Test {
 protected:
  MemoryWatchTest() { log::configure(log::Format::Text, log::Level::Info); }
  void pass_ms(uint64_t ms) { loop.deadlines().advance(loop.now_ms() + ms); }

  net::Loop loop;
  metrics::LabelSets labels = make_label_sets(test::gateway_config({}));
  metrics::Counters counters{labels};
  Admission admission;
  MemoryWatch watch{loop, admission, counters.cell<Metric::MemoryShortages>()};
};

TEST_F(MemoryWatchTest, HoldsTheProcessAgainstItsLimit) {
  admission.memory().set_limit(size_t{1} << 46);
  pass_ms(1'100);
  EXPECT_GT(admission.memory().used(), kMiB) << "what the kernel says";
  EXPECT_FALSE(admission.memory().tight());
  admission.memory().set_limit(kMiB);
  const auto lines = test::logged([&] { pass_ms(1'300); });
  EXPECT_TRUE(admission.memory().exhausted());
  EXPECT_THAT(lines, Contains(HasSubstr("memory is short")));
  EXPECT_EQ(counters.cell<Metric::MemoryShortages>().value(), 1U);
  const auto more = test::logged([&] { pass_ms(1'500); });
  EXPECT_TRUE(more.empty()) << "reported once";
  admission.memory().set_limit(0);
  EXPECT_THAT(test::logged([&] { pass_ms(1'700); }), Contains(HasSubstr("memory is enough again")));
  EXPECT_EQ(counters.cell<Metric::MemoryShortages>().value(), 1U);
}

}  // namespace
}  // namespace postern
