// ActionDesk: where the admin endpoint hands in the actions that it is asked for. Main thread only.
#pragma once

#include <functional>
#include <optional>

#include "proxy/admin/admin_action.h"
#include "proxy/net/address.h"

namespace postern {

struct ActionCaller {
  net::Address address;
  bool secured;  // by TLS, or because the caller is on this machine
};

class ActionDesk {
 public:
  using Later = std::function<void(const admin::ActionAnswer&)>;

  // Nullopt: `later` is called with the answer, once, and not from within. The connection may have
  // gone by then.
  virtual std::optional<admin::ActionAnswer> act(const admin::ActionRequest& request,
                                                 const ActionCaller& caller, Later later) = 0;

 protected:
  ~ActionDesk() = default;
};

}  // namespace postern
