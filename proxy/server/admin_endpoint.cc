#include "proxy/server/admin_endpoint.h"

#include <algorithm>
#include <string>
#include <utility>

#include "proxy/admission/client_table.h"
#include "proxy/log/log.h"
#include "proxy/net/descriptors.h"

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
                                private net::Deadline {
 public:
  Connection(Admin& admin, std::unique_ptr<net::TcpStream> client)
      : admin_(admin),
        client_(std::move(client)),
        from_(client_number(client_->remote())),
        http_(admin.source_) {
    ++admin_.count_;
    client_->observe(*this);
    client_->start();
    arm(admin_.loop_.deadlines(), kRequestMs);
  }

  uint64_t from() const { return from_; }
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
    admin_.loop_.retire(std::unique_ptr<Connection>(this));
  }

 private:
  void on_open() override {}

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
    const bool was_idle = http_.between_requests();
    std::string out;
    const metrics::AdminHttp::Step step = http_.feed(bytes, out);
    answered_ = answered_ || !out.empty();
    const size_t queued = client_->write(as_bytes(out));
    if (step == metrics::AdminHttp::Step::Close) {
      finish();
    } else if (queued > kHighWater) {
      close();
    } else if (http_.between_requests()) {
      arm(admin_.loop_.deadlines(), kIdleMs);
    } else if (was_idle || !out.empty()) {  // a new request has begun
      arm(admin_.loop_.deadlines(), kRequestMs);
    }
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
  void on_failure(const Error&) override { close(); }
  void on_deadline() override { close(); }

  void finish() {
    finished_ = true;
    client_->finish();
    arm(admin_.loop_.deadlines(), kLingerMs);
  }

  Admin& admin_;
  std::unique_ptr<net::TcpStream> client_;
  const uint64_t from_;  // its client_number()
  metrics::AdminHttp http_;
  size_t dropped_ = 0;
  size_t reads_ = 0;
  bool answered_ = false;
  bool finished_ = false;  // we have said our last
  bool ended_ = false;     // the client has
};

Admin::Admin(net::Loop& loop, int socket, metrics::AdminSource& source)
    : loop_(loop), source_(source), listener_(loop, socket, *this, net::Listener::Share::Reserve) {}

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
