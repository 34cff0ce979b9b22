#include "proxy/net/failure.h"

#include <cstdint>
#include <string>

#include <uv.h>

namespace postern::net {
namespace {

const char* label(int32_t code) {
  switch (code) {
    case UV_ECONNREFUSED:
      return "connection_refused";
    case UV_ECONNRESET:
      return "connection_reset";
    case UV_ECONNABORTED:
      return "connection_aborted";
    case UV_EPIPE:
    case UV_ENOTCONN:
    case UV_EOF:
      return "connection_closed";
    case UV_ETIMEDOUT:
      return "timed_out";
    case UV_ENETUNREACH:
    case UV_ENETDOWN:
      return "network_unreachable";
    case UV_EHOSTUNREACH:
    case UV_EHOSTDOWN:
      return "host_unreachable";
    case UV_EADDRINUSE:
      return "address_in_use";
    case UV_EADDRNOTAVAIL:
    case UV_EAFNOSUPPORT:
      return "address_not_available";
    case UV_EACCES:
    case UV_EPERM:
      return "permission_denied";
    case UV_EMFILE:
    case UV_ENFILE:
      return "too_many_open_files";
    case UV_ENOMEM:
    case UV_ENOBUFS:
    case UV_EAI_MEMORY:
      return "out_of_memory";
    case UV_ECANCELED:
    case UV_EAI_CANCELED:
      return "canceled";
    case UV_EAI_NONAME:
    case UV_EAI_NODATA:
    case UV_EAI_ADDRFAMILY:
      return "name_not_found";
    case UV_EAI_AGAIN:
      return "name_server_unavailable";
    case UV_EAI_BADFLAGS:
    case UV_EAI_BADHINTS:
    case UV_EAI_FAIL:
    case UV_EAI_FAMILY:
    case UV_EAI_OVERFLOW:
    case UV_EAI_PROTOCOL:
    case UV_EAI_SERVICE:
    case UV_EAI_SOCKTYPE:
      return "name_lookup_failed";
    default:
      return "other";
  }
}

std::string text(int32_t code) {
  char buffer[128];  // uv_strerror() would leak a string for every code that it does not know
  return uv_strerror_r(code, buffer, sizeof(buffer));
}

}  // namespace

const ErrorDomain kNetDomain = {"net", label, text};

Error net_error(int code, const char* during) {
  return {&kNetDomain, during, code};
}

}  // namespace postern::net
