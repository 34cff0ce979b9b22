#include "proxy/net/overflow.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/base/secret.h"

namespace postern::net {

struct Overflow::Chunk {
  std::unique_ptr<Chunk> next;
  size_t begin = 0;  // consumed up to here
  size_t end = 0;    // filled up to here
  uint8_t bytes[kChunkBytes];

  Bytes queued() const { return {bytes + begin, end - begin}; }
  MutableBytes room() { return {bytes + end, kChunkBytes - end}; }
};

Overflow::Overflow() = default;

Overflow::~Overflow() {
  clear();
}

void Overflow::append(Bytes bytes) {
  while (!bytes.empty()) {
    if (tail_ == nullptr || tail_->room().empty()) {
      // For overwriting: make_unique would zero 16 KiB that are about to be filled.
      std::unique_ptr<Chunk>& link = tail_ == nullptr ? head_ : tail_->next;
      link = std::make_unique_for_overwrite<Chunk>();
      tail_ = link.get();
    }
    const size_t count = std::min(bytes.size(), tail_->room().size());
    std::memcpy(tail_->room().data(), bytes.data(), count);
    tail_->end += count;
    size_ += count;
    bytes = bytes.subspan(count);
  }
}

size_t Overflow::peek(Bytes* views, size_t max_views) const {
  size_t count = 0;
  for (const Chunk* chunk = head_.get(); chunk != nullptr && count < max_views;
       chunk = chunk->next.get()) {
    views[count++] = chunk->queued();
  }
  return count;
}

void Overflow::consume(size_t count) {
  check(count <= size_, "no more is consumed than is queued");
  size_ -= count;
  while (count > 0) {
    const size_t here = std::min(count, head_->queued().size());
    head_->begin += here;
    count -= here;
    if (head_->queued().empty()) {
      drop_head();
    }
  }
}

void Overflow::clear() {
  while (head_ != nullptr) {
    drop_head();  // one by one: the destructors of a long chain would recurse
  }
  size_ = 0;
}

// What is queued before a login may be a password.
void Overflow::drop_head() {
  wipe(head_->bytes, head_->end);
  head_ = std::exchange(head_->next, nullptr);
  if (head_ == nullptr) {
    tail_ = nullptr;
  }
}

}  // namespace postern::net
