#include "proxy/http/form.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace postern::http {
namespace {

int digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                : -1;
}

std::optional<std::string> decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i] == '+' ? ' ' : text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return std::nullopt;
    }
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return out;
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view kPlain =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~";
  constexpr std::string_view kDigits = kPlain.substr(0, 16);
  for (const char c : text) {
    if (kPlain.find(c) != std::string_view::npos) {
      out.push_back(c);
      continue;
    }
    const auto octet = static_cast<uint8_t>(c);
    out.push_back('%');
    out.push_back(kDigits[octet >> 4]);
    out.push_back(kDigits[octet & 15]);
  }
}

}  // namespace

std::string make_form(const Form& form) {
  std::string text;
  for (const FormField& field : form) {
    text.append(text.empty() ? "" : "&");
    append_encoded(text, field.name);
    text.push_back('=');
    append_encoded(text, field.value);
  }
  return text;
}

std::optional<Form> parse_form(std::string_view text) {
  Form form;
  while (!text.empty()) {
    const std::string_view field = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(field.size() + 1, text.size()));
    const size_t equals = field.find('=');
    if (equals == std::string_view::npos || equals == 0 || form.size() == kMostFields) {
      return std::nullopt;
    }
    auto name = decode(field.substr(0, equals));
    auto value = decode(field.substr(equals + 1));
    if (!name || !value) {
      return std::nullopt;
    }
    form.push_back({.name = std::move(*name), .value = std::move(*value)});
  }
  return form;
}

}  // namespace postern::http
