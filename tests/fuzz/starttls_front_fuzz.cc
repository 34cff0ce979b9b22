// StarttlsFront under any bytes, cut anywhere: the first byte chooses the size of the pieces. Held
// to: the pieces make no difference; a reply is whole lines; nothing is taken after the end; a
// password is never asked for with "+".
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/imap/starttls_front.h"

namespace {

using namespace postern;        // NOLINT: a fuzz target
using namespace postern::imap;  // NOLINT
using Step = StarttlsFront::Step;

std::string run(Bytes bytes, size_t piece) {
  StarttlsFront dialogue{100};
  std::string reply;
  size_t total = 0;
  Step step = Step::More;
  while (!bytes.empty() && step == Step::More) {
    const Bytes next = bytes.first(std::min(piece, bytes.size()));
    size_t taken = 0;
    step = dialogue.feed(next, taken, reply);
    check(taken <= next.size(), "no more is taken than there is");
    check(step != Step::More || taken == next.size(), "all is taken while the dialogue goes on");
    total += taken;
    bytes = bytes.subspan(next.size());
  }
  size_t taken = 1;
  if (step != Step::More) {
    check(dialogue.feed(as_bytes("a NOOP\r\n"), taken, reply) == step && taken == 0,
          "the end is the end");
  }
  check((step == Step::Failed) == static_cast<bool>(dialogue.error()), "a failure has a reason");
  check(reply.empty() || reply.back() == '\n', "a reply is whole lines");
  check(reply.find("\r\n+") == std::string::npos && reply.substr(0, 1) != "+",
        "nothing is asked for");
  return reply + "|" + std::to_string(total) + "|" + dialogue.error().label() + "|" +
         std::to_string(dialogue.refused_logins());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) {
    return 0;
  }
  const Bytes input = Bytes(data, size).subspan(1);
  const std::string whole = run(input, input.size());
  check(run(input, size_t{1} + data[0] % 32) == whole,
        "where the network cuts makes no difference");
  check(run(input, 1) == whole, "byte by byte makes no difference");
  return 0;
}
