// JsonWriter: values of JSON, one after another, into a string. The caller closes what it opens.
#pragma once

#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

#include "proxy/log/escape.h"

namespace postern {

class JsonWriter {
 public:
  static constexpr size_t kMostText = 2'000;

  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& key(std::string_view name) {
    separate();
    quote(name);
    out_ += ':';
    first_ = true;  // its value follows without a comma
    return *this;
  }
  void open(char bracket) {
    separate();
    out_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    first_ = false;
  }
  void value(std::string_view text) {
    separate();
    quote(text);
  }
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool truth) {
    separate();
    out_ += truth ? "true" : "false";
  }
  template <std::integral Number>
  void value(Number number) {
    separate();
    out_ += std::to_string(number);
  }
  template <typename Value>
  void member(std::string_view name, const Value& of) {
    key(name).value(of);
  }
  // Null in place of a time that there is none of.
  template <std::integral Number>
  void time(std::string_view name, Number seconds) {
    key(name);
    if (seconds != 0) {
      value(seconds);
    } else {
      separate();
      out_ += "null";
    }
  }

 private:
  void separate() {
    if (!first_) {
      out_ += ',';
    }
    first_ = false;
  }
  void quote(std::string_view text) {
    out_ += '"';
    append_json_escaped(out_, text, kMostText);
    out_ += '"';
  }

  std::string& out_;
  bool first_ = true;
};

}  // namespace postern
