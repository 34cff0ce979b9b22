// Log: one line per event, to standard error or the file in its place (log_file.h), as logfmt-like
// text or JSON (payload.h). Values are escaped, so bytes chosen by a client can't forge a line or
// reach a terminal; there is no way to log bytes of a session. Any thread. Never blocks for long
// and never fails: a full disk loses lines, and the next line that gets through reports how many.
// Lines of one event are limited per second; the log counts the rest, by what the caller gives as
// its Group, and reports the sums. If standard error is the journal's, a line begins with its
// priority, "<4>", and text has no time of its own.
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

enum class Format : uint8_t { Text, Json, OpenTelemetry };
enum class Level : uint8_t { Debug, Info, Warn, Error };
// As the configuration and the log itself write them.
inline constexpr Names<Format> kFormatNames{"text", "json", "opentelemetry"};
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
  // The line leaves out a field that is optional and has an empty value.
  static Field optional(const char* k, std::string v) {
    Field field(k, std::move(v));
    field.left_out = field.value.empty();
    return field;
  }
  const char* key;
  std::string value;
  bool quoted = true;
  bool left_out = false;
};
using Fields = std::initializer_list<Field>;

// What the lines above the limit are counted by.
struct Group {
  const char* key = nullptr;
  std::string_view value = {};  // one of a few words: the log has the sum of each every second
  // If it is not 0, it stands for a client, of which `value` is a name: whatever others cause, its
  // first kLinesOfClient lines in a minute are written, and its sum is written once a minute.
  uint64_t client = 0;
  // A line in a second is enough, at level error, too: all of them say the same.
  bool once = false;
  // The limit is not for it: each line is the record of an act.
  bool always = false;
};

// Looks at standard error, too: call it again if that is another.
void configure(Format format, Level level);
bool enabled(Level level);

// `event` is a literal: what happened, in a few words: "backend connect failed".
void write(Level level, const char* event, Fields fields, const Group& group = {});
void debug(const char* event, Fields fields = {});
void info(const char* event, Fields fields = {});
void warn(const char* event, Fields fields = {});
void error(const char* event, Fields fields = {});
// Lines that could not be written since the process began.
uint64_t lost_lines();
// Writes the sums that are due. Call it now and then: the flood may have been the last event.
void report();
// Writes all sums and counts again from zero, e.g. before the process ends.
void flush();

}  // namespace postern::log
