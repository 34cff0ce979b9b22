// Status: what the process shows at its admin endpoint: health, the figures that are looked up when
// they are asked for, and the page of its status. Main thread only; everything it refers to
// outlives it.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "metrics/counters.h"
#include "metrics/export/exporter.h"
#include "metrics/export/exposition.h"
#include "metrics/export/sample.h"
#include "proxy/admin/admin_http.h"
#include "proxy/admin/status_form.h"
#include "proxy/net/loop.h"
#include "proxy/server/internal/status_recorder.h"
#include "proxy/server/internal/status_sources.h"

namespace postern {

class Status final : public admin::AdminSource,
                     private metrics::SampleSource,
                     private net::Deferred {
 public:
  using Sources = StatusSources;
  // `counters` are those of all threads.
  Status(const Sources& sources, std::vector<const metrics::Counters*> counters);

  std::string metrics(const metrics::Exposition& wanted) override;
  admin::Health live() override;
  admin::Health ready() override;
  std::string status(admin::StatusForm form) override;
  const char* status_policy() override;
  void on_request(metrics::AdminPath path, metrics::HttpStatus status) override;

 private:
  void sample(std::vector<metrics::Sample>& into) override;
  void run() override;  // the turn ends
  void sample_certificates(std::vector<metrics::Sample>& into);
  void sample_failures(std::vector<metrics::Sample>& into);
  void sample_backends(std::vector<metrics::Sample>& into);
  std::string unready() const;
  std::string servers_text() const;

  const Sources sources_;
  metrics::Exporter exporter_;
  const StatusRecorder recorder_;
  // For all that ask in one turn of the loop: by format, and compressed.
  std::array<std::string, kCountOf<metrics::Format>> texts_;
  std::array<std::string, kCountOf<metrics::Format>> packed_;
  std::array<std::string, kCountOf<admin::StatusForm>> pages_;
};

}  // namespace postern
