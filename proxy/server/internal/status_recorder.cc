#include "proxy/server/internal/status_recorder.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "proxy/admission/stricter_tls.h"
#include "proxy/server/certificate_lifetime.h"
#include "proxy/version.h"
#include "tls/engine.h"

namespace postern {

using metrics::Label;
using metrics::Metric;

namespace {

constexpr size_t kShownBans = 256;

// Until its first session, a server is neither up nor down.
bool is_untried(const ServerHealth& health, ServerState state,
                const std::vector<EndpointState>& endpoints) {
  return (state == ServerState::Up || state == ServerState::Backup) &&
         health.sessions.load(std::memory_order_relaxed) == 0 &&
         std::ranges::all_of(endpoints, [](const auto& one) { return one.since_ms == 0; });
}

// What all handshakes were, by what a stricter policy would ask for.
struct Handshakes {
  uint64_t all = 0;
  uint64_t before_tls13 = 0;
  uint64_t without_post_quantum = 0;
};

Handshakes count_handshakes(const std::vector<const metrics::Counters*>& counters,
                            const metrics::LabelSets& labels) {
  Handshakes found;
  const size_t groups = labels.width(Label::Group);
  const size_t resumed = labels.width(Label::Resumed);
  std::vector<uint64_t> cells(counters.front()->row_size(Metric::Handshakes));
  for (size_t version = 0; version < labels.width(Label::Version); ++version) {
    std::ranges::fill(cells, 0);
    for (const metrics::Counters* one : counters) {
      one->add_row_to(Metric::Handshakes, version, cells);
    }
    for (size_t i = 0; i < cells.size(); ++i) {
      const size_t group = i / resumed % groups;
      found.all += cells[i];
      found.before_tls13 += version < static_cast<size_t>(tls::Version::Tls13) ? cells[i] : 0;
      found.without_post_quantum +=
          tls::is_post_quantum(labels.values(Label::Group)[group]) ? 0 : cells[i];
    }
  }
  return found;
}

bool offers_post_quantum(const Config& config) {
  return std::ranges::any_of(config.listeners, [&](const ListenerConfig& listener) {
    const tls::Policy& policy = listener.policy ? *listener.policy : config.tls.policy;
    return std::ranges::any_of(policy.groups, tls::is_post_quantum);
  });
}

}  // namespace

const char* verification(const BackendConfig& backend) {
  return name_of(backend.tls == BackendTls::None ? tls::Verification::Mode::None
                                                 : backend.verify.mode);
}

StatusRecorder::StatusRecorder(const StatusSources& sources,
                               std::vector<const metrics::Counters*> counters)
    : sources_(sources), counters_(std::move(counters)) {
  arm(sources_.loop.deadlines(), StatusHistory::kStepS * 1000);
}

void StatusRecorder::on_deadline() {
  history_.look(sources_.admission.sessions(), sources_.facts.failures.groups());
  arm(sources_.loop.deadlines(), StatusHistory::kStepS * 1000);
}

StatusRecord StatusRecorder::record(const std::string& unready) const {
  StatusRecord record{.now_s = std::time(nullptr), .process = process(unready)};
  put_tls(record);
  put_stricter(record);
  put_certificates(record);
  put_backends(record);
  record.sessions = sessions();
  put_failures(record);
  put_doubts(record);
  put_bans(record);
  record.changes = sources_.facts.changes.entries();
  return record;
}

StatusRecord::Process StatusRecorder::process(const std::string& unready) const {
  const ServingState& state = sources_.state;
  const auto& users = sources_.materials.users;
  return {.version = kVersion,
          .revision = kRevision,
          .boringssl_commit = kBoringSslCommit,
          .boringssl_date = kBoringSslDate,
          .started_s = state.started_at_s,
          .workers = state.workers_running,
          .steady = sources_.watchdog.steady(),
          .draining = state.draining,
          .unready = unready,
          .reloaded_s = state.reloaded_at_s,
          .reload_failed = state.reload_failed,
          .certificates_s = state.certificates_at_s,
          .certificates_failed = state.certificates_failed,
          .has_user_map = !sources_.materials.config->users.map.empty(),
          .users_mapped = users != nullptr ? users->mapped() : 0,
          .users_held = users != nullptr ? users->held() : 0,
          .user_map_s = state.user_map_at_s,
          .user_map_failed = state.user_map_failed};
}

// ---- TLS

void StatusRecorder::put_tls(StatusRecord& record) const {
  const Config& config = *sources_.materials.config;
  const auto add = [&record](const std::string& where, const tls::Policy& policy) {
    record.policies.push_back({.where = where, .name = policy.name, .text = policy.describe()});
  };
  add("clients", config.tls.policy);
  for (size_t i = 0; i < config.listeners.size(); ++i) {
    const ListenerConfig& listener = config.listeners[i];
    record.listeners.push_back(
        {.address = listener.text,
         .tls = name_of(listener.tls),
         .policy = listener.policy ? listener.policy->name : config.tls.policy.name,
         .sessions = sum(Metric::SessionsActive, i),
         .limit = listener.sessions});
    if (listener.policy) {
      add("listener " + listener.text, *listener.policy);
    }
  }
  if (config.tls.shadow_policy) {
    add("shadow, counted only", *config.tls.shadow_policy);
  }
}

void StatusRecorder::put_stricter(StatusRecord& record) const {
  const Config& config = *sources_.materials.config;
  const Handshakes handshakes = count_handshakes(counters_, sources_.labels);
  uint64_t shadow = 0;
  for (size_t reason = 0; reason < sources_.labels.width(Label::ShadowReason); ++reason) {
    shadow += sum(Metric::ShadowRefusals, reason);
  }
  const auto add = [&](Stricter policy, uint64_t refused, bool known, const char* why) {
    StatusRecord::Stricter& one = record.stricter.emplace_back();
    one.name = name_of(policy);
    one.known = known;
    one.why = known ? "" : why;
    one.refused = refused;
    one.handshakes = handshakes.all;
    for (const auto& client : sources_.admission.stricter().clients(policy)) {
      if (known) {
        one.last.push_back({.address = client.address.ip_text(),
                            .server_name = client.server_name,
                            .last_s = client.last_s,
                            .times = client.times});
      }
    }
  };
  add(Stricter::Tls13, handshakes.before_tls13, true, "");
  add(Stricter::PostQuantum, handshakes.without_post_quantum, offers_post_quantum(config),
      "the policy in force offers no post-quantum group, so no client can show whether it has "
      "one.");
  add(Stricter::Shadow, shadow, config.tls.shadow_policy.has_value(),
      "`tls.shadow_policy` is not set; `tls.shadow_policy: modern` tries a stricter policy out.");
}

void StatusRecorder::put_certificates(StatusRecord& record) const {
  const Descriptions all = sources_.materials.describe_certificates();
  for (const auto& one : all) {
    record.certificates.push_back({.label = one.label,
                                   .names = one.names,
                                   .key_type = tls::name_of(one.key_type),
                                   .not_before_s = one.not_before,
                                   .not_after_s = one.not_after,
                                   .chain_not_after_s = one.intermediates_end(),
                                   .staple_expected = one.staple_expected,
                                   .staple_until_s = one.ocsp_next_update,
                                   .self_signed = one.self_signed});
  }
  const CertificateShares& shares = sources_.materials.config->tls.shares;
  for (const LifetimeNotice& notice : judge_lifetimes(all, shares, record.now_s)) {
    StatusRecord::Certificate& one = record.certificates[notice.certificate];
    if (notice.lifetime > one.lifetime) {
      one.lifetime = notice.lifetime;
      one.notice = text_of(notice);
    }
  }
}

// ---- backends

void StatusRecorder::put_backends(StatusRecord& record) const {
  const Config& config = *sources_.materials.config;
  for (size_t i = 0; i < config.backends.size(); ++i) {
    const BackendConfig& backend = config.backends[i];
    StatusRecord::Backend& shown = record.backends.emplace_back();
    shown.name = backend.name;
    shown.tls = name_of(backend.tls);
    shown.verify = verification(backend);
    shown.routed = is_routed(config, i);
    for (size_t k = 0; k < backend.servers.size(); ++k) {
      shown.servers.push_back(server(i, k));
    }
  }
}

StatusRecord::Server StatusRecorder::server(size_t backend, size_t index) const {
  const BackendConfig& of = sources_.materials.config->backends[backend];
  const ServerConfig& config = of.servers[index];
  const ServerHealth& health = *sources_.materials.health[backend][index];
  const ServerState state = health.state(config);
  const auto endpoints = health.endpoint_states();
  const size_t label =
      sources_.labels.intern_server(sources_.labels.intern_backend(of.name), config.text());
  const BackendFacts& facts = sources_.facts;
  StatusRecord::Server shown{
      .name = config.text(),
      .state = is_untried(health, state, endpoints) ? "untried" : name_of(state),
      .sessions = health.sessions.load(std::memory_order_relaxed),
      .limit = config.max_sessions,
      .certificate_not_after_s = facts.certificate_not_after[label].load(std::memory_order_relaxed),
      .failed_logins_in_a_row = facts.failed_in_a_row[label].count(),
      .refuses_all_logins = facts.failed_in_a_row[label].count() >= BackendFacts::kManyInARow,
      .wants_privacy = facts.wants_privacy[label].load(std::memory_order_relaxed),
      .drained_by = config.drain                     ? "configuration"
                    : state == ServerState::Draining ? "admin"
                                                     : ""};
  uint64_t since_ms = endpoints.empty() ? health.name.since_ms() : 0;
  for (const EndpointState& one : endpoints) {
    since_ms = std::max(since_ms, one.since_ms);
    const bool untried = one.since_ms == 0;
    shown.addresses.push_back({.address = one.address.text(),
                               .state = untried ? "untried" : name_of(one.state),
                               .since_s = untried ? 0 : at_s(one.since_ms)});
  }
  shown.since_s = since_ms != 0 ? at_s(since_ms) : 0;
  return shown;
}

// ---- sessions and what has failed

StatusRecord::Sessions StatusRecorder::sessions() const {
  return {.now = sources_.admission.sessions(),
          .logged_in = sum(Metric::SessionsAuthenticated),
          .idle = sum(Metric::SessionsIdle),
          .limit = sources_.admission.most_sessions(sources_.materials.config->limits),
          .wanted = sources_.materials.config->limits.sessions,
          .step_s = StatusHistory::kStepS,
          .samples = {history_.samples().begin(), history_.samples().end()}};
}

void StatusRecorder::put_failures(StatusRecord& record) const {
  for (const FailureBook::Group& group : sources_.facts.failures.groups()) {
    record.failures.push_back({.cause = group.cause,
                               .backend = backend_name(group.backend),
                               .count = group.count,
                               .last_hour = history_.last_hour(group),
                               .first_s = group.first_s,
                               .last_s = group.last_s,
                               .client = group.last.client,
                               .server = group.last.server,
                               .said = group.last.said});
  }
  for (const FailureBook::Event& event : sources_.facts.failures.recent()) {
    record.recent.push_back({.last_s = event.last_s,
                             .times = event.times,
                             .cause = event.cause,
                             .client = event.details.client,
                             .backend = backend_name(event.backend),
                             .server = event.details.server});
  }
}

void StatusRecorder::put_doubts(StatusRecord& record) const {
  for (const Faults* faults :
       {&sources_.state.doubts, &sources_.materials.warnings, &sources_.materials.user_warnings}) {
    for (const Fault& doubt : *faults) {
      record.doubts.push_back({.where = doubt.where, .text = doubt.message});
    }
  }
}

void StatusRecorder::put_bans(StatusRecord& record) const {
  record.bans_begun = sum(Metric::LoginBans);
  for (const auto& ban : sources_.admission.logins().bans(sources_.loop.now_ms(), kShownBans)) {
    record.bans.push_back({.address = ban.client.ip_text(), .until_s = at_s(ban.until_ms)});
  }
}

// ---- helpers

std::string StatusRecorder::backend_name(size_t index) const {
  return index != FailureBook::kNoBackend ? sources_.labels.values(Label::Backend)[index] : "";
}

uint64_t StatusRecorder::sum(Metric metric, size_t row) const {
  std::vector<uint64_t> cells(counters_.front()->row_size(metric));
  for (const metrics::Counters* one : counters_) {
    one->add_row_to(metric, row, cells);
  }
  return cells.front();
}

// The date of a time of the loops' clock.
int64_t StatusRecorder::at_s(uint64_t loop_ms) const {
  const auto apart_ms =
      static_cast<int64_t>(loop_ms) - static_cast<int64_t>(sources_.loop.now_ms());
  return std::time(nullptr) + apart_ms / 1000;
}

}  // namespace postern
