#include "proxy/base/intrusive_list.h"

#include <memory>
#include <vector>

#include <gtest/gtest.h>

namespace postern {
namespace {

struct Left;
struct Right;
struct Member : ListNode<Left>, ListNode<Right> {
  explicit Member(int with_id) : id(with_id) {}
  int id;
};
using LeftList = IntrusiveList<Member, Left>;
using RightList = IntrusiveList<Member, Right>;

template <typename List>
std::vector<int> ids(List& list) {
  std::vector<int> out;
  list.for_each([&](Member& member) { out.push_back(member.id); });
  return out;
}

TEST(IntrusiveList, KeepsTheOrderOfJoining) {
  Member a(1), b(2), c(3);
  LeftList list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.pop_front(), nullptr);
  list.push_back(a);
  list.push_back(b);
  list.push_back(c);
  EXPECT_EQ(ids(list), (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(list.pop_front(), &a);
  EXPECT_EQ(list.front(), &b);
}

TEST(IntrusiveList, LetsAMemberLeaveWithoutKnowingItsList) {
  Member a(1), b(2), c(3);
  LeftList list;
  list.push_back(a);
  list.push_back(b);
  list.push_back(c);
  b.ListNode<Left>::unlink();
  EXPECT_FALSE(b.ListNode<Left>::linked());
  b.ListNode<Left>::unlink();
  EXPECT_EQ(ids(list), (std::vector<int>{1, 3}));
}

TEST(IntrusiveList, ForgetsADestroyedMember) {
  Member a(1);
  auto b = std::make_unique<Member>(2);
  LeftList list;
  list.push_back(a);
  list.push_back(*b);
  b.reset();
  EXPECT_EQ(ids(list), (std::vector<int>{1}));
}

TEST(IntrusiveList, UnlinksItsMembersWhenDestroyed) {
  Member a(1);
  {
    LeftList list;
    list.push_back(a);
  }
  EXPECT_FALSE(a.ListNode<Left>::linked());
  LeftList other;
  other.push_back(a);
  EXPECT_EQ(other.front(), &a);
}

TEST(IntrusiveList, HoldsOneObjectInSeveralListsByTag) {
  Member a(1), b(2);
  LeftList left;
  RightList right;
  left.push_back(a);
  left.push_back(b);
  right.push_back(b);
  right.push_back(a);
  EXPECT_EQ(left.pop_front(), &a);
  EXPECT_EQ(ids(left), (std::vector<int>{2}));
  EXPECT_EQ(ids(right), (std::vector<int>{2, 1}));
}

TEST(IntrusiveList, SplicesInOrderToTheEndOfAnother) {
  Member a(1), b(2), c(3);
  LeftList from, to;
  to.push_back(a);
  from.push_back(b);
  from.push_back(c);
  from.splice_to(to);
  EXPECT_TRUE(from.empty());
  EXPECT_EQ(ids(to), (std::vector<int>{1, 2, 3}));
  from.splice_to(to);
  EXPECT_EQ(ids(to), (std::vector<int>{1, 2, 3}));
}

TEST(IntrusiveList, LetsTheVisitedMemberLeave) {
  Member a(1), b(2), c(3);
  LeftList list;
  list.push_back(a);
  list.push_back(b);
  list.push_back(c);
  std::vector<int> seen;
  list.for_each([&](Member& member) {
    seen.push_back(member.id);
    member.ListNode<Left>::unlink();
  });
  EXPECT_EQ(seen, (std::vector<int>{1, 2, 3}));
  EXPECT_TRUE(list.empty());
}

}  // namespace
}  // namespace postern
