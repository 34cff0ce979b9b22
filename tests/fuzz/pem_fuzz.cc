// A certificate's file of arbitrary octets: what is found in it, and what it is said to be.
#include <cstdint>
#include <string>

#include "proxy/base/bytes.h"
#include "proxy/base/check.h"
#include "tls/internal/file_kind.h"
#include "tls/internal/pem.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace postern;
  using namespace postern::tls;
  const std::string_view text = as_text({data, size});
  const auto blocks = split_pem(text);
  if (blocks) {
    size_t line = 0;
    for (const PemBlock& block : blocks.value()) {
      check(block.line > line, "blocks come in order");
      check(block.text.starts_with("-----BEGIN ") && block.text.ends_with("-----"),
            "a block goes from its BEGIN line to its END line");
      line = block.line;
    }
    const auto octets = decode_blocks(blocks.value(), is_certificate);
    check(octets || !octets.faults().front().message.empty(), "a broken block has a reason");
  } else {
    check(!blocks.faults().front().message.empty(), "broken text has a reason");
  }
  describe_kind(text, "FILE");
  return 0;
}
