// What the process shows at its admin endpoint: health, and the figures that are looked up when
// they are asked for.
#include <utility>

#include "proxy/log/log.h"
#include "proxy/server/server.h"
#include "proxy/version.h"

namespace postern {

using metrics::Health;
using metrics::Label;
using metrics::Metric;
using metrics::Sample;

namespace {

const char* name_of(tls::KeyType type) {
  switch (type) {
    case tls::KeyType::Ecdsa:
      return "ecdsa";
    case tls::KeyType::Rsa:
      return "rsa";
    case tls::KeyType::Ed25519:
      return "ed25519";
  }
  return "other";
}

const char* verify_name(const BackendConfig& backend) {
  const bool verified =
      backend.tls != BackendTls::None && backend.verify.mode == tls::Verification::Mode::Verify;
  return verified ? "verify" : "none";
}

}  // namespace

std::string Server::metrics() {
  return exporter_->text();
}

Health Server::live() {
  if (!watchdog_.steady()) {
    return {.ok = false, .reason = "a worker does not answer"};
  }
  return {.ok = true, .reason = "alive"};
}

Health Server::ready() {
  if (draining_) {
    return {.ok = false, .reason = "draining"};
  }
  return {.ok = true, .reason = "ready"};
}

void Server::on_request(std::string_view path, int code) {
  counters_.count<Metric::AdminRequests>(labels_.index_of<Label::Path>(path),
                                         labels_.index_of<Label::Code>(std::to_string(code)));
}

void Server::sample(std::vector<Sample>& into) {
  const auto add = [&into](Metric metric, std::vector<std::string> labels, double value) {
    into.push_back({.metric = metric, .label_values = std::move(labels), .value = value});
  };
  sample_certificates(into);
  sample_backends(into);
  add(Metric::ConfigReloadSuccessful, {}, reload_failed_ ? 0 : 1);
  add(Metric::ConfigReloadTime, {}, static_cast<double>(reloaded_at_s_));
  add(Metric::SessionsLimit, {}, static_cast<double>(materials_.config->limits.sessions));
  add(Metric::WaitingBytes, {}, static_cast<double>(admission_.memory().waiting()));
  if (const size_t limit = admission_.memory().limit(); limit != 0) {
    add(Metric::MemoryLimit, {}, static_cast<double>(limit));
  }
  add(Metric::LoginGuardEntries, {},
      static_cast<double>(admission_.logins().entries(loop_.now_ms())));
  add(Metric::Workers, {}, static_cast<double>(workers_running_));
  add(Metric::Ready, {}, ready().ok ? 1 : 0);
  add(Metric::LogLinesLost, {}, static_cast<double>(log::lost_lines()));
  add(Metric::BuildInfo, {kVersion, kRevision}, 1);
  metrics::sample_process(into);
}

void Server::sample_certificates(std::vector<Sample>& into) {
  for (const auto& certificate : materials_.certificates->describe()) {
    const std::vector<std::string> labels{certificate.label, name_of(certificate.key_type)};
    into.push_back({.metric = Metric::CertificateNotAfter,
                    .label_values = labels,
                    .value = static_cast<double>(certificate.not_after)});
    if (certificate.ocsp_next_update != 0 || certificate.staple_expected) {
      into.push_back({.metric = Metric::CertificateOcspNextUpdate,
                      .label_values = labels,
                      .value = static_cast<double>(certificate.ocsp_next_update)});
    }
  }
}

void Server::sample_backends(std::vector<Sample>& into) {
  for (const BackendConfig& backend : materials_.config->backends) {
    into.push_back(
        {.metric = Metric::BackendInfo,
         .label_values = {backend.name, postern::name_of(backend.tls), verify_name(backend)},
         .value = 1});
    const size_t pool = labels_.intern_backend(backend.name);
    for (const net::HostPort& server : backend.servers) {
      const size_t label = labels_.intern_server(pool, server.text());
      const int64_t end = facts_.certificate_not_after[label].load(std::memory_order_relaxed);
      if (end != 0) {
        into.push_back({.metric = Metric::BackendCertificateNotAfter,
                        .label_values = {backend.name, server.text()},
                        .value = static_cast<double>(end)});
      }
    }
  }
}

}  // namespace postern
