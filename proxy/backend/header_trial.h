// HeaderTrial: whether a server serves that was sent a PROXY header and has greeted. Its greeting
// says little: a server that expects no header greets before it reads it. So the session decides,
// once the server has answered a command or has broken off on the header. If the session never
// knows, the connection counts as a success, and nothing is learnt of the address. Loop's thread
// only; what it is given outlives it.
#pragma once

#include "proxy/backend/attempt.h"
#include "proxy/base/error.h"
#include "proxy/pool/pool.h"

namespace postern {

// A connection to a server is a success.
void note_success(const DialerServices& services, Pool& pool, BackendServer& server,
                  const Endpoint& endpoint);

class HeaderTrial {
 public:
  HeaderTrial(const DialerServices& services, Pool& pool, BackendServer& server, Endpoint endpoint);
  ~HeaderTrial();
  HeaderTrial(const HeaderTrial&) = delete;
  HeaderTrial& operator=(const HeaderTrial&) = delete;

  // One of the two, once.
  void passed();
  void failed(const Error& error);

 private:
  const DialerServices services_;
  Pool& pool_;
  BackendServer& server_;
  const Endpoint endpoint_;
  bool decided_ = false;
};

}  // namespace postern
