#include "proxy/base/utc.h"

#include <gtest/gtest.h>

namespace postern {
namespace {

TEST(Utc, IsWrittenAsRfc3339Does) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(1'796'040'000), "2026-11-30T12:00:00Z");
}

}  // namespace
}  // namespace postern
