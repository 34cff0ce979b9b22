#include "proxy/server/admin_endpoint.h"

#include <string>
#include <utility>

#include "proxy/log/log.h"

namespace postern {

namespace {

constexpr uint64_t kRequestMs = 10'000;  // from a request's first byte to its last
constexpr uint64_t kIdleMs = 150'000;    // between requests: longer than common scrape intervals
constexpr uint64_t kLingerMs = 5'000;    // for the client to read the last response
constexpr size_t kHighWater = 4 * kMiB;  // responses a client does not read

}  // namespace

class Admin::Connection final : public net::Retirable,
                                public ListNode<Admin::Connection>,
                                private net::StreamObserver,
                                private net::Deadline {
 public:
  Connection(Admin& admin, std::unique_ptr<net::TcpStream> client)
      : admin_(admin), client_(std::move(client)), http_(admin.source_) {
    admin_.count_++;
    client_->observe(*this);
    client_->start();
    arm(admin_.loop_.deadlines(), kRequestMs);
  }

  void close_if_idle() {
    if (http_.between_requests()) {
      close();
    }
  }

  void close() {
    disarm();
    client_->abort();
    admin_.count_--;
    ListNode<Connection>::unlink();
    admin_.loop_.retire(std::unique_ptr<Connection>(this));
  }

 private:
  void on_open() override {}

  void on_bytes(Bytes bytes) override {
    if (finished_) {
      return;
    }
    const bool was_idle = http_.between_requests();
    std::string out;
    const metrics::AdminHttp::Step step = http_.feed(bytes, out);
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
  metrics::AdminHttp http_;
  bool finished_ = false;  // we have said our last
  bool ended_ = false;     // the client has
};

Admin::Admin(net::Loop& loop, int socket, metrics::AdminSource& source)
    : loop_(loop), source_(source), listener_(loop, socket, *this) {}

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
  if (count_ >= kMaxConnections) {
    client->abort();
    loop_.retire(std::move(client));
    return;
  }
  connections_.push_back(*new Connection(*this, std::move(client)));
}

void Admin::on_accept_failure(const Error& error) {
  log::error("accept failed", {{"listener", "admin"}, {"error", error}});
}

}  // namespace postern
