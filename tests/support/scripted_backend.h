// ScriptedBackend: an IMAP server on a loop, on a port that the kernel chose. It knows just enough
// of IMAP for sessions to live, and says wrong things on request. Loop's thread only; what
// the options point to must outlive it, and so must the loop; it is destroyed outside of callbacks.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/config/config.h"
#include "proxy/net/address.h"
#include "proxy/net/listener.h"
#include "proxy/net/loop.h"
#include "proxy/net/tcp.h"
#include "proxy/transport/tls_stream.h"
#include "tests/support/certificates.h"
#include "tls/context.h"
#include "tls/engine.h"

namespace postern::test {

// A server's TLS: a certificate of `authority` for `names`.
std::unique_ptr<tls::ServerContext> server_context(const Authority& authority,
                                                   const std::vector<std::string>& names);

// A client's TLS that takes any certificate.
std::unique_ptr<tls::ClientContext> trusting_context();

class ScriptedBackend final : private net::AcceptObserver {
 public:
  struct Options {
    std::string greeting = "* OK [CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED IDLE] ready\r\n";
    BackendTls tls = BackendTls::None;
    const tls::ServerContext* context = nullptr;
    std::string after_starttls = {};  // sent with the OK, in clear
    bool answers = true;              // false: it greets and is silent from then on
    bool hangs_up = false;            // instead of greeting
    bool lingers = false;             // it goes on when the other side has sent its end
  };

  class Connection final : private net::StreamObserver {
   public:
    Connection(ScriptedBackend& backend, std::unique_ptr<net::TcpStream> client);
    ~Connection();
    void say(std::string_view bytes);
    void pause();
    void resume();
    void hang_up();  // FIN, after close_notify
    void reset();    // RST
    const std::string& heard() const { return heard_; }
    bool secured() const { return secured_; }
    bool ended() const { return ended_; }  // the other side has closed or is gone
    bool cut() const { return cut_; }      // it has gone without saying so: no close_notify, no FIN

   private:
    void on_open() override;
    void on_bytes(Bytes bytes) override;
    void on_drained() override {}
    void on_end() override;
    void on_failure(const Error& error) override;
    void greet();
    void secure();
    void answer(std::string_view line);
    void answer(std::string_view tag, std::string_view command);
    net::Stream& stream();

    ScriptedBackend& backend_;
    std::unique_ptr<net::TcpStream> plain_;
    std::unique_ptr<TlsStream> tls_;
    net::TcpStream* transport_;  // of one of the two
    std::string heard_;
    size_t read_ = 0;
    std::string idle_tag_;
    bool secured_ = false;
    bool ended_ = false;
    bool cut_ = false;
    bool gone_ = false;
  };

  ScriptedBackend(net::Loop& loop, Options options);
  ScriptedBackend(net::Loop& loop) : ScriptedBackend(loop, Options{}) {}
  ~ScriptedBackend();

  net::Address address() const { return listener_.local(); }
  net::HostPort host() const { return {"127.0.0.1", address().port()}; }
  Options& options() { return options_; }
  size_t accepted() const { return connections_.size(); }
  Connection& connection(size_t index) { return *connections_[index]; }
  Connection& last() { return *connections_.back(); }
  // Connections whose other end is still there.
  size_t open() const;

 private:
  void on_accept(std::unique_ptr<net::TcpStream> client) override;
  void on_accept_failure(const Error& error) override;

  net::Loop& loop_;
  Options options_;
  tls::Workspace workspace_;
  net::Listener listener_;
  std::vector<std::unique_ptr<Connection>> connections_;
};

// A port without a listener, held for as long as this lives.
class ClosedPort {
 public:
  ClosedPort();
  ~ClosedPort();
  ClosedPort(const ClosedPort&) = delete;
  ClosedPort& operator=(const ClosedPort&) = delete;
  net::HostPort host() const { return {"127.0.0.1", port_}; }

 private:
  int fd_;
  uint16_t port_;
};

}  // namespace postern::test
