// Upkeep: what the main thread looks after now and then: the process's size, held against
// `limits.memory`, and refusals that have been counted and not told yet. Loop's thread only; loop
// and admission outlive it.
#pragma once

#include <cstdint>

#include "metrics/counters.h"
#include "proxy/admission/admission.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"

namespace postern {

class Upkeep final : private net::Deadline {
 public:
  // Shortages of memory are counted in `shortages`.
  Upkeep(net::Loop& loop, Admission& admission, metrics::Cell& shortages);

 private:
  void on_deadline() override;
  void watch_memory();

  net::Loop& loop_;
  Admission& admission_;
  metrics::Cell& shortages_;
  uint64_t trimmed_ms_ = 0;
  bool tight_ = false;
};

}  // namespace postern
