#include "proxy/net/failure.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include <uv.h>

namespace postern::net {
namespace {

// The texts are libuv's.
constexpr ErrorRow kRows[] = {
    {UV_ECONNREFUSED, "connection_refused", "connection refused"},
    {UV_ECONNRESET, "connection_reset", "connection reset by peer"},
    {UV_ECONNABORTED, "connection_aborted", "software caused connection abort"},
    {UV_EPIPE, "connection_closed", "broken pipe"},
    {UV_ENOTCONN, "connection_closed", "socket is not connected"},
    {UV_EOF, "connection_closed", "end of file"},
    {UV_ETIMEDOUT, "timed_out", "connection timed out"},
    {UV_ENETUNREACH, "network_unreachable", "network is unreachable"},
    {UV_ENETDOWN, "network_unreachable", "network is down"},
    {UV_EHOSTUNREACH, "host_unreachable", "host is unreachable"},
    {UV_EHOSTDOWN, "host_unreachable", "host is down"},
    {UV_EADDRINUSE, "address_in_use", "address already in use"},
    {UV_EADDRNOTAVAIL, "address_not_available", "address not available"},
    {UV_EAFNOSUPPORT, "address_not_available", "address family not supported"},
    {UV_EACCES, "permission_denied", "permission denied"},
    {UV_EPERM, "permission_denied", "operation not permitted"},
    {UV_EMFILE, "too_many_open_files", "too many open files"},
    {UV_ENFILE, "too_many_open_files", "file table overflow"},
    {UV_ENOMEM, "out_of_memory", "not enough memory"},
    {UV_ENOBUFS, "out_of_memory", "no buffer space available"},
    {UV_EAI_MEMORY, "out_of_memory", "out of memory"},
    {UV_ECANCELED, "canceled", "operation canceled"},
    {UV_EAI_CANCELED, "canceled", "request canceled"},
    {UV_EAI_NONAME, "name_not_found", "unknown node or service"},
    {UV_EAI_NODATA, "name_not_found", "no address"},
    {UV_EAI_ADDRFAMILY, "name_not_found", "address family not supported"},
    {UV_EAI_AGAIN, "name_server_unavailable", "temporary failure"},
    {UV_EAI_BADFLAGS, "name_lookup_failed", "bad ai_flags value"},
    {UV_EAI_BADHINTS, "name_lookup_failed", "invalid value for hints"},
    {UV_EAI_FAIL, "name_lookup_failed", "permanent failure"},
    {UV_EAI_FAMILY, "name_lookup_failed", "ai_family not supported"},
    {UV_EAI_OVERFLOW, "name_lookup_failed", "argument buffer overflow"},
    {UV_EAI_PROTOCOL, "name_lookup_failed", "resolved protocol is unknown"},
    {UV_EAI_SERVICE, "name_lookup_failed", "service not available for socket type"},
    {UV_EAI_SOCKTYPE, "name_lookup_failed", "socket type not supported"},
};

std::string other_text(int32_t code) {
  char buffer[128];  // uv_strerror() would leak a string for every code that it does not know
  return uv_strerror_r(code, buffer, sizeof(buffer));
}

}  // namespace

const ErrorDomain kNetDomain = {"net", kRows, other_text};

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
