#include "proxy/lookup/user_lookup.h"

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "proxy/log/log.h"
#include "tests/metrics/figures.h"
#include "tests/support/scripted_backend.h"
#include "tests/support/scripted_service.h"
#include "tests/support/test_loop.h"

namespace postern {
namespace {

using metrics::Label;
using metrics::Metric;

constexpr std::array kResults{"found",           "unknown",           "cached",
                              "unreachable",     "not_secured",       "timed_out",
                              "service_failed",  "invalid_answer",    "answer_too_large",
                              "unknown_backend", "too_many_questions"};

struct Asker final : UserLookupObserver {
  void on_user_looked_up(const UserPlace& said) override {
    ++answers;
    place = said;
  }
  int answers = 0;
  UserPlace place = {};
};

class UserLookupTest : public testing::Test {
 protected:
  UserLookupTest() {
    log::configure(log::Format::Text, log::Level::Error);
    config->backends = {{.name = "old", .servers = {{"192.0.2.1", 143}}, .verify = {}},
                        {.name = "new", .servers = {{"192.0.2.2", 143}}, .verify = {}}};
    config->users.lookup.emplace().host = service.host();
  }
  ~UserLookupTest() override {
    lookup.reset();
    held.reset();
    EXPECT_TRUE(test::run_to_end(loop)) << "something still keeps the loop going";
  }
  static metrics::LabelSets make_labels() {
    metrics::LabelSets sets;
    sets.define(Label::LookupResult, kResults);
    return metrics::complete_labels(std::move(sets));
  }
  LookupConfig& settings() { return *config->users.lookup; }
  std::optional<UserPlace> ask(const std::string& user, Asker& asker) {
    if (lookup == nullptr) {
      lookup = std::make_unique<UserLookup>(config, nullptr);
    }
    return lookup->ask(services, user, net::Address::parse("192.0.2.7:4711").value(), asker);
  }
  bool until(const std::function<bool()>& done) { return test::run_until(loop, done); }
  uint64_t count(std::string_view result) {
    return counters.cell_at(Metric::UserLookups, {labels.index_of(Label::LookupResult, result)})
        .value();
  }

  net::Loop loop;
  tls::Workspace workspace;
  const metrics::LabelSets labels = make_labels();
  metrics::Counters counters{labels};
  const LookupServices services{
      .loop = loop, .workspace = workspace, .counters = counters, .labels = labels};
  std::unique_ptr<test::ScriptedService> held = std::make_unique<test::ScriptedService>(loop);
  test::ScriptedService& service = *held;
  test::ClosedPort closed;
  std::shared_ptr<Config> config = std::make_shared<Config>();
  std::unique_ptr<UserLookup> lookup;
};

TEST_F(UserLookupTest, AnswersFromTheLoopAndThenAtOnce) {
  service.say_ok("new");
  Asker asker;
  ASSERT_EQ(ask("anna", asker), std::nullopt);
  EXPECT_EQ(asker.answers, 0);
  ASSERT_TRUE(until([&] { return asker.answers == 1; }));
  EXPECT_EQ(asker.place, UserPlace{.backend = 1});
  EXPECT_EQ(ask("anna", asker), UserPlace{.backend = 1});
  EXPECT_EQ(count("found"), 1U);
  EXPECT_EQ(count("cached"), 1U);
}

TEST_F(UserLookupTest, KeepsToItsLimitAndGoesOnInTurn) {
  std::vector<std::unique_ptr<Asker>> askers;
  const auto more = [&] {
    askers.push_back(std::make_unique<Asker>());
    return ask("user" + std::to_string(askers.size()), *askers.back());
  };
  const size_t most = UserLookup::kAtOnce + UserLookup::kMaxWaiting;
  for (size_t i = 0; i < most; ++i) {
    ASSERT_EQ(more(), std::nullopt) << i;
  }
  ASSERT_TRUE(
      until([&] { return service.was_asked("user" + std::to_string(UserLookup::kAtOnce)); }));
  const auto refused = more();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->error, lookup_error(LookupFailure::TooManyQuestions));
  EXPECT_EQ(count("too_many_questions"), 1U);
  EXPECT_EQ(service.asked(), UserLookup::kAtOnce);

  service.say_ok("old");
  service.answer_all();
  EXPECT_TRUE(until([&] { return count("found") == most; }));
  EXPECT_EQ(askers[most - 1]->place, UserPlace{.backend = 0});
}

TEST_F(UserLookupTest, LetsTheNextOneInWhenOneGivesUp) {
  std::vector<std::unique_ptr<Asker>> askers;
  for (size_t i = 0; i <= UserLookup::kAtOnce; ++i) {
    askers.push_back(std::make_unique<Asker>());
    ASSERT_EQ(ask("user" + std::to_string(i), *askers.back()), std::nullopt);
  }
  ASSERT_TRUE(until([&] { return service.asked() == UserLookup::kAtOnce; }));
  lookup->withdraw(*askers[3]);
  lookup->withdraw(*askers[3]);
  EXPECT_TRUE(
      until([&] { return service.was_asked("user" + std::to_string(UserLookup::kAtOnce)); }));
  EXPECT_TRUE(until([&] { return service.open() == UserLookup::kAtOnce; }));
  for (const auto& asker : askers) {
    lookup->withdraw(*asker);
  }
  EXPECT_TRUE(until([&] { return service.open() == 0; }));
  EXPECT_EQ(askers[0]->answers, 0);
}

TEST_F(UserLookupTest, WaitsNoLongerThanItMayInTheQueueEither) {
  settings().timeout_ms = 50;
  std::vector<std::unique_ptr<Asker>> askers;
  for (size_t i = 0; i < 2 * UserLookup::kAtOnce; ++i) {
    askers.push_back(std::make_unique<Asker>());
    ASSERT_EQ(ask("user" + std::to_string(i), *askers.back()), std::nullopt);
  }
  ASSERT_TRUE(until([&] { return count("timed_out") == askers.size(); }));
  EXPECT_EQ(askers.back()->place.error, lookup_error(LookupFailure::TimedOut));
  EXPECT_TRUE(until([&] { return service.open() == 0; }));
}

TEST_F(UserLookupTest, FailsWhereTheNameOfTheServiceIsNone) {
  settings().host = {"no-such-host.invalid", 80};
  Asker first;
  Asker second;
  ASSERT_EQ(ask("anna", first), std::nullopt);
  ASSERT_EQ(ask("bert", second), std::nullopt);
  ASSERT_TRUE(until([&] { return first.answers == 1 && second.answers == 1; }));
  EXPECT_EQ(first.place.error, lookup_error(LookupFailure::Unreachable));
  EXPECT_EQ(count("unreachable"), 2U);
}

// localhost is ::1, where nobody listens, and then 127.0.0.1; or 127.0.0.1 alone.
TEST_F(UserLookupTest, TriesEachAddressOfTheName) {
  settings().host = {"localhost", service.host().port};
  service.say_ok("new");
  Asker asker;
  ASSERT_EQ(ask("anna", asker), std::nullopt);
  ASSERT_TRUE(until([&] { return asker.answers == 1; }));
  EXPECT_EQ(asker.place, UserPlace{.backend = 1});
}

TEST_F(UserLookupTest, ReportsAServiceThatIsNotThere) {
  settings().host = closed.host();
  Asker asker;
  ASSERT_EQ(ask("anna", asker), std::nullopt);
  ASSERT_TRUE(until([&] { return asker.answers == 1; }));
  EXPECT_EQ(asker.place.error, lookup_error(LookupFailure::Unreachable));
  EXPECT_EQ(cause_of_lookup(asker.place.error), Cause::LookupUnreachable);
}

TEST_F(UserLookupTest, LeavesNothingWhenItGoesWithQuestionsOnTheirWay) {
  Asker asker;
  ASSERT_EQ(ask("anna", asker), std::nullopt);
  ASSERT_TRUE(until([&] { return service.was_asked("anna"); }));
  lookup.reset();
  EXPECT_TRUE(until([&] { return service.open() == 0; }));
  EXPECT_EQ(asker.answers, 0);
}

}  // namespace
}  // namespace postern
