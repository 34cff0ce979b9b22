#include "proxy/lookup/user_lookup.h"

#include <algorithm>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/lookup/internal/lookup_question.h"
#include "proxy/lookup/lookup_request.h"

namespace postern {

using metrics::Label;
using metrics::Metric;

UserLookup::UserLookup(std::shared_ptr<const Config> config,
                       std::unique_ptr<tls::ClientContext> context)
    : config_(std::move(config)), context_(std::move(context)), cache_(service().cache_ms) {}

UserLookup::~UserLookup() = default;

std::optional<UserPlace> UserLookup::ask(const LookupServices& services, const std::string& name,
                                         const net::Address& client, UserLookupObserver& observer) {
  if (!services_) {
    services_.emplace(services);
  }
  if (const auto* known = cache_.find(name, services.loop.now_ms())) {
    count("cached");
    return UserPlace{.backend = *known};
  }
  auto asked = questions_.find(name);
  if (asked == questions_.end()) {
    if (questions_.size() - begun_ >= kMaxWaiting) {
      const Error full = lookup_error(LookupFailure::TooManyQuestions);
      report(full, "");
      return UserPlace{.backend = {}, .error = full};
    }
    LookupQuestionObserver& self = *this;
    auto question = std::make_unique<LookupQuestion>(*services_, service(), context_.get(), name,
                                                     lookup_request(service(), name, client), self);
    waiting_.push_back(*question);
    asked = questions_.emplace(name, std::move(question)).first;
  }
  asked->second->observers().push_back(observer);
  begin_what_waits();
  return std::nullopt;
}

// A question that nobody waits for any longer must not keep a worker that drains.
void UserLookup::withdraw(UserLookupObserver& observer) {
  if (!observer.linked()) {
    return;
  }
  observer.unlink();
  const auto alone = std::ranges::find_if(
      questions_, [](const auto& entry) { return entry.second->observers().empty(); });
  if (alone != questions_.end()) {
    remove(*alone->second);
    begin_what_waits();
  }
}

// ---- to the service

void UserLookup::begin_what_waits() {
  while (begun_ < kAtOnce && !waiting_.empty() && is_resolved()) {
    ++begun_;
    waiting_.pop_front()->start(addresses());
  }
}

bool UserLookup::is_resolved() {
  if (!resolving_) {
    DnsCacheObserver& self = *this;
    resolving_ = !names_.ask(services_->loop, service().host, self);
  }
  return !resolving_;
}

// Each question begins after the addresses that have failed others.
std::vector<net::Address> UserLookup::addresses() const {
  std::vector<net::Address> turned = names_.known();
  const auto first = static_cast<std::ptrdiff_t>(first_address_ % turned.size());
  std::rotate(turned.begin(), turned.begin() + first, turned.end());
  return turned;
}

void UserLookup::on_addresses() {
  resolving_ = false;
  begin_what_waits();
}

void UserLookup::on_no_addresses(const Error& error) {
  resolving_ = false;
  IntrusiveList<LookupQuestion> hopeless;
  waiting_.splice_to(hopeless);
  while (LookupQuestion* question = hopeless.pop_front()) {
    on_question_failed(*question, LookupFailure::Unreachable, error);
  }
}

// ---- from the service

void UserLookup::on_answer(LookupQuestion& question, const LookupAnswer& answer) {
  first_address_ += question.failed_addresses();
  const UserPlace place = place_of(answer, config_->backends);
  if (place.error) {
    const bool named = place.error == lookup_error(LookupFailure::UnknownBackend);
    report(place.error, named ? named_by(answer) : "status " + std::to_string(answer.status));
  } else {
    count(place.backend ? "found" : "unknown");
    services_->counters.observe<Metric::UserLookupDuration>(net::Loop::now_us() -
                                                            question.asked_us());
    cache_.store(question.name(), place.backend, services_->loop.now_ms());
  }
  tell(question, place);
}

void UserLookup::on_question_failed(LookupQuestion& question, LookupFailure failure,
                                    const Error& error) {
  first_address_ += std::max<size_t>(question.failed_addresses(), 1);
  if (failure == LookupFailure::Unreachable) {
    names_.expire();  // it may have moved
  }
  const UserPlace place{.backend = {}, .error = lookup_error(failure)};
  report(place.error, error ? error.text() : "");
  tell(question, place);
}

// Which user it was about is nobody's business.
void UserLookup::report(const Error& failure, const std::string& details) const {
  const Cause cause = cause_of_lookup(failure);
  count(failure.label());
  log::write(log::Level::Warn, "user lookup failed",
             {{"service", service().authority},
              {"reason", failure.label()},
              {"cause", name_of(cause)},
              {"error", failure.text()},
              log::Field::optional("detail", details),
              {"advice", describe(cause).fix}},
             {.key = "reason", .value = failure.label()});
}

void UserLookup::count(const char* result) const {
  services_->counters.count<Metric::UserLookups>(
      services_->labels.index_of<Label::LookupResult>(result));
}

void UserLookup::tell(LookupQuestion& question, const UserPlace& place) {
  IntrusiveList<UserLookupObserver> observers;
  question.observers().splice_to(observers);
  remove(question);
  begin_what_waits();
  while (UserLookupObserver* observer = observers.pop_front()) {
    observer->on_user_looked_up(place);
  }
}

void UserLookup::remove(LookupQuestion& question) {
  begun_ -= question.begun() ? 1 : 0;
  question.cancel();
  const auto entry = questions_.find(question.name());
  services_->loop.retire(std::move(entry->second));
  questions_.erase(entry);
}

}  // namespace postern
