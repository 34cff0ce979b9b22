#include "tls/internal/file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "proxy/base/bytes.h"
#include "proxy/base/open_file.h"
#include "tls/internal/boringssl.h"

namespace postern::tls {
namespace {

// Far above the system's store of authorities; keeps a device file from filling the memory.
constexpr size_t kMaxFileBytes = 16 * kMiB;
constexpr size_t kStepBytes = 16 * kKiB;

}  // namespace

Result<std::string> read_file(const std::string& path) {
  const Result<OpenFile> opened = open_file(path);
  if (!opened) {
    return opened.faults();
  }
  const OpenFile& file = opened.value();
  // Unbuffered, and grown by hand: neither stdio nor a reallocation may leave a copy of a key.
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  std::string content;
  size_t have = 0;
  size_t got = 0;
  do {
    if (have > kMaxFileBytes) {
      return Fault{path, "cannot be read: larger than 16 MiB"};
    }
    std::string larger(have + std::max(have, kStepBytes), '\0');
    content.copy(larger.data(), have);
    OPENSSL_cleanse(content.data(), content.size());
    content.swap(larger);
    got = std::fread(content.data() + have, 1, content.size() - have, file.get());
    have += got;
  } while (have == content.size());
  if (std::ferror(file.get()) != 0) {
    return cannot_read(path, errno);
  }
  content.resize(have);
  return content;
}

std::string_view without_line_end(std::string_view text) {
  return text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
}

Secret::~Secret() {
  OPENSSL_cleanse(text_.data(), text_.size());
}

}  // namespace postern::tls
