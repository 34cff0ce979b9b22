// Server: the process: workers, admin endpoint, signals, reload and drain. Lives on the main
// thread, on a loop of its own.
//
//   SIGHUP             read configuration and certificates anew; all of it, or nothing and every
//                      fault
//   a changed file     of those that TLS toward clients is made from: read them anew, as a whole
//   SIGUSR2            start the program anew with our listening sockets; once it serves, let our
//                      sessions go and exit 0
//   SIGTERM, SIGINT    not ready from now on; after timeouts.drain_delay stop accepting, let
//                      sessions go, exit 0; a second one exits at once
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metrics/admin_http.h"
#include "metrics/exporter.h"
#include "metrics/label_sets.h"
#include "metrics/sample.h"
#include "proxy/admission/admission.h"
#include "proxy/backend/pool.h"
#include "proxy/net/deadline.h"
#include "proxy/net/file_watch.h"
#include "proxy/net/loop.h"
#include "proxy/net/signals.h"
#include "proxy/process/hot_upgrade.h"
#include "proxy/process/inherited_sockets.h"
#include "proxy/process/listening_sockets.h"
#include "proxy/process/privileges.h"
#include "proxy/process/service_notifier.h"
#include "proxy/server/admin_endpoint.h"
#include "proxy/server/certificate_expiry.h"
#include "proxy/server/heap_trim.h"
#include "proxy/server/upkeep.h"
#include "proxy/server/watchdog.h"
#include "proxy/server/worker.h"
#include "proxy/session/snapshot.h"

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
                     private metrics::AdminSource,
                     private metrics::SampleSource,
                     private UpgradeObserver,
                     private net::Deadline {
 public:
  // Loads everything and opens the sockets; nothing runs yet. Every fault at once. A reload reads
  // `start.config_path` anew; if it is empty `config` stays, and only its files are read again.
  static Result<std::unique_ptr<Server>> make(Config config, Start start);
  ~Server() override;
  // Serves until told to stop; returns the process's exit status.
  int run();

 private:
  Server(Start start, Materials materials, net::FileWatch::View files, metrics::LabelSets labels,
         std::vector<std::shared_ptr<Snapshot>> snapshots, const ListeningSockets& sockets);

  void on_signal(int number) override;
  void on_files_changed(const std::vector<std::string>& paths) override;
  void reload();
  void reload_certificates();
  void stop(int number);
  void drain(const char* signal);
  void on_upgraded(int pid) override;
  void drain_workers(DrainSchedule::Mode mode);
  void on_deadline() override;  // the delay before the drain is over, or the drain did not end
  void worker_ended();

  std::string metrics() override;
  metrics::Health live() override;
  metrics::Health ready() override;
  void on_request(std::string_view path, int code) override;
  void sample(std::vector<metrics::Sample>& into) override;
  void sample_certificates(std::vector<metrics::Sample>& into);
  void sample_backends(std::vector<metrics::Sample>& into);

  const std::string config_path_;
  const std::optional<log::Level> log_level_;
  InheritedSockets inherited_;  // all but its sockets
  ServiceNotifier notifier_;
  Materials materials_;
  net::Loop loop_;
  net::Signals signals_;
  net::FileWatch files_;
  ExpiryReminder expiry_;
  metrics::LabelSets labels_;
  metrics::Counters counters_;  // the main thread's own
  Admission admission_;
  HeapTrim heap_trim_{loop_, admission_};
  Upkeep upkeep_;
  BackendFacts facts_;
  std::vector<NamedSocket> sockets_;  // lent by the workers and the admin endpoint until a drain
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Admin> admin_;
  Upgrade upgrade_;
  Watchdog watchdog_;
  std::unique_ptr<metrics::Exporter> exporter_;
  size_t workers_running_ = 0;
  int64_t reloaded_at_s_ = 0;
  bool reload_failed_ = false;  // the last one
  bool draining_ = false;
  bool dismissed_ = false;   // the workers have been told to drain
  bool superseded_ = false;  // by a new process, and not told to stop since
};

}  // namespace postern
