#include "proxy/server/internal/status.h"

#include <utility>

#include "metrics/export/gzip.h"
#include "proxy/log/log.h"
#include "proxy/net/descriptors.h"
#include "proxy/status/json.h"
#include "proxy/status/page.h"
#include "proxy/version.h"

namespace postern {

using admin::Health;
using metrics::Metric;
using metrics::Sample;

namespace {

// As Prometheus has states: a line for each.
void sample_state(const std::vector<std::string>& server, ServerState now,
                  std::vector<Sample>& into) {
  for (size_t i = 0; i < kCountOf<ServerState>; ++i) {
    const auto state = static_cast<ServerState>(i);
    into.push_back({.metric = Metric::BackendServerState,
                    .label_values = {server[0], server[1], name_of(state)},
                    .value = state == now ? 1.0 : 0.0});
  }
}

// A server that is suspect has failed once, and gets sessions.
bool serves(const BackendConfig& backend, const PoolHealth& health) {
  for (size_t i = 0; i < health.size(); ++i) {
    const ServerState state = health[i]->state(backend.servers[i]);
    if (state != ServerState::Down && state != ServerState::Draining) {
      return true;
    }
  }
  return false;
}

}  // namespace

Status::Status(const Sources& sources, std::vector<const metrics::Counters*> counters)
    : sources_(sources),
      exporter_(sources.labels, counters, static_cast<metrics::SampleSource&>(*this)),
      recorder_(sources, std::move(counters)) {}

// A crowd that scrapes costs each text once a turn, and so delays no probe.
std::string Status::metrics(const metrics::Exposition& wanted) {
  std::string& text = texts_[static_cast<size_t>(wanted.format)];
  if (text.empty()) {
    text = exporter_.text(wanted.format);
    sources_.loop.defer(*this);
  }
  if (!wanted.gzip) {
    return text;
  }
  std::string& packed = packed_[static_cast<size_t>(wanted.format)];
  if (packed.empty()) {
    packed = metrics::gzip(text);
  }
  return packed;
}

void Status::run() {
  texts_ = {};
  packed_ = {};
  pages_ = {};
}

std::string Status::status(admin::StatusForm form) {
  std::string& page = pages_[static_cast<size_t>(form)];
  if (page.empty()) {
    const StatusRecord record = recorder_.record(unready());
    page = form == admin::StatusForm::Json ? status_json(record) : status_page(record);
    sources_.loop.defer(*this);
  }
  return page;
}

const char* Status::status_policy() {
  return status_page_policy();
}

Health Status::live() {
  if (!sources_.watchdog.steady()) {
    return {.ok = false, .reason = "a worker does not answer"};
  }
  return {.ok = true, .reason = "alive"};
}

Health Status::ready() {
  const std::string why = unready();
  return {.ok = why.empty(), .reason = why.empty() ? "ready" : why, .details = servers_text()};
}

// Empty if it is ready.
std::string Status::unready() const {
  if (sources_.state.draining) {
    return "draining";
  }
  const Config& config = *sources_.materials.config;
  if (config.ready == Readiness::Process) {
    return "";
  }
  for (size_t i = 0; i < config.backends.size(); ++i) {
    if (is_routed(config, i) && !serves(config.backends[i], sources_.materials.health[i])) {
      return "no server of backend " + config.backends[i].name + " is up";
    }
  }
  return "";
}

// "legacy mail1.internal:143 up"
std::string Status::servers_text() const {
  const Config& config = *sources_.materials.config;
  std::string text;
  for (size_t i = 0; i < config.backends.size(); ++i) {
    const BackendConfig& backend = config.backends[i];
    for (size_t k = 0; k < backend.servers.size(); ++k) {
      const ServerState state = sources_.materials.health[i][k]->state(backend.servers[k]);
      text.append(backend.name).append(" ").append(backend.servers[k].text()).append(" ");
      text.append(name_of(state)).append("\n");
    }
  }
  return text;
}

void Status::on_request(metrics::AdminPath path, metrics::HttpStatus status) {
  sources_.counters.count<Metric::AdminRequests>(path, status);
}

void Status::sample(std::vector<Sample>& into) {
  const auto add = [&into](Metric metric, std::vector<std::string> labels, double value) {
    into.push_back({.metric = metric, .label_values = std::move(labels), .value = value});
  };
  sample_certificates(into);
  sample_backends(into);
  sample_failures(into);
  const CertificateShares& shares = sources_.materials.config->tls.shares;
  add(Metric::CertificateRenewalOverdueRatio, {},
      static_cast<double>(shares.renewal_overdue_percent) / 100);
  add(Metric::CertificateAlarmRatio, {}, static_cast<double>(shares.alarm_percent) / 100);
  add(Metric::CertificateReloadSuccessful, {}, sources_.state.certificates_failed ? 0 : 1);
  add(Metric::CertificateReloadTime, {}, static_cast<double>(sources_.state.certificates_at_s));
  add(Metric::ConfigReloadSuccessful, {}, sources_.state.reload_failed ? 0 : 1);
  add(Metric::ConfigReloadTime, {}, static_cast<double>(sources_.state.reloaded_at_s));
  if (!sources_.materials.config->users.map.empty()) {
    add(Metric::UserMapUsers, {}, static_cast<double>(sources_.materials.users->mapped()));
    add(Metric::UserMapReloadSuccessful, {}, sources_.state.user_map_failed ? 0 : 1);
    add(Metric::UserMapReadTime, {}, static_cast<double>(sources_.state.user_map_at_s));
  }
  const Limits& limits = sources_.materials.config->limits;
  add(Metric::SessionsLimit, {}, static_cast<double>(sources_.admission.most_sessions(limits)));
  add(Metric::PeerDescriptorsLimit, {}, net::descriptors_for_peers());
  add(Metric::WaitingBytes, {}, static_cast<double>(sources_.admission.memory().waiting()));
  if (const size_t limit = sources_.admission.memory().limit(); limit != 0) {
    add(Metric::MemoryLimit, {}, static_cast<double>(limit));
  }
  add(Metric::BansActive, {},
      static_cast<double>(sources_.admission.logins().active_bans(sources_.loop.now_ms())));
  add(Metric::LoginGuardEntries, {},
      static_cast<double>(sources_.admission.logins().entries(sources_.loop.now_ms())));
  add(Metric::Workers, {}, static_cast<double>(sources_.state.workers_running));
  add(Metric::Ready, {}, unready().empty() ? 1 : 0);
  add(Metric::LogLinesLost, {}, static_cast<double>(log::lost_lines()));
  add(Metric::BuildInfo, {kVersion, kRevision, kBoringSslCommit, kBoringSslDate}, 1);
  metrics::sample_process(into);
}

void Status::sample_certificates(std::vector<Sample>& into) {
  for (const auto& certificate : sources_.materials.describe_certificates()) {
    const std::vector<std::string> labels{certificate.label, tls::name_of(certificate.key_type)};
    into.push_back({.metric = Metric::CertificateNotAfter,
                    .label_values = labels,
                    .value = static_cast<double>(certificate.not_after)});
    into.push_back({.metric = Metric::CertificateNotBefore,
                    .label_values = labels,
                    .value = static_cast<double>(certificate.not_before)});
    if (!certificate.intermediates.empty()) {
      into.push_back({.metric = Metric::CertificateChainNotAfter,
                      .label_values = labels,
                      .value = static_cast<double>(certificate.intermediates_end())});
    }
    if (certificate.staple_expected) {
      into.push_back({.metric = Metric::CertificateOcspNextUpdate,
                      .label_values = labels,
                      .value = static_cast<double>(certificate.ocsp_next_update)});
    }
  }
}

void Status::sample_failures(std::vector<Sample>& into) {
  for (const FailureBook::Group& group : sources_.facts.failures.groups()) {
    const bool of_none = group.backend == FailureBook::kNoBackend;
    into.push_back(
        {.metric = Metric::Failures,
         .label_values = {of_none ? ""
                                  : sources_.labels.values(metrics::Label::Backend)[group.backend],
                          name_of(group.cause)},
         .value = static_cast<double>(group.count)});
  }
}

void Status::sample_backends(std::vector<Sample>& into) {
  const BackendsHealth& health = sources_.materials.health;
  for (size_t i = 0; i < health.size(); ++i) {
    const BackendConfig& backend = sources_.materials.config->backends[i];
    into.push_back({.metric = Metric::BackendInfo,
                    .label_values = {backend.name, name_of(backend.tls), verification(backend)},
                    .value = 1});
    const size_t pool = sources_.labels.intern_backend(backend.name);
    for (size_t k = 0; k < health[i].size(); ++k) {
      const std::string server = backend.servers[k].text();
      sample_state({backend.name, server}, health[i][k]->state(backend.servers[k]), into);
      if (const size_t limit = backend.servers[k].max_sessions; limit > 0) {
        into.push_back({.metric = Metric::BackendSessionsLimit,
                        .label_values = {backend.name, server},
                        .value = static_cast<double>(limit)});
      }
      const size_t label = sources_.labels.intern_server(pool, server);
      const auto add = [&](Metric metric, const auto& dates) {
        if (const int64_t date = dates[label].load(std::memory_order_relaxed); date != 0) {
          into.push_back({.metric = metric,
                          .label_values = {backend.name, server},
                          .value = static_cast<double>(date)});
        }
      };
      add(Metric::BackendCertificateNotAfter, sources_.facts.certificate_not_after);
      add(Metric::BackendCertificateNotBefore, sources_.facts.certificate_not_before);
    }
  }
}

}  // namespace postern
