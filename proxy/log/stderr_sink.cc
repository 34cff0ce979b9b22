#include "proxy/log/stderr_sink.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace postern::log {
namespace {

constexpr int kPatienceMs = 50;
// A pipe that polls as writable takes this much without blocking (one page, PIPE_BUF).
constexpr size_t kPiece = 4096;

bool is_writable(int patience_ms) {
  pollfd stderr_poll{STDERR_FILENO, POLLOUT, 0};
  int ready = 0;
  do {
    ready = poll(&stderr_poll, 1, patience_ms);
  } while (ready < 0 && errno == EINTR);
  return ready == 1 && (stderr_poll.revents & POLLOUT) != 0;
}

}  // namespace

void StderrSink::sink_it_(const spdlog::details::log_msg& message) {
  const bool written = report_lost(message) && write_line(message);
  if (!written) {
    ++lost_;
    ++lost_in_all_;
  }
  stuck_ = !written;
}

bool StderrSink::report_lost(const spdlog::details::log_msg& like) {
  if (lost_ == 0) {
    return true;
  }
  const std::string payload = lost_payload_(lost_);
  spdlog::details::log_msg line = like;
  line.payload = payload;
  line.level = spdlog::level::warn;
  if (!write_line(line)) {
    return false;
  }
  lost_ = 0;
  return true;
}

bool StderrSink::write_line(const spdlog::details::log_msg& message) {
  spdlog::memory_buf_t line;
  if (torn_) {
    line.push_back('\n');
  }
  formatter_->format(message, line);
  return write_all({line.data(), line.size()});
}

bool StderrSink::write_all(std::string_view bytes) {
  const size_t size = bytes.size();
  while (!bytes.empty()) {
    if (!is_writable(stuck_ ? 0 : kPatienceMs)) {
      break;
    }
    const ssize_t taken = ::write(STDERR_FILENO, bytes.data(), std::min(bytes.size(), kPiece));
    if (taken < 0 && errno == EINTR) {
      continue;
    }
    if (taken <= 0) {
      break;
    }
    bytes.remove_prefix(static_cast<size_t>(taken));
  }
  if (bytes.size() < size) {
    torn_ = !bytes.empty();
  }
  return bytes.empty();
}

}  // namespace postern::log
