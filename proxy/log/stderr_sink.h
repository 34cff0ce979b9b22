// StderrSink: writes whole lines to standard error and gives up early rather than wait. A full
// disk, a closed pipe or a stalled reader costs lines, never the process; the next line that gets
// through reports how many. Not thread-safe: Log calls it under its lock.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include <spdlog/details/null_mutex.h>
#include <spdlog/sinks/base_sink.h>

namespace postern::log {

class StderrSink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 public:
  // Makes the payload of the line that reports `count` lost lines.
  using LostPayload = std::string (*)(uint64_t count);
  explicit StderrSink(LostPayload lost_payload) : lost_payload_(lost_payload) {}
  // In all, reported or not. Any thread.
  uint64_t lost_in_all() const { return lost_in_all_.load(std::memory_order_relaxed); }

 private:
  void sink_it_(const spdlog::details::log_msg& message) override;
  void flush_() override {}  // nothing is buffered

  bool report_lost(const spdlog::details::log_msg& like);
  bool write_line(const spdlog::details::log_msg& message);
  bool write_all(std::string_view bytes);

  const LostPayload lost_payload_;
  uint64_t lost_ = 0;
  std::atomic<uint64_t> lost_in_all_ = 0;
  bool stuck_ = false;  // the last write failed: don't wait again
  bool torn_ = false;   // part of a line got out
};

}  // namespace postern::log
