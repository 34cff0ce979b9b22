// LingeringClose: the client gets the last words and must hang up. Its connection stays
// open until it does, or its time is over: closed with bytes unread it would be reset, and the
// client could lose what it has not read yet. Loop's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"

namespace postern {

class LingeringCloseObserver {
 public:
  virtual void on_client_left() = 0;

 protected:
  ~LingeringCloseObserver() = default;
};

class LingeringClose final : public net::Retirable,
                             private net::StreamObserver,
                             private net::Deadline {
 public:
  // Reads and drops at most `may_drop` bytes of what the client still says, each piece with its
  // kPiece. Loop and observer outlive it.
  static constexpr size_t kPiece = 64;  // small pieces cost more than their bytes
  LingeringClose(net::Loop& loop, std::unique_ptr<net::Stream> client, size_t may_drop,
                 LingeringCloseObserver& observer);
  // `ended`: the client has ended its own side. May report from inside.
  void start(std::string_view last_words, bool ended);
  // The same in `delay_ms`, or once the client says something or hangs up. `last_words` is a
  // literal.
  void start_after(uint64_t delay_ms, std::string_view last_words);
  // Ends that delay.
  void hasten();
  // Closes now; no callback follows.
  void cancel();

 private:
  void on_open() override {}
  void on_bytes(Bytes bytes) override;
  void on_drained() override { finish_if_heard(); }
  void on_write_failure(const Error&) override { finish(); }
  void on_end() override;
  void on_failure(const Error&) override { finish(); }
  void on_deadline() override;

  void wait(uint64_t ms);
  void finish_if_heard();
  void finish();

  net::Loop& loop_;
  std::unique_ptr<net::Stream> client_;
  LingeringCloseObserver& observer_;
  const size_t may_drop_;
  size_t dropped_ = 0;
  std::string_view later_;  // what is not said yet
  size_t owed_ = 0;         // bytes, at the last look
  uint64_t still_ms_ = 0;   // since the client took something
  uint64_t waited_ms_ = 0;
  bool ended_ = false;
};

}  // namespace postern
