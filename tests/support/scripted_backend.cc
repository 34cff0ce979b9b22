#include "tests/support/scripted_backend.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include <gtest/gtest.h>

#include "tls/policy.h"
#include "tls/ticket_keys.h"

namespace postern::test {
namespace {

int listen_on_loopback() {
  const auto address = net::Address::parse("127.0.0.1:0");
  const auto fd = net::open_listening_socket(address.value(), {.reuse_port = false});
  return fd.value();
}

}  // namespace

std::unique_ptr<tls::ServerContext> server_context(const Authority& authority,
                                                   const std::vector<std::string>& names) {
  const TempDirectory directory;
  const Issued leaf = authority.issue({.names = names});
  const tls::CertificateFiles files{.chain = directory.write("chain.pem", leaf.certificate_pem),
                                    .key = directory.write("key.pem", leaf.key_pem),
                                    .where = "test"};
  return std::move(
      tls::ServerContext::make({.policy = tls::Policy::preset("intermediate").value(),
                                .certificates = tls::CertificateStore::load({files}).value(),
                                .tickets = tls::TicketKeys::random(),
                                .binding = "test"})
          .value());
}

std::unique_ptr<tls::ClientContext> trusting_context() {
  tls::Verification none;
  none.mode = tls::Verification::Mode::None;
  return std::move(
      tls::ClientContext::make({.policy = tls::Policy::toward_backend(tls::Version::Tls12),
                                .verifier = tls::load_verifier(none).value()})
          .value());
}

// ---- ScriptedBackend

ScriptedBackend::ScriptedBackend(net::Loop& loop, Options options)
    : loop_(loop), options_(std::move(options)), listener_(loop, listen_on_loopback(), *this) {
  listener_.start();
}

ScriptedBackend::~ScriptedBackend() = default;

size_t ScriptedBackend::open() const {
  return static_cast<size_t>(std::count_if(connections_.begin(), connections_.end(),
                                           [](const auto& each) { return !each->ended(); }));
}

void ScriptedBackend::on_accept(std::unique_ptr<net::TcpStream> client) {
  connections_.push_back(std::make_unique<Connection>(*this, std::move(client)));
}

void ScriptedBackend::on_accept_failure(const Error& error) {
  ADD_FAILURE() << error.text();
}

// ---- Connection

ScriptedBackend::Connection::Connection(ScriptedBackend& backend,
                                        std::unique_ptr<net::TcpStream> client)
    : backend_(backend), plain_(std::move(client)), transport_(plain_.get()) {
  plain_->observe(*this);
  transport_->start();
  if (backend_.options_.hangs_up) {
    hang_up();
  } else if (backend_.options_.tls == BackendTls::Implicit) {
    secure();
  } else {
    greet();
  }
}

ScriptedBackend::Connection::~Connection() = default;

net::Stream& ScriptedBackend::Connection::stream() {
  return tls_ != nullptr ? static_cast<net::Stream&>(*tls_) : *plain_;
}

void ScriptedBackend::Connection::greet() {
  say(backend_.options_.greeting);
}

void ScriptedBackend::Connection::secure() {
  tls_ = TlsStream::server(backend_.loop_, std::move(plain_), *backend_.options_.context,
                           backend_.workspace_, {});
  tls_->observe(*this);
}

void ScriptedBackend::Connection::say(std::string_view bytes) {
  if (!gone_) {
    stream().write(as_bytes(bytes));
  }
}

void ScriptedBackend::Connection::pause() {
  stream().pause();
}

void ScriptedBackend::Connection::resume() {
  stream().resume();
}

void ScriptedBackend::Connection::hang_up() {
  gone_ = true;
  stream().finish();
}

void ScriptedBackend::Connection::reset() {
  ended_ = gone_ = true;
  transport_->reset();
}

void ScriptedBackend::Connection::on_open() {
  secured_ = true;
  if (backend_.options_.tls == BackendTls::Implicit) {
    greet();
  }
}

void ScriptedBackend::Connection::on_end() {
  ended_ = true;
  cut_ = tls_ != nullptr && !tls_->engine().ended();
  if (!gone_ && !backend_.options_.lingers) {
    hang_up();
  }
}

void ScriptedBackend::Connection::on_failure(const Error&) {
  ended_ = gone_ = cut_ = true;
}

void ScriptedBackend::Connection::on_bytes(Bytes bytes) {
  heard_.append(as_text(bytes));
  while (!gone_ && backend_.options_.answers) {
    const size_t newline = heard_.find("\r\n", read_);
    if (newline == std::string::npos) {
      return;
    }
    const std::string line = heard_.substr(read_, newline - read_);
    read_ = newline + 2;
    answer(line);
  }
}

void ScriptedBackend::Connection::answer(std::string_view line) {
  if (line == "DONE") {
    say(idle_tag_ + " OK idle no more\r\n");
    return;
  }
  const size_t space = line.find(' ');
  if (space != std::string_view::npos) {
    answer(line.substr(0, space), line.substr(space + 1));
  }
}

void ScriptedBackend::Connection::answer(std::string_view tag, std::string_view command) {
  const std::string ok = std::string(tag) + " OK done\r\n";
  if (command == "STARTTLS") {
    say(ok + backend_.options_.after_starttls);
    secure();
  } else if (command == "CAPABILITY") {
    say("* CAPABILITY IMAP4rev1 IDLE" + std::string(secured_ ? "" : " STARTTLS") + "\r\n" + ok);
  } else if (command == "LOGIN user wrong") {
    say(std::string(tag) + " NO [AUTHENTICATIONFAILED] no\r\n");
  } else if (command == "IDLE") {
    idle_tag_ = tag;
    say("+ idling\r\n");
  } else if (command == "LOGOUT") {
    say("* BYE until later\r\n" + ok);
    hang_up();
  } else if (command.starts_with("FETCH ")) {
    const std::string size(command.substr(6));
    say("* 1 FETCH (BODY[] {" + size + "}\r\n" + std::string(std::stoul(size), 'x') + ")\r\n" + ok);
  } else if (command != "WAIT") {
    say(ok);
  }
}

// ---- ClosedPort

ClosedPort::ClosedPort() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name), 0);
  port_ = net::bound_address(fd_).port();
}

ClosedPort::~ClosedPort() {
  close(fd_);
}

}  // namespace postern::test
