// Relay: the long life of a session: bytes both ways between two open streams, through the IMAP
// filter. A side that takes bytes more slowly than the other sends them pauses it: at most
// kHighWater plus one read waits in either direction, and while the process is short of memory one
// small read. Half-close is passed on. The relay observes both streams from start() until it
// reports its end, once; then it no longer touches them. Loop's thread only; streams and observers
// outlive it.
//
// The last words of either side arrive. A backend that takes no more bytes is read to its end,
// while what the client says is dropped; a client that takes no more, or has failed, still has what
// it has said passed on. The relay looks every kLookMs at a side that it does not read: a client
// that has hung up and whose bytes do not move is gone, and so is a session of which one half is
// over and the other stands still.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "metrics/counters.h"
#include "proxy/base/secret.h"
#include "proxy/imap/filter.h"
#include "proxy/net/deadline.h"
#include "proxy/net/loop.h"
#include "proxy/net/stream.h"
#include "proxy/relay/end_reason.h"

namespace postern {

// How much is read and dropped of a client whose server takes nothing, before login and after.
// Reading on lets the client hear the last words; the bound ends that.
inline constexpr size_t kDroppedBeforeLogin = 64 * kKiB;
inline constexpr size_t kDroppedAfterLogin = 1 * kMiB;

class RelayObserver {
 public:
  // `bye` is what the client may still hear, a whole line; empty when its stream is not at a
  // response's end and must not be written to.
  virtual void on_relay_end(EndReason reason, std::string_view bye, const Error& error) = 0;

 protected:
  ~RelayObserver() = default;
};

// The worker's byte counters and gauges that every relay counts in.
struct RelayMetrics {
  static RelayMetrics of(metrics::Counters& counters);

  metrics::Cell& client_in;
  metrics::Cell& client_out;
  metrics::Cell& backend_in;
  metrics::Cell& backend_out;
  metrics::Cell& client_pauses;
  metrics::Cell& backend_pauses;
};

class Relay final : public net::Retirable, private net::Deadline {
 public:
  static constexpr size_t kHighWater = 64 * kKiB;
  // How long a half-closed session may make no progress.
  static constexpr uint64_t kHalfClosedMs = 60'000;
  // A client that has hung up while bytes of it wait may stand still for two looks, so it is
  // detected within five seconds.
  static constexpr uint64_t kLookMs = 1'500;

  // `cells` outlive it, too.
  Relay(net::Loop& loop, const RelayMetrics& cells, net::Stream& client, net::Stream& backend,
        const imap::Filter::Options& options, imap::ConversationObserver& conversation,
        RelayObserver& observer);

  ~Relay() override;

  // Begins with what both sides have said already; may end the relay before it returns.
  void start(std::string_view from_backend, std::string_view from_client);

  // Says `line` and ends with `reason` as soon as no command is in flight (IDLE does not count), or
  // with Stop::AtBoundary at the end of any response. Before that the relay goes on. `line` is a
  // literal.
  void bye_at(imap::Stop stop, EndReason reason, std::string_view line);
  // Call it when the filter reports an answer: the answer, and all after it, reaches the client
  // only after `delay_ms`, in which neither side is read. Then `line`, unless it is empty, is said
  // at the next boundary, and the relay ends with `reason`.
  void delay_answer(uint64_t delay_ms, EndReason reason = {}, std::string_view line = {});
  // Says `line`, a whole untagged response, if the client is in IDLE and in no other's middle.
  void say_to_idler(std::string_view line);
  // The login that the filter keeps back (imap::LoginLeave::Wait) is sent.
  void let_login_go();
  // Ends now; the client hears `line` only at a boundary.
  void end_now(EndReason reason, std::string_view line, const Error& error = {});

  const imap::Filter& filter() const { return filter_; }
  // The client has sent its end: it cannot show that it has read the last words.
  bool client_has_ended() const { return client_ended_; }
  uint64_t last_activity_ms() const { return last_activity_ms_; }
  uint64_t bytes_from_client() const { return bytes_from_client_; }
  // Bytes of the client's that wait until their command is whole.
  size_t kept() const { return counted_; }
  uint64_t bytes_to_client() const { return to_client_.bytes; }

 private:
  // One direction's sink, as the filter sees it.
  struct Sink final : imap::Output {
    Sink(Relay& r, net::Stream& s, metrics::Cell& c) : relay(r), stream(s), cell(c) {}
    void put(Bytes bytes) override;
    Relay& relay;
    net::Stream& stream;
    metrics::Cell& cell;
    uint64_t bytes = 0;
    bool full = false;      // above high water: its source is paused until it has drained
    bool lost = false;      // takes nothing: what is put is dropped
    bool finished = false;  // the end went to its peer: what is left is part of a line
  };
  // One stream's events.
  struct ClientSide final : net::StreamObserver {
    explicit ClientSide(Relay& r) : relay(r) {}
    void on_open() override {}
    void on_bytes(Bytes bytes) override { relay.client_bytes(bytes); }
    void on_drained() override { relay.drained(relay.to_client_); }
    void on_write_failure(const Error& error) override { relay.lose(relay.to_client_, error); }
    void on_end() override { relay.client_ended(); }
    void on_failure(const Error& error) override { relay.client_failed(error); }
    Relay& relay;
  };
  struct BackendSide final : net::StreamObserver {
    explicit BackendSide(Relay& r) : relay(r) {}
    void on_open() override {}
    void on_bytes(Bytes bytes) override { relay.backend_bytes(bytes); }
    void on_drained() override { relay.drained(relay.to_backend_); }
    void on_write_failure(const Error& error) override { relay.lose(relay.to_backend_, error); }
    void on_end() override { relay.backend_gone(EndReason::BackendClosed, {}); }
    void on_failure(const Error& error) override {
      relay.backend_gone(EndReason::BackendFailed, error);
    }
    Relay& relay;
  };

  // An answer that is delayed, with all after it. There is one only while there is something.
  struct Delayed final : net::Deadline {
    explicit Delayed(Relay& r) : relay(r) {}
    void on_deadline() override { relay.let_go(); }
    Relay& relay;
    std::string bytes;
    bool backend_gone = false;  // for this reason, meanwhile
    EndReason reason = {};
    Error error;
  };

  // What is known from one look to the next. There is one only while something is looked at.
  struct Watch {
    uint64_t passed = 0;    // bytes, as of the last look
    size_t to_client = 0;   // owed
    size_t to_backend = 0;  // owed
    unsigned still = 0;     // looks at which nothing had moved
    unsigned looks = 0;     // since there are last answers to await
    size_t dropped = 0;     // of what a client says whose backend takes nothing
    Error error;            // of the side that is lost
  };

  void client_bytes(Bytes bytes);
  void offer(Bytes bytes);
  void count_kept(size_t kept);
  void finish_backend();
  void backend_bytes(Bytes bytes);
  void drop_client_bytes(size_t count);
  void client_ended();
  void client_failed(const Error& error);
  bool end_with_client();
  void lose(Sink& sink, const Error& error);
  Watch& watch();
  void end_without_client(const Error& error);
  void backend_gone(EndReason reason, const Error& error);
  void end_without_backend(EndReason reason, const Error& error);
  void let_go();
  void go_on();
  void drained(Sink& sink);
  void on_deadline() override;
  unsigned look();
  bool nothing_owed() const;
  void look_soon();
  void pace();
  void set_reading(net::Stream& stream, bool& reading, bool wanted, metrics::Cell& pauses);
  bool stop_on_violation(bool clients_fault);
  void await_last_answers(const Error& spent);
  bool broken_off_by_client(EndReason reason) const;
  void end_where_stopped();
  EndReason reason_of_end(EndReason unless_logout) const;

  net::Loop& loop_;
  net::Stream& client_;
  net::Stream& backend_;
  const RelayMetrics& cells_;
  RelayObserver& observer_;
  ClientSide client_side_{*this};
  BackendSide backend_side_{*this};
  Sink to_backend_;
  Sink to_client_;
  imap::Filter filter_;
  std::unique_ptr<Delayed> delayed_;
  std::unique_ptr<Watch> watch_;
  std::string undecided_;  // client bytes whose meaning waits for the backend's answer
  std::string_view bye_;   // a literal, said where the filter stops
  uint64_t last_activity_ms_;
  uint64_t bytes_from_client_ = 0;
  size_t counted_ = 0;  // of what the filter keeps back, how much the loop's memory knows of
  EndReason bye_reason_ = EndReason::Drained;
  bool client_reading_ = true;
  bool backend_reading_ = true;
  bool client_ended_ = false;
  bool client_failed_ = false;
  bool starved_ = false;  // more had to wait than there is memory for
  bool done_ = false;
};

}  // namespace postern
