#include "tls/internal/wiped_frees.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <thread>

#include <gtest/gtest.h>

#include "tests/support/sanitized.h"

namespace postern::tls {
namespace {

constexpr std::string_view kSecret = "correct-horse-battery-staple";
constexpr size_t kSize = 200;

// Whether what was freed still has the secret. The allocator keeps its own words in the first
// octets. Volatile, or the compiler would leave out what it sees to be freed.
bool free_keeps_it() {
  void* chunk = std::malloc(kSize);
  auto* octets = static_cast<volatile char*>(chunk) + 100;
  std::copy(kSecret.begin(), kSecret.end(), octets);
  const volatile auto address = reinterpret_cast<uintptr_t>(octets);
  std::free(chunk);
  const auto* was = reinterpret_cast<const volatile char*>(address);
  return std::equal(kSecret.begin(), kSecret.end(), was);
}

TEST(WipedFrees, WipesWhatItsThreadFreesWhileItLives) {
  if (test::kSanitized) {
    GTEST_SKIP() << "a sanitizer keeps what was freed from being read";
  }
  EXPECT_TRUE(free_keeps_it());
  {
    const WipedFrees guard;
    EXPECT_FALSE(free_keeps_it());
    std::thread([] { EXPECT_TRUE(free_keeps_it()) << "another thread's"; }).join();
    std::free(nullptr);
  }
  EXPECT_TRUE(free_keeps_it());
}

}  // namespace
}  // namespace postern::tls
