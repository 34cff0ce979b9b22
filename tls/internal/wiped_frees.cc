#include "tls/internal/wiped_frees.h"

#include <malloc.h>

#include <openssl/mem.h>

namespace postern::tls {
namespace {

// The local model: one instruction reads it. ERR_clear_error(), which begins each call of
// SSL_read() and SSL_write(), calls free() sixteen times.
[[gnu::tls_model("local-exec")]] thread_local bool wipes_frees = false;

}  // namespace

WipedFrees::WipedFrees() {
  wipes_frees = true;
}

WipedFrees::~WipedFrees() {
  wipes_frees = false;
}

}  // namespace postern::tls

// NOLINTBEGIN(bugprone-reserved-identifier, readability-identifier-naming): the names are ld's
extern "C" {
void __real_free(void* chunk) noexcept;
void __wrap_free(void* chunk) noexcept;

[[gnu::noinline, gnu::cold]] static void wipe_and_free(void* chunk) {
  if (chunk != nullptr) {
    OPENSSL_cleanse(chunk, malloc_usable_size(chunk));
  }
  __real_free(chunk);
}

void __wrap_free(void* chunk) noexcept {
  if (postern::tls::wipes_frees) [[unlikely]] {
    wipe_and_free(chunk);
  } else {
    __real_free(chunk);
  }
}
}
// NOLINTEND(bugprone-reserved-identifier, readability-identifier-naming)
