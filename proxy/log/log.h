// Log: one line per event, to standard error, as logfmt-like text or JSON. Values are escaped, so
// bytes chosen by a client can't forge a line or reach a terminal; there is no way to log bytes of
// a session. Any thread. Never blocks for long and never fails: a full disk loses lines, and the
// next line that gets through reports how many. Lines of one event are limited per second; the log
// counts and reports the rest.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/base/error.h"
#include "proxy/base/names.h"

namespace postern::log {

enum class Format : uint8_t { Text, Json };
enum class Level : uint8_t { Debug, Info, Warn, Error };
// As the configuration and the log itself write them.
inline constexpr Names<Format> kFormatNames{"text", "json"};
inline constexpr Names<Level> kLevelNames{"debug", "info", "warn", "error"};
constexpr const char* name_of(Format format) {
  return kFormatNames[format];
}
constexpr const char* name_of(Level level) {
  return kLevelNames[level];
}

// key=value. Keys are literals.
struct Field {
  Field(const char* k, std::string_view v) : key(k), value(v) {}
  Field(const char* k, const char* v) : key(k), value(v) {}
  Field(const char* k, std::string v) : key(k), value(std::move(v)) {}
  Field(const char* k, const Error& error) : key(k), value(error.text()) {}
  template <std::integral T>
  Field(const char* k, T v) : key(k), value(std::to_string(v)), quoted(false) {}
  const char* key;
  std::string value;
  bool quoted = true;
};
using Fields = std::initializer_list<Field>;

void configure(Format format, Level level);
bool enabled(Level level);

// `event` is a literal: what happened, in a few words: "backend connect failed".
void debug(const char* event, Fields fields = {});
void info(const char* event, Fields fields = {});
void warn(const char* event, Fields fields = {});
void error(const char* event, Fields fields = {});
// Lines that could not be written since the process began.
uint64_t lost_lines();
// Writes the pending counts of suppressed lines, e.g. before the process ends.
void flush();

}  // namespace postern::log
