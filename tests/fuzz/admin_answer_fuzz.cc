// The answer to `postern admin`, from any bytes: no crash, and the same however it is cut. The
// first byte says where.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "proxy/admin/internal/answer_reader.h"
#include "proxy/base/check.h"

namespace {

using postern::Bytes;
using postern::admin::AnswerReader;

std::optional<std::pair<unsigned, std::string>> read(Bytes bytes, size_t cut) {
  AnswerReader reader;
  if (!reader.feed(bytes.first(cut)) || !reader.feed(bytes.subspan(cut))) {
    return std::nullopt;
  }
  const auto answer = reader.answer();
  return answer ? std::optional(std::pair(answer->status, std::string(answer->body)))
                : std::nullopt;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const Bytes input(data + 1, size - 1);
  const size_t cut = data[0] < input.size() ? data[0] : input.size();
  postern::check(read(input, 0) == read(input, cut), "every split gives the same answer");
  return 0;
}
