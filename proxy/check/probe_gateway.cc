#include "proxy/check/probe_gateway.h"

#include <algorithm>
#include <span>
#include <utility>

#include "proxy/check/internal/check_servers.h"
#include "proxy/check/internal/loaded.h"
#include "proxy/log/escape.h"
#include "proxy/probe/report.h"
#include "proxy/probe/run.h"
#include "tls/context.h"

namespace postern {
namespace {

// The names that clients of this gateway would use: the first of each certificate.
std::vector<std::string> names_to_ask_for(const tls::CertificateStore& certificates) {
  std::vector<std::string> names;
  for (const auto& certificate : certificates.describe()) {
    if (certificate.names.empty()) {
      continue;
    }
    const std::string& first = certificate.names.front();
    std::string name = first.starts_with("*.") ? "mail" + first.substr(1) : first;
    if (std::ranges::find(names, name) == names.end()) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

// Where this machine reaches what listens at `address`.
net::HostPort near(const net::Address& address) {
  const char* loopback = address.is_v6() ? "::1" : "127.0.0.1";
  return {address.is_unspecified() ? loopback : address.ip_text(), address.port()};
}

Result<ListenerReport> probe_listener(const ListenerConfig& listener, probe::Request request) {
  request.target = near(listener.address);
  request.begins = listener.tls == ListenerTls::Implicit ? probe::Way::Tls : probe::Way::Clear;
  auto record = probe::run(request);
  if (!record) {
    return record.faults();
  }
  auto findings = probe::judge(record.value(), tls::wall_clock_s());
  return ListenerReport{std::move(record.value()), std::move(findings)};
}

// Each listener, by each of the names: the first ones are enough to see what differs.
Result<std::vector<ListenerReport>> probe_listeners(const Config& config,
                                                    const probe::Request& like,
                                                    std::span<const std::string> names) {
  std::vector<ListenerReport> reports;
  for (const ListenerConfig& listener : config.listeners) {
    for (const std::string& name : names) {
      probe::Request request = like;
      request.name = name;
      auto report = probe_listener(listener, std::move(request));
      if (!report) {
        return report.faults();
      }
      reports.push_back(std::move(report.value()));
    }
  }
  return reports;
}

void add_servers(const std::vector<ServerFinding>& found, GatewayReport& report) {
  for (const ServerFinding& one : found) {
    if (one.cause) {
      report.servers.push_back({.severity = probe::Severity::Failure,
                                .cause = *one.cause,
                                .where = {place_of(one)},
                                .evidence = one.evidence,
                                .fix = one.fix});
    } else {
      report.usable.push_back(place_of(one));
    }
  }
}

}  // namespace

Result<GatewayReport> probe_gateway(Config config, const probe::Request& like) {
  auto loaded = load_whole(std::move(config));
  if (!loaded) {
    return loaded.faults();
  }
  auto& [materials, labels, pools] = *loaded.value();
  std::vector<std::string> names{like.name};
  if (like.name.empty()) {
    if (auto known = names_to_ask_for(*materials.certificates); !known.empty()) {
      names = std::move(known);
    }
  }
  GatewayReport report;
  if (names.size() > kMostNames) {
    report.names_left_out = names.size() - kMostNames;
    names.resize(kMostNames);
  }
  auto listeners = probe_listeners(*materials.config, like, names);
  if (!listeners) {
    return listeners.faults();
  }
  report.listeners = std::move(listeners.value());
  add_servers(run_preflight(std::move(pools), labels, materials.config->timeouts.connect_ms),
              report);
  return report;
}

probe::Grade grade_of(const GatewayReport& report) {
  probe::Grade grade = probe::grade_of(report.servers);
  for (const ListenerReport& listener : report.listeners) {
    grade = std::max(grade, probe::grade_of(listener.findings));
  }
  return grade;
}

std::string gateway_text(const GatewayReport& report, bool colours) {
  std::string text;
  for (const ListenerReport& listener : report.listeners) {
    text.append("Clients at ").append(report_text(listener.record, listener.findings, colours));
    text.append("\n");
  }
  if (report.names_left_out > 0) {
    text.append("Certificates not asked for: ")
        .append(std::to_string(report.names_left_out))
        .append("; --name asks for one\n\n");
  }
  text.append("Servers: ").append(probe::verdict_text(probe::grade_of(report.servers), colours));
  text.append(probe::findings_text(report.servers, colours));
  for (const std::string& place : report.usable) {
    text.append("  ").append(place).append(": usable\n");
  }
  return text;
}

std::string gateway_json(const GatewayReport& report) {
  const probe::Grade grade = grade_of(report);
  std::string json = R"({"version":)" + std::to_string(probe::kJsonVersion) + R"(,"grade":")" +
                     name_of(grade) + R"(","exit_status":)" +
                     std::to_string(probe::exit_status(grade)) + R"(,"listeners":[)";
  for (const ListenerReport& listener : report.listeners) {
    std::string one = report_json(listener.record, listener.findings);
    one.pop_back();  // its line end
    json.append(&listener == &report.listeners.front() ? "" : ",").append(one);
  }
  json.append("],\"names_left_out\":").append(std::to_string(report.names_left_out));
  json.append(",\"servers\":").append(probe::findings_json(report.servers));
  json.append(",\"usable\":[");
  for (const std::string& place : report.usable) {
    json.append(&place == &report.usable.front() ? "\"" : ",\"");
    append_json_escaped(json, place, place.size());
    json.append("\"");
  }
  return json + "]}\n";
}

}  // namespace postern
