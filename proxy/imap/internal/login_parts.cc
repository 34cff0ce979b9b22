#include "proxy/imap/internal/login_parts.h"

#include <utility>

#include "proxy/base/secret.h"
#include "proxy/imap/syntax.h"

namespace postern::imap {

void LoginParts::assign(std::vector<std::string> parts) {
  clear();
  parts_ = std::move(parts);
  for (const std::string& part : parts_) {
    bytes_ += part.size();
  }
}

void LoginParts::assign_line(std::string_view line) {
  clear();
  std::string& part = parts_.emplace_back();
  append_secret(part, without_line_end(line));
  append_secret(part, "\r\n");
  bytes_ = part.size();
}

void LoginParts::pop_front() {
  bytes_ -= parts_.front().size();
  wipe(parts_.front());
  parts_.erase(parts_.begin());
}

void LoginParts::clear() {
  for (std::string& part : parts_) {
    wipe(part);
  }
  parts_.clear();
  bytes_ = 0;
}

}  // namespace postern::imap
