// What BoringSSL's parser of DER reads from. Any thread.
#pragma once

#include <string_view>

#include "proxy/base/bytes.h"
#include "tls/internal/boringssl.h"

namespace postern::tls {

// The octets must outlive it.
inline CBS reader_of(std::string_view octets) {
  CBS cbs;
  CBS_init(&cbs, as_bytes(octets).data(), octets.size());
  return cbs;
}

}  // namespace postern::tls
