// What a Workspace holds: the buffers that the engines of one thread share, and the BIO through
// which BoringSSL reaches them.
#pragma once

#include <vector>

#include "tls/engine.h"
#include "tls/internal/boringssl.h"

namespace postern::tls {

// One BIO serves all engines, since only one of them is inside BoringSSL at a time: before each
// call an engine puts its own ciphertext into `input`, afterwards it takes back what is left.
struct Workspace::State {
  State();

  Bytes input;
  std::vector<uint8_t> outgoing;
  std::vector<uint8_t> scratch;  // plaintext
  size_t plaintext_size = 0;
  bssl::UniquePtr<BIO_METHOD> method;
  bssl::UniquePtr<BIO> bio;
};

}  // namespace postern::tls
