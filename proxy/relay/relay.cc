#include "proxy/relay/relay.h"

#include <utility>

#include "proxy/base/secret.h"

namespace postern {

using metrics::Direction;
using metrics::Hop;

namespace {

// What a client may always keep back of a command that it has begun: enough for a password.
constexpr size_t kSmallCommand = 4 * kKiB;

}  // namespace

RelayMetrics RelayMetrics::of(metrics::Counters& counters) {
  using metrics::Metric;
  return {.client_in = counters.cell<Metric::Bytes>(Hop::Client, Direction::In),
          .client_out = counters.cell<Metric::Bytes>(Hop::Client, Direction::Out),
          .backend_in = counters.cell<Metric::Bytes>(Hop::Backend, Direction::In),
          .backend_out = counters.cell<Metric::Bytes>(Hop::Backend, Direction::Out),
          .client_pauses = counters.cell<Metric::ReadPauses>(Hop::Client),
          .backend_pauses = counters.cell<Metric::ReadPauses>(Hop::Backend)};
}

Relay::Relay(net::Loop& loop, const RelayMetrics& cells, net::Stream& client, net::Stream& backend,
             const imap::Filter::Options& options, imap::ConversationObserver& conversation,
             RelayObserver& observer)
    : loop_(loop),
      client_(client),
      backend_(backend),
      cells_(cells),
      observer_(observer),
      to_backend_(*this, backend, cells.backend_out),
      to_client_(*this, client, cells.client_out),
      filter_(options, conversation, to_backend_, to_client_),
      last_activity_ms_(loop.now_ms()) {}

Relay::~Relay() {
  loop_.memory().add_begun(-static_cast<int64_t>(counted_));
  wipe(undecided_);
}

void Relay::start(std::string_view from_backend, std::string_view from_client) {
  client_.observe(client_side_);
  backend_.observe(backend_side_);
  client_.resume();
  backend_bytes(as_bytes(from_backend));
  if (!done_ && !from_client.empty()) {
    client_bytes(as_bytes(from_client));
  }
}

// ---- client to backend

void Relay::client_bytes(Bytes bytes) {
  if (done_) {
    return;
  }
  last_activity_ms_ = loop_.now_ms();
  bytes_from_client_ += bytes.size();
  cells_.client_in.add(bytes.size());
  if (to_backend_.lost) {
    drop_client_bytes(bytes.size());
  } else if (undecided_.empty() && delayed_ == nullptr) {
    offer(bytes);
    if (filter_.mid_command()) {
      client_.acknowledge();
    }
  } else {
    append_secret(undecided_, as_text(bytes));
  }
  pace();
}

void Relay::offer(Bytes bytes) {
  const size_t taken = filter_.from_client(bytes);
  if (stop_on_violation(true)) {
    return;
  }
  if (taken < bytes.size()) {
    std::string(as_text(bytes.subspan(taken))).swap(undecided_);
  }
  finish_backend();
}

// The client's end is passed on once the backend has all that is due to it.
void Relay::finish_backend() {
  if (client_ended_ && undecided_.empty() && !filter_.has_to_send() &&
      !std::exchange(to_backend_.finished, true)) {
    backend_.finish();
  }
}

void Relay::count_kept(size_t kept) {
  net::MemoryBudget& memory = loop_.memory();
  memory.add_begun(static_cast<int64_t>(kept) - static_cast<int64_t>(counted_));
  const bool much = kept > std::exchange(counted_, kept) && kept > kSmallCommand;
  starved_ = starved_ || memory.exhausted() || (much && memory.too_much_begun());
}

void Relay::client_ended() {
  if (done_) {
    return;
  }
  client_ended_ = true;
  finish_backend();
  look_soon();
}

// No answer can be heard, but what the client has said goes to the backend, as it would without
// the gateway.
void Relay::client_failed(const Error& error) {
  if (done_) {
    return;
  }
  client_ended_ = client_failed_ = true;
  lose(to_client_, error);
  if (!end_with_client()) {
    finish_backend();
  }
}

void Relay::let_login_go() {
  filter_.let_login_go();
  finish_backend();
  pace();
}

// Of a client that has failed: once the backend has all its words. True if the relay has ended.
bool Relay::end_with_client() {
  if (delayed_ != nullptr || to_backend_.lost || (undecided_.empty() && backend_.owed() == 0)) {
    end_without_client({});
  }
  return done_;
}

void Relay::drop_client_bytes(size_t count) {
  const size_t most = filter_.before_login() ? kDroppedBeforeLogin : kDroppedAfterLogin;
  watch().dropped += count;
  // It is read no more, but may still hear what the backend has said.
  to_backend_.full = watch().dropped > most;
}

// ---- backend to client

void Relay::backend_bytes(Bytes bytes) {
  if (done_) {
    return;
  }
  last_activity_ms_ = loop_.now_ms();
  cells_.backend_in.add(bytes.size());
  filter_.from_server(bytes);
  if (stop_on_violation(false)) {
    return;
  }
  if (client_failed_ && end_with_client()) {
    return;
  }
  if (delayed_ == nullptr) {
    go_on();
  } else {
    pace();
  }
}

// What waited for the backend's answer, or for the client to have it.
void Relay::go_on() {
  if (filter_.stopped()) {
    end_where_stopped();
    return;
  }
  if (!undecided_.empty() && !filter_.stalled()) {
    std::string undecided = undecided_;  // a move would leave a short one where it was
    wipe(undecided_);
    std::string().swap(undecided_);  // without its capacity
    offer(as_bytes(undecided));
    wipe(undecided);
  }
  finish_backend();
  pace();
}

void Relay::delay_answer(uint64_t delay_ms, EndReason reason, std::string_view line) {
  if (!line.empty()) {
    bye_ = line;
    bye_reason_ = reason;
    filter_.stop_at(imap::Stop::AtBoundary);
  }
  if (delay_ms > 0) {
    delayed_ = std::make_unique<Delayed>(*this);
    delayed_->arm(loop_.deadlines(), delay_ms);
  }
}

void Relay::let_go() {
  const std::unique_ptr<Delayed> delayed = std::move(delayed_);
  to_client_.put(as_bytes(delayed->bytes));
  if (delayed->backend_gone && !filter_.stopped()) {
    end_without_backend(delayed->reason, delayed->error);
  } else {
    go_on();
  }
}

// The delay of an answer holds even if the backend disconnects.
void Relay::backend_gone(EndReason reason, const Error& error) {
  if (!done_) {
    filter_.server_ended();
  }
  if (delayed_ != nullptr) {
    delayed_->backend_gone = true;
    delayed_->reason = reason;
    delayed_->error = error;
    return;
  }
  end_without_backend(reason, error);
}

// ---- pace

void Relay::Sink::put(Bytes data) {
  if (lost || finished) {
    return;
  }
  if (relay.delayed_ != nullptr && this == &relay.to_client_) {
    relay.delayed_->bytes.append(as_text(data));
    return;
  }
  bytes += data.size();
  cell.add(data.size());
  const size_t queued = stream.write(data);
  if (queued == 0) {
    return;
  }
  net::MemoryBudget& memory = relay.loop_.memory();
  relay.starved_ = relay.starved_ || memory.exhausted();
  if (queued > kHighWater || memory.tight()) {
    full = true;  // pace() pauses the source once the filter is through with this read
  }
}

void Relay::say_to_idler(std::string_view line) {
  if (filter_.idling() && filter_.at_boundary() && !client_ended_) {
    to_client_.put(as_bytes(line));
    pace();
  }
}

void Relay::drained(Sink& sink) {
  sink.full = false;
  if (client_failed_ && end_with_client()) {
    return;
  }
  pace();
}

// From now on what goes there is dropped, so that it holds up nothing.
void Relay::lose(Sink& sink, const Error& error) {
  if (done_) {
    return;
  }
  sink.lost = true;
  sink.full = false;
  watch().error = error;
  if (&sink == &to_backend_) {
    wipe(undecided_);
    std::string().swap(undecided_);
  }
  look_soon();
  pace();
}

// Each side is read exactly when the other can take what comes.
void Relay::pace() {
  if (done_) {
    return;
  }
  if (const size_t kept = filter_.held(); kept != counted_) {
    count_kept(kept);
  }
  if (starved_) {
    end_now(EndReason::LimitMemory, {});
    return;
  }
  const bool free = delayed_ == nullptr;
  set_reading(client_, client_reading_, free && undecided_.empty() && !to_backend_.full,
              cells_.client_pauses);
  set_reading(backend_, backend_reading_, free && !to_client_.full, cells_.backend_pauses);
  if (!client_reading_) {
    look_soon();
  }
}

void Relay::set_reading(net::Stream& stream, bool& reading, bool wanted, metrics::Cell& pauses) {
  if (reading == wanted) {
    return;
  }
  reading = wanted;
  if (wanted) {
    stream.resume();
  } else {
    pauses.add(1);
    stream.pause();
  }
}

}  // namespace postern
