// Server: the process: workers, admin endpoint, signals, reload and drain. Lives on the main
// thread, on a loop of its own.
//
//   SIGHUP             read configuration and certificates again; all that needs no restart, or
//                      nothing and every fault
//   a changed file     of those that TLS toward clients is made from: read them again, as a whole;
//                      the map of users: read it again
//   SIGUSR2            start the program again with our listening sockets; once it serves, end our
//                      sessions and exit 0
//   SIGUSR1            opens the log file again, if there is one
//   SIGTERM, SIGINT,
//   SIGQUIT            not ready from now on; after timeouts.drain_delay stop accepting, let
//                      sessions go, exit 0; a second one exits at once
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metrics/counters.h"
#include "metrics/label_sets.h"
#include "proxy/admission/admission.h"
#include "proxy/admission/ban_keeper.h"
#include "proxy/backend/health_checks.h"
#include "proxy/log/log_file.h"
#include "proxy/net/deadline.h"
#include "proxy/net/file_watch.h"
#include "proxy/net/loop.h"
#include "proxy/net/signals.h"
#include "proxy/pool/backend_facts.h"
#include "proxy/process/hot_upgrade.h"
#include "proxy/process/inherited_sockets.h"
#include "proxy/process/listening_sockets.h"
#include "proxy/process/privileges.h"
#include "proxy/process/service_notifier.h"
#include "proxy/server/admin_endpoint.h"
#include "proxy/server/internal/admin_actions.h"
#include "proxy/server/internal/certificate_expiry.h"
#include "proxy/server/internal/memory_watch.h"
#include "proxy/server/internal/reload_retry.h"
#include "proxy/server/internal/status.h"
#include "proxy/server/internal/watchdog.h"
#include "proxy/server/worker.h"
#include "proxy/snapshot/snapshot.h"
#include "tls/engine.h"

namespace postern {

// What the process was given to start with.
struct Start {
  std::string config_path;
  std::optional<log::Level> log_level = {};  // overrides the file's, then and at every reload
  Invocation invocation = {};
  InheritedSockets inherited = {};
  ServiceNotifier notifier = {};
};

class Server final : private net::SignalObserver,
                     private net::FileWatchObserver,
                     private UpgradeObserver,
                     private ReloadRetryObserver,
                     private ActionHost,
                     private net::Deadline {
 public:
  // Loads everything and opens the sockets; nothing runs yet. Every fault at once. A reload reads
  // `start.config_path` again; if it is empty `config` stays, and only its files are read again.
  static Result<std::unique_ptr<Server>> make(Config config, Start start);
  ~Server() override;
  // Serves until a signal stops it; returns the process's exit status.
  int run();

 private:
  using Pools = std::vector<std::shared_ptr<Pool>>;

  Server(Start start, Materials materials, net::FileWatch::View files, metrics::LabelSets labels,
         std::vector<std::shared_ptr<Snapshot>> snapshots, Pools checked,
         const ListeningSockets& sockets);

  void on_signal(int number) override;
  void on_files_changed(const std::vector<std::string>& paths) override;
  Faults reload();
  void reload_certificates();
  void reload_users();
  void report_reload(const UserRoutes* former);
  void on_retry(bool whole) override {
    whole ? static_cast<void>(reload()) : reload_certificates();
  }
  Faults reload_for_action() override { return reload(); }
  void apply(Materials materials, Pools checked);
  void stop(int number);
  void drain(const char* signal);
  void on_upgraded(int pid) override;
  void drain_workers(DrainSchedule::Mode mode);
  void on_deadline() override;  // the delay before the drain is over, or the drain did not end
  void worker_ended();

  // Reports the refusals that were counted and have no line of their own yet.
  struct RefusalReport final : net::Deadline {
    RefusalReport(net::Loop& l, RefusalLog& r) : loop(l), refusals(r) { on_deadline(); }
    void on_deadline() override;
    net::Loop& loop;
    RefusalLog& refusals;
  };

  const std::string config_path_;
  const std::optional<log::Level> log_level_;
  log::LogFile log_file_;
  InheritedSockets inherited_;  // all but its sockets
  ServiceNotifier notifier_;
  Materials materials_;
  tls::Workspace workspace_;  // what the loop still has to delete when it goes may use it
  net::Loop loop_;
  net::Signals signals_;
  net::FileWatch files_;
  ReloadRetry retry_{loop_, *this};
  ExpiryReminder expiry_;
  metrics::LabelSets labels_;
  metrics::Counters counters_;  // the main thread's own
  Admission admission_;
  MemoryWatch memory_watch_;
  BanKeeper bans_;
  RefusalReport refusal_report_{loop_, admission_.refusals()};
  BackendFacts facts_{labels_};
  HealthChecks health_checks_{{.loop = loop_,
                               .workspace = workspace_,
                               .counters = counters_,
                               .labels = labels_,
                               .facts = facts_}};
  std::vector<NamedSocket> sockets_;  // lent by the workers and the admin endpoint until a drain
  std::vector<std::unique_ptr<Worker>> workers_;
  Upgrade upgrade_;
  Watchdog watchdog_;
  ServingState state_;
  std::unique_ptr<Status> status_;
  AdminActions actions_;
  std::unique_ptr<Admin> admin_;
  bool draining_workers_ = false;     // the workers drain
  bool reload_awaits_files_ = false;  // one failed for a file that the old configuration names, too
  bool superseded_ = false;           // by a new process, and no signal has come since
};

}  // namespace postern
