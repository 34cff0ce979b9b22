// Overflow: the bytes that a peer does not accept yet. An empty one, the common case, owns no
// memory. A chain of chunks, so that a large backlog is never moved or reallocated. One thread. It
// has no limit of its own: the caller pauses the source above a high-water mark.
#pragma once

#include <cstddef>
#include <memory>

#include "proxy/base/bytes.h"

namespace postern::net {

class Overflow {
 public:
  static constexpr size_t kChunkBytes = 16 * kKiB;

  Overflow();
  ~Overflow();
  Overflow(const Overflow&) = delete;
  Overflow& operator=(const Overflow&) = delete;

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }

  void append(Bytes bytes);
  // Fills `views` with the first pieces of the queue and returns how many it filled. They stay
  // valid until the next consume(); append() never moves them.
  size_t peek(Bytes* views, size_t max_views) const;
  void consume(size_t count);
  void clear();

 private:
  struct Chunk;
  void drop_head();

  std::unique_ptr<Chunk> head_;
  Chunk* tail_ = nullptr;
  size_t size_ = 0;
};

}  // namespace postern::net
