// One connection of the load generator: connect, handshake, log in, and its units of work.
#include "tests/bench/load.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include <openssl/err.h>

namespace postern::bench {
namespace {

constexpr size_t kSmallMessage = 310;

}  // namespace

Load::Load(Options options) : options_(std::move(options)) {
  context_.reset(SSL_CTX_new(TLS_client_method()));
  const uint16_t version = options_.text("tls") == "1.2" ? TLS1_2_VERSION : TLS1_3_VERSION;
  SSL_CTX_set_min_proto_version(context_.get(), version);
  SSL_CTX_set_max_proto_version(context_.get(), version);
  if (SSL_CTX_set1_curves_list(context_.get(), options_.text("groups").c_str()) != 1) {
    die("no such groups in this BoringSSL: " + options_.text("groups"));
  }
  if (!options_.text("cipher").empty() &&
      SSL_CTX_set_strict_cipher_list(context_.get(), options_.text("cipher").c_str()) != 1) {
    die("no such cipher: " + options_.text("cipher"));
  }
  SSL_CTX_set_session_cache_mode(context_.get(),
                                 SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
  SSL_CTX_sess_set_new_cb(context_.get(), on_ticket);
  SSL_CTX_set_mode(context_.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  const auto count = static_cast<size_t>(options_.number("connections"));
  connections_.resize(count);
  tickets_.resize(count);
}

int Load::on_ticket(SSL* ssl, SSL_SESSION* session) {
  auto* load = static_cast<Load*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0));
  auto* connection = static_cast<Connection*>(SSL_get_ex_data(ssl, 0));
  load->tickets_[connection->slot].reset(session);
  return 1;
}

// ---- a connection

void Load::open(Connection& c) {
  c.started = Clock::now();
  c.waiting = Waiting::Connect;
  c.line.clear();
  c.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c.fd < 0) {
    die("too few file descriptors for that many connections");
  }
  const int nodelay = options_.mode == "append_pieces" ? 0 : 1;
  setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(options_.port);
  // Source ports run out at 28,000 for one pair of addresses; loopback has plenty of addresses.
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (!options_.text("from").empty()) {
    sockaddr_in from{};
    from.sin_family = AF_INET;
    const int late = 1;  // the port is chosen when both ends are known
    setsockopt(c.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &late, sizeof late);
    if (inet_pton(AF_INET, options_.text("from").c_str(), &from.sin_addr) != 1 ||
        bind(c.fd, reinterpret_cast<sockaddr*>(&from), sizeof from) != 0) {
      die("cannot come from " + options_.text("from"));
    }
  }
  connect(c.fd, reinterpret_cast<sockaddr*>(&to), sizeof to);
  c.wants_write = true;
  epoll_event event{.events = EPOLLIN | EPOLLOUT, .data = {.ptr = &c}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
}

void Load::want(Connection& c, bool write) {
  if (c.wants_write != write) {
    c.wants_write = write;
    epoll_event event{.events = EPOLLIN | (write ? uint32_t{EPOLLOUT} : 0u), .data = {.ptr = &c}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, c.fd, &event);
  }
}

void Load::step(Connection& c) {
  if (c.waiting == Waiting::Connect) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(c.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) {
      failed(c);
      return;
    }
    c.ssl.reset(SSL_new(context_.get()));
    SSL_set_fd(c.ssl.get(), c.fd);
    SSL_set_connect_state(c.ssl.get());
    SSL_set_ex_data(c.ssl.get(), 0, &c);
    if (options_.number("resume") > 0 && tickets_[c.slot] != nullptr) {
      SSL_set_session(c.ssl.get(), tickets_[c.slot].get());
    }
    c.waiting = Waiting::Handshake;
    want(c, false);
  }
  if (c.waiting == Waiting::Handshake) {
    handshake(c);
    return;
  }
  if (options_.mode == "append" && c.busy) {
    upload(c);
    return;
  }
  read_all(c);
}

void Load::handshake(Connection& c) {
  const int result = SSL_do_handshake(c.ssl.get());
  if (result == 1) {
    check_group(c);
    figures_.resumed += SSL_session_reused(c.ssl.get()) != 0 ? 1 : 0;
    figures_.ecdsa +=
        SSL_get_peer_signature_algorithm(c.ssl.get()) == SSL_SIGN_ECDSA_SECP256R1_SHA256 ? 1 : 0;
    c.waiting = Waiting::Greeting;
    read_all(c);
    return;
  }
  const int error = SSL_get_error(c.ssl.get(), result);
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE) {
    failed(c);
  }
}

// A figure is for one group: what was negotiated, not what was offered.
void Load::check_group(const Connection& c) const {
  const char* name = SSL_get_curve_name(SSL_get_curve_id(c.ssl.get()));
  if (!options_.text("group").empty() && options_.text("group") != (name == nullptr ? "" : name)) {
    die("negotiated " + std::string(name == nullptr ? "no group" : name) + ", not " +
        options_.text("group"));
  }
}

void Load::read_all(Connection& c) {
  for (;;) {
    const int fd = c.fd;
    const int count = SSL_read(c.ssl.get(), buffer_.data(), static_cast<int>(buffer_.size()));
    if (count <= 0) {
      const int error = SSL_get_error(c.ssl.get(), count);
      if (error != SSL_ERROR_WANT_READ) {
        failed(c);
      }
      return;
    }
    figures_.bytes += static_cast<uint64_t>(count);
    std::string_view bytes(buffer_.data(), static_cast<size_t>(count));
    while (!bytes.empty()) {
      if (c.literal_left > 0) {
        const size_t part = std::min<uint64_t>(c.literal_left, bytes.size());
        c.literal_left -= part;
        bytes.remove_prefix(part);
        continue;
      }
      const size_t end = bytes.find('\n');
      c.line.append(bytes.substr(0, end));
      if (end == std::string_view::npos) {
        break;
      }
      bytes.remove_prefix(end + 1);
      const std::string text = std::move(c.line);
      c.line.clear();
      line(c, text);
      if (c.ssl == nullptr || c.fd != fd || c.waiting == Waiting::Connect) {
        return;  // it was closed, and may have been opened again
      }
    }
  }
}

void Load::line(Connection& c, std::string_view text) {
  const std::string& mode = options_.mode;
  if (c.waiting == Waiting::Greeting) {
    if (mode == "handshake") {
      end_unit(c);
      return;
    }
    c.waiting = Waiting::Login;
    send(c, "a LOGIN user password\r\n");
  } else if (c.waiting == Waiting::Login && text.starts_with("a ")) {
    if (mode == "login") {
      c.waiting = Waiting::Close;
      send(c, "b LOGOUT\r\n");
      return;
    }
    ready(c);
  } else if (c.waiting == Waiting::Close && text.starts_with("b ")) {
    end_unit(c);
  } else if (c.waiting == Waiting::Answer && text.starts_with("c ")) {
    end_unit(c);
  } else if (c.waiting == Waiting::Answer && text.ends_with("}\r")) {
    c.literal_left = std::strtoull(text.data() + text.rfind('{') + 1, nullptr, 10);
  } else if (c.waiting == Waiting::Answer && text.starts_with("+")) {  // as imaplib does
    send(c, std::string(kSmallMessage, 'x'));
    send(c, "\r\n");
  } else if (c.waiting == Waiting::Idle && text.starts_with("+")) {
    ++settled_;
  }
}

// ---- units of work

void Load::ready(Connection& c) {
  if (options_.mode == "idle") {
    if (options_.values.at("size") != "0" && c.waiting == Waiting::Login) {
      c.waiting = Waiting::Answer;
      send(c, "c FETCH " + options_.text("size") + "\r\n");
      return;
    }
    c.waiting = Waiting::Idle;
    send(c, "d IDLE\r\n");
  } else if (options_.number("rate") > 0) {
    c.busy = false;
    free_.push_back(c.slot);
  } else {
    begin_unit(c);
  }
}

void Load::begin_unit(Connection& c) {
  c.busy = true;
  c.waiting = Waiting::Answer;
  if (options_.number("rate") == 0) {
    c.started = Clock::now();
  }
  if (options_.mode == "noop") {
    send(c, "c NOOP\r\n");
  } else if (options_.mode == "fetch") {
    send(c, "c FETCH " + options_.text("size") + "\r\n");
  } else if (options_.mode == "append") {
    send(c, "c APPEND INBOX {1000000000000+}\r\n");
    upload(c);
  } else if (options_.mode == "append_pieces") {
    send(c, "c APPEND INBOX {" + std::to_string(kSmallMessage) + "}\r\n");
  }
}

void Load::end_unit(Connection& c) {
  if (options_.mode == "idle") {
    ready(c);
    return;
  }
  ++figures_.units;
  const auto took = Clock::now() - c.started;
  const auto took_us =
      static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count());
  figures_.latencies_us.push_back(took_us);
  this_second().latencies_us.push_back(took_us);
  if (one_shot()) {
    SSL_shutdown(c.ssl.get());
    close_down(c);
    if (options_.number("rate") > 0) {
      c.busy = false;
      free_.push_back(c.slot);
    } else {
      reopen(c);
    }
    return;
  }
  ready(c);
}

void Load::reopen(Connection& c) {
  if (!over()) {
    open(c);
  }
}

void Load::send(Connection& c, std::string_view text) {
  if (SSL_write(c.ssl.get(), text.data(), static_cast<int>(text.size())) <= 0) {
    failed(c);
  }
}

void Load::upload(Connection& c) {
  for (int i = 0; i < 16; ++i) {
    const int count = SSL_write(c.ssl.get(), block_.data(), static_cast<int>(block_.size()));
    if (count <= 0) {
      if (SSL_get_error(c.ssl.get(), count) != SSL_ERROR_WANT_WRITE) {
        failed(c);
        return;
      }
      break;
    }
    figures_.bytes += static_cast<uint64_t>(count);
  }
  want(c, true);
}

void Load::close_down(Connection& c) {
  c.ssl.reset();
  close(c.fd);
}

void Load::failed(Connection& c) {
  ERR_clear_error();
  ++figures_.errors;
  ++this_second().errors;
  if (figures_.errors > 1000 && options_.number("patient") == 0) {
    die("more than 1000 errors");
  }
  close_down(c);
  c.busy = false;
  reopen(c);
}

}  // namespace postern::bench
