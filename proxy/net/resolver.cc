#include "proxy/net/resolver.h"

#include <netdb.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

#include <uv.h>

#include "proxy/base/check.h"
#include "proxy/net/failure.h"

namespace postern::net {

// Owns itself until its answer is delivered: an immediate answer at the end of the loop's turn, any
// other by libuv's callback.
struct Resolver::Request final : Deferred {
  uv_getaddrinfo_t uv{};
  Resolver* resolver;  // null once cancelled
  ResolveObserver& observer;
  Loop* asked_on = nullptr;  // once libuv has been asked
  uint16_t port;
  int failure = 0;
  std::vector<Address> addresses;

  Request(Resolver& asked_by, ResolveObserver& answers_to, uint16_t with_port)
      : resolver(&asked_by), observer(answers_to), port(with_port) {}

  int look_up(const std::string& host);
  void collect(const addrinfo* found);
  void run() override;
};

void Resolver::make_room() {
  // libuv gives look-ups half of its threads, and has four by default: two names whose servers are
  // silent would hold up all others.
  const std::string threads = std::to_string(2 * kAtOnce);
  setenv("UV_THREADPOOL_SIZE", threads.c_str(), 0);  // NOLINT(concurrency-mt-unsafe): one thread
}

Resolver::Resolver(Loop& loop) : loop_(loop) {}

Resolver::~Resolver() {
  cancel();
}

void Resolver::resolve(const HostPort& host, ResolveObserver& observer) {
  check(request_ == nullptr, "a resolver answers one request at a time");
  request_ = new Request(*this, observer, host.port);
  const Result<Address> literal = Address::parse(host.text());
  if (literal) {
    request_->addresses.push_back(literal.value());
  } else {
    request_->failure = request_->look_up(host.host);
  }
  if (literal || request_->failure != 0) {
    loop_.defer(*request_);
  }
}

int Resolver::Request::look_up(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  // No IPv6 addresses for a machine that has none, and the reverse.
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  uv.data = this;
  const int refused = uv_getaddrinfo(
      resolver->loop_.uv(), &uv,
      [](uv_getaddrinfo_t* request, int status, addrinfo* found) noexcept {
        auto* self = static_cast<Request*>(request->data);
        self->asked_on->lookup_ended();
        self->failure = status;
        self->collect(found);
        uv_freeaddrinfo(found);
        self->run();
      },
      host.c_str(), std::to_string(port).c_str(), &hints);
  if (refused == 0) {
    asked_on = &resolver->loop_;
    asked_on->lookup_begun();
  }
  // libuv's error for a name that IDNA does not allow; no name server would know it.
  return refused == UV_EINVAL ? UV_EAI_NONAME : refused;
}

void Resolver::Request::collect(const addrinfo* found) {
  for (; found != nullptr; found = found->ai_next) {
    const Address address = Address::from(*found->ai_addr);
    // /etc/hosts often gives "localhost" twice.
    if (address.valid() && std::ranges::find(addresses, address) == addresses.end()) {
      addresses.push_back(address);
    }
  }
  if (failure == 0 && addresses.empty()) {
    failure = UV_EAI_NONAME;
  }
}

void Resolver::Request::run() {
  const std::unique_ptr<Request> self(this);
  if (resolver == nullptr) {
    return;
  }
  resolver->request_ = nullptr;  // the answer may start the next request, or destroy the resolver
  if (failure != 0) {
    observer.on_resolve_failure(net_error(failure, "looking up a name"));
  } else {
    observer.on_resolved(addresses);
  }
}

void Resolver::cancel() {
  Request* request = std::exchange(request_, nullptr);
  if (request == nullptr) {
    return;
  }
  request->resolver = nullptr;
  if (request->linked()) {
    delete request;  // known already, and only waiting for the end of the turn
  } else {
    uv_cancel(reinterpret_cast<uv_req_t*>(&request->uv));  // fails if a thread has begun it
  }
}

}  // namespace postern::net
