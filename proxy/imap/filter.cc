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
  return shared_.violation ? bytes.size() : taken;
}

void Filter::from_server(Bytes bytes) {
  if (!shared_.violation) {
    server_.feed(bytes, shared_);
  }
}

}  // namespace postern::imap
