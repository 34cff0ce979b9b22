// UserLookup asks the HTTP service of `users.lookup` which backend a user has. Each question has a
// connection of its own; sessions that ask about the same user at the same time share one, and an
// answer is kept for a while. A service that is slow gets no more than kAtOnce questions at one
// time, and no more than kMaxWaiting names wait: beyond that the question fails at once.
//
// One worker's thread. Must be destroyed before the loop on which it asks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "metrics/counters.h"
#include "metrics/label_sets.h"
#include "proxy/base/intrusive_list.h"
#include "proxy/config/config.h"
#include "proxy/lookup/lookup_answer.h"
#include "proxy/lookup/lookup_cache.h"
#include "proxy/net/loop.h"
#include "proxy/pool/dns_cache.h"
#include "tls/context.h"
#include "tls/engine.h"

namespace postern {

// What it needs of its worker; all must outlive it.
struct LookupServices {
  net::Loop& loop;
  tls::Workspace& workspace;
  metrics::Counters& counters;
  const metrics::LabelSets& labels;
};

class UserLookupObserver : public ListNode<UserLookupObserver> {
 public:
  virtual void on_user_looked_up(const UserPlace& place) = 0;

 protected:
  ~UserLookupObserver() = default;
};

class LookupQuestion;

class LookupQuestionObserver {
 public:
  virtual void on_answer(LookupQuestion& question, const LookupAnswer& answer) = 0;
  // `error` is what the network or TLS says, if that is why.
  virtual void on_question_failed(LookupQuestion& question, LookupFailure failure,
                                  const Error& error) = 0;

 protected:
  ~LookupQuestionObserver() = default;
};

class UserLookup final : private DnsCacheObserver, private LookupQuestionObserver {
 public:
  static constexpr size_t kAtOnce = 64;
  static constexpr size_t kMaxWaiting = 1024;

  // `config` has users.lookup; `context` is null if its url is not https.
  UserLookup(std::shared_ptr<const Config> config, std::unique_ptr<tls::ClientContext> context);
  ~UserLookup();

  // `name` is a user_name(), and `client` whose login it is. Nullopt: `observer` is called later,
  // not from inside this call. The services are those of each call.
  std::optional<UserPlace> ask(const LookupServices& services, const std::string& name,
                               const net::Address& client, UserLookupObserver& observer);
  // The observer's session ends: no callback follows. Idempotent.
  void withdraw(UserLookupObserver& observer);

 private:
  const LookupConfig& service() const { return *config_->users.lookup; }
  void begin_what_waits();
  bool is_resolved();
  std::vector<net::Address> addresses() const;
  void on_addresses() override;
  void on_no_addresses(const Error& error) override;
  void on_answer(LookupQuestion& question, const LookupAnswer& answer) override;
  void on_question_failed(LookupQuestion& question, LookupFailure failure,
                          const Error& error) override;
  void report(const Error& failure, const std::string& details) const;
  void count(const char* result) const;
  void tell(LookupQuestion& question, const UserPlace& place);
  void remove(LookupQuestion& question);

  const std::shared_ptr<const Config> config_;
  const std::unique_ptr<tls::ClientContext> context_;
  std::optional<LookupServices> services_;  // since the first question
  LookupCache cache_;
  DnsCache names_;
  bool resolving_ = false;
  size_t first_address_ = 0;  // the one after those that have failed lately
  std::map<std::string, std::unique_ptr<LookupQuestion>> questions_;
  IntrusiveList<LookupQuestion> waiting_;  // for their turn
  size_t begun_ = 0;                       // all the others
};

}  // namespace postern
