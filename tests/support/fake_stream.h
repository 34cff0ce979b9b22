// FakeStream: a Stream without a socket, and the peer behind it as a test plays it: what the peer
// says waits while the stream is paused, and it takes only as many bytes as its window allows. It
// keeps the contract of net/stream.h by itself: the observer is called from the peer's calls only.
// One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "proxy/base/error.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace postern::test {

class FakeStream final : public net::Stream {
 public:
  // ---- the peer

  // Arrives at once in reads of at most one scratch, or waits for resume() and deliver().
  void say(std::string_view bytes) {
    unread_.append(bytes);
    deliver();
  }
  void deliver() {
    while (!unread_.empty() && !paused && !over()) {
      const std::string read = unread_.substr(0, net::Loop::kScratchBytes);
      unread_.erase(0, read.size());
      observer_->on_bytes(as_bytes(read));
    }
  }
  void end() {
    ASSERT_FALSE(over());
    gone = true;
    observer_->on_end();
  }
  // Takes nothing any more; what it has said is still to be read, and then fail() comes.
  void refuse(const Error& error) {
    ASSERT_FALSE(over());
    refuses_ = gone = true;
    queue_.clear();
    observer_->on_write_failure(error);
  }
  void fail(const Error& error) {
    ASSERT_FALSE(over());
    failed = gone = true;
    observer_->on_failure(error);
  }
  // Takes up to `count` of what is queued; the stream reports when that was all.
  void take(size_t count) {
    const size_t taken = std::min(count, queue_.size());
    received.append(queue_, 0, taken);
    queue_.erase(0, taken);
    if (taken > 0 && queue_.empty() && !over()) {
      observer_->on_drained();
    }
  }
  size_t unread() const { return unread_.size(); }

  std::string received;               // what has reached the peer
  size_t window = std::string::npos;  // how much more it takes before the stream has to queue
  size_t most_queued = 0;
  int pauses = 0;
  int acknowledgements = 0;
  size_t unacknowledged = 0;  // of what it has received
  bool gone = false;          // has hung up, after what it has said
  bool paused = false;
  bool finished = false;
  bool aborted = false;
  bool failed = false;

  // ---- the stream

  void observe(net::StreamObserver& observer) override { observer_ = &observer; }
  size_t write(Bytes bytes) override {
    EXPECT_FALSE(finished) << "written after finish()";
    if (over() || refuses_) {
      return 0;
    }
    const size_t now = queue_.empty() ? std::min(window, bytes.size()) : 0;
    received.append(as_text(bytes.first(now)));
    window -= window == std::string::npos ? 0 : now;
    queue_.append(as_text(bytes.subspan(now)));
    most_queued = std::max(most_queued, queue_.size());
    return queue_.size();
  }
  size_t queued() const override { return queue_.size(); }
  size_t owed() const override { return queue_.size() + unacknowledged; }
  void acknowledge() override { ++acknowledgements; }
  bool hung_up() const override { return gone; }
  void pause() override {
    pauses += paused ? 0 : 1;
    paused = true;
  }
  void resume() override { paused = false; }
  void finish() override { finished = true; }
  void abort() override {
    aborted = true;
    queue_.clear();
  }

 private:
  bool over() const { return aborted || failed; }

  net::StreamObserver* observer_ = nullptr;
  std::string unread_;
  std::string queue_;
  bool refuses_ = false;
};

}  // namespace postern::test
