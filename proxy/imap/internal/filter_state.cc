#include "proxy/imap/internal/filter_state.h"

#include <algorithm>
#include <utility>

#include "proxy/base/secret.h"

namespace postern::imap {

void FilterState::reply(std::string_view line) {
  if (replies == nullptr) {
    replies = std::make_unique<std::string>();
  }
  replies->append(line);
  if (at_boundary) {
    if (const std::string now = take_replies(); !now.empty()) {
      to_client.put(as_bytes(now));
    }
  }
}

std::string FilterState::take_replies() {
  const bool greeted = swallow_greeting || conversation.phase() != Phase::Greeting;
  if (!greeted || conversation.opaque()) {
    return {};
  }
  const auto taken = std::exchange(replies, nullptr);
  return taken != nullptr ? std::move(*taken) : std::string();
}

std::string_view line_start(std::string& held, EditCursor& cursor, size_t most) {
  const std::string_view rest = as_text(cursor.rest());
  if (held.empty()) {
    return rest;
  }
  const size_t line = std::min(rest.find('\n'), rest.size() - 1) + 1;
  const size_t count = std::min(line, most - std::min(held.size(), most));
  append_secret(held, rest.substr(0, count));
  cursor.drop(count);
  return held;
}

void hold_rest(std::string& held, EditCursor& cursor) {
  append_secret(held, as_text(cursor.rest()));
  cursor.drop(cursor.rest().size());
}

void release(std::string& held) {
  wipe(held);
  std::string().swap(held);
}

}  // namespace postern::imap
