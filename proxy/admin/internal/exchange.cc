#include "proxy/admin/internal/exchange.h"

#include <utility>

#include "proxy/base/secret.h"

namespace postern::admin {

Exchange::~Exchange() {
  wipe(request_);
}

void Exchange::start(const net::HostPort& to, std::string request, uint64_t timeout_ms) {
  request_ = std::move(request);
  arm(loop_.deadlines(), timeout_ms);
  resolver_.resolve(to, *this);
}

void Exchange::on_resolved(const std::vector<net::Address>& addresses) {
  addresses_.assign(addresses.rbegin(), addresses.rend());
  connect();
}

// The token would be read on the way.
void Exchange::connect() {
  if (context_ == nullptr && !addresses_.back().is_loopback()) {
    end("is not on this machine, and in clear the token could be read on the way; with admin.tls "
        "there, name its authority by --ca FILE");
    return;
  }
  plain_ = net::TcpStream::make(loop_);
  plain_->observe(*this);
  plain_->connect(addresses_.back(), {});
  addresses_.pop_back();
}

void Exchange::on_open() {
  if (context_ != nullptr && tls_ == nullptr) {
    tls_ = TlsStream::client(loop_, std::move(plain_), *context_, workspace_, name_);
    tls_->observe(*this);
    return;
  }
  net::Stream& stream = tls_ != nullptr ? static_cast<net::Stream&>(*tls_) : *plain_;
  sent_ = true;
  stream.write(as_bytes(request_));
  wipe(request_);
}

// A name may stand for addresses of which one is listened on, as localhost does.
void Exchange::on_failure(const Error& error) {
  if (!sent_ && tls_ == nullptr && !addresses_.empty()) {
    loop_.retire(std::move(plain_));
    connect();
    return;
  }
  const std::string finding = tls_ != nullptr ? tls_->engine().finding() : "";
  end(error.text() + (finding.empty() ? "" : "; " + finding));
}

void Exchange::on_bytes(Bytes bytes) {
  if (!answer_.feed(bytes)) {
    end("its answer is too long");
  }
}

void Exchange::end(std::string fault) {
  if (std::exchange(over_, true)) {
    return;
  }
  disarm();
  resolver_.cancel();
  fault_ = std::move(fault);
  if (tls_ != nullptr) {
    tls_->abort();
    loop_.retire(std::move(tls_));
  } else if (plain_ != nullptr) {
    plain_->abort();
    loop_.retire(std::move(plain_));
  }
}

}  // namespace postern::admin
