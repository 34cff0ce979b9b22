#include "proxy/imap/internal/command_queue.h"

#include <cstring>

#include "proxy/base/check.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {

CommandQueue::Position CommandQueue::find(std::string_view tag) const {
  for (Position position = 0; position < end();) {
    const Entry entry = at(position);
    if (entry.tag == tag) {
      return position;
    }
    position = entry.end;
  }
  return kNowhere;
}

bool CommandQueue::has_login(Position begin, Position end) const {
  bool found = false;
  for (Position position = begin; position < end; position = at(position).end) {
    found = found || is_login(at(position).command);
  }
  return found;
}

void CommandQueue::append(std::string_view tag, Command command) {
  check(!tag.empty() && tag.size() <= kMaxTag, "a tag fits its entry");
  char entry[kTagAt + kMaxTag + kTimeSize];
  entry[0] = static_cast<char>(command);
  entry[kLengthAt] = static_cast<char>(tag.size());
  std::memcpy(entry + kTagAt, tag.data(), tag.size());
  size_t size = kTagAt + tag.size();
  if (command != Command::Idle) {
    std::memset(entry + size, 0, kTimeSize);
    size += kTimeSize;
  }
  bytes_.append(entry, size);
  ++count_;
}

void CommandQueue::sent(uint32_t now_ms) {
  check(!bytes_.empty(), "what is sent waits for its answer");
  std::memcpy(bytes_.data() + bytes_.size() - kTimeSize, &now_ms, kTimeSize);
}

void CommandQueue::set_plus(Position position) {
  bytes_[position] = static_cast<char>(static_cast<uint8_t>(bytes_[position]) | kHadPlus);
}

void CommandQueue::remove(const Entry& entry) {
  if (count_ == 1) {  // most clients wait for each answer
    bytes_.clear();
  } else {
    bytes_.erase(entry.position, entry.end - entry.position);
  }
  --count_;
  give_memory_back();
}

void CommandQueue::remove_before(Position end) {
  if (end == this->end()) {
    bytes_.clear();
    count_ = 0;
  } else {
    for (Position position = 0; position < end; position = at(position).end) {
      --count_;
    }
    bytes_.erase(0, end);
  }
  give_memory_back();
}

void CommandQueue::remove_all_but(Command command) {
  CommandQueue kept;
  for (Position position = 0; position < end(); position = at(position).end) {
    const Entry entry = at(position);
    if (entry.command == command) {
      kept.append(entry.tag, command);
    }
  }
  bytes_.swap(kept.bytes_);
  count_ = kept.count_;
}

void CommandQueue::give_memory_back() {
  const size_t without_heap = std::string().capacity();
  if (bytes_.capacity() > without_heap && bytes_.size() <= without_heap) {
    bytes_.shrink_to_fit();  // back into the string object itself
  }
}

}  // namespace postern::imap
