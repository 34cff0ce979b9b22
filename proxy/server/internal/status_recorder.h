// StatusRecorder: gathers what the status page shows, and looks at it once a minute for what the
// page says of the last hours. Main thread only; everything that it refers to outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "metrics/counters.h"
#include "proxy/net/deadline.h"
#include "proxy/server/internal/status_history.h"
#include "proxy/server/internal/status_sources.h"
#include "proxy/status/record.h"

namespace postern {

class StatusRecorder final : private net::Deadline {
 public:
  // `counters` are those of all threads.
  StatusRecorder(const StatusSources& sources, std::vector<const metrics::Counters*> counters);
  // `unready`: why /ready says no.
  StatusRecord record(const std::string& unready) const;

 private:
  void on_deadline() override;
  // In the order of the page.
  StatusRecord::Process process(const std::string& unready) const;
  void put_tls(StatusRecord& record) const;
  void put_stricter(StatusRecord& record) const;
  void put_certificates(StatusRecord& record) const;
  void put_backends(StatusRecord& record) const;
  StatusRecord::Server server(size_t backend, size_t index) const;
  StatusRecord::Sessions sessions() const;
  void put_failures(StatusRecord& record) const;
  void put_doubts(StatusRecord& record) const;
  void put_bans(StatusRecord& record) const;

  std::string backend_name(size_t index) const;
  uint64_t sum(metrics::Metric metric, size_t row = 0) const;
  int64_t at_s(uint64_t loop_ms) const;

  const StatusSources sources_;
  const std::vector<const metrics::Counters*> counters_;
  StatusHistory history_;
};

// Whether the hop is verified; without TLS there is nothing to verify.
const char* verification(const BackendConfig& backend);

}  // namespace postern
