#include "proxy/log/payload.h"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <utility>

#include "proxy/log/escape.h"

namespace postern::log {
namespace {

constexpr size_t kMaxValue = 512;

// ---- text

bool needs_quotes(std::string_view value) {
  for (const char c : value) {
    if (c <= ' ' || c > '~' || c == '"' || c == '\\' || c == '=') {
      return true;
    }
  }
  return value.empty();
}

void append_text_value(std::string& out, std::string_view value) {
  if (needs_quotes(value)) {
    out += in_quotes(value, kMaxValue);
  } else {
    append_escaped(out, value, kMaxValue);
  }
}

std::string text_payload(Level level, std::string_view event, Fields fields) {
  std::string out = name_of(level);
  out.resize(6, ' ');
  append_escaped(out, event, kMaxValue);
  for (const Field& field : fields) {
    if (field.left_out) {
      continue;
    }
    out.append(" ").append(field.key).append("=");
    append_text_value(out, field.value);
  }
  return out;
}

// ---- JSON

void append_json_string(std::string& out, std::string_view value) {
  out += '"';
  append_json_escaped(out, value, kMaxValue);
  out += '"';
}

void append_json_value(std::string& out, const Field& field) {
  if (field.quoted) {
    append_json_string(out, field.value);
  } else {
    out += field.value;
  }
}

std::string json_payload(Level level, std::string_view event, Fields fields) {
  std::string out = R"("level":")";
  out.append(name_of(level)).append(R"(","event":)");
  append_json_string(out, event);
  for (const Field& field : fields) {
    if (field.left_out) {
      continue;
    }
    out += ',';
    append_json_string(out, field.key);
    out += ':';
    append_json_value(out, field);
  }
  return out;
}

// ---- OpenTelemetry

// What a field is there; every other one is "postern." and its key.
struct Attribute {
  std::string_view key;
  std::string_view name;
  bool is_address = false;  // its name stands for two: "client.address" and "client.port"
};
constexpr Attribute kAttributes[] = {
    {"client", "client", true},
    {"proxy", "network.peer", true},
    {"listener", "network.local", true},
    {"server", "server", true},
    {"cause", "error.type"},
    {"error", "exception.message"},
    {"session", "session.id"},
    {"sni", "tls.client.server_name"},
    {"tls", "tls.protocol.version"},
    {"cipher", "tls.cipher"},
    {"group", "tls.curve"},
    {"client_certificate", "tls.client.subject"},
    {"pid", "process.pid"},
    {"version", "service.version"},
};
// SeverityNumber of its data model.
constexpr Names<Level> kSeverityNumbers{"5", "9", "13", "17"};
constexpr Names<Level> kSeverityTexts{"DEBUG", "INFO", "WARN", "ERROR"};

// As JSON has it, without a zero in front.
bool is_number(std::string_view text) {
  return !text.empty() && (text.front() != '0' || text.size() == 1) &&
         std::ranges::all_of(text, [](unsigned char c) { return std::isdigit(c) != 0; });
}

// "192.0.2.1:993" and "[::1]:993" in two; the second part is empty if there is none.
std::pair<std::string_view, std::string_view> split_port(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !is_number(text.substr(colon + 1)) ||
      (text.front() != '[' && text.find(':') != colon)) {
    return {text, {}};
  }
  std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return {host, text.substr(colon + 1)};
}

void append_key(std::string& out, std::string_view name, std::string_view part = {}) {
  out += out.back() == '{' ? "\"" : ",\"";
  out.append(name).append(part).append("\":");
}

void append_attribute(std::string& out, const Field& field) {
  const auto* found = std::ranges::find(kAttributes, std::string_view(field.key), &Attribute::key);
  if (found == std::end(kAttributes)) {
    append_key(out, "postern.", field.key);
    append_json_value(out, field);
  } else if (!found->is_address) {
    append_key(out, found->name);
    append_json_value(out, field);
  } else {
    const auto [address, port] = split_port(field.value);
    append_key(out, found->name, ".address");
    append_json_string(out, address);
    if (!port.empty()) {
      append_key(out, found->name, ".port");
      out += port;
    }
  }
}

std::string opentelemetry_payload(Level level, std::string_view event, Fields fields) {
  std::string out = R"("severity_text":")";
  out.append(kSeverityTexts[level]).append(R"(","severity_number":)");
  out.append(kSeverityNumbers[level]).append(R"(,"body":)");
  append_json_string(out, event);
  out += R"(,"resource":{"service.name":"postern"},"attributes":{)";
  for (const Field& field : fields) {
    if (!field.left_out) {
      append_attribute(out, field);
    }
  }
  out += '}';
  return out;
}

}  // namespace

std::string payload(Format format, Level level, std::string_view event, Fields fields) {
  switch (format) {
    case Format::Text:
      return text_payload(level, event, fields);
    case Format::Json:
      return json_payload(level, event, fields);
    case Format::OpenTelemetry:
      break;
  }
  return opentelemetry_payload(level, event, fields);
}

}  // namespace postern::log
