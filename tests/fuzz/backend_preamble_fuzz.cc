// BackendPreamble under any server. The first byte chooses hop, ID and size of pieces; in the
// script
// a
// "$" stands for the tag last sent, so that an answer can be right, and "\x01" for the network's
// pause between two sends. Held to: the pieces make no difference; no handshake with bytes in clear
// after the OK; first_bytes() begin with a greeting.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "proxy/base/check.h"
#include "proxy/imap/backend_preamble.h"

namespace {

using namespace postern;        // NOLINT: a fuzz target
using namespace postern::imap;  // NOLINT
using Step = BackendPreamble::Step;

// The part of a script that a server says at once, with the tag put in.
std::string next_saying(std::string_view& script, std::string_view sent) {
  const size_t end = std::min(script.find('\x01'), script.size());
  std::string saying;
  for (const char c : script.substr(0, end)) {
    c == '$' ? saying.append(sent.substr(0, sent.find(' '))) : saying.append(1, c);
  }
  script.remove_prefix(std::min(end + 1, script.size()));
  return saying;
}

// What the opening did, with the random tags left out.
std::string run(BackendPreamble::Hop hop, std::string_view id, std::string_view script,
                size_t piece) {
  BackendPreamble opening(hop, id);
  std::string story;
  Step step = Step::More;
  while (!script.empty() && step != Step::Failed && step != Step::Ready) {
    if (step == Step::StartTls) {
      step = opening.secured();
      check(step == Step::Send, "after the handshake capabilities are asked");
      story += "secured,";
    }
    const std::string saying = next_saying(script, opening.to_send());
    for (size_t at = 0; at < saying.size() && step != Step::Failed && step != Step::Ready;
         at += piece) {
      step = opening.feed(as_bytes(std::string_view(saying).substr(at, piece)));
      if (step == Step::Send) {
        story.append(opening.to_send().substr(opening.to_send().find(' ')));
      }
      if (step == Step::StartTls && at + piece < saying.size()) {
        // The rest of what was said is in clear: it must be fatal, as if it had come at once.
        step = opening.feed(as_bytes(std::string_view(saying).substr(at + piece)));
        check(step == Step::Failed, "nothing in clear may follow the OK to STARTTLS");
      }
    }
  }
  check((step == Step::Failed) == static_cast<bool>(opening.error()), "a failure has a reason");
  if (step == Step::Ready) {
    check(opening.first_bytes().substr(0, 2) == "* ", "relaying begins with a greeting");
  }
  check(id.empty() || step != Step::Ready || story.find(id) != std::string::npos,
        "no session begins before the server knows the client");
  const bool upgraded = hop == BackendPreamble::Hop::StartTls && step == Step::Ready;
  check(!upgraded || story.find("secured") != std::string::npos, "no way around the handshake");
  return story + "|" + opening.error().label() + (step == Step::Ready ? "|ready" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) {
    return 0;
  }
  const auto hop = (data[0] & 1) != 0 ? BackendPreamble::Hop::StartTls : BackendPreamble::Hop::AsIs;
  const std::string_view script = as_text(Bytes(data, size).subspan(1));
  const std::string_view id = (data[0] & 0x80) != 0 ? "ID (\"x-session-id\" \"1\")" : "";
  run(hop, id, script, size_t{1} + data[0] / 2 % 32);
  run(hop, id, script, SIZE_MAX / 2);
  return 0;
}
