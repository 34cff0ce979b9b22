#include "proxy/net/signals.h"

#include "proxy/base/check.h"

namespace postern::net {

struct Signals::Handle {
  uv_signal_t uv;
  SignalObserver* observer;
};

void Signals::watch(int number) {
  auto* handle = new Handle{};
  handle->observer = &observer_;
  handle->uv.data = handle;
  check(uv_signal_init(loop_.uv(), &handle->uv) == 0, "a signal handle can be made");
  const auto on_signal = [](uv_signal_t* uv, int caught) noexcept {
    static_cast<Handle*>(uv->data)->observer->on_signal(caught);
  };
  check(uv_signal_start(&handle->uv, on_signal, number) == 0, "the signal can be watched");
  uv_unref(reinterpret_cast<uv_handle_t*>(&handle->uv));
  handles_.push_back(handle);
}

Signals::~Signals() {
  for (Handle* handle : handles_) {
    uv_close(reinterpret_cast<uv_handle_t*>(&handle->uv),
             [](uv_handle_t* uv) noexcept { delete static_cast<Handle*>(uv->data); });
  }
}

}  // namespace postern::net
