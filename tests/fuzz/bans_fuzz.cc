// The file of bans, from any bytes: no crash, and what is read is written again as it was read.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "proxy/admission/internal/ban_file.h"
#include "proxy/base/bytes.h"
#include "proxy/base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bans = postern::read_bans(postern::as_text({data, size}), "bans");
  if (bans) {
    const auto again = postern::read_bans(postern::write_bans(bans.value()), "bans");
    postern::check(again && again.value() == bans.value(), "bans are read as they are written");
  }
  return 0;
}
