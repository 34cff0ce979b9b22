// Exchange: one request and its answer over one connection, in clear or over TLS. One thread, that
// of the loop; what it is given outlives it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proxy/admin/internal/answer_reader.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/resolver.h"
#include "proxy/net/tcp.h"
#include "proxy/transport/tls_stream.h"
#include "tls/context.h"
#include "tls/engine.h"

namespace postern::admin {

class Exchange final : private net::ResolveObserver,
                       private net::StreamObserver,
                       private net::Deadline {
 public:
  // `context` is null in clear; `name` is what the certificate must be for.
  Exchange(net::Loop& loop, tls::Workspace& workspace, const tls::ClientContext* context,
           std::string name)
      : loop_(loop), workspace_(workspace), context_(context), name_(std::move(name)) {}
  ~Exchange() override;

  // `request` is overwritten once it is sent.
  void start(const net::HostPort& to, std::string request, uint64_t timeout_ms);
  bool over() const { return over_; }
  // Empty, or why there is no answer.
  const std::string& fault() const { return fault_; }
  const AnswerReader& answer() const { return answer_; }

 private:
  void on_resolved(const std::vector<net::Address>& addresses) override;
  void on_resolve_failure(const Error& error) override { end(error.text()); }
  void on_open() override;
  void on_bytes(Bytes bytes) override;
  void on_drained() override {}
  void on_end() override { end(""); }
  void on_failure(const Error& error) override;
  void on_deadline() override { end("no answer in time"); }
  void connect();
  void end(std::string fault);

  net::Loop& loop_;
  tls::Workspace& workspace_;
  const tls::ClientContext* const context_;
  const std::string name_;
  net::Resolver resolver_{loop_};
  std::vector<net::Address> addresses_;  // that are left to try
  std::unique_ptr<net::TcpStream> plain_;
  std::unique_ptr<TlsStream> tls_;
  std::string request_;
  AnswerReader answer_;
  std::string fault_;
  bool sent_ = false;
  bool over_ = false;
};

}  // namespace postern::admin
