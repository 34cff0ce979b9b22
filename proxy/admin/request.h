// `postern admin`: one action at the admin endpoint of a running postern, as a client of it. The
// caller has one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "metrics/metric.h"
#include "proxy/base/result.h"
#include "proxy/http/form.h"
#include "proxy/net/address.h"
#include "tls/verification.h"

namespace postern::admin {

struct Request {
  net::HostPort endpoint;
  // Nullopt: in clear, for which the endpoint must be on this machine.
  std::optional<tls::Verification> tls = {};
  std::string certificate = {};  // the endpoint's own, PEM: over TLS to the holder of its key alone
  std::string token_file;
  metrics::AdminPath action = metrics::AdminPath::Other;
  http::Form fields = {};
  bool json = false;
  uint64_t timeout_ms = 10'000;
};

struct Answer {
  bool done;
  std::string body;  // as the gateway has sent it: lines of printable ASCII
};

// Faults: it could not be asked, or gave no answer.
Result<Answer> ask(const Request& request);

}  // namespace postern::admin
