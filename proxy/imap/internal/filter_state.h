// The state that Filter shares with its readers: the outputs, the limits, the run of bytes that
// passes, and the state of the session on which both directions depend. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/imap/conversation.h"

namespace postern::imap {

// Takes a filter's output. Each call may bring many lines or a piece of one; the bytes are valid
// during the call only.
class Output {
 public:
  virtual void put(Bytes bytes) = 0;

 protected:
  ~Output() = default;
};

struct FilterLimits {
  // A command with its literals, or a SASL response. A Kerberos ticket of 65,535 bytes is 87,384 in
  // base64.
  uint32_t command_before_login = 128 * kKiB;
  uint32_t capability_line = 16 * kKiB;  // no other data of the server is ever held back
  uint16_t pending_commands = 256;       // commands in flight before login
  uint16_t refusals = 16;                // commands refused here, in the whole session
  uint32_t commands = 100;               // and SASL responses, until login
  size_t talk() const {
    return 2 * size_t{command_before_login} + 64 * kKiB;
  }  // bytes, until login
};

// One input on its way through. Bytes that pass are put out in as few calls as possible: one, if
// nothing is dropped or inserted.
class EditCursor {
 public:
  EditCursor(Bytes input, Output& output) : input_(input), output_(output) {}

  Bytes rest() const { return input_.subspan(position_); }
  bool done() const { return position_ == input_.size(); }
  size_t taken() const { return position_; }

  void pass(size_t count) { position_ += count; }
  void drop(size_t count) {
    flush();
    position_ += count;
    flushed_ = position_;
  }
  void insert(std::string_view text) {
    flush();
    if (!text.empty()) {
      output_.put(as_bytes(text));
    }
  }
  void flush() {
    if (position_ > flushed_) {
      output_.put(input_.subspan(flushed_, position_ - flushed_));
      flushed_ = position_;
    }
  }

 private:
  Bytes input_;
  Output& output_;
  size_t position_ = 0;
  size_t flushed_ = 0;
};

// Where to stop taking the server's bytes, so that a last line may follow. Each stop is at the end
// of a response; AtRest also requires that no answer is awaited.
enum class Stop : uint8_t { Never, AtRest, AtBoundary };

// Whether the server accepts non-synchronising literals (RFC 7888), by the capability data that has
// passed so far.
enum class LiteralPlus : uint8_t { Unknown, None, Small, Any };
inline constexpr uint64_t kMaxSmallLiteral = 4096;  // LITERAL-

struct FilterState {
  FilterLimits limits;
  bool swallow_greeting;
  bool deaf = false;        // to the client: what it says is dropped
  bool at_boundary = true;  // the server's side is between complete responses
  Stop stop = Stop::Never;
  LiteralPlus literal_plus = LiteralPlus::Unknown;
  uint16_t refusals = 0;
  Conversation conversation;
  Output& to_server;
  Output& to_client;
  Error violation;
  std::unique_ptr<std::string>
      replies;  // whole lines of ours, to be sent to the client at the next boundary

  // The server's side has reached the place where it is to stop. After COMPRESS there is no such
  // place, and nothing is inserted while it is uncertain how the server reads the client.
  bool stopped() const {
    return stop != Stop::Never && at_boundary && !conversation.opaque() && conversation.sure() &&
           (stop == Stop::AtBoundary || conversation.at_rest());
  }
  void violate(Violation found, const char* during) { violation = imap_error(found, during); }
  // Sends `line` to the client, now or at the server's next boundary.
  void reply(std::string_view line);
  // The replies to send now, between complete server lines; empty if none may be sent.
  std::string take_replies();
};

// The available start of the line at `cursor`: the input itself or, if part of the line is held
// back, `held` after it has taken over up to `most` more bytes.
std::string_view line_start(std::string& held, EditCursor& cursor, size_t most);
// Holds back the rest of the input.
void hold_rest(std::string& held, EditCursor& cursor);
// Empties `held` and frees its memory.
void release(std::string& held);

}  // namespace postern::imap
