#include "proxy/log/log.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>

#include "proxy/log/payload.h"
#include "proxy/log/rate_limiter.h"
#include "proxy/log/stderr_sink.h"

namespace postern::log {
namespace {

// spdlog's patterns of a whole line.
constexpr Names<Format> kPatterns{"%Y-%m-%dT%H:%M:%S.%eZ %v",
                                  R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ",%v})",
                                  R"({"timestamp":"%Y-%m-%dT%H:%M:%S.%eZ",%v})"};
// In the journal a line has its time already. `%*` is the priority that the journal takes off; the
// time stays in JSON, whose readers want the same keys from everywhere.
constexpr char kPriority[] = "%*";
constexpr char kJournalTextPattern[] = "%v";

std::atomic<Format> current_format{Format::Text};
std::atomic<Level> current_level{Level::Info};

constexpr std::array kSpdlogLevels = {spdlog::level::debug, spdlog::level::info,
                                      spdlog::level::warn, spdlog::level::err};

// "<4>": syslog's number of a level (sd-daemon(3)).
class Priority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& line) override {
    const char digit = message.level >= spdlog::level::err    ? '3'
                       : message.level == spdlog::level::warn ? '4'
                       : message.level == spdlog::level::info ? '6'
                                                              : '7';
    for (const char c : {'<', digit, '>'}) {
      line.push_back(c);
    }
  }
  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Priority>();
  }
};

// systemd.exec(5), $JOURNAL_STREAM: device and inode of the journal's socket. The variable outlives
// a redirection of standard error, so the two are compared.
bool writes_to_journal() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): it changes only before there are other threads
  const char* const named = std::getenv("JOURNAL_STREAM");
  struct stat is {};
  return named != nullptr && fstat(STDERR_FILENO, &is) == 0 &&
         std::to_string(is.st_dev) + ":" + std::to_string(is.st_ino) == named;
}

std::string payload(Level level, std::string_view event, Fields fields) {
  return payload(current_format.load(std::memory_order_relaxed), level, event, fields);
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
    std::string pattern = kPatterns[format];
    if (writes_to_journal()) {
      pattern = kPriority + (format == Format::Text ? kJournalTextPattern : pattern);
    }
    auto formatter =
        std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc, "\n");
    formatter->add_flag<Priority>('*').set_pattern(std::move(pattern));
    const std::lock_guard<std::mutex> lock(mutex_);
    current_format.store(format, std::memory_order_relaxed);
    logger_.set_formatter(std::move(formatter));
  }

  // The lock is held over the write, so that a line of one format can't get the frame of the other.
  void write(Level level, std::string_view event, Fields fields, const Group& group) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const int64_t now = now_s();
    report_suppressed(now);
    const bool free = group.always || (level == Level::Error && !group.once);
    if (free || limiter_.admit(level, event, group, now)) {
      write_line(level, payload(level, event, fields));
    }
  }

  uint64_t lost_lines() const { return sink_->lost_in_all(); }

  void report() {
    const std::lock_guard<std::mutex> lock(mutex_);
    report_suppressed(now_s());
  }

  void flush() {
    const std::lock_guard<std::mutex> lock(mutex_);
    report_suppressed(Limiter::kAll);
    limiter_ = {};
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
    for (const auto& [level, event, key, value, count] : limiter_.take_suppressed(now)) {
      Field group(key == nullptr ? "" : key, value);
      group.left_out = key == nullptr;
      write_line(level, payload(level, "suppressed", {{"of", event}, group, {"count", count}}));
    }
  }

  // The level was checked before, so spdlog is to let all pass.
  void write_line(Level level, const std::string& line) {
    logger_.log(kSpdlogLevels[static_cast<size_t>(level)], spdlog::string_view_t(line));
  }

  std::mutex mutex_;
  const std::shared_ptr<StderrSink> sink_;
  spdlog::logger logger_;
  Limiter limiter_;
};

}  // namespace

void write(Level level, const char* event, Fields fields, const Group& group) {
  if (enabled(level)) {
    Log::instance().write(level, event, fields, group);
  }
}

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

void report() {
  Log::instance().report();
}

void flush() {
  Log::instance().flush();
}

}  // namespace postern::log
