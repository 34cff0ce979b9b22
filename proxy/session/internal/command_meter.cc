#include "proxy/session/internal/command_meter.h"

#include "proxy/session/internal/session_labels.h"

namespace postern {

using metrics::Metric;

CommandMeter::CommandMeter(metrics::Counters& counters) {
  rows_.reserve(kCountOf<imap::Command>);
  for (size_t i = 0; i < kCountOf<imap::Command>; ++i) {
    const auto command = static_cast<imap::Command>(i);
    Row& row = rows_.emplace_back(
        Row{.results = {}, .duration = counters.histogram<Metric::CommandDuration>(command)});
    for (size_t j = 0; j < row.results.size(); ++j) {
      row.results[j] =
          &counters.cell<Metric::Commands>(command, static_cast<imap::CommandResult>(j));
    }
  }
}

}  // namespace postern
