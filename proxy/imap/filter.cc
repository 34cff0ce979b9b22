#include "proxy/imap/filter.h"

namespace postern::imap {

Filter::Filter(const Options& options, ConversationObserver& observer, Output& to_server,
               Output& to_client)
    : shared_{.limits = options.limits,
              .swallow_greeting = options.swallow_greeting,
              .conversation = Conversation(observer),
              .to_server = to_server,
              .to_client = to_client,
              .violation = {},
              .refusals = {}} {}

size_t Filter::from_client(Bytes bytes) {
  if (shared_.violation) {
    return bytes.size();
  }
  const size_t taken = client_.feed(bytes, shared_);
  if (shared_.violation) {
    return bytes.size();
  }
  if (!shared_.refusals.empty() && at_boundary()) {
    if (const std::string refusals = shared_.take_refusals(); !refusals.empty()) {
      shared_.to_client.put(as_bytes(refusals));
    }
  }
  return taken;
}

void Filter::from_server(Bytes bytes) {
  if (!shared_.violation) {
    server_.feed(bytes, shared_);
  }
}

}  // namespace postern::imap
