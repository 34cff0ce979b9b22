#include "proxy/probe/record.h"

#include <algorithm>
#include <string_view>

namespace postern::probe {

bool met_imap(const VisitRecord& visit) {
  return visit.greeting.starts_with("* ");
}

const VisitRecord* best_visit(const PortRecord& port) {
  const VisitRecord* best = nullptr;
  const auto rank = [](const VisitRecord& visit) {
    const bool is_silent =
        visit.failure == Cause::BackendGreetingTimeout || visit.failure == Cause::BackendSlow;
    return (met_imap(visit) ? 16 : 0) + (visit.handshake ? 8 : 0) +
           (visit.protocol.empty() ? 0 : 4) + (visit.connected ? 2 : 0) + (is_silent ? 0 : 1);
  };
  for (const VisitRecord& visit : port.visits) {
    const bool looks = visit.plan.talks && !visit.plan.injects && !visit.plan.logs_in;
    if (looks && (best == nullptr || rank(visit) > rank(*best))) {
      best = &visit;
    }
  }
  return best;
}

const VisitRecord* login_visit(const Record& record) {
  for (const PortRecord& port : record.ports) {
    for (const VisitRecord& visit : port.visits) {
      if (visit.plan.logs_in) {
        return &visit;
      }
    }
  }
  return nullptr;
}

bool has_tls(const PortRecord& port) {
  return std::ranges::any_of(port.visits,
                             [](const VisitRecord& visit) { return visit.handshake.has_value(); });
}

const VisitRecord* find_visit(const PortRecord& port, Offer offer) {
  const auto found = std::ranges::find_if(
      port.visits, [&](const VisitRecord& visit) { return visit.plan.offer == offer; });
  return found == port.visits.end() ? nullptr : &*found;
}

bool is_post_quantum(const tls::Handshake& handshake) {
  return std::string_view(tls::group_names()[handshake.group]).find("MLKEM") !=
         std::string_view::npos;
}

}  // namespace postern::probe
