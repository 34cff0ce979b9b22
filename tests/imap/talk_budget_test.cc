#include "proxy/imap/internal/talk_budget.h"

#include <gtest/gtest.h>

namespace postern::imap {
namespace {

TEST(TalkBudget, LastsForSoManyCommands) {
  TalkBudget budget(2, 1'000);
  budget.command();
  budget.command();
  EXPECT_FALSE(budget.spent());
  EXPECT_EQ(budget.commands_left(), 0U);
  budget.command();
  EXPECT_TRUE(budget.spent());
}

TEST(TalkBudget, ChargesForThePieceAsWellAsForItsBytes) {
  TalkBudget budget(1, 2 * TalkBudget::kPiece + 3);
  budget.piece(1);
  budget.piece(2);
  EXPECT_FALSE(budget.spent());
  budget.piece(0);
  EXPECT_TRUE(budget.spent());
}

TEST(TalkBudget, IsSpentForGood) {
  TalkBudget budget(5, 10);
  budget.piece(1'000);
  budget.command();
  EXPECT_TRUE(budget.spent());
}

}  // namespace
}  // namespace postern::imap
