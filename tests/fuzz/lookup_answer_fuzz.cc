// The answer of the service that says where a user is, from any bytes: no crash, and the same
// however it is cut. The first byte says where.
#include <cstdint>
#include <utility>

#include "proxy/base/check.h"
#include "proxy/lookup/answer_reader.h"

namespace {

using postern::Bytes;
using postern::LookupAnswer;
using postern::LookupAnswerReader;
using Step = LookupAnswerReader::Step;

std::pair<Step, LookupAnswer> read(Bytes bytes, size_t cut) {
  LookupAnswerReader reader;
  Step step = reader.feed(bytes.first(cut));
  if (step == Step::More) {
    step = reader.feed(bytes.subspan(cut));
  }
  if (step == Step::More) {
    step = reader.end();
  }
  return {step, step == Step::Whole ? reader.answer() : LookupAnswer()};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) {
    return 0;
  }
  const Bytes input(data + 1, size - 1);
  const size_t cut = data[0] < input.size() ? data[0] : input.size();
  const auto whole = read(input, 0);
  postern::check(whole == read(input, cut), "every split gives the same answer");
  postern::place_of(whole.second, {{.name = "new", .servers = {{"192.0.2.1", 143}}, .verify = {}}});
  return 0;
}
