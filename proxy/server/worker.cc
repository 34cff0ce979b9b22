#include "proxy/server/worker.h"

#include <algorithm>
#include <csignal>
#include <string_view>
#include <utility>

#include "proxy/backend/failure_cause.h"
#include "proxy/log/log.h"
#include "proxy/net/descriptors.h"
#include "proxy/process/seccomp.h"

namespace postern {

using metrics::Label;
using metrics::Metric;

namespace {

constexpr uint64_t kNotifyEveryMs = 50;

}  // namespace

Worker::Worker(const Shared& shared, size_t number, std::shared_ptr<Snapshot> snapshot,
               const std::vector<ListeningSocket>& sockets)
    : counters_(shared.labels),
      lag_(counters_.histogram<Metric::LoopLag>(metrics::LabelIndex<Label::Worker>{number})),
      labels_(shared.labels),
      services_{.dial = {.loop = loop_,
                         .workspace = workspace_,
                         .counters = counters_,
                         .labels = shared.labels,
                         .facts = shared.facts},
                .admission = shared.admission,
                .relay_metrics = RelayMetrics::of(counters_),
                .commands = commands_,
                .sessions = sessions_,
                .handshakes = handshakes_,
                .latest = snapshot_},
      snapshot_(std::move(snapshot)) {
  loop_.share(shared.admission.memory());
  loop_.watch_lag(*this);
  for (const ListeningSocket& socket : sockets) {
    ports_.push_back(std::make_unique<Port>(*this, socket.listener, socket.fd));
  }
}

Worker::~Worker() = default;

// ---- main thread

void Worker::start(std::function<void()> on_end) {
  on_end_ = std::move(on_end);
  loop_.start_helpers();
  loop_.reserve_descriptors_from(net::descriptors_for_peers());
  thread_ = std::thread([this] { run(); });
}

void Worker::use(std::shared_ptr<Snapshot> snapshot) {
  const int peers_end_at = net::descriptors_for_peers();  // the operator may have raised the limit
  loop_.post([this, peers_end_at, snapshot = std::move(snapshot)] {
    snapshot->take_over(*snapshot_);
    snapshot_ = snapshot;
    loop_.reserve_descriptors_from(peers_end_at);
  });
}

void Worker::use(Contexts contexts) {
  auto shared = std::make_shared<Contexts>(std::move(contexts));  // for std::function copies
  loop_.post([this, shared] { snapshot_ = snapshot_->with(std::move(*shared)); });
}

void Worker::use(std::shared_ptr<const UserRoutes> users) {
  loop_.post([this, users = std::move(users)] { snapshot_->users = users; });
}

bool Worker::end_sessions(SessionFilter which, std::function<void(size_t)> answer) {
  return loop_.post([this, which = std::move(which), answer = std::move(answer)] {
    answer(sessions_.stop(which));
  });
}

void Worker::drain(DrainSchedule schedule) {
  loop_.post([this, schedule] { begin_drain(schedule); });
}

void Worker::join() {
  thread_.join();
}

// ---- the worker's thread

void Worker::run() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);  // signals are the main thread's
  if (snapshot_->config->seccomp && !install_seccomp_filter()) {
    log::warn("a worker is not confined, this system has no seccomp");
  }
  for (const auto& port : ports_) {
    port->listener.start();
  }
  loop_.run();  // ends when the mailbox is closed and the last session has gone
  on_end_();
}

void Worker::Port::on_accept(std::unique_ptr<net::TcpStream> client) {
  Session::begin(worker.services_, worker.snapshot_, index, std::move(client));
}

void Worker::Port::on_accept_failure(const Error& error) {
  worker.counters_.count<Metric::AcceptFailures>(
      worker.labels_.index_of<Label::AcceptFailure>(error.label()));
  const Cause cause = cause_of_failure(error);
  worker.services_.dial.facts.failures.add(
      cause, FailureBook::kNoBackend, [&] { return FailureBook::Details{.said = error.text()}; });
  const bool of_files = std::string_view(error.label()) == "too_many_open_files";
  const char* const advice = of_files ? net::kMoreDescriptors : "";
  const std::string& where = worker.snapshot_->config->listeners[index].text;
  log::write(log::Level::Error, "accept failed",
             {{"listener", where},
              {"error", error},
              {"sessions", worker.services_.admission.sessions()},
              {"cause", name_of(cause)},
              log::Field::optional("advice", advice)},
             {.key = "listener", .value = where, .once = true});
}

// ---- drain

void Worker::begin_drain(DrainSchedule schedule) {
  for (const auto& port : ports_) {
    if (schedule.mode == DrainSchedule::Mode::Shutdown) {
      port->listener.finish();
    } else {
      port->listener.close();  // the new process accepts them
    }
  }
  loop_.close_mailbox();
  schedule_ = schedule;
  drain_began_ms_ = loop_.now_ms();
  sessions_.for_each([this](Session&) { ++to_notify_; });
  on_deadline();
}

void Worker::on_deadline() {
  const uint64_t elapsed_ms = loop_.now_ms() - drain_began_ms_;
  notify_sessions_due(elapsed_ms);
  if (elapsed_ms >= schedule_.hasten_ms() && !std::exchange(hurried_, true)) {
    sessions_.stopping.for_each([](Session& session) { session.hasten(); });
  }
  if (elapsed_ms >= schedule_.limit_ms) {
    cut_off_the_rest();
    return;
  }
  arm(loop_.deadlines(), std::min(kNotifyEveryMs, schedule_.limit_ms - elapsed_ms));
}

void Worker::cut_off_the_rest() {
  size_t count = 0;
  sessions_.stopping.for_each([&count](Session& session) {
    count += session.is_closing() ? 0 : 1;
    session.cut();
  });
  if (count > 0) {
    log::warn("sessions cut off", {{"count", count}, {"advice", "raise timeouts.drain"}});
  }
}

// A client that is logging in at this moment comes last.
void Worker::notify_sessions_due(uint64_t elapsed_ms) {
  const size_t due = schedule_.due(to_notify_, elapsed_ms);
  while (notified_count_ < due) {
    ++notified_count_;
    Session* session = sessions_.pop_to_stop();
    if (session == nullptr) {  // some have gone by themselves
      return;
    }
    sessions_.stopping.push_back(*session);
    session->drain();
  }
}

}  // namespace postern
