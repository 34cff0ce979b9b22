#include "proxy/probe/judge.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "proxy/backend/failure_cause.h"
#include "proxy/imap/capability_edit.h"
#include "proxy/probe/internal/judge_tls.h"
#include "proxy/probe/internal/plan.h"

namespace postern::probe {
namespace {

constexpr uint16_t kClearPort = 143;

bool is_reached(const PortRecord& port) {
  const VisitRecord* visit = best_visit(port);
  return visit != nullptr && visit->connected;
}

// Whether clients can use it with TLS.
bool serves(const PortRecord& port) {
  const VisitRecord* visit = best_visit(port);
  return visit != nullptr && met_imap(*visit) && visit->handshake.has_value();
}

// In the words of a probe where the gateway's speak of its configuration.
Cause as_seen_from_outside(Cause cause) {
  switch (cause) {
    case Cause::BackendConnectionRefused:
      return Cause::ServerRefused;
    case Cause::BackendTimedOut:
      return Cause::ServerFiltered;
    case Cause::BackendGreetingTimeout:
    case Cause::BackendSlow:
      return Cause::ServerSilent;
    case Cause::BackendConnectionClosed:
    case Cause::BackendConnectionReset:
      return Cause::ServerHangsUp;
    case Cause::BackendNotImap:
      return Cause::ServerSpeaksOther;
    case Cause::BackendAddressLimit:
      return Cause::BackendBye;
    case Cause::BackendUnsupportedVersion:
      return Cause::BackendNoSharedParameters;
    default:
      return cause;
  }
}

// This machine has no IPv6, which says nothing of the server.
bool is_without_v6(const PortRecord& port, Cause cause) {
  return port.address.is_v6() &&
         (cause == Cause::BackendUnreachable || cause == Cause::AddressNotAvailable);
}

bool is_loopback(const net::Address& address) {
  const std::string text = address.ip_text();
  return text.starts_with("127.") || text == "::1";
}

// Where its service is, of a domain that is no host.
std::string shown_services(const Record& record) {
  std::string text;
  for (const ServiceRecord& one : record.services) {
    text.append(text.empty() ? "; its SRV records name " : ", ").append(one.srv.target);
    text.append(":").append(std::to_string(one.srv.port));
  }
  return text;
}

// ---- one port

void judge_reach(const PortRecord& port, const Record& record, Findings& found) {
  const VisitRecord& visit = *best_visit(port);
  const Cause cause = as_seen_from_outside(visit.failure.value_or(Cause::ServerFiltered));
  if (is_without_v6(port, cause) && std::ranges::any_of(record.ports, serves)) {
    found.add(Severity::Note, cause, visit.evidence);
    return;
  }
  const auto other = std::ranges::find_if(record.ports, [&](const PortRecord& one) {
    return &one != &port && one.address.same_ip(port.address);
  });
  const bool other_serves = other != record.ports.end() && serves(*other);
  if (port.address.port() == kClearPort && other_serves) {
    return;  // 993 alone is what RFC 8314 wants
  }
  if (other_serves && cause == Cause::ServerRefused) {
    found.add(Severity::Warning, Cause::ServerLacksTlsPort, visit.evidence);
    return;
  }
  found.add(Severity::Failure, cause, visit.evidence);
}

std::string shown_protocol(const VisitRecord& visit) {
  const std::string line = visit.greeting.empty() ? visit.evidence : visit.greeting;
  return visit.protocol.empty() ? line : visit.protocol + ": " + line;
}

// It answers, but neither as IMAP nor with a handshake.
void judge_stranger(const PortRecord& port, Findings& found) {
  const auto speaks = [&](Cause cause) {
    return std::ranges::find_if(port.visits,
                                [&](const VisitRecord& visit) { return visit.failure == cause; });
  };
  for (const Cause cause :
       {Cause::BackendSpeaksPop3, Cause::BackendSpeaksSmtp, Cause::BackendSpeaksHttp}) {
    if (const auto visit = speaks(cause); visit != port.visits.end()) {
      found.add(Severity::Failure, cause, shown_protocol(*visit));
      return;
    }
  }
  const VisitRecord& visit = *best_visit(port);
  const Cause cause = visit.failure.value_or(Cause::ServerSilent);
  // It has accepted the connection, so no firewall drops it.
  const Cause seen =
      cause == Cause::BackendTimedOut ? Cause::ServerSilent : as_seen_from_outside(cause);
  found.add(Severity::Failure, seen, shown_protocol(visit));
}

void judge_way(const PortRecord& port, const VisitRecord& visit, Findings& found) {
  if (port.address.port() == kTlsPort && visit.plan.way == Way::Clear) {
    found.add(Severity::Failure, Cause::ServerSpeaksClear, visit.greeting);
  } else if (port.address.port() == kClearPort && visit.plan.way == Way::Tls) {
    found.add(Severity::Failure, Cause::ServerSpeaksTls, visit.greeting);
  }
}

void judge_greeting(const VisitRecord& visit, Findings& found) {
  if (visit.failure == Cause::BackendBye || visit.failure == Cause::BackendAddressLimit) {
    found.add(Severity::Failure, Cause::BackendBye, visit.evidence);
  } else if (visit.preauth || visit.failure == Cause::BackendPreauth) {
    found.add(Severity::Danger, Cause::ServerLogsInUnasked, visit.greeting);
  }
}

void judge_clear_hop(const PortRecord& port, const VisitRecord& visit, Findings& found) {
  const bool logs_in = !visit.preauth && visit.failure != Cause::BackendPreauth &&
                       visit.failure != Cause::BackendBye &&
                       visit.failure != Cause::BackendAddressLimit;
  if (logs_in && !visit.clear_capabilities.empty() &&
      !imap::lists_capability(visit.clear_capabilities, "LOGINDISABLED")) {
    // Many servers trust their own machine.
    found.add(is_loopback(port.address) ? Severity::Note : Severity::Danger,
              Cause::ServerTakesPasswordsInClear, "CAPABILITY" + visit.clear_capabilities,
              visit.greeting);
  }
  if (visit.failure == Cause::BackendStarttlsMissing) {
    found.add(Severity::Danger, Cause::ServerLacksStarttls,
              "CAPABILITY" + visit.clear_capabilities);
  } else if (visit.failure == Cause::BackendStarttlsInjection) {
    found.add(Severity::Danger, Cause::BackendStarttlsInjection, visit.evidence);
  } else if (logs_in && visit.failure && !visit.handshake) {
    found.add(Severity::Failure, as_seen_from_outside(*visit.failure), visit.evidence);
  }
  if (std::ranges::any_of(port.visits,
                          [](const VisitRecord& one) { return one.answered_injection; })) {
    found.add(Severity::Danger, Cause::ServerRunsInjectedCommands, "");
  }
}

void judge_inside_tls(const VisitRecord& visit, Findings& found) {
  if (imap::lists_capability(visit.capabilities, "LOGINDISABLED")) {
    found.add(Severity::Failure, Cause::ServerLoginDisabled, "CAPABILITY" + visit.capabilities);
  }
  const bool has_failed = visit.failure && visit.failure != Cause::BackendPreauth &&
                          visit.failure != Cause::BackendBye &&
                          visit.failure != Cause::BackendAddressLimit;
  if (has_failed) {
    found.add(Severity::Failure, as_seen_from_outside(*visit.failure), shown_protocol(visit));
  }
}

void judge_login(const VisitRecord& visit, Findings& found) {
  if (visit.login && *visit.login != imap::LoginResult::Success) {
    const bool has_words = !visit.user_steps.empty();
    found.add(Severity::Failure, cause_of_login(*visit.login),
              has_words ? visit.user_steps.front().said : "", visit.greeting);
    return;
  }
  if (!visit.login && visit.failure) {
    found.add(Severity::Failure, as_seen_from_outside(*visit.failure), visit.evidence);
  }
  for (const UserStep& step : visit.user_steps) {
    if (!step.ok) {
      found.add(Severity::Failure, Cause::ServerMailboxFails, step.command + (": " + step.said),
                visit.greeting);
    }
  }
}

void judge_port(const PortRecord& port, const Record& record, int64_t now_s, Findings& found) {
  const VisitRecord* visit = best_visit(port);
  if (visit == nullptr) {
    return;  // no time was left
  }
  if (!is_reached(port)) {
    judge_reach(port, record, found);
    return;
  }
  if (!met_imap(*visit) && !visit->handshake) {
    judge_stranger(port, found);
    return;
  }
  judge_way(port, *visit, found);
  judge_greeting(*visit, found);
  if (visit->plan.way == Way::Clear) {
    judge_clear_hop(port, *visit, found);
  }
  if (visit->handshake) {
    judge_inside_tls(*visit, found);
    judge_tls(port, *visit, now_s, found);
  }
  judge_pace(*visit, found);
  for (const VisitRecord& one : port.visits) {
    if (one.plan.logs_in) {
      judge_login(one, found);
      judge_pace(one, found);
    }
  }
}

}  // namespace

// ---- all of them

int exit_status(Grade grade) {
  constexpr int kFair = 3;
  return grade == Grade::Good ? 0 : kFair + static_cast<int>(grade) - static_cast<int>(Grade::Fair);
}

void Findings::add(Severity severity, Cause cause, std::string evidence,
                   std::string_view greeting) {
  const auto same = std::ranges::find_if(all, [&](const Finding& one) {
    return one.severity == severity && one.cause == cause && one.evidence == evidence;
  });
  if (same != all.end()) {
    same->where.push_back(place);
    return;
  }
  Finding& one = all.emplace_back();
  one.severity = severity;
  one.cause = cause;
  if (!place.empty()) {
    one.where.push_back(place);
  }
  one.evidence = std::move(evidence);
  one.fix = fix_for(cause, greeting);
}

std::vector<Finding> judge(const Record& record, int64_t now_s) {
  Findings found;
  if (record.resolve_failure) {
    const Cause cause = *record.resolve_failure == Cause::BackendNameNotFound
                            ? Cause::ServerNameNotFound
                            : *record.resolve_failure;
    found.add(Severity::Failure, cause, record.resolve_evidence + shown_services(record));
  }
  for (const PortRecord& port : record.ports) {
    found.place = port.address.text();
    judge_port(port, record, now_s, found);
  }
  std::ranges::stable_sort(found.all, [](const Finding& one, const Finding& other) {
    return one.severity > other.severity;
  });
  return std::move(found.all);
}

Grade grade_of(const std::vector<Finding>& findings) {
  return findings.empty() ? Grade::Good : static_cast<Grade>(findings.front().severity);
}

}  // namespace postern::probe
