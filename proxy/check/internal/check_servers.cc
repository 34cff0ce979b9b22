#include "proxy/check/internal/check_servers.h"

#include <string>
#include <utility>

#include "metrics/counters.h"
#include "proxy/log/escape.h"
#include "proxy/net/loop.h"
#include "proxy/pool/backend_facts.h"
#include "tls/engine.h"

namespace postern {
namespace {

constexpr int kTurnMs = 100;
constexpr size_t kMaxEvidence = 300;

std::string sentence(const ServerFinding& finding) {
  const CauseRow& cause = describe(*finding.cause);
  std::string text = std::string(cause.name) + ": " + cause.explanation;
  if (!finding.evidence.empty()) {
    text += " Seen: " + in_quotes(finding.evidence, kMaxEvidence) + ".";
  }
  return text + " " + finding.fix;
}

}  // namespace

std::string place_of(const ServerFinding& finding) {
  return "backends." + finding.backend + ": " + finding.server +
         (finding.address.empty() ? "" : " (" + finding.address + ")");
}

std::vector<ServerFinding> run_preflight(std::vector<std::shared_ptr<Pool>> pools,
                                         const metrics::LabelSets& labels, uint64_t timeout_ms) {
  tls::Workspace workspace;  // what the loop still has to delete when it goes may use it
  net::Loop loop;
  metrics::Counters counters(labels);
  BackendFacts facts(labels);
  const DialerServices services{
      .loop = loop, .workspace = workspace, .counters = counters, .labels = labels, .facts = facts};
  // The pools go before the loop.
  Preflight preflight(services, std::move(pools), timeout_ms);
  preflight.start();
  while (!preflight.done()) {
    loop.run_once(kTurnMs);
  }
  std::vector<ServerFinding> findings = preflight.findings();
  loop.run_once(0);  // lets go what is retired
  return findings;
}

void ask_servers(std::vector<std::shared_ptr<Pool>> pools, const metrics::LabelSets& labels,
                 uint64_t timeout_ms, CheckReport& report) {
  for (const ServerFinding& finding : run_preflight(std::move(pools), labels, timeout_ms)) {
    if (finding.cause) {
      report.findings.push_back({place_of(finding), sentence(finding)});
    } else {
      report.summary += "preflight    " + place_of(finding) + ": usable\n";
    }
  }
}

}  // namespace postern
