// LookupAnswerReader: the answer to one question in HTTP/1, without sockets: bytes in, a
// LookupAnswer out, parsed by llhttp. The body is read, because only its end shows that the answer
// is whole, and dropped. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "proxy/base/bytes.h"
#include "proxy/lookup/lookup_answer.h"

namespace postern {

class LookupAnswerReader {
 public:
  enum class Step : uint8_t {
    More,
    Whole,     // answer() is complete; what follows it is not read
    Invalid,   // no HTTP/1, a field that must stand once stands twice, or the peer broke off
    TooLarge,  // beyond one of the limits
  };
  static constexpr size_t kMaxHead = 8 * kKiB;  // status line and fields
  static constexpr size_t kMaxFields = 64;
  static constexpr size_t kMaxBody = 64 * kKiB;  // framing included

  LookupAnswerReader();
  ~LookupAnswerReader();

  // Nothing more may follow another step than More.
  Step feed(Bytes bytes);
  // The peer sends no more: the end of a body without a length.
  Step end();
  const LookupAnswer& answer() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace postern
