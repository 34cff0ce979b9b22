#include "proxy/lookup/lookup_answer.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "proxy/http/token.h"

namespace postern {
namespace {

constexpr unsigned kSuccess = 2;  // 200, and 204 of a service that has no body to send

// Names as DNS compares them, addresses however they are written.
bool same_host(std::string_view a, std::string_view b) {
  const auto left = net::Address::parse_ip(a);
  const auto right = net::Address::parse_ip(b);
  return left && right ? left.value() == right.value() : http::same_token(a, b);
}

std::optional<uint16_t> port_in(std::string_view text) {
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  const bool good = error == std::errc() && stop == end && port != 0;
  return good ? std::optional(port) : std::nullopt;
}

std::optional<size_t> index_in(const std::vector<BackendConfig>& backends, const auto& fits) {
  const auto found = std::ranges::find_if(backends, fits);
  return found != backends.end()
             ? std::optional(static_cast<size_t>(std::distance(backends.begin(), found)))
             : std::nullopt;
}

UserPlace failed(LookupFailure failure) {
  return {.backend = {}, .error = lookup_error(failure)};
}

UserPlace at(std::optional<size_t> backend) {
  return backend ? UserPlace{.backend = backend} : failed(LookupFailure::UnknownBackend);
}

UserPlace place_named(const LookupAnswer& answer, const std::vector<BackendConfig>& backends) {
  if (!answer.backend.empty()) {
    return at(
        index_in(backends, [&](const BackendConfig& one) { return one.name == answer.backend; }));
  }
  const auto port = port_in(answer.port);
  if (answer.server.empty() || !port) {
    return failed(LookupFailure::InvalidAnswer);
  }
  return at(index_in(backends, [&](const BackendConfig& one) {
    return std::ranges::any_of(one.servers, [&](const ServerConfig& server) {
      return server.host.port == *port && same_host(server.host.host, answer.server);
    });
  }));
}

}  // namespace

UserPlace place_of(const LookupAnswer& answer, const std::vector<BackendConfig>& backends) {
  if (answer.status / 100 != kSuccess) {
    return failed(LookupFailure::ServiceFailed);
  }
  if (answer.verdict.empty()) {
    return failed(LookupFailure::InvalidAnswer);
  }
  if (answer.verdict == "OK") {
    return place_named(answer, backends);
  }
  if (answer.verdict == "WAIT" || answer.error_code.starts_with('4')) {
    return failed(LookupFailure::ServiceFailed);
  }
  return {};
}

std::string named_by(const LookupAnswer& answer) {
  return !answer.backend.empty() ? answer.backend : answer.server + ":" + answer.port;
}

}  // namespace postern
