// Worker: a thread with its own loop, listening sockets, sessions, counters and scratch memory. All
// share the Admission, what is known of servers (BackendFacts), the label sets, and the materials
// of a snapshot, which never change. The main thread makes and directs it. `shared` must outlive
// it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "metrics/counters.h"
#include "metrics/label_sets.h"
#include "proxy/admission/admission.h"
#include "proxy/net/deadline.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/pool/backend_facts.h"
#include "proxy/process/listening_sockets.h"
#include "proxy/server/internal/drain_schedule.h"
#include "proxy/session/session.h"
#include "proxy/snapshot/snapshot.h"
#include "tls/engine.h"

namespace postern {

// What all workers share.
struct Shared {
  const metrics::LabelSets& labels;
  Admission& admission;
  BackendFacts& facts;
};

class Worker final : private net::Deadline, private net::LagObserver {
 public:
  // `number` counts from 0. Takes over `sockets`, at least one for each of the configuration's
  // listeners.
  Worker(const Shared& shared, size_t number, std::shared_ptr<Snapshot> snapshot,
         const std::vector<ListeningSocket>& sockets);
  ~Worker() override;  // the thread has ended

  // The main thread's calls.
  void start(std::function<void()> on_end);  // `on_end` is called on the worker's thread, last
  void use(std::shared_ptr<Snapshot> snapshot);
  // As use(), but only the TLS contexts toward clients are new.
  void use(Contexts contexts);
  // As use(), but only the users are new: of the next login of each session that begins now.
  void use(std::shared_ptr<const UserRoutes> users);
  // Stops accepting, has the sessions end, ends the thread. At the end it cuts those that are left.
  void drain(DrainSchedule schedule);
  // Ends sessions with a BYE; `answer` is called on the worker's thread with how many. False if it
  // drains and takes nothing more.
  bool end_sessions(SessionFilter which, std::function<void(size_t)> answer);
  // Has `answer` called on the worker's thread; false if it drains and takes nothing more.
  bool ask(std::function<void()> answer) { return loop_.post(std::move(answer)); }
  void join();
  // After join(): a name server still owes an answer, for which the destructor would wait.
  bool looks_up() const { return loop_.lookups() > 0; }
  const metrics::Counters& counters() const { return counters_; }

 private:
  // One listening socket of this worker.
  struct Port final : net::AcceptObserver {
    Port(Worker& w, size_t i, int socket) : worker(w), index(i), listener(w.loop_, socket, *this) {}
    void on_accept(std::unique_ptr<net::TcpStream> client) override;
    void on_accept_failure(const Error& error) override;
    Worker& worker;
    size_t index;
    net::Listener listener;
  };

  void run();
  void begin_drain(DrainSchedule schedule);
  void on_deadline() override;  // the drain goes on
  void on_lag(uint64_t ms) override { lag_.observe(ms * 1000); }
  void notify_sessions_due(uint64_t elapsed_ms);
  void cut_off_the_rest();

  // In this order: what the loop still has to delete when it goes uses what is above it.
  metrics::Counters counters_;
  CommandMeter commands_{counters_};
  metrics::Counters::Histogram lag_;
  tls::Workspace workspace_;
  net::Loop loop_;
  const metrics::LabelSets& labels_;
  SessionLists sessions_;
  HandshakeQueue handshakes_{loop_};
  SessionServices services_;
  std::shared_ptr<Snapshot> snapshot_;
  DrainSchedule schedule_;
  uint64_t drain_began_ms_ = 0;
  size_t to_notify_ = 0;  // sessions when the drain began
  size_t notified_count_ = 0;
  bool hurried_ = false;
  std::vector<std::unique_ptr<Port>> ports_;
  std::function<void()> on_end_;
  std::thread thread_;
};

}  // namespace postern
