#include <algorithm>
#include <array>
#include <string_view>

#include "proxy/base/utc.h"
#include "proxy/log/escape.h"
#include "proxy/probe/internal/show.h"
#include "proxy/probe/report.h"

namespace postern::probe {
namespace {

constexpr size_t kMostShown = 400;
constexpr size_t kMostWidth = 100;

constexpr Names<Grade> kVerdicts({
    {Grade::Good, "nothing keeps clients out, and nothing has to be mended"},
    {Grade::Fair, "clients get in, and something should be mended"},
    {Grade::Poor, "clients get in, but not safely"},
    {Grade::Failed, "clients do not get in, or not all of them"},
});

// Green, yellow, magenta, red.
constexpr std::array<const char*, 4> kColours = {"\x1b[32m", "\x1b[33m", "\x1b[35m", "\x1b[31m"};

class Text {
 public:
  explicit Text(bool colours) : colours_(colours) {}

  Text& add(std::string_view text) {
    text_.append(text);
    return *this;
  }
  Text& add_escaped(std::string_view text) {
    append_escaped(text_, text, kMostShown);
    return *this;
  }
  Text& add_coloured(size_t badness, std::string_view text) {
    return colours_ ? add(kColours[badness]).add(text).add("\x1b[0m") : add(text);
  }
  // A paragraph of ours, cut between words.
  void add_paragraph(std::string_view indent, std::string_view text) {
    while (!text.empty()) {
      size_t end = std::min(text.size(), kMostWidth - indent.size());
      if (end < text.size()) {
        const size_t space = text.rfind(' ', end);
        end = space == std::string_view::npos ? text.find(' ', end) : space;
        end = std::min(end, text.size());
      }
      add(indent).add(text.substr(0, end)).add("\n");
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
  // "  name   value": a fact under a port.
  Text& label(std::string_view name) {
    constexpr size_t kColumn = 16;
    add("    ").add(name);
    text_.append(kColumn - std::min(kColumn - 1, name.size()), ' ');
    return *this;
  }
  std::string take() { return std::move(text_); }

 private:
  const bool colours_;
  std::string text_;
};

void add_finding(const Finding& finding, Text& text) {
  const CauseRow& cause = describe(finding.cause);
  text.add("\n").add_coloured(static_cast<size_t>(finding.severity), name_of(finding.severity));
  text.add(": ").add(cause.name);
  for (size_t i = 0; i < finding.where.size(); ++i) {
    text.add(i == 0 ? " at " : ", ").add(finding.where[i]);
  }
  text.add("\n");
  text.add_paragraph("  ", cause.explanation);
  if (!finding.evidence.empty()) {
    text.add("  Seen: ").add_escaped(finding.evidence).add("\n");
  }
  text.add_paragraph("  ", "Do: " + finding.fix);
}

// "open in 1.2 ms, TLS in 4.5 ms, greeting in 0.3 ms"
void add_times(const VisitRecord& visit, Text& text) {
  text.add("open in ").add(show_ms(visit.times.connect_us.value_or(0)));
  if (visit.times.tls_us) {
    text.add(", TLS in ").add(show_ms(*visit.times.tls_us));
  }
  if (visit.times.greeting_us) {
    text.add(", greeting in ").add(show_ms(*visit.times.greeting_us));
  }
}

void add_handshake(const PortRecord& port, const VisitRecord& visit, Text& text) {
  const tls::Handshake& handshake = *visit.handshake;
  text.label("TLS").add(visit.plan.way == Way::Clear ? "by STARTTLS, " : "from the first byte, ");
  text.add(name_of(handshake.version)).add(", ").add(tls::cipher_names()[handshake.cipher]);
  text.add(", ").add(tls::group_names()[handshake.group]).add("\n");
  std::string also;
  for (const VisitRecord& other : port.visits) {
    if (!other.plan.talks) {
      also.append(also.empty() ? "" : ", ").append(name_of(other.plan.offer)).append(" ");
      const bool resumes = other.plan.offer == Offer::Again;
      const bool yes = other.handshake && (!resumes || other.handshake->resumed);
      also.append(yes ? "yes" : "no");
    }
  }
  if (!also.empty()) {
    text.label("also").add(also).add("\n");
  }
}

void add_certificate(const tls::PeerReport& peer, Text& text) {
  for (const tls::PeerCertificate& one : peer.chain) {
    const bool leaf = &one == &peer.chain.front();
    text.label(leaf ? "certificate" : "issuer")
        .add_escaped(one.subject.empty() ? "(no subject)" : one.subject);
    text.add(", ").add(one.key).add(", ").add(utc_text(one.not_before)).add(" to ");
    text.add(utc_text(one.not_after)).add(one.self_signed ? ", self-signed" : "").add("\n");
    if (leaf) {
      text.label("issued by").add_escaped(one.issuer).add("\n");
    }
  }
  std::string names;
  for (const std::string& name : peer.names) {
    names.append(names.empty() ? "" : " ").append(name);
  }
  text.label("names").add_escaped(names).add("\n");
  text.label("stapled").add(name_of(peer.staple)).add("\n");
}

void add_port(const PortRecord& port, Text& text) {
  text.add("  ").add(port.address.text()).add("  ");
  const VisitRecord* visit = best_visit(port);
  if (visit == nullptr) {
    text.add("no time was left\n");
    return;
  }
  if (!visit->connected) {
    text.add_escaped(visit->evidence).add("\n");
    return;
  }
  add_times(*visit, text);
  text.add("\n");
  if (!visit->greeting.empty()) {
    text.label("greets").add_escaped(visit->greeting).add("\n");
  } else if (!visit->handshake) {
    text.label("says").add_escaped(visit->evidence).add("\n");
  }
  if (!visit->clear_capabilities.empty()) {
    text.label("before TLS").add_escaped(without_space(visit->clear_capabilities)).add("\n");
  }
  if (visit->handshake) {
    add_handshake(port, *visit, text);
    add_certificate(visit->peer, text);
    if (!visit->capabilities.empty()) {
      text.label("inside TLS").add_escaped(without_space(visit->capabilities)).add("\n");
    }
  }
}

// What the user has met.
void add_login(const Record& record, Text& text) {
  if (!record.wants_login) {
    return;
  }
  const VisitRecord* visit = login_visit(record);
  if (visit == nullptr) {
    text.add("  login  not tried: no port has TLS with a certificate that is good\n");
    return;
  }
  text.add("  login");
  for (const UserStep& step : visit->user_steps) {
    text.add(&step == &visit->user_steps.front() ? "  " : ", ").add(step.command);
    text.add(step.ok ? " in " : " refused in ").add(show_ms(step.us));
    if (step.items > 0) {
      text.add(" (").add(std::to_string(step.items)).add(")");
    }
  }
  text.add(visit->user_steps.empty() ? "  no answer\n" : "\n");
}

}  // namespace

std::string verdict_text(Grade grade, bool colours) {
  Text text(colours);
  text.add_coloured(static_cast<size_t>(grade), name_of(grade)).add(": ");
  return text.add(kVerdicts[grade]).add(".\n").take();
}

std::string findings_text(const std::vector<Finding>& findings, bool colours) {
  Text text(colours);
  for (const Finding& finding : findings) {
    add_finding(finding, text);
  }
  return text.take();
}

std::string report_text(const Record& record, const std::vector<Finding>& findings, bool colours) {
  Text text(colours);
  text.add_escaped(record.target).add(": ").add(verdict_text(grade_of(findings), colours));
  if (!record.complete) {
    text.add("The time was over before everything was looked at; --timeout gives more.\n");
  }
  text.add(findings_text(findings, colours));
  text.add("\nSeen in ").add(std::to_string(record.took_ms)).add(" ms, the name in ");
  text.add(show_ms(record.resolve_us)).add(":\n");
  for (const ServiceRecord& one : record.services) {
    text.add("  ").add(one.service).add("  ").add_escaped(one.srv.target);
    text.add(":").add(std::to_string(one.srv.port)).add(", priority ");
    text.add(std::to_string(one.srv.priority)).add("\n");
  }
  for (const PortRecord& port : record.ports) {
    add_port(port, text);
  }
  add_login(record, text);
  if (record.addresses_left_out > 0) {
    text.add("  ")
        .add(std::to_string(record.addresses_left_out))
        .add(" more addresses not asked\n");
  }
  return text.take();
}

}  // namespace postern::probe
