#include "proxy/net/failure.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include <uv.h>

namespace postern::net {
namespace {

struct Named {
  int32_t code;
  const char* label;
};

constexpr std::array kNamed = {
    Named{UV_ECONNREFUSED, "connection_refused"},
    Named{UV_ECONNRESET, "connection_reset"},
    Named{UV_ECONNABORTED, "connection_aborted"},
    Named{UV_EPIPE, "connection_closed"},
    Named{UV_ENOTCONN, "connection_closed"},
    Named{UV_EOF, "connection_closed"},
    Named{UV_ETIMEDOUT, "timed_out"},
    Named{UV_ENETUNREACH, "network_unreachable"},
    Named{UV_ENETDOWN, "network_unreachable"},
    Named{UV_EHOSTUNREACH, "host_unreachable"},
    Named{UV_EHOSTDOWN, "host_unreachable"},
    Named{UV_EADDRINUSE, "address_in_use"},
    Named{UV_EADDRNOTAVAIL, "address_not_available"},
    Named{UV_EAFNOSUPPORT, "address_not_available"},
    Named{UV_EACCES, "permission_denied"},
    Named{UV_EPERM, "permission_denied"},
    Named{UV_EMFILE, "too_many_open_files"},
    Named{UV_ENFILE, "too_many_open_files"},
    Named{UV_ENOMEM, "out_of_memory"},
    Named{UV_ENOBUFS, "out_of_memory"},
    Named{UV_EAI_MEMORY, "out_of_memory"},
    Named{UV_ECANCELED, "canceled"},
    Named{UV_EAI_CANCELED, "canceled"},
    Named{UV_EAI_NONAME, "name_not_found"},
    Named{UV_EAI_NODATA, "name_not_found"},
    Named{UV_EAI_ADDRFAMILY, "name_not_found"},
    Named{UV_EAI_AGAIN, "name_server_unavailable"},
    Named{UV_EAI_BADFLAGS, "name_lookup_failed"},
    Named{UV_EAI_BADHINTS, "name_lookup_failed"},
    Named{UV_EAI_FAIL, "name_lookup_failed"},
    Named{UV_EAI_FAMILY, "name_lookup_failed"},
    Named{UV_EAI_OVERFLOW, "name_lookup_failed"},
    Named{UV_EAI_PROTOCOL, "name_lookup_failed"},
    Named{UV_EAI_SERVICE, "name_lookup_failed"},
    Named{UV_EAI_SOCKTYPE, "name_lookup_failed"},
};
constexpr const char* kOther = "other";

constexpr auto kLabels = [] {
  std::array<const char*, kNamed.size() + 1> labels{};
  for (size_t i = 0; i < kNamed.size(); ++i) {
    labels[i] = kNamed[i].label;
  }
  labels.back() = kOther;
  return labels;
}();

const char* label(int32_t code) {
  for (const Named& named : kNamed) {
    if (named.code == code) {
      return named.label;
    }
  }
  return kOther;
}

std::string text(int32_t code) {
  char buffer[128];  // uv_strerror() would leak a string for every code that it does not know
  return uv_strerror_r(code, buffer, sizeof(buffer));
}

}  // namespace

const ErrorDomain kNetDomain = {"net", label, text, kLabels};

Error closed_error(const char* during) {
  return net_error(UV_EOF, during);
}

bool is_shortage(const Error& error) {
  constexpr std::array kShortages = {UV_EMFILE, UV_ENFILE, UV_ENOMEM, UV_ENOBUFS, UV_EAI_MEMORY};
  return error.domain == &kNetDomain &&
         std::ranges::find(kShortages, error.code) != kShortages.end();
}

Error net_error(int code, const char* during) {
  return {&kNetDomain, during, code};
}

}  // namespace postern::net
