// What is counted of the commands in a session.
#include <vector>

#include "tests/session/session_fixture.h"

namespace postern {
namespace {

using imap::Command;
using imap::CommandResult;

class SessionCommandsTest : public SessionTest {
 public:
  uint64_t counted(Command command, CommandResult result) {
    return figure(Metric::Commands, {index(command), index(result)});
  }
  // How many have a latency.
  uint64_t timed(Command command) {
    const metrics::Counters& counters = gateway().counters();
    std::vector<uint64_t> cells(counters.row_size(Metric::CommandDuration));
    counters.add_row_to(Metric::CommandDuration, index(command), cells);
    uint64_t count = 0;
    for (size_t i = 0; i + 1 < cells.size(); ++i) {
      count += cells[i];
    }
    return count;
  }
};

TEST_F(SessionCommandsTest, CountsCommandsByTheirAnswers) {
  log_in();
  say("b NOOP", "b OK");
  say("c IDLE", "+ idling");
  say("DONE", "c OK");
  EXPECT_EQ(counted(Command::Login, CommandResult::Ok), 1U);
  EXPECT_EQ(counted(Command::Noop, CommandResult::Ok), 1U);
  EXPECT_EQ(counted(Command::Idle, CommandResult::Ok), 1U);
  EXPECT_EQ(timed(Command::Login), 1U);
  EXPECT_EQ(timed(Command::Noop), 1U);
  EXPECT_EQ(timed(Command::Idle), 0U);
}

TEST_F(SessionCommandsTest, CountsCommandsThatTheClientDoesNotWaitFor) {
  log_in();
  backend->options().answers = false;
  client->send("b SEARCH ALL\r\n");
  ASSERT_TRUE(until([&] { return backend->last().heard().ends_with("SEARCH ALL\r\n"); }));
  client->reset();
  ASSERT_TRUE(until([&] { return gateway().ended() == 1; }));
  EXPECT_EQ(counted(Command::Search, CommandResult::Abandoned), 1U);
  EXPECT_EQ(timed(Command::Search), 0U);
}

TEST_F(SessionCommandsTest, CountsNoneIfThatIsOff) {
  config.command_metrics = false;
  log_in();
  say("b NOOP", "b OK");
  EXPECT_EQ(counted(Command::Login, CommandResult::Ok), 0U);
  EXPECT_EQ(counted(Command::Noop, CommandResult::Ok), 0U);
  EXPECT_EQ(timed(Command::Noop), 0U);
}

}  // namespace
}  // namespace postern
