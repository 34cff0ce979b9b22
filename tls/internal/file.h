// Reads the small files that TLS is set up from, and wipes the secrets in them. Set-up only.
#pragma once

#include <string>
#include <string_view>

#include "proxy/base/result.h"

namespace postern::tls {

// The whole content. The fault's `where` is `path`, its message the system's reason.
Result<std::string> read_file(const std::string& path);

// Of a secret that was written by an editor or by echo(1).
std::string_view without_line_end(std::string_view text);

// A string whose octets are overwritten before their memory is freed.
class Secret {
 public:
  explicit Secret(std::string text) : text_(std::move(text)) {}
  ~Secret();
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace postern::tls
