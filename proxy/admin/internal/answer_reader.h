// AnswerReader: the answer of the admin endpoint to a request of HTTP/1.0, which ends with the
// connection. Bytes in, however they are cut; it looks at them once all are there.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/bytes.h"

namespace postern::admin {

class AnswerReader {
 public:
  static constexpr size_t kMost = 4 * kMiB;

  // False: that is more than any answer has.
  bool feed(Bytes bytes);

  struct Answer {
    unsigned status;
    std::string_view body;  // of this reader's bytes
  };
  // After the peer's end. Nullopt: it is no whole answer.
  std::optional<Answer> answer() const;

 private:
  std::string bytes_;
};

}  // namespace postern::admin
