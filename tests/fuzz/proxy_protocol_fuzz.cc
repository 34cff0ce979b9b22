// ProxyReader under any bytes, cut anywhere: the first byte chooses the size of the pieces. Held
// to: the pieces make no difference; no more is taken than the limits allow; what it has read,
// written again, is read as the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/base/check.h"
#include "proxy/transport/proxy_protocol.h"

namespace {

using namespace postern;  // NOLINT: a fuzz target
using Step = ProxyReader::Step;

void check_again(const ProxyHeader& header) {
  for (const std::string& written :
       {proxy_header_v1(header.source, header.destination),
        proxy_header_v2(header.source, header.destination, {.version = "TLSv1.3"}, "id")}) {
    ProxyReader reader;
    size_t taken = 0;
    check(reader.feed(as_bytes(written), taken) == Step::Done && taken == written.size(),
          "what is written can be read");
    check(reader.header().source == header.source, "and says the same");
  }
}

std::string run(Bytes bytes, size_t piece) {
  ProxyReader reader;
  Step step = Step::More;
  size_t total = 0;
  while (!bytes.empty() && step == Step::More) {
    const Bytes next = bytes.first(std::min(piece, bytes.size()));
    size_t taken = 0;
    step = reader.feed(next, taken);
    check(taken <= next.size(), "no more is taken than there is");
    check(step == Step::Done || taken == 0, "only a whole header is taken");
    total += step == Step::Done ? taken : next.size();
    bytes = bytes.subspan(next.size());
  }
  check((step == Step::Failed) == static_cast<bool>(reader.error()), "a failure has a reason");
  if (step != Step::Done) {
    return step == Step::More ? "more" : reader.error().label();
  }
  const ProxyHeader& header = reader.header();
  check(total <= (header.version == 1 ? ProxyReader::kMaxV1 : ProxyReader::kMaxV2),
        "a header is bounded");
  check(header.source.valid() == header.destination.valid(), "both addresses or none");
  if (header.source.valid()) {
    check_again(header);
  }
  return header.source.text() + header.destination.text() + std::to_string(total);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) {
    return 0;
  }
  const Bytes input = Bytes(data, size).subspan(1);
  const std::string whole = run(input, input.size());
  check(run(input, size_t{1} + data[0] % 32) == whole,
        "where the network cuts makes no difference");
  check(run(input, 1) == whole, "byte by byte makes no difference");
  return 0;
}
