// What Filter and its two readers share: where output goes, the limits, the run of bytes that
// passes, and the state of the session both directions depend on. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"
#include "proxy/base/error.h"
#include "proxy/imap/conversation.h"

namespace postern::imap {

// Where a filter's output goes. Each call may be many lines or a piece of one; the bytes are valid
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
  size_t command_before_login = 128 * kKiB;
  size_t capability_line = 16 * kKiB;  // the only server data that is ever held back
  uint16_t pending_commands = 256;     // commands in flight before login
  uint16_t refusals = 16;              // commands refused here, in all
};

// One input on its way through: what passes is put out in as few calls as can be, all of it at once
// if nothing is dropped or inserted.
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

// Where the server's bytes are not to be taken any more, so that a last line may follow. Each stop
// is at the end of a response; at rest besides no answer is awaited.
enum class Stop : uint8_t { Never, AtRest, AtBoundary };

// What the server says of non-synchronising literals (RFC 7888), as far as its capability data has
// passed here.
enum class LiteralPlus : uint8_t { Unknown, None, Small, Any };
inline constexpr uint64_t kMaxSmallLiteral = 4096;  // LITERAL-

struct FilterState {
  FilterLimits limits;
  bool swallow_greeting;
  bool at_boundary = true;  // the server's side is between complete responses
  Stop stop = Stop::Never;
  LiteralPlus literal_plus = LiteralPlus::Unknown;
  uint16_t refusals = 0;
  Conversation conversation;
  Output& to_server;
  Output& to_client;
  Error violation;
  std::string replies;  // whole lines of ours, to be put to the client at the next boundary

  // The server's side has come to where it is to stop. COMPRESS leaves no such place, and nothing
  // is put in while it is not known how the server reads the client.
  bool stopped() const {
    return stop != Stop::Never && at_boundary && !conversation.opaque() && conversation.sure() &&
           (stop == Stop::AtBoundary || conversation.at_rest());
  }
  void violate(Violation found, const char* during) { violation = imap_error(found, during); }
  // Says `line` to the client, now or at the server's next boundary.
  void reply(std::string_view line);
  // The replies that may go out between complete server lines; empty if none may.
  std::string take_replies();
};

// The start of the line that `cursor` is at, as far as it is here: what was held back of it, made
// longer by up to `most` bytes, or the input itself. `held` takes over the bytes it is made longer
// by.
std::string_view line_start(std::string& held, EditCursor& cursor, size_t most);
// Holds the rest of the input back.
void hold_rest(std::string& held, EditCursor& cursor);
// Empties `held` and gives its memory back.
void release(std::string& held);

}  // namespace postern::imap
