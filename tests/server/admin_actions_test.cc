#include "proxy/server/internal/admin_actions.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/session/make_label_sets.h"
#include "tests/support/certificates.h"
#include "tests/support/gateway_config.h"
#include "tests/support/logged.h"

namespace postern {
namespace {

using metrics::AdminPath;
using metrics::HttpStatus;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::StartsWith;

const std::string kToken(40, 't');

class AdminActionsTest : public testing::Test, private ActionHost {
 protected:
  AdminActionsTest() {
    log::configure(log::Format::Text, log::Level::Info);
    Config config = test::gateway_config({{"127.0.0.1", 143}, {"127.0.0.1", 144}});
    config.admin_token = directory.write("token", kToken);
    materials = Materials::load(std::move(config), nullptr).value();
    labels = std::make_unique<metrics::LabelSets>(make_label_sets(*materials.config));
    facts = std::make_unique<BackendFacts>(*labels);
    actions = std::make_unique<AdminActions>(ActionSources{.state = state,
                                                           .materials = materials,
                                                           .workers = workers,
                                                           .admission = admission,
                                                           .facts = *facts,
                                                           .loop = loop,
                                                           .host = *this});
  }
  Faults reload_for_action() override {
    ++reloads;
    return reload_faults;
  }
  struct Asked {
    HttpStatus status;
    std::string text;
  };
  Asked ask(AdminPath action, const std::string& form = "", const std::string& token = kToken,
            bool secured = true) {
    const auto answer =
        actions->act({.path = action, .token = token, .form = form, .as_text = true},
                     {.address = net::Address::parse("192.0.2.1:7").value(), .secured = secured},
                     [](const admin::ActionAnswer&) { FAIL() << "answered later as well"; });
    return answer ? Asked{answer->status, answer->body} : Asked{HttpStatus::Ok, "later"};
  }

  test::TempDirectory directory;
  net::Loop loop;
  ServingState state;
  Materials materials;
  std::unique_ptr<metrics::LabelSets> labels;
  std::unique_ptr<BackendFacts> facts;
  Admission admission;
  std::vector<std::unique_ptr<Worker>> workers;
  std::unique_ptr<AdminActions> actions;
  Faults reload_faults;
  int reloads = 0;
};

TEST_F(AdminActionsTest, AsksForTheToken) {
  EXPECT_EQ(ask(AdminPath::Reload, "", "").status, HttpStatus::Unauthorized);
  EXPECT_EQ(ask(AdminPath::Reload, "", kToken + "t").status, HttpStatus::Unauthorized);
  EXPECT_EQ(reloads, 0);
  EXPECT_EQ(ask(AdminPath::Reload).status, HttpStatus::Ok);
  EXPECT_EQ(reloads, 1);
}

TEST_F(AdminActionsTest, JudgesNoTokenThatCameInClear) {
  const Asked asked = ask(AdminPath::Reload, "", kToken, false);
  EXPECT_EQ(asked.status, HttpStatus::Forbidden);
  EXPECT_THAT(asked.text, HasSubstr("127.0.0.1"));
  EXPECT_EQ(reloads, 0);
}

TEST_F(AdminActionsTest, HasNoneWithoutATokenFile) {
  materials.admin_token.reset();
  const Asked asked = ask(AdminPath::Reload);
  EXPECT_EQ(asked.status, HttpStatus::Forbidden);
  EXPECT_THAT(asked.text, HasSubstr("admin.token_file"));
  EXPECT_EQ(reloads, 0);
}

TEST_F(AdminActionsTest, SaysWhyAReloadFailed) {
  reload_faults = {{"postern.yaml:3", "a fault"}, {"", "another"}};
  const Asked asked = ask(AdminPath::Reload);
  EXPECT_EQ(asked.status, HttpStatus::Conflict);
  EXPECT_EQ(asked.text, "reload: postern.yaml:3: a fault; another\n");
  state.draining = true;
  EXPECT_EQ(ask(AdminPath::Reload).status, HttpStatus::Conflict);
  EXPECT_EQ(reloads, 1) << "not while it drains";
}

TEST_F(AdminActionsTest, WritesALineForEach) {
  const auto lines = test::logged([this] {
    log::configure(log::Format::Text, log::Level::Info);
    ask(AdminPath::Ban, "client=192.0.2.7&for=1m");
    ask(AdminPath::Bans);
    ask(AdminPath::Ban, "client=nobody%0aadmin action");
    ask(AdminPath::Ban, "client=192.0.2.8", "guess");
  });
  EXPECT_THAT(lines, ElementsAre(HasSubstr("admin action action=ban asked=\"client=192.0.2.7 "
                                           "for=1m\" client=192.0.2.1 result=done count=1"),
                                 HasSubstr("admin action action=bans client=192.0.2.1"),
                                 HasSubstr("asked=\"client=nobody\\nadmin action\" "
                                           "client=192.0.2.1 result=failed count=0 fault="),
                                 HasSubstr("admin action refused action=ban client=192.0.2.1 "
                                           "reason=\"this is not the token")));
}

TEST_F(AdminActionsTest, WritesTheLineOfALevelThatHidesIt) {
  const auto lines = test::logged([this] {
    log::configure(log::Format::Text, log::Level::Info);
    ask(AdminPath::LogLevel, "level=error");
    ask(AdminPath::LogLevel, "level=debug");
  });
  EXPECT_THAT(lines, ElementsAre(HasSubstr("level=error"), HasSubstr("level=debug")));
}

TEST_F(AdminActionsTest, BansNobodyWhoIsExempt) {
  Config config = *materials.config;
  config.limits.login_failures.emplace().exempt = {net::Network::parse("192.0.2.0/24").value()};
  materials.config = std::make_shared<const Config>(std::move(config));
  EXPECT_EQ(ask(AdminPath::Ban, "client=192.0.2.7").status, HttpStatus::Conflict);
  EXPECT_EQ(ask(AdminPath::Ban, "client=198.51.100.7").status, HttpStatus::Ok);
  EXPECT_EQ(admission.logins().bans(loop.now_ms()).size(), 1U);
}

TEST_F(AdminActionsTest, DrainsTheServerThatItNames) {
  EXPECT_EQ(ask(AdminPath::Drain, "server=127.0.0.1:144").text, "drain: 1 server\n");
  EXPECT_FALSE(materials.health[0][0]->drained);
  EXPECT_TRUE(materials.health[0][1]->drained);
  EXPECT_EQ(materials.health[0][1]->state(materials.config->backends[0].servers[1]),
            ServerState::Draining);
  EXPECT_EQ(ask(AdminPath::Drain, "server=127.0.0.1:145").status, HttpStatus::NotFound);
  EXPECT_EQ(ask(AdminPath::Undrain, "server=127.0.0.1:144").text, "undrain: 1 server\n");
  EXPECT_FALSE(materials.health[0][1]->drained);
}

TEST_F(AdminActionsTest, SaysThatABackendHasNoServerLeft) {
  ask(AdminPath::Drain, "server=127.0.0.1:144");
  EXPECT_THAT(ask(AdminPath::Drain, "server=127.0.0.1:143").text,
              StartsWith("drain: 1 server\nbackend \"pool\" has no server left"));
}

TEST_F(AdminActionsTest, SaysThatABackendIsNoServer) {
  EXPECT_EQ(ask(AdminPath::Drain, "server=pool").text,
            "drain: \"pool\" is no server, but a backend; its servers are 127.0.0.1:143, "
            "127.0.0.1:144\n");
}

TEST_F(AdminActionsTest, SaysUntilWhenAClientIsBanned) {
  EXPECT_THAT(ask(AdminPath::Ban, "client=192.0.2.7&for=1h").text,
              MatchesRegex("ban: 1 ban\n192.0.2.7 until [0-9T:Z-]+ by admin\n"));
  EXPECT_THAT(ask(AdminPath::Bans).text, StartsWith("bans: 1 ban\n"));
}

}  // namespace
}  // namespace postern
