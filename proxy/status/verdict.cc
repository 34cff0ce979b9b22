#include "proxy/status/verdict.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

namespace postern {
namespace {

// So many clients that fail in an hour are more than single ones.
constexpr uint64_t kMany = 10;
constexpr int64_t kSoonS = 14 * kDayS;

// Where the words are about one cause.
StatusFinding finding_of(Cause cause, StatusSeverity severity, std::string subject,
                         std::string_view said) {
  const CauseRow& row = describe(cause);
  return {.severity = severity,
          .at_fault = row.at_fault,
          .subject = std::move(subject),
          .what = row.explanation,
          .fix = fix_for(cause, said),
          .cause = row.name};
}

std::string sentence(std::string words) {
  if (!words.empty() && words[0] >= 'a' && words[0] <= 'z') {
    words[0] = static_cast<char>(words[0] - 'a' + 'A');
  }
  return words + ".";
}

class Judge {
 public:
  explicit Judge(const StatusRecord& record) : record_(record) {}

  Verdict run() {
    judge_process();
    judge_user_map();
    judge_certificates();
    for (const auto& backend : record_.backends) {
      judge_backend(backend);
    }
    judge_sessions();
    judge_failures();
    judge_doubts();
    sum_up();
    return std::move(verdict_);
  }

 private:
  void add(StatusFinding finding) { verdict_.findings.push_back(std::move(finding)); }

  void judge_process() {
    const StatusRecord::Process& process = record_.process;
    if (!process.steady) {
      add({StatusSeverity::Failing, Party::Gateway, "postern",
           "A worker has not answered for half a minute.",
           "Restart postern unless its service manager does, and report the log."});
    }
    if (process.draining) {
      add({StatusSeverity::Warning, Party::Operator, "postern",
           "It drains: new clients are not served for long any more.",
           "Nothing, if a stop or an upgrade is meant; a signal in the log says since when."});
    }
    if (process.reload_failed) {
      add(with_change("reload failed", Cause::ReloadFailed, "configuration"));
    }
    if (process.certificates_failed) {
      add(with_change("certificates not reloaded", Cause::CertificatesNotReloaded, "certificates"));
    }
  }

  // With what was wrong, as the last event of that name has it.
  StatusFinding with_change(std::string_view event, Cause cause, std::string subject) const {
    StatusFinding finding = finding_of(cause, StatusSeverity::Warning, std::move(subject), "");
    const auto found = std::ranges::find(record_.changes, event, &log::Journal::Entry::event);
    if (found != record_.changes.end() && !found->text.empty()) {
      finding.what += " It was: " + found->text + (found->text.ends_with('.') ? "" : ".");
    }
    return finding;
  }

  void judge_user_map() {
    if (record_.process.user_map_failed) {
      add(with_change("map of users not reloaded", Cause::UserMapNotReloaded, "map of users"));
    }
  }

  void judge_certificates() {
    for (const auto& one : record_.certificates) {
      const std::string subject = "certificate " + one.label;
      if (one.lifetime == Lifetime::Overdue || one.lifetime == Lifetime::Ending) {
        add({StatusSeverity::Warning, Party::Operator, subject, sentence(one.notice),
             "Renew it: new files are served within two seconds, without a reload."});
      } else if (one.lifetime != Lifetime::Good) {
        const Cause cause = one.lifetime == Lifetime::Expired ? Cause::CertificateExpired
                                                              : Cause::CertificateNotYetValid;
        StatusFinding finding = finding_of(cause, StatusSeverity::Failing, subject, "");
        finding.what = sentence(one.notice);
        add(std::move(finding));
      }
      if (one.staple_expected && one.staple_until_s <= record_.now_s) {
        StatusFinding finding =
            finding_of(Cause::ClientWantsStaple, StatusSeverity::Warning, subject, "");
        finding.at_fault = Party::Operator;
        add(std::move(finding));
      }
    }
  }

  void judge_backend(const StatusRecord::Backend& backend) {
    const auto lives = [](const auto& server) {
      return server.state != "down" && server.state != "draining";
    };
    const auto is_down = [](const auto& server) { return server.state == "down"; };
    const bool none = std::ranges::none_of(backend.servers, lives);
    const bool drained =
        !backend.servers.empty() && std::ranges::all_of(backend.servers, [](const auto& server) {
          return !server.drained_by.empty();
        });
    const bool refuses =
        std::ranges::none_of(backend.servers, may_serve) && turns_away(backend.name);
    if (drained) {
      report_drained(backend);
    } else if (none || refuses || std::ranges::any_of(backend.servers, is_down)) {
      report_down(backend,
                  none      ? "No server of it is up. "
                  : refuses ? "It has turned clients away. "
                            : "A server of it is down. ",
                  none || refuses);
    }
    for (const auto& server : backend.servers) {
      judge_server(backend, server);
    }
  }

  // Nothing speaks against it.
  static bool may_serve(const StatusRecord::Server& server) {
    return server.state == "up" || server.state == "backup" || server.state == "untried";
  }

  // The servers of a backend that drain by this, "HOST:PORT, HOST:PORT".
  static std::string drained_by(const StatusRecord::Backend& backend, const char* by) {
    std::string names;
    for (const auto& server : backend.servers) {
      if (server.drained_by == by) {
        names.append(names.empty() ? "" : ", ").append(server.name);
      }
    }
    return names;
  }

  // What the operator has asked for is no fault of the server.
  void report_drained(const StatusRecord::Backend& backend) {
    const std::string by_admin = drained_by(backend, "admin");
    const std::string by_file = drained_by(backend, "configuration");
    StatusFinding finding = finding_of(
        Cause::BackendDrained, backend.routed ? StatusSeverity::Failing : StatusSeverity::Warning,
        "backend " + backend.name, "");
    finding.what = "No server of it takes sessions.";
    finding.fix.clear();
    if (!by_admin.empty()) {
      finding.what.append(" You drain ").append(by_admin).append(" by `postern admin`.");
      finding.fix = "`postern admin undrain server=HOST:PORT` takes it back.";
    }
    if (!by_file.empty()) {
      finding.what.append(" You drain ")
          .append(by_file)
          .append(" by `drain` in the configuration.");
      finding.fix.append(finding.fix.empty() ? "" : " ");
      finding.fix.append("Take `drain` out of the configuration, and reload.");
    }
    add(std::move(finding));
  }

  void report_down(const StatusRecord::Backend& backend, const char* what, bool all) {
    const StatusRecord::Failure* why = last_failure_of(backend.name);
    const Cause cause = why != nullptr ? why->cause : Cause::BackendUnavailable;
    const StatusSeverity severity =
        all && backend.routed ? StatusSeverity::Failing : StatusSeverity::Warning;
    StatusFinding finding =
        finding_of(cause, severity, "backend " + backend.name, why != nullptr ? why->said : "");
    finding.what = what + finding.what;
    add(std::move(finding));
  }

  bool is_fresh(const StatusRecord::Failure& failure) const {
    return failure.last_s + kFreshS >= record_.now_s;
  }

  // Clients have come, and no server of it has taken them.
  bool turns_away(const std::string& backend) const {
    return std::ranges::any_of(record_.failures, [&](const auto& failure) {
      return failure.cause == Cause::BackendUnavailable && failure.backend == backend &&
             is_fresh(failure);
    });
  }

  // The last one on the way to a server.
  const StatusRecord::Failure* last_failure_of(const std::string& backend) const {
    const auto found = std::ranges::find_if(record_.failures, [&](const auto& failure) {
      const Symptom symptom = describe(failure.cause).symptom;
      return failure.backend == backend && failure.cause != Cause::BackendUnavailable &&
             (symptom == Symptom::Unavailable || symptom == Symptom::WrongService ||
              symptom == Symptom::BackendTls || symptom == Symptom::OnlyTheFirstFew);
    });
    return found != record_.failures.end() ? &*found : nullptr;
  }

  void judge_server(const StatusRecord::Backend& backend, const StatusRecord::Server& server) {
    const std::string subject = "server " + backend.name + " " + server.name;
    if (server.wants_privacy) {
      add(finding_of(Cause::BackendPrivacyRequired, StatusSeverity::Warning, subject, ""));
    }
    if (server.refuses_all_logins) {
      StatusFinding finding = finding_of(Cause::LoginFailed, StatusSeverity::Warning, subject, "");
      finding.at_fault = Party::Backend;
      finding.what = "It has refused " + std::to_string(server.failed_logins_in_a_row) +
                     " logins without granting one.";
      add(std::move(finding));
    }
    if (const int64_t end_s = server.certificate_not_after_s;
        end_s != 0 && end_s <= record_.now_s) {
      add(finding_of(Cause::BackendCertificateExpired, StatusSeverity::Warning, subject, ""));
    } else if (end_s != 0 && end_s < record_.now_s + kSoonS) {
      StatusFinding finding =
          finding_of(Cause::BackendCertificateExpired, StatusSeverity::Warning, subject, "");
      finding.what =
          "Its certificate ends in " + std::to_string((end_s - record_.now_s) / kDayS) + " days.";
      add(std::move(finding));
    }
  }

  void judge_sessions() {
    const StatusRecord::Sessions& sessions = record_.sessions;
    if (sessions.wanted > sessions.limit && turns_clients_away()) {
      add({StatusSeverity::Warning, Party::Operator, "open files",
           "The limit of open files lets in " + std::to_string(sessions.limit) +
               " sessions, not the " + std::to_string(sessions.wanted) + " of `limits.sessions`.",
           "Raise `LimitNOFILE` of the unit (or `ulimit -n`) to 300 above twice `limits.sessions` "
           "and restart, or lower that.",
           name_of(Cause::LimitSessions)});
    } else if (sessions.limit != 0 && sessions.now >= sessions.limit - sessions.limit / 10) {
      StatusFinding finding =
          finding_of(Cause::LimitSessions, StatusSeverity::Warning, "sessions", "");
      finding.what = std::to_string(sessions.now) + " of " + std::to_string(sessions.limit) +
                     " sessions are in use.";
      add(std::move(finding));
    }
  }

  bool turns_clients_away() const {
    return std::ranges::any_of(record_.failures, [this](const auto& failure) {
      return (failure.cause == Cause::GaveWay || failure.cause == Cause::LimitSessions) &&
             is_fresh(failure);
    });
  }

  void judge_failures() {
    for (const auto& failure : record_.failures) {
      if (is_fresh(failure) && !is_reported(failure) && !is_gone(failure)) {
        add(finding_of(failure.cause, severity_of(failure),
                       failure.backend.empty() ? "clients" : "backend " + failure.backend,
                       failure.said));
      }
    }
  }

  // Strangers on a public port fail in every way, and make servers hang up on them; and what is
  // over is no more than a note.
  StatusSeverity severity_of(const StatusRecord::Failure& failure) const {
    const CauseRow& row = describe(failure.cause);
    const bool is_of_clients = failure.backend.empty() || row.symptom == Symptom::SessionsEnd ||
                               failure.cause == Cause::BackendAuthPenalty;
    const bool is_few = is_of_clients && failure.last_hour < kMany;
    return row.at_fault == Party::Client || is_few || is_over(failure) ? StatusSeverity::Note
                                                                       : StatusSeverity::Warning;
  }

  // The way to its servers has failed, and each has served since.
  bool is_over(const StatusRecord::Failure& failure) const {
    const Symptom symptom = describe(failure.cause).symptom;
    const auto* const backend = find_backend(failure.backend);
    return symptom == Symptom::Unavailable && backend != nullptr &&
           std::ranges::all_of(backend->servers, [](const auto& server) {
             return server.state == "up" || server.state == "backup";
           });
  }

  // Of a backend that the configuration no longer has.
  bool is_gone(const StatusRecord::Failure& failure) const {
    return !failure.backend.empty() && find_backend(failure.backend) == nullptr;
  }

  const StatusRecord::Backend* find_backend(const std::string& name) const {
    const auto found = std::ranges::find(record_.backends, name, &StatusRecord::Backend::name);
    return found != record_.backends.end() ? &*found : nullptr;
  }

  // That no server could be reached is said with the reason why.
  bool is_reported(const StatusRecord::Failure& failure) const {
    if (failure.cause == Cause::BackendUnavailable && last_failure_of(failure.backend) != nullptr) {
      return true;
    }
    const std::string subject = "backend " + failure.backend;
    const std::string server = "server " + failure.backend + " ";
    return std::ranges::any_of(verdict_.findings, [&](const StatusFinding& finding) {
      return finding.cause == name_of(failure.cause) &&
             (finding.subject == subject || finding.subject.starts_with(server));
    });
  }

  void judge_doubts() {
    for (const auto& doubt : record_.doubts) {
      add({StatusSeverity::Note, Party::Operator,
           doubt.where.empty() ? "configuration" : "configuration, " + doubt.where,
           sentence(doubt.text),
           "Change it, or leave it if it is meant so: `postern check` has it, too."});
    }
  }

  void sum_up() {
    std::ranges::stable_sort(verdict_.findings, std::greater(), &StatusFinding::severity);
    if (verdict_.findings.empty()) {
      verdict_.headline = "All is well.";
      verdict_.advice = "Nothing is to be done.";
      return;
    }
    const StatusFinding& worst = verdict_.findings.front();
    verdict_.severity = worst.severity;
    if (verdict_.findings.size() == record_.doubts.size()) {
      verdict_.severity = StatusSeverity::Good;
      verdict_.headline = "All is well; the configuration has points to look at.";
      verdict_.advice = "The findings below name them.";
      return;
    }
    if (worst.severity == StatusSeverity::Note) {
      verdict_.headline = "All is well here and at the mail server; single clients fail.";
      verdict_.advice = "The failures below say why, and what to do.";
      return;
    }
    verdict_.headline = whose(worst.at_fault) + worst.subject + ": " + worst.what;
    verdict_.advice = worst.fix;
  }

  static std::string whose(Party party) {
    switch (party) {
      case Party::Gateway:
      case Party::Operator:
        return "It is us: ";
      case Party::Backend:
        return "It is the mail server: ";
      case Party::Network:
        return "It is the network: ";
      case Party::Client:
        break;
    }
    return "It is the clients: ";
  }

  const StatusRecord& record_;
  Verdict verdict_;
};

}  // namespace

Verdict judge(const StatusRecord& record) {
  return Judge(record).run();
}

}  // namespace postern
