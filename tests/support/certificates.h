// Certificates for tests, made in memory when they are needed: an authority and what it issues,
// right or wrong in any way wanted. And a directory for them that goes away with its owner. One
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace postern::test {

enum class TestKey { P256, P384, Rsa2048, Rsa1024, Ed25519 };

struct LeafOptions {
  std::vector<std::string> names = {};  // dNSName, or iPAddress for a literal; may hold a NUL
  std::string common_name = {};         // "": the subject is empty
  TestKey key = TestKey::P256;
  int64_t valid_from_s = -3600;  // relative to now
  int64_t valid_until_s = int64_t{24} * 3600;
  bool authority = false;    // an intermediate
  std::string key_pem = {};  // "": a new one. RSA keys take long to make
};

struct Issued {
  std::string certificate_pem;
  std::string key_pem;
  std::string spki_sha256_base64;  // what pins it
};

class Authority {
 public:
  explicit Authority(const std::string& name = "Test Authority");
  ~Authority();
  Authority(Authority&&) noexcept;

  const Issued& own() const;
  const std::string& pem() const { return own().certificate_pem; }
  Issued issue(const LeafOptions& options) const;
  // A list in PEM that revokes nothing and is in force until so many seconds from now.
  std::string revocation_list(int64_t valid_until_s) const;
  // An intermediate authority below this one.
  Authority intermediate(const std::string& name) const;

 private:
  struct State;
  explicit Authority(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

Issued self_signed(const LeafOptions& options);
std::string encrypt_key(std::string_view key_pem, std::string_view passphrase);

class TempDirectory {
 public:
  TempDirectory();
  ~TempDirectory();
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;
  const std::string& path() const { return path_; }
  std::string write(const std::string& name, std::string_view content) const;  // its path

 private:
  std::string path_;
};

}  // namespace postern::test
