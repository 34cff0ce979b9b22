#include "metrics/label_sets.h"

#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace postern::metrics {
namespace {

using testing::ElementsAre;

constexpr std::array kResults{"success", "refused", "other"};

TEST(LabelSets, FindsValuesOfAFixedLabel) {
  LabelSets labels;
  labels.define(Label::ConnectResult, kResults);
  EXPECT_EQ(labels.width(Label::ConnectResult), 3U);
  EXPECT_EQ(labels.index_of(Label::ConnectResult, "refused"), 1U);
  EXPECT_EQ(labels.index_of(Label::ConnectResult, "other"), 2U);
}

TEST(LabelSets, MapsAnUnknownValueToTheLast) {
  LabelSets labels;
  labels.define(Label::ConnectResult, kResults);
  EXPECT_EQ(labels.index_of(Label::ConnectResult, "eclipse"), 2U);
}

TEST(LabelSets, InternsABackendOnce) {
  LabelSets labels;
  const size_t legacy = labels.intern_backend("legacy");
  EXPECT_NE(legacy, LabelSets::kOther);
  EXPECT_EQ(labels.intern_backend("legacy"), legacy);
  EXPECT_NE(labels.intern_backend("modern"), legacy);
  EXPECT_THAT(labels.values(Label::Backend), ElementsAre("other", "legacy", "modern"));
}

TEST(LabelSets, KeepsServersOfTwoBackendsApart) {
  LabelSets labels;
  const size_t legacy = labels.intern_backend("legacy");
  const size_t modern = labels.intern_backend("modern");
  const size_t one = labels.intern_server(legacy, "mail:143");
  const size_t two = labels.intern_server(modern, "mail:143");
  EXPECT_NE(one, two);
  EXPECT_EQ(labels.intern_server(legacy, "mail:143"), one);
  EXPECT_EQ(labels.backend_of(one), legacy);
  EXPECT_EQ(labels.backend_of(two), modern);
}

TEST(LabelSets, MapsValuesBeyondItsCapacityToOther) {
  LabelSets labels;
  const size_t first = labels.intern_backend("0");
  for (size_t i = 1; i < 2 * LabelSets::kLeastCapacity; ++i) {
    labels.intern_backend(std::to_string(i));
    labels.intern_server(first, std::to_string(i));
  }
  EXPECT_EQ(labels.values(Label::Backend).size(), LabelSets::kLeastCapacity);
  EXPECT_EQ(labels.width(Label::Server), LabelSets::kLeastCapacity);
  EXPECT_EQ(labels.intern_backend("late"), LabelSets::kOther);
  EXPECT_EQ(labels.intern_server(first, "late"), LabelSets::kOther);
  EXPECT_EQ(labels.backend_of(LabelSets::kOther), LabelSets::kOther);
  EXPECT_EQ(labels.intern_backend("0"), first);
}

TEST(LabelSets, HasRoomForAsManyAsItIsAskedFor) {
  LabelSets labels(1'000);
  const size_t backend = labels.intern_backend("legacy");
  for (size_t i = 1; i < 1'000; ++i) {
    EXPECT_EQ(labels.intern_server(backend, std::to_string(i)), i);
  }
  EXPECT_EQ(labels.intern_server(backend, "late"), LabelSets::kOther);
  EXPECT_EQ(labels.width(Label::Server), 1'000U);
}

TEST(LabelSetsDeathTest, RefusesToDefineALabelTwice) {
  LabelSets labels;
  labels.define(Label::ConnectResult, kResults);
  EXPECT_DEATH(labels.define(Label::ConnectResult, kResults), "defined once");
  EXPECT_DEATH(labels.define(Label::Backend, kResults), "defined once");
}

}  // namespace
}  // namespace postern::metrics
