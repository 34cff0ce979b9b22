#include "proxy/imap/internal/login_command.h"

#include <algorithm>

#include "proxy/base/secret.h"
#include "proxy/imap/command.h"
#include "proxy/imap/internal/arguments.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {
namespace {

// sasl-mech = 1*20mech-char, letters in either case (RFC 4422 §3.1, RFC 9051 §9).
bool is_mechanism(std::string_view name) {
  return !name.empty() && name.size() <= 20 && std::all_of(name.begin(), name.end(), [](char c) {
    const char letter = upper(c);
    return (letter >= 'A' && letter <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

bool has_no_control(std::string_view octets) {
  return std::none_of(octets.begin(), octets.end(), is_control);
}

}  // namespace

std::vector<std::string> login_parts(std::string_view line, size_t head, std::string& user) {
  ArgumentReader reader(line.substr(head));
  std::vector<std::string> parts;
  parts.reserve(3);  // a growing vector would leave copies behind
  parts.emplace_back(line.substr(0, head));
  std::string password;
  bool good = true;
  for (std::string* value : {&user, &password}) {
    good = good && reader.spaces() == 1 && reader.string(*value);
    parts.back().append(" ");
    if (good && reader.was_atom()) {
      append_secret(parts.back(), *value);
    } else if (good && !reader.was_literal() && has_no_control(*value)) {
      append_quoted(parts.back(), *value);
    } else if (good) {
      append_string(parts, *value);
    }
  }
  wipe(password);
  parts.back().append(reader.spaces(), ' ');
  if (!good || !reader.at_end()) {
    std::for_each(parts.begin(), parts.end(), [](std::string& part) { wipe(part); });
    return {};
  }
  append_secret(parts.back(), "\r\n");
  return parts;
}

bool is_plain_login(std::string_view line, size_t head, std::string_view& user) {
  std::string_view rest = line.substr(head);
  std::string_view password;
  for (std::string_view* value : {&user, &password}) {
    if (skip_spaces(rest) != 1 || rest.empty()) {
      return false;
    }
    const bool quoted = rest.front() == '"';
    rest.remove_prefix(quoted ? 1 : 0);
    size_t end = 0;
    while (end < rest.size() && (is_atom_char(rest[end]) || (quoted && rest[end] == ' '))) {
      ++end;
    }
    *value = rest.substr(0, end);
    rest.remove_prefix(end);
    if (rest.empty() || (quoted ? rest.front() != '"' : end == 0)) {
      return false;
    }
    rest.remove_prefix(quoted ? 1 : 0);
  }
  return without_line_end(rest).empty();
}

SaslStart parse_authenticate(std::string_view arguments) {
  SaslStart start;
  std::string_view rest = without_line_end(arguments);
  if (skip_spaces(rest) != 1) {
    return start;
  }
  const std::string_view mechanism = take_word(rest);
  start.mechanism = mechanism_named(mechanism);
  const bool alone = rest.empty();
  const bool spaced = skip_spaces(rest) == 1;
  start.response = rest;
  start.good = is_mechanism(mechanism) &&
               (alone || (spaced && !rest.empty() && rest != "*" && is_sasl_response(rest)));
  return start;
}

}  // namespace postern::imap
