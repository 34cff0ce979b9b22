#include "proxy/lookup/internal/lookup_question.h"

#include "tls/failure.h"

namespace postern {

LookupQuestion::LookupQuestion(const LookupServices& services, const LookupConfig& service,
                               const tls::ClientContext* context, std::string name,
                               std::string request, LookupQuestionObserver& observer)
    : services_(services),
      service_(service),
      context_(context),
      name_(std::move(name)),
      request_(std::move(request)),
      observer_(observer) {
  arm(services_.loop.deadlines(), service.timeout_ms);
}

LookupQuestion::~LookupQuestion() = default;

void LookupQuestion::start(std::vector<net::Address> addresses) {
  begun_ = true;
  addresses_ = std::move(addresses);
  connect();
}

void LookupQuestion::connect() {
  plain_ = net::TcpStream::make(services_.loop);
  plain_->observe(*this);
  plain_->connect(addresses_[failed_addresses_], {});
}

void LookupQuestion::on_open() {
  if (context_ != nullptr && tls_ == nullptr) {
    tls_ = TlsStream::client(services_.loop, std::move(plain_), *context_, services_.workspace,
                             service_.host.host);
    tls_->observe(*this);
    return;
  }
  sent_ = true;
  net::Stream& stream = tls_ != nullptr ? static_cast<net::Stream&>(*tls_) : *plain_;
  stream.write(as_bytes(request_));
}

void LookupQuestion::on_bytes(Bytes bytes) {
  take(reader_.feed(bytes));
}

void LookupQuestion::take(LookupAnswerReader::Step step) {
  switch (step) {
    case LookupAnswerReader::Step::More:
      return;
    case LookupAnswerReader::Step::Whole:
      observer_.on_answer(*this, reader_.answer());
      return;
    case LookupAnswerReader::Step::Invalid:
      fail(LookupFailure::InvalidAnswer, {});
      return;
    case LookupAnswerReader::Step::TooLarge:
      fail(LookupFailure::AnswerTooLarge, {});
      return;
  }
}

void LookupQuestion::on_failure(const Error& error) {
  if (sent_ || tls_ != nullptr) {
    const bool of_tls = !sent_ && error.domain == &tls::kTlsDomain;
    fail(of_tls ? LookupFailure::NotSecured : LookupFailure::Unreachable, error);
    return;
  }
  services_.loop.retire(std::move(plain_));
  if (++failed_addresses_ < addresses_.size()) {
    connect();
  } else {
    fail(LookupFailure::Unreachable, error);
  }
}

void LookupQuestion::fail(LookupFailure failure, const Error& error) {
  observer_.on_question_failed(*this, failure, error);
}

void LookupQuestion::cancel() {
  disarm();
  ListNode<LookupQuestion>::unlink();
  if (tls_ != nullptr) {
    tls_->abort();
    services_.loop.retire(std::move(tls_));
  }
  if (plain_ != nullptr) {
    plain_->abort();
    services_.loop.retire(std::move(plain_));
  }
}

}  // namespace postern
