// Any bytes as a configuration: no crash, no exception, and either a Config or reasons of bounded
// number whose text is printable.
#include <cstddef>
#include <cstdint>
#include <string>

#include "proxy/base/check.h"
#include "proxy/config/config.h"

namespace {

constexpr size_t kMostFaults = 101;

void check_printable(const postern::Faults& faults) {
  postern::check(faults.size() <= kMostFaults, "the number of faults is bounded");
  for (const postern::Fault& fault : faults) {
    for (const char c : fault.text()) {
      postern::check(c >= ' ' && c <= '~', "a fault is printable");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string yaml(reinterpret_cast<const char*>(data), size);
  const postern::Result<postern::Config> config = postern::Config::parse(yaml, "fuzz.yaml", "/etc");
  if (!config) {
    check_printable(config.faults());
    return 0;
  }
  const postern::Config& read = config.value();
  check_printable(read.warnings);
  postern::check(!read.listeners.empty() && !read.backends.empty(), "a gateway has two sides");
  postern::check(read.default_backend < read.backends.size(), "the default backend exists");
  for (const postern::RouteConfig& route : read.routes) {
    postern::check(route.backend < read.backends.size(), "a route's backend exists");
  }
  return 0;
}
