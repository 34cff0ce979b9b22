#include <string_view>

#include "proxy/log/escape.h"
#include "proxy/probe/internal/show.h"
#include "proxy/probe/report.h"

namespace postern::probe {
namespace {

constexpr size_t kMostInJson = 4'096;

// Writes one value after another; the caller keeps the order.
class Json {
 public:
  Json& open(char bracket) {
    comma();
    text_.push_back(bracket);
    first_ = true;
    return *this;
  }
  Json& close(char bracket) {
    text_.push_back(bracket);
    first_ = false;
    return *this;
  }
  Json& key(std::string_view name) {
    comma();
    text_.append("\"").append(name).append("\":");
    first_ = true;  // no comma before the value
    return *this;
  }
  Json& value(std::string_view text) {
    comma();
    text_.push_back('"');
    append_json_escaped(text_, text, kMostInJson);
    text_.push_back('"');
    return *this;
  }
  Json& literal(std::string_view text) {
    comma();
    text_.append(text);
    return *this;
  }
  Json& field(std::string_view name, std::string_view text) { return key(name).value(text); }
  Json& field(std::string_view name, const char* text) { return key(name).value(text); }
  Json& field(std::string_view name, bool yes) { return key(name).literal(yes ? "true" : "false"); }
  template <typename Number>
  Json& number(std::string_view name, Number number) {
    return key(name).literal(std::to_string(number));
  }
  std::string take() { return std::move(text_); }

 private:
  void comma() {
    if (!first_) {
      text_.push_back(',');
    }
    first_ = false;
  }

  std::string text_;
  bool first_ = true;
};

void add_strings(std::string_view name, const std::vector<std::string>& texts, Json& json) {
  json.key(name).open('[');
  for (const std::string& text : texts) {
    json.value(text);
  }
  json.close(']');
}

void add_finding(const Finding& finding, Json& json) {
  const CauseRow& cause = describe(finding.cause);
  json.open('{').field("severity", name_of(finding.severity)).field("cause", cause.name);
  json.field("at_fault", name_of(cause.at_fault));
  add_strings("at", finding.where, json);
  json.field("explanation", cause.explanation).field("evidence", finding.evidence);
  json.field("fix", finding.fix).close('}');
}

void add_certificate(const tls::PeerReport& peer, Json& json) {
  json.key("chain").open('[');
  for (const tls::PeerCertificate& one : peer.chain) {
    json.open('{').field("subject", one.subject).field("issuer", one.issuer);
    json.field("key", one.key).number("not_before", one.not_before);
    json.number("not_after", one.not_after).field("self_signed", one.self_signed).close('}');
  }
  json.close(']');
  add_strings("names", peer.names, json);
  json.field("verification", peer.failure ? tls::name_of(*peer.failure) : "good");
  json.field("must_staple", peer.must_staple).field("staple", name_of(peer.staple));
}

void add_handshake(const tls::Handshake& handshake, Json& json) {
  json.key("tls").open('{').field("version", name_of(handshake.version));
  json.field("cipher", tls::cipher_names()[handshake.cipher]);
  json.field("group", tls::group_names()[handshake.group]);
  json.field("resumed", handshake.resumed).close('}');
}

void add_time(std::string_view name, const std::optional<uint64_t>& us, Json& json) {
  if (us) {
    json.number(name, *us);
  }
}

void add_login(const VisitRecord& visit, Json& json) {
  json.field("login", visit.login ? name_of(*visit.login) : "unanswered").key("commands").open('[');
  for (const UserStep& step : visit.user_steps) {
    json.open('{').field("command", step.command).field("ok", step.ok).number("us", step.us);
    json.number("items", step.items).field("said", step.said).close('}');
  }
  json.close(']');
}

void add_visit(const VisitRecord& visit, Json& json) {
  json.open('{').field("way", name_of(visit.plan.way)).field("offer", name_of(visit.plan.offer));
  json.field("injects", visit.plan.injects).field("connected", visit.connected);
  if (visit.failure) {
    json.field("failure", name_of(*visit.failure)).field("evidence", visit.evidence);
  }
  if (!visit.protocol.empty()) {
    json.field("protocol", visit.protocol);
  }
  if (!visit.greeting.empty()) {
    json.field("greeting", visit.greeting);
  }
  if (!visit.clear_capabilities.empty()) {
    json.field("clear_capabilities", without_space(visit.clear_capabilities));
  }
  if (visit.handshake) {
    add_handshake(*visit.handshake, json);
    if (visit.plan.talks && !visit.plan.injects) {
      add_certificate(visit.peer, json);
    }
  }
  if (!visit.capabilities.empty()) {
    json.field("capabilities", without_space(visit.capabilities));
  }
  if (visit.plan.injects) {
    json.field("answered_injection", visit.answered_injection);
  }
  if (visit.plan.logs_in) {
    add_login(visit, json);
  }
  add_time("connect_us", visit.times.connect_us, json);
  add_time("tls_us", visit.times.tls_us, json);
  add_time("greeting_us", visit.times.greeting_us, json);
  json.close('}');
}

void add_services(const std::vector<ServiceRecord>& services, Json& json) {
  json.key("services").open('[');
  for (const ServiceRecord& one : services) {
    json.open('{').field("service", one.service).field("target", one.srv.target);
    json.number("port", one.srv.port).number("priority", one.srv.priority);
    json.number("weight", one.srv.weight).close('}');
  }
  json.close(']');
}

}  // namespace

std::string findings_json(const std::vector<Finding>& findings) {
  Json json;
  json.open('[');
  for (const Finding& finding : findings) {
    add_finding(finding, json);
  }
  return json.close(']').take();
}

std::string report_json(const Record& record, const std::vector<Finding>& findings) {
  const Grade grade = grade_of(findings);
  Json json;
  json.open('{').number("version", kJsonVersion).field("target", record.target);
  json.field("name", record.name).field("grade", name_of(grade));
  json.number("exit_status", exit_status(grade)).field("complete", record.complete);
  json.number("took_ms", record.took_ms).number("resolve_us", record.resolve_us);
  json.number("addresses_left_out", record.addresses_left_out);
  add_services(record.services, json);
  json.key("findings").literal(findings_json(findings)).key("ports").open('[');
  for (const PortRecord& port : record.ports) {
    json.open('{').field("address", port.address.text()).key("visits").open('[');
    for (const VisitRecord& visit : port.visits) {
      add_visit(visit, json);
    }
    json.close(']').close('}');
  }
  json.close(']').close('}');
  return json.take() + "\n";
}

}  // namespace postern::probe
