#include "proxy/server/admin_endpoint.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "proxy/admission/client_table.h"
#include "proxy/log/log.h"
#include "proxy/net/descriptors.h"
#include "proxy/transport/tls_stream.h"

namespace postern {

namespace {

constexpr uint64_t kRequestMs = 10'000;    // from a request's first byte to its last
constexpr uint64_t kIdleMs = 150'000;      // between requests: longer than common scrape intervals
constexpr uint64_t kLingerMs = 5'000;      // for the client to read the last response
constexpr size_t kMaxDropped = 64 * kKiB;  // bytes that follow the last request
constexpr size_t kHighWater = 4 * kMiB;    // responses a client does not read
constexpr size_t kMaxReads = 1'024;        // of a connection: a request in octets costs a read each

}  // namespace

class Admin::Connection final : public net::Retirable,
                                public ListNode<Admin::Connection>,
                                private net::StreamObserver,
                                private admin::ActionHandler,
                                private HandshakeGate,
                                private HandshakeQueue::Member,
                                private net::Deadline {
 public:
  Connection(Admin& admin, std::unique_ptr<net::TcpStream> client)
      : admin_(admin),
        context_(admin.context_),
        peer_(client->remote()),
        http_(admin.source_, *this) {
    ++admin_.count_;
    client->observe(*this);
    client->start();
    client_ = std::move(client);
    arm(admin_.loop_.deadlines(), kRequestMs);
  }

  ~Connection() override { line_->connection = nullptr; }

  uint64_t from() const { return client_number(peer_); }
  bool idle() const { return answered_ && http_.between_requests(); }

  void close_if_idle() {
    if (http_.between_requests()) {
      close();
    }
  }

  void close() {
    disarm();
    client_->abort();
    --admin_.count_;
    ListNode<Connection>::unlink();
    HandshakeQueue::Member::unlink();
    admin_.loop_.retire(std::unique_ptr<Connection>(this));
  }

 private:
  using Step = admin::AdminHttp::Step;
  // An action's answer may come after its connection has gone.
  struct Line {
    Connection* connection;
  };

  // ---- TLS, if the endpoint has it

  // A client that says nothing costs no handshake, and what is no TLS hears what is wrong.
  void begin(Bytes first) {
    constexpr uint8_t kHandshakeRecord = 22;  // RFC 8446 §5.1
    if (first.front() != kHandshakeRecord) {
      std::string out;
      const Step step = http_.refuse_cleartext(out);
      say(out, step, true);
      return;
    }
    auto tls =
        TlsStream::server(admin_.loop_, std::move(client_), *context_, admin_.workspace_, first);
    tls_ = tls.get();
    tls_->observe(*this);
    tls_->guard(*this);
    tls_->wipe_what_was_read(true);
    client_ = std::move(tls);
  }

  bool may_take() override { return admin_.handshakes_.ask(*this, peer_); }
  void on_turn() override { tls_->take_turn(); }
  // The deadline stays that of the first request: the handshake is part of it.
  void on_open() override { shaken_hands_ = tls_ != nullptr; }

  // ---- requests

  void on_bytes(Bytes bytes) override {
    if (++reads_ > kMaxReads) {
      close();
      return;
    }
    if (finished_) {
      dropped_ += bytes.size();
      if (dropped_ > kMaxDropped) {
        close();
      }
      return;
    }
    if (context_ != nullptr && tls_ == nullptr) {
      begin(bytes);
      return;
    }
    const bool was_idle = http_.between_requests();
    std::string out;
    const Step step = http_.feed(bytes, out);
    say(out, step, was_idle);
  }

  // Answers, and then waits for the next request, for the rest of one, or for an action's answer.
  void say(const std::string& out, Step step, bool was_idle) {
    answered_ = answered_ || !out.empty();
    const size_t queued = client_->write(as_bytes(out));
    if (step == Step::Close) {
      finish();
      return;
    }
    if (queued > kHighWater) {
      close();
      return;
    }
    if (http_.between_requests()) {
      arm(admin_.loop_.deadlines(), kIdleMs);
    } else if (was_idle || !out.empty()) {  // a new request has begun
      arm(admin_.loop_.deadlines(), kRequestMs);
    }
    if (step == Step::Wait) {
      client_->pause();
    }
  }

  std::optional<admin::ActionAnswer> act(const admin::ActionRequest& request) override {
    const ActionCaller caller{.address = peer_, .secured = tls_ != nullptr || peer_.is_loopback()};
    return admin_.actions_.act(request, caller, [line = line_](const admin::ActionAnswer& answer) {
      if (line->connection != nullptr) {
        line->connection->on_answer(answer);
      }
    });
  }

  void on_answer(const admin::ActionAnswer& answer) {
    std::string out;
    const Step step = http_.complete(answer, out);
    if (step != Step::Wait) {
      client_->resume();
    }
    say(out, step, false);
  }

  void on_drained() override {
    if (ended_) {
      close();
    }
  }
  // Its place is free as soon as its answers are on their way.
  void on_end() override {
    ended_ = true;
    if (client_->queued() == 0) {
      close();
    } else if (!finished_) {
      finish();
    }
  }
  void on_failure(const Error& error) override {
    if (tls_ != nullptr && !shaken_hands_) {
      const std::string client = peer_.ip_text();
      log::write(log::Level::Info, "admin handshake failed", {{"client", client}, {"error", error}},
                 {.key = "client", .value = client, .client = from()});
    }
    close();
  }
  void on_deadline() override { close(); }

  void finish() {
    finished_ = true;
    client_->finish();
    arm(admin_.loop_.deadlines(), kLingerMs);
  }

  Admin& admin_;
  const std::shared_ptr<const tls::ServerContext> context_;  // null: in clear
  const net::Address peer_;
  std::unique_ptr<net::Stream> client_;
  TlsStream* tls_ = nullptr;  // the same, once its handshake has begun
  const std::shared_ptr<Line> line_ = std::make_shared<Line>(Line{this});
  admin::AdminHttp http_;
  size_t dropped_ = 0;
  size_t reads_ = 0;
  bool shaken_hands_ = false;
  bool answered_ = false;
  bool finished_ = false;  // we have said our last
  bool ended_ = false;     // the client has
};

Admin::Admin(net::Loop& loop, int socket, tls::Workspace& workspace, admin::AdminSource& source,
             ActionDesk& actions)
    : loop_(loop),
      workspace_(workspace),
      source_(source),
      actions_(actions),
      listener_(loop, socket, *this, net::Listener::Share::Reserve) {}

Admin::~Admin() {
  close();
}

void Admin::start() {
  listener_.start();
}

void Admin::close() {
  listener_.close();
  connections_.for_each([](Connection& connection) { connection.close(); });
}

void Admin::hand_over() {
  listener_.close();
  connections_.for_each([](Connection& connection) { connection.close_if_idle(); });
}

void Admin::on_accept(std::unique_ptr<net::TcpStream> client) {
  make_room(client_number(client->remote()));
  connections_.push_back(*new Connection(*this, std::move(client)));
}

void Admin::make_room(uint64_t newcomer) {
  Connection* oldest_of_address = nullptr;
  Connection* oldest_unfinished = nullptr;
  size_t of_address = 0;
  connections_.for_each([&](Connection& connection) {
    if (connection.from() == newcomer && ++of_address == 1) {
      oldest_of_address = &connection;
    }
    if (oldest_unfinished == nullptr && !connection.idle()) {
      oldest_unfinished = &connection;
    }
  });
  if (of_address >= kMaxOfAddress) {
    oldest_of_address->close();
  } else if (count_ >= std::min(kMaxConnections, net::descriptors_for_admin())) {
    Connection* rival = oldest_unfinished != nullptr ? oldest_unfinished : connections_.front();
    if (rival != nullptr) {
      rival->close();
    }
  }
}

void Admin::on_accept_failure(const Error& error) {
  log::write(log::Level::Error, "accept failed", {{"listener", "admin"}, {"error", error}},
             {.key = "listener", .value = "admin", .once = true});
}

}  // namespace postern
