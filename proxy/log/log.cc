#include "proxy/log/log.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <memory>
#include <mutex>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>

#include "proxy/log/escape.h"
#include "proxy/log/rate_limiter.h"
#include "proxy/log/stderr_sink.h"

namespace postern::log {
namespace {

constexpr size_t kMaxValue = 512;
constexpr char kTextPattern[] = "%Y-%m-%dT%H:%M:%S.%eZ %v";
constexpr char kJsonPattern[] = R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})";

std::atomic<Format> current_format{Format::Text};
std::atomic<Level> current_level{Level::Info};

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
    out.append(" ").append(field.key).append("=");
    append_text_value(out, field.value);
  }
  return out;
}

void append_json_string(std::string& out, std::string_view value) {
  out += '"';
  append_json_escaped(out, value, kMaxValue);
  out += '"';
}

std::string json_payload(Level level, std::string_view event, Fields fields) {
  std::string out = R"("level":")";
  out.append(name_of(level)).append(R"(","event":)");
  append_json_string(out, event);
  for (const Field& field : fields) {
    out += ',';
    append_json_string(out, field.key);
    out += ':';
    if (field.quoted) {
      append_json_string(out, field.value);
    } else {
      out += field.value;
    }
  }
  return out;
}

std::string payload(Level level, std::string_view event, Fields fields) {
  return current_format.load(std::memory_order_relaxed) == Format::Text
             ? text_payload(level, event, fields)
             : json_payload(level, event, fields);
}

std::string lost_payload(uint64_t count) {
  return payload(Level::Warn, "log lines lost", {{"count", count}});
}

int64_t now_s() {
  const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(since_start).count();
}

class Log {
 public:
  // Never destroyed: threads and destructors of other statics may log until the very end. Made on
  // first use, so that there is no order of initialisation to get wrong.
  static Log& instance() {
    static Log* const log = new Log;
    return *log;
  }

  void set_format(Format format) {
    const bool is_text = format == Format::Text;
    const std::lock_guard<std::mutex> lock(mutex_);
    current_format.store(format, std::memory_order_relaxed);
    logger_.set_formatter(std::make_unique<spdlog::pattern_formatter>(
        is_text ? kTextPattern : kJsonPattern, spdlog::pattern_time_type::utc, "\n"));
  }

  // The lock is held over the write, so that a line of one format can't get the frame of the other.
  void write(Level level, std::string_view event, Fields fields) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const int64_t now = now_s();
    report_suppressed(now);
    if (level == Level::Error || limiter_.admit(event, now)) {
      write_line(payload(level, event, fields));
    }
  }

  uint64_t lost_lines() const { return sink_->lost_in_all(); }

  void flush() {
    const std::lock_guard<std::mutex> lock(mutex_);
    report_suppressed(now_s() + 1);
  }

 private:
  Log() : sink_(std::make_shared<StderrSink>(lost_payload)), logger_("", sink_) {
    logger_.set_level(spdlog::level::trace);
    set_format(current_format.load(std::memory_order_relaxed));
    // A closed standard error must cost lines, not the process. A handler that is set stays.
    struct sigaction before {};
    sigaction(SIGPIPE, nullptr, &before);
    if (before.sa_handler == SIG_DFL) {
      std::signal(SIGPIPE, SIG_IGN);
    }
  }

  void report_suppressed(int64_t now) {
    for (const auto& [event, count] : limiter_.take_suppressed(now)) {
      write_line(payload(Level::Warn, "suppressed", {{"of", event}, {"count", count}}));
    }
  }

  // The level was checked before and is part of the payload, so spdlog gets all lines at one level.
  void write_line(const std::string& line) {
    logger_.log(spdlog::level::info, spdlog::string_view_t(line));
  }

  std::mutex mutex_;
  const std::shared_ptr<StderrSink> sink_;
  spdlog::logger logger_;
  Limiter limiter_;
};

void write(Level level, const char* event, Fields fields) {
  if (enabled(level)) {
    Log::instance().write(level, event, fields);
  }
}

}  // namespace

void configure(Format format, Level level) {
  current_level.store(level, std::memory_order_relaxed);
  Log::instance().set_format(format);
}

bool enabled(Level level) {
  return level >= current_level.load(std::memory_order_relaxed);
}

void debug(const char* event, Fields fields) {
  write(Level::Debug, event, fields);
}

void info(const char* event, Fields fields) {
  write(Level::Info, event, fields);
}

void warn(const char* event, Fields fields) {
  write(Level::Warn, event, fields);
}

void error(const char* event, Fields fields) {
  write(Level::Error, event, fields);
}

uint64_t lost_lines() {
  return Log::instance().lost_lines();
}

void flush() {
  Log::instance().flush();
}

}  // namespace postern::log
