// CommandMeter: a worker's counters of IMAP commands and of the time that they take. Loop's thread
// only; the counters outlive it.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "metrics/counters.h"
#include "proxy/imap/command.h"

namespace postern {

class CommandMeter {
 public:
  explicit CommandMeter(metrics::Counters& counters);

  void count(imap::Command command, imap::CommandResult result) const {
    rows_[static_cast<size_t>(command)].results[static_cast<size_t>(result)]->add(1);
  }
  void answered(imap::Command command, uint64_t took_ms) {
    rows_[static_cast<size_t>(command)].duration.observe(took_ms * 1000);
  }

 private:
  // Looked up once, because every command of every client counts here.
  struct Row {
    std::array<metrics::Cell*, kCountOf<imap::CommandResult>> results;
    metrics::Counters::Histogram duration;
  };
  std::vector<Row> rows_;  // by command
};

}  // namespace postern
