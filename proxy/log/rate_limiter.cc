#include "proxy/log/rate_limiter.h"

#include <utility>

namespace postern::log {
namespace {

constexpr int64_t kMinute = 60;

}  // namespace

bool Limiter::admit(Level level, std::string_view event, const Group& group, int64_t now_s) {
  Window& window = windows_[event];
  window.level = level;
  window.key = group.key;
  if (window.second != now_s) {
    sum_up(event, window);
    window.second = now_s;
    window.written = 0;
  }
  if (group.client != 0) {
    return admit_client(event, window, group, now_s);
  }
  if (window.written < (group.once ? 1 : kLinesPerSecond)) {
    ++window.written;
    return true;
  }
  ++window.suppressed[std::string(group.value)];
  ++suppressed_;
  return false;
}

bool Limiter::admit_client(std::string_view event, Window& window, const Group& group,
                           int64_t now_s) {
  const bool full = window.clients.size() == kMostClients && !window.clients.contains(group.client);
  if (full || now_s >= window.minute_ends) {
    sum_up_clients(event, window);
    window.minute_ends = now_s + kMinute;
  }
  Client& client = window.clients[group.client];
  if (window.written < kLinesPerSecond || client.written < kLinesOfClient) {
    ++window.written;
    ++client.written;
    return true;
  }
  if (client.name.empty()) {
    client.name = group.value;
  }
  ++client.suppressed;
  ++suppressed_;
  return false;
}

std::vector<Limiter::Suppressed> Limiter::take_suppressed(int64_t now_s) {
  if (suppressed_ > 0) {
    for (auto& [event, window] : windows_) {
      if (window.second < now_s) {
        sum_up(event, window);
      }
      if (window.minute_ends <= now_s) {
        sum_up_clients(event, window);
      }
    }
  }
  return std::exchange(due_, {});
}

void Limiter::sum_up(std::string_view event, Window& window) {
  for (const auto& [value, count] : window.suppressed) {
    due_.push_back({window.level, event, window.key, value, count});
    suppressed_ -= count;
  }
  window.suppressed.clear();
}

void Limiter::sum_up_clients(std::string_view event, Window& window) {
  for (auto& [number, client] : window.clients) {
    if (client.suppressed > 0) {
      due_.push_back({window.level, event, window.key, client.name, client.suppressed});
      suppressed_ -= client.suppressed;
    }
  }
  window.clients.clear();
}

}  // namespace postern::log
