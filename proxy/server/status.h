// Status: what the process shows at its admin endpoint: health, and the figures that are looked up
// when they are asked for. Main thread only; everything it refers to outlives it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "metrics/counters.h"
#include "metrics/export/admin_http.h"
#include "metrics/export/exporter.h"
#include "metrics/export/exposition.h"
#include "metrics/export/sample.h"
#include "metrics/label_sets.h"
#include "proxy/admission/admission.h"
#include "proxy/net/loop.h"
#include "proxy/pool/backend_facts.h"
#include "proxy/server/watchdog.h"
#include "proxy/snapshot/snapshot.h"

namespace postern {

// How the server is doing, as it says itself.
struct ServingState {
  size_t workers_running = 0;
  int64_t reloaded_at_s = 0;         // the last reload that succeeded, or the start
  bool reload_failed = false;        // the last one
  int64_t certificates_at_s = 0;     // when those in force were loaded
  bool certificates_failed = false;  // their files have changed, and could not be loaded
  bool draining = false;
};

class Status final : public metrics::AdminSource,
                     private metrics::SampleSource,
                     private net::Deferred {
 public:
  struct Sources {
    const ServingState& state;
    const Materials& materials;
    const Watchdog& watchdog;
    const BackendFacts& facts;
    Admission& admission;
    net::Loop& loop;
    metrics::LabelSets& labels;
    metrics::Counters& counters;  // of the main thread
  };
  // `counters` are those of all threads.
  Status(const Sources& sources, std::vector<const metrics::Counters*> counters);

  std::string metrics(const metrics::Exposition& wanted) override;
  metrics::Health live() override;
  metrics::Health ready() override;
  void on_request(metrics::AdminPath path, metrics::HttpStatus status) override;

 private:
  void sample(std::vector<metrics::Sample>& into) override;
  void run() override;  // the turn ends
  void sample_certificates(std::vector<metrics::Sample>& into);
  void sample_backends(std::vector<metrics::Sample>& into);
  std::string unready() const;
  std::string servers_text() const;

  const Sources sources_;
  metrics::Exporter exporter_;
  // For all that ask in one turn of the loop: by format, and compressed.
  std::array<std::string, kCountOf<metrics::Format>> texts_;
  std::array<std::string, kCountOf<metrics::Format>> packed_;
};

}  // namespace postern
