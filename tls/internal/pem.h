// PEM files as OpenSSL reads them: line ends of any kind, a byte order mark before a block, text
// between the blocks. What OpenSSL passes over without a word, or refuses without a reason, is a
// fault here that names the line. Set-up only.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"
#include "tls/internal/boringssl.h"
#include "tls/internal/file.h"

namespace postern::tls {

// Views of a file's text.
struct PemBlock {
  std::string_view label;  // "CERTIFICATE"
  std::string_view text;   // from its BEGIN line to its END line
  size_t line;             // of BEGIN, from 1
};

// All blocks. The message of a fault follows the file's name: "has a broken PEM block in line 12:
// …"
Result<std::vector<PemBlock>> split_pem(std::string_view text);

// "CERTIFICATE" and the two other labels under which OpenSSL takes one.
bool is_certificate(const PemBlock& block);
// Of a kind that TLS could use, encrypted or not.
bool is_private_key(const PemBlock& block);

using Octets = std::vector<bssl::UniquePtr<CRYPTO_BUFFER>>;

// The octets of the blocks for which `wanted` is true, in order.
Result<Octets> decode_blocks(const std::vector<PemBlock>& blocks,
                             bool (*wanted)(const PemBlock& block));
// The octets of all certificates of a text.
Result<Octets> parse_pem_chain(std::string_view text);

// A file and its blocks; what it holds is wiped with it.
class PemFile {
 public:
  // The message of a fault begins with the file's name.
  static Result<std::unique_ptr<const PemFile>> read(const std::string& path);
  std::string_view text() const { return content_.text(); }
  const std::vector<PemBlock>& blocks() const { return blocks_; }
  // The first such block, or null.
  const PemBlock* find(bool (*wanted)(const PemBlock& block)) const;

 private:
  explicit PemFile(std::string content) : content_(std::move(content)) {}
  Secret content_;
  std::vector<PemBlock> blocks_;
};

}  // namespace postern::tls
