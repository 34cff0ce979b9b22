#include "proxy/server/server.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/net/descriptors.h"
#include "proxy/process/file_limit.h"
#include "proxy/process/stray_signals.h"
#include "proxy/server/config_log.h"
#include "proxy/session/make_label_sets.h"
#include "proxy/snapshot/restart_settings.h"
#include "proxy/version.h"

namespace postern {

using metrics::Metric;

namespace {

// What a worker may take to end after its drain's limit has cut everything.
constexpr uint64_t kWorkerEndMs = 5'000;
constexpr uint64_t kRefusalReportMs = 1'000;

}  // namespace

// ---- set-up

Result<std::unique_ptr<Server>> Server::make(Config wanted, Start start) {
  // Looked at before they are read, so that no later change is missed.
  net::FileWatch::View files = net::FileWatch::look(material_files(wanted));
  auto materials = Materials::load(std::move(wanted), nullptr);
  if (!materials) {
    return materials.faults();
  }
  const Config& config = *materials.value().config;
  metrics::LabelSets labels = make_label_sets(config);
  auto snapshots = Snapshot::make(materials.value(), labels, config.workers);
  if (!snapshots) {
    return snapshots.faults();
  }
  auto checked = make_checked_pools(materials.value(), labels);
  if (!checked) {
    return checked.faults();
  }
  const auto sockets = open_listening_sockets(config, start.inherited);
  if (!sockets) {
    log_faults("start failed", sockets.faults(), Cause::CannotListen);
    return sockets.faults();
  }
  const Privileges kept{.user = config.user, .core_dumps = config.core_dumps};
  if (Faults faults = give_up_privileges(kept); !faults.empty()) {
    return faults;
  }
  auto log_file = log::LogFile::open(config.log_file);  // with the rights of a reload
  if (!log_file) {
    return log_file.faults();
  }
  log_file.value().use();
  warn_of_what_cannot_be_read_again(config, start.config_path);
  std::unique_ptr<Server> server(new Server(
      std::move(start), std::move(materials.value()), std::move(files), std::move(labels),
      std::move(snapshots.value()), std::move(checked.value()), sockets.value()));
  server->log_file_ = std::move(log_file.value());
  return server;
}

Server::Server(Start start, Materials materials, net::FileWatch::View files,
               metrics::LabelSets labels, std::vector<std::shared_ptr<Snapshot>> snapshots,
               Pools checked, const ListeningSockets& sockets)
    : config_path_(std::move(start.config_path)),
      log_level_(start.log_level),
      inherited_(std::move(start.inherited)),
      notifier_(std::move(start.notifier)),
      signals_(loop_, *this),
      files_(loop_, *this),
      expiry_(loop_.deadlines()),
      labels_(std::move(labels)),
      counters_(labels_),
      memory_watch_(loop_, admission_, counters_.cell<Metric::MemoryShortages>()),
      bans_(loop_, admission_.logins(), materials.config->state_directory),
      sockets_(named_sockets(sockets, *materials.config)),
      upgrade_(loop_, std::move(start.invocation), *this),
      watchdog_(loop_, workers_, notifier_),
      actions_({.state = state_,
                .materials = materials_,
                .workers = workers_,
                .admission = admission_,
                .facts = facts_,
                .loop = loop_,
                .host = *this}) {
  state_.started_at_s = state_.reloaded_at_s = std::time(nullptr);
  state_.certificates_at_s = state_.user_map_at_s = state_.started_at_s;
  const Shared shared{.labels = labels_, .admission = admission_, .facts = facts_};
  std::vector<const metrics::Counters*> counters{&counters_};
  for (size_t i = 0; i < snapshots.size(); ++i) {
    workers_.push_back(
        std::make_unique<Worker>(shared, i, std::move(snapshots[i]), sockets.of_workers[i]));
    counters.push_back(&workers_.back()->counters());
  }
  const Status::Sources sources{.state = state_,
                                .materials = materials_,
                                .watchdog = watchdog_,
                                .facts = facts_,
                                .admission = admission_,
                                .loop = loop_,
                                .labels = labels_,
                                .counters = counters_};
  status_ = std::make_unique<Status>(sources, std::move(counters));
  if (sockets.admin >= 0) {
    admin_ = std::make_unique<Admin>(loop_, sockets.admin, workspace_, *status_, actions_);
  }
  files_.follow(std::move(files));
  apply(std::move(materials), std::move(checked));
}

Server::~Server() = default;

void Server::RefusalReport::on_deadline() {
  refusals.report(loop.now_ms());
  log::report();
  arm(loop.deadlines(), kRefusalReportMs);
}

// ---- serving

int Server::run() {
  for (const int number : {SIGHUP, SIGTERM, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2}) {
    signals_.watch(number);
  }
  release_signals();
  if (admin_ != nullptr) {
    admin_->start();
  }
  bans_.start(inherited_.has_predecessor());
  for (const auto& worker : workers_) {
    ++state_.workers_running;
    worker->start([this] { loop_.post([this] { worker_ended(); }); });
  }
  log::info("ready", {{"version", kVersion},
                      {"revision", kRevision},
                      {"boringssl", kBoringSslCommit},
                      {"workers", workers_.size()},
                      {"pid", getpid()}});
  notifier_.ready("Serving");
  inherited_.release_predecessor();
  watchdog_.start();
  loop_.run();  // ends when the last worker has ended
  for (const auto& worker : workers_) {
    worker->join();
  }
  log::info("stopped");
  log::flush();
  if (loop_.lookups() > 0 ||
      std::ranges::any_of(workers_, [](const auto& worker) { return worker->looks_up(); })) {
    std::_Exit(EXIT_SUCCESS);  // a thread in the system's resolver cannot be called off
  }
  return EXIT_SUCCESS;
}

void Server::on_signal(int number) {
  if (state_.draining && (number == SIGHUP || number == SIGUSR2)) {
    log::warn("draining, no reload and no upgrade any more");
    return;
  }
  switch (number) {
    case SIGHUP:
      reload();
      return;
    case SIGUSR1:
      log_file_.reopen();
      return;
    case SIGUSR2:
      bans_.write();
      upgrade_.start(sockets_);
      return;
    default:
      stop(number);
  }
}

// A superseded process drains without a stop signal, so the first SIGTERM must not count as the
// second.
void Server::stop(int number) {
  if (!state_.draining) {
    drain(number == SIGTERM ? "SIGTERM" : number == SIGQUIT ? "SIGQUIT" : "SIGINT");
  } else if (std::exchange(superseded_, false)) {
    log::info("told to stop, draining already");
  } else {
    log::warn("second signal, exiting at once");
    log::flush();
    std::_Exit(EXIT_FAILURE);
  }
}

// ---- reload

// Returns what prevents it, which the log has.
Faults Server::reload() {
  notifier_.reloading();
  const auto fail = [this](const Faults& faults) {
    const bool starved = net::descriptors_are_short();
    log_faults("reload failed, the old configuration stays", faults, Cause::ReloadFailed);
    facts_.changes.add("reload failed", config_path_, faults.front().text());
    notifier_.ready("Serving; the last reload failed, the old configuration stays");
    state_.reload_failed = true;
    counters_.count<Metric::ConfigReloads>(metrics::Outcome::Error);
    if (starved) {
      retry_.failed(true);
    }
    return faults;
  };
  Result<Config> config = config_path_.empty() ? *materials_.config : Config::load(config_path_);
  if (!config) {
    return fail(config.faults());
  }
  config.value().log_level = log_level_.value_or(config.value().log_level);
  keep_what_needs_a_restart(config.value(), *materials_.config);
  net::FileWatch::View files = net::FileWatch::look(material_files(config.value()));
  auto materials = Materials::load(std::move(config.value()), &materials_);
  if (!materials) {
    reload_awaits_files_ = true;
    return fail(materials.faults());
  }
  auto snapshots = Snapshot::make(materials.value(), labels_, workers_.size());
  if (!snapshots) {
    return fail(snapshots.faults());
  }
  auto checked = make_checked_pools(materials.value(), labels_);
  if (!checked) {
    return fail(checked.faults());
  }
  auto log_file = log::LogFile::open(materials.value().config->log_file);
  if (!log_file) {
    return fail(log_file.faults());
  }
  log_file_ = std::move(log_file.value());
  log_file_.use();
  files_.follow(std::move(files));
  const std::shared_ptr<const UserRoutes> former = materials_.users;
  apply(std::move(materials.value()), std::move(checked.value()));
  for (size_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->use(std::move(snapshots.value()[i]));
  }
  counters_.count<Metric::ConfigReloads>(metrics::Outcome::Success);
  retry_.succeeded(true);
  state_.reload_failed = state_.certificates_failed = reload_awaits_files_ = false;
  state_.user_map_failed = false;
  state_.reloaded_at_s = std::time(nullptr);
  state_.certificates_at_s = state_.user_map_at_s = state_.reloaded_at_s;
  notifier_.ready("Serving");
  report_reload(former.get());
  return {};
}

// The one way in which a configuration comes into force: at the start, at a reload, and after a
// change of the certificates alone, when `checked` stay as they are. It cannot fail. Its listeners
// and pools reach the workers by Worker::use().
void Server::apply(Materials materials, Pools checked) {
  const bool reconfigured = materials.config != materials_.config;
  if (reconfigured) {
    health_checks_.follow(std::move(checked));  // the former ones need the former configuration
  }
  materials_ = std::move(materials);
  const Config& config = *materials_.config;
  if (reconfigured) {
    log::configure(config.log_format, config.log_level);
    state_.doubts = log_configuration(config, labels_);
    admission_.bound_sessions(raise_file_limit(config));
    loop_.reserve_descriptors_from(net::descriptors_for_peers());  // health checks are peers, too
    admission_.memory().set_limit(config.limits.memory);
  }
  if (admin_ != nullptr) {
    admin_->use(materials_.admin_context);
  }
  log_warnings("certificates", materials_.warnings);
  if (reconfigured) {
    log_warnings("users", materials_.user_warnings);
  }
  expiry_.follow(materials_.describe_certificates(), config.tls.shares);
}

// ---- drain

// Not ready from now on; clients whose load balancer does not know yet are still served.
void Server::drain(const char* signal) {
  upgrade_.abandon();
  retry_.stop();
  state_.draining = true;
  facts_.changes.add("draining", signal);
  notifier_.stopping("Draining");
  const Timeouts& timeouts = materials_.config->timeouts;
  log::info("draining", {{"signal", signal},
                         {"sessions", admission_.sessions()},
                         {"delay_ms", timeouts.drain_delay_ms},
                         {"limit_ms", timeouts.drain_ms}});
  if (timeouts.drain_delay_ms > 0) {
    arm(loop_.deadlines(), timeouts.drain_delay_ms);
  } else {
    drain_workers(DrainSchedule::Mode::Shutdown);
  }
}

// From the service manager's view the new process is the service from now on.
void Server::on_upgraded(int pid) {
  retry_.stop();
  notifier_.send("MAINPID=" + std::to_string(pid));
  state_.draining = true;
  superseded_ = true;
  log::info("draining, relieved", {{"by", pid},
                                   {"sessions", admission_.sessions()},
                                   {"limit_ms", materials_.config->timeouts.drain_ms}});
  bans_.hand_over();
  if (admin_ != nullptr) {
    admin_->hand_over();
  }
  drain_workers(DrainSchedule::Mode::HandOver);
}

void Server::drain_workers(DrainSchedule::Mode mode) {
  const uint64_t limit_ms = materials_.config->timeouts.drain_ms;
  draining_workers_ = true;
  health_checks_.stop();
  for (const auto& worker : workers_) {
    worker->drain({.limit_ms = limit_ms, .mode = mode});
  }
  arm(loop_.deadlines(), limit_ms + kWorkerEndMs);
}

void Server::worker_ended() {
  if (--state_.workers_running > 0) {
    return;
  }
  disarm();
  bans_.write();
  if (admin_ != nullptr) {
    admin_->close();
  }
  loop_.close_mailbox();
}

void Server::on_deadline() {
  if (!draining_workers_) {
    log::info("no longer accepting");
    drain_workers(DrainSchedule::Mode::Shutdown);
    return;
  }
  log::error("a worker did not end in time, exiting without it");
  log::flush();
  std::_Exit(EXIT_FAILURE);
}

}  // namespace postern
