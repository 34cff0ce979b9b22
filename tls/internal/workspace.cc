#include "tls/internal/workspace.h"

#include <algorithm>
#include <cstring>

#include "proxy/base/check.h"

namespace postern::tls {
namespace {

// Four full records: what one read of a busy socket brings.
constexpr size_t kScratchBytes = 64 * kKiB;
// A larger buffer is kept for one turn of the loop only.
constexpr size_t kOutgoingBytes = 256 * kKiB;

}  // namespace

Workspace::State::State() : scratch(kScratchBytes), method(BIO_meth_new(0, "workspace")) {
  BIO_meth_set_read(method.get(), [](BIO* own, char* out, int room) noexcept {
    auto& state = *static_cast<State*>(BIO_get_data(own));
    BIO_clear_retry_flags(own);
    if (state.input.empty()) {
      BIO_set_retry_read(own);
      return -1;
    }
    const size_t taken = std::min(state.input.size(), static_cast<size_t>(room));
    std::memcpy(out, state.input.data(), taken);
    state.input = state.input.subspan(taken);
    return static_cast<int>(taken);
  });
  BIO_meth_set_write(method.get(), [](BIO* own, const char* data, int size) noexcept {
    auto& state = *static_cast<State*>(BIO_get_data(own));
    BIO_clear_retry_flags(own);
    // As octets, so that it is one memmove: converting char by char was a third of a bulk relay.
    const Bytes record = as_bytes({data, static_cast<size_t>(size)});
    state.outgoing.insert(state.outgoing.end(), record.begin(), record.end());
    return size;
  });
  BIO_meth_set_ctrl(method.get(), [](BIO*, int command, long, void*) noexcept {
    return command == BIO_CTRL_FLUSH ? 1L : 0L;
  });
  bio.reset(BIO_new(method.get()));
  check(bio != nullptr, "a BIO fits into memory");
  BIO_set_data(bio.get(), this);
  BIO_set_init(bio.get(), 1);
}

Workspace::Workspace() : state_(std::make_unique<State>()) {}

Workspace::~Workspace() {
  OPENSSL_cleanse(state_->scratch.data(), state_->scratch.size());
}

Bytes Workspace::outgoing() const {
  return state_->outgoing;
}

void Workspace::clear() {
  state_->outgoing.clear();
  if (state_->outgoing.capacity() > kOutgoingBytes) {
    state_->outgoing.shrink_to_fit();
  }
}

}  // namespace postern::tls
