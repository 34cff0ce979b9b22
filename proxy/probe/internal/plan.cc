#include "proxy/probe/internal/plan.h"

#include <algorithm>
#include <utility>

namespace postern::probe {
namespace {

bool is_silence_or_violence(Cause cause) {
  return cause == Cause::BackendGreetingTimeout || cause == Cause::BackendSlow ||
         cause == Cause::BackendTimedOut || cause == Cause::BackendConnectionClosed ||
         cause == Cause::BackendConnectionReset;
}

// Whether the port may still speak the other way.
bool may_be_the_other_way(const VisitRecord& visit) {
  if (!visit.connected || !visit.failure || met_imap(visit) || visit.handshake) {
    return false;
  }
  switch (*visit.failure) {
    case Cause::BackendSpeaksTls:
    case Cause::BackendSpeaksPlain:
    case Cause::BackendSpeaksHttp:
    case Cause::BackendTlsViolation:
      return true;
    default:
      return is_silence_or_violence(*visit.failure);
  }
}

// A large ClientHello may be what the server breaks off at.
bool may_be_the_size(const VisitRecord& visit) {
  const bool began_tls = visit.plan.way == Way::Tls || met_imap(visit);
  return began_tls && visit.connected && !visit.handshake && visit.failure &&
         (is_silence_or_violence(*visit.failure) || *visit.failure == Cause::BackendBrokeOff ||
          *visit.failure == Cause::BackendTlsViolation);
}

bool speaks_something_else(const VisitRecord& visit) {
  return !visit.protocol.empty() ||
         (visit.plan.way == Way::Clear && met_imap(visit) && !visit.handshake);
}

}  // namespace

std::optional<VisitPlan> next_look(const PortRecord& port) {
  if (port.visits.empty()) {
    const Way usual = port.address.port() == kTlsPort ? Way::Tls : Way::Clear;
    return VisitPlan{.way = port.begins.value_or(usual)};
  }
  const VisitRecord& first = port.visits.front();
  const VisitRecord& last = port.visits.back();
  if (port.visits.size() == 1 && may_be_the_other_way(first)) {
    return VisitPlan{.way = first.plan.way == Way::Tls ? Way::Clear : Way::Tls};
  }
  if (port.visits.size() >= kMostLooks) {
    return std::nullopt;
  }
  if (last.plan.way == Way::Clear && met_imap(last) && last.handshake && !last.plan.injects) {
    return VisitPlan{.way = Way::Clear, .injects = true};
  }
  const bool tried_small = find_visit(port, Offer::Classical) != nullptr;
  const auto large = std::ranges::find_if(port.visits, may_be_the_size);
  if (!tried_small && large != port.visits.end() &&
      std::ranges::none_of(port.visits, [&](const VisitRecord& visit) {
        return &visit != &*large && speaks_something_else(visit);
      })) {
    return VisitPlan{.way = large->plan.way, .offer = Offer::Classical};
  }
  return std::nullopt;
}

std::optional<VisitPlan> next_scan(const PortRecord& port) {
  const VisitRecord* best = best_visit(port);
  if (best == nullptr || !best->handshake || port.visits.size() >= kMostVisits) {
    return std::nullopt;
  }
  const auto wanted = [&](Offer offer) { return find_visit(port, offer) == nullptr; };
  const auto plan = [&](Offer offer) {
    return VisitPlan{.way = best->plan.way, .offer = offer, .talks = false};
  };
  if (is_post_quantum(*best->handshake) && wanted(Offer::Classical)) {
    return plan(Offer::Classical);
  }
  if (best->plan.offer == Offer::All && wanted(Offer::Again)) {
    return plan(Offer::Again);
  }
  for (const auto& [offer, version] :
       {std::pair(Offer::Tls12, tls::Version::Tls12), std::pair(Offer::Tls11, tls::Version::Tls11),
        std::pair(Offer::Tls10, tls::Version::Tls10)}) {
    if (version < best->handshake->version && wanted(offer)) {
      return plan(offer);
    }
  }
  return std::nullopt;
}

std::optional<VisitPlan> login_plan(const PortRecord& port) {
  const VisitRecord* best = best_visit(port);
  if (best == nullptr || !met_imap(*best) || !best->handshake || best->peer.failure ||
      best->failure) {
    return std::nullopt;
  }
  return VisitPlan{.way = best->plan.way, .offer = best->plan.offer, .logs_in = true};
}

}  // namespace postern::probe
