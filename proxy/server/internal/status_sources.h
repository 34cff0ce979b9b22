// What the figures, the health and the status of the process are read from. Main thread only.
#pragma once

#include <cstddef>
#include <cstdint>

#include "metrics/counters.h"
#include "metrics/label_sets.h"
#include "proxy/admission/admission.h"
#include "proxy/net/loop.h"
#include "proxy/pool/backend_facts.h"
#include "proxy/server/internal/watchdog.h"
#include "proxy/snapshot/snapshot.h"

namespace postern {

// How the server is doing, as it says itself.
struct ServingState {
  size_t workers_running = 0;
  int64_t started_at_s = 0;
  int64_t reloaded_at_s = 0;         // the last reload that succeeded, or the start
  bool reload_failed = false;        // the last one
  int64_t certificates_at_s = 0;     // when those in force were loaded
  bool certificates_failed = false;  // their files have changed, and could not be loaded
  int64_t user_map_at_s = 0;         // when the one in force was read
  bool user_map_failed = false;      // its file has changed, and the old one stays
  bool draining = false;
  Faults doubts = {};  // about the configuration in force
};

struct StatusSources {
  const ServingState& state;
  const Materials& materials;
  const Watchdog& watchdog;
  const BackendFacts& facts;
  Admission& admission;
  net::Loop& loop;
  metrics::LabelSets& labels;
  metrics::Counters& counters;  // of the main thread
};

}  // namespace postern
