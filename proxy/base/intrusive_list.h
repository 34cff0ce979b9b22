// IntrusiveList: a doubly linked list whose links live in its members, so that joining and leaving
// allocate nothing and a member can leave without knowing its list. One thread. The list owns
// nothing; a member leaves by itself when destroyed. A member derives from ListNode<Tag>; different
// tags let one object be in several lists at once.
#pragma once

#include <cstddef>

#include "proxy/base/check.h"

namespace postern {

template <typename Tag>
class ListNode {
 public:
  ListNode() = default;
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (next_ == nullptr) {
      return;
    }
    next_->prev_ = prev_;
    prev_->next_ = next_;
    next_ = prev_ = nullptr;
  }

 private:
  template <typename T, typename U>
  friend class IntrusiveList;
  ListNode* next_ = nullptr;
  ListNode* prev_ = nullptr;
};

template <typename T, typename Tag = T>
class IntrusiveList {
  using Node = ListNode<Tag>;

 public:
  IntrusiveList() { head_.next_ = head_.prev_ = &head_; }
  IntrusiveList(const IntrusiveList&) = delete;
  IntrusiveList& operator=(const IntrusiveList&) = delete;
  ~IntrusiveList() {
    while (pop_front() != nullptr) {
    }
    head_.next_ = head_.prev_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }

  void push_back(T& member) {
    Node& node = member;
    check(!node.linked(), "a member joins one list at a time");
    node.prev_ = head_.prev_;
    node.next_ = &head_;
    head_.prev_->next_ = &node;
    head_.prev_ = &node;
  }

  T* front() { return empty() ? nullptr : static_cast<T*>(head_.next_); }

  // The one after `member`, which is in this list; null after the last.
  T* next(T& member) {
    Node* after = static_cast<Node&>(member).next_;
    return after == &head_ ? nullptr : static_cast<T*>(after);
  }

  T* pop_front() {
    T* first = front();
    if (first != nullptr) {
      static_cast<Node*>(first)->unlink();
    }
    return first;
  }

  // Moves every member to the end of `other`, in order.
  void splice_to(IntrusiveList& other) {
    if (empty()) {
      return;
    }
    head_.next_->prev_ = other.head_.prev_;
    other.head_.prev_->next_ = head_.next_;
    head_.prev_->next_ = &other.head_;
    other.head_.prev_ = head_.prev_;
    head_.next_ = head_.prev_ = &head_;
  }

  // Calls visit(T&) for each member; visit may unlink the member it is given, and no other.
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (Node* node = head_.next_; node != &head_;) {
      Node* next = node->next_;
      visit(*static_cast<T*>(node));
      node = next;
    }
  }

 private:
  Node head_;
};

}  // namespace postern
