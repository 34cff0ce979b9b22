#include "metrics/counters.h"

#include <array>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/metrics/figures.h"

namespace postern::metrics {
namespace {

std::vector<uint64_t> row(const Counters& counters, Metric metric, size_t first = 0) {
  std::vector<uint64_t> cells(counters.row_size(metric));
  counters.add_row_to(metric, first, cells);
  return cells;
}

struct Figures {
  LabelSets labels = complete_labels();
  Counters counters{labels};
};

// Counting a metric by the wrong labels does not compile.
static_assert(CountedBy<Metric::Bytes, Hop, Direction>);
static_assert(!CountedBy<Metric::Bytes, Direction, Hop>);
static_assert(!CountedBy<Metric::Bytes, Hop>);
static_assert(!CountedBy<Metric::Bytes, LabelIndex<Label::Hop>, int>);
static_assert(!CountedBy<Metric::SessionsIdle, Hop>);
static_assert(!CountedBy<Metric::BuildInfo>);
static_assert(!CountedBy<Metric::HandshakeDuration>);
static_assert(ObservedBy<Metric::HandshakeDuration>);
static_assert(!ObservedBy<Metric::SessionsIdle>);
static_assert(CountedBy<Metric::BackendConnects, LabelIndex<Label::Server>,
                        LabelIndex<Label::ConnectResult>>);

TEST(Counters, GivesEachCombinationOfLabelsItsOwnCell) {
  constexpr std::array<size_t, 2> kBoth{0, 1};
  Figures figures;
  std::set<const Cell*> cells;
  size_t combinations = 0;
  for (const size_t a : kBoth) {
    for (const size_t b : kBoth) {
      for (const size_t c : kBoth) {
        for (const size_t d : kBoth) {
          cells.insert(&figures.counters.cell_at(Metric::Handshakes, {a, b, c, d}));
          ++combinations;
        }
      }
    }
  }
  EXPECT_EQ(cells.size(), combinations);
}

TEST(Counters, NeverMovesACell) {
  Figures figures;
  Cell& cell = figures.counters.cell_at(Metric::Bytes, {1, 0});
  cell.add(5);
  figures.counters.cell_at(Metric::Bytes, {1, 0}).add(7);
  EXPECT_EQ(cell.value(), 12U);
  EXPECT_EQ(row(figures.counters, Metric::Bytes, 1), (std::vector<uint64_t>{12, 0}));
  EXPECT_EQ(row(figures.counters, Metric::Bytes, 0), (std::vector<uint64_t>{0, 0}));
}

TEST(Counters, CountsWhatIsInternedLater) {
  Figures figures;
  const size_t server =
      figures.labels.intern_server(figures.labels.intern_backend("legacy"), "mail:143");
  figures.counters.cell_at(Metric::BackendConnects, {server, 1}).add(1);
  EXPECT_EQ(row(figures.counters, Metric::BackendConnects, server), (std::vector<uint64_t>{0, 1}));
}

TEST(Counters, PutsAnObservationIntoTheBucketWithTheNextBound) {
  Figures figures;
  const auto bounds = bounds_us(Buckets::Fine);
  figures.counters.histogram_at(Metric::HandshakeDuration, {}).observe(bounds[0]);
  figures.counters.histogram_at(Metric::HandshakeDuration, {}).observe(bounds[0] + 1);
  figures.counters.histogram_at(Metric::HandshakeDuration, {}).observe(bounds.back() + 1);
  std::vector<uint64_t> expected(bounds.size() + 2);
  expected[0] = 1;
  expected[1] = 1;
  expected[bounds.size()] = 1;
  expected.back() = 2 * bounds[0] + bounds.back() + 2;
  EXPECT_EQ(row(figures.counters, Metric::HandshakeDuration), expected);
}

TEST(Counters, SharesNoCacheLineBetweenRows) {
  Figures figures;
  const auto address = reinterpret_cast<uintptr_t>(&figures.counters.cell<Metric::SessionsIdle>());
  EXPECT_EQ(address % 64, 0U);
}

TEST(Counters, LowersAGaugeBelowWhatItCountedItself) {
  Figures figures;
  Counters other(figures.labels);
  figures.counters.cell<Metric::SessionsIdle>().add(1);
  other.cell<Metric::SessionsIdle>().subtract(1);
  std::vector<uint64_t> sum(1);
  figures.counters.add_row_to(Metric::SessionsIdle, 0, sum);
  other.add_row_to(Metric::SessionsIdle, 0, sum);
  EXPECT_EQ(sum[0], 0U);
}

TEST(CountersDeathTest, RefusesWhatTheCatalogueDoesNotAllow) {
  Figures figures;
  EXPECT_DEATH(figures.counters.cell_at(Metric::SessionsTotal, {}).add(1),
               "each dimension has one value");
  EXPECT_DEATH(figures.counters.cell_at(Metric::SessionsTotal, {0, 2}).add(1),
               "label's value is in its set");
  EXPECT_DEATH(figures.counters.cell_at(Metric::BuildInfo, {}).add(1), "counted, not sampled");
  EXPECT_DEATH(figures.counters.cell_at(Metric::HandshakeDuration, {}).add(1),
               "observed, not counted");
  EXPECT_DEATH(figures.counters.histogram_at(Metric::Logins, {0, 0, 0}).observe(1),
               "is a histogram");
  EXPECT_DEATH(Counters{LabelSets{}}, "every label is defined");
}

TEST(ScopedGauge, RaisesTheGaugeForItsLifetime) {
  Cell cell;
  {
    ScopedGauge hold(cell);
    EXPECT_TRUE(hold.held());
    EXPECT_EQ(cell.value(), 1U);
  }
  EXPECT_EQ(cell.value(), 0U);
}

TEST(ScopedGauge, MovesWithoutCountingTwice) {
  Cell one;
  Cell two;
  ScopedGauge hold(one);
  ScopedGauge moved(std::move(hold));
  EXPECT_EQ(one.value(), 1U);
  moved = ScopedGauge(two);
  EXPECT_EQ(one.value(), 0U);
  EXPECT_EQ(two.value(), 1U);
  moved.release();
  moved.release();
  EXPECT_EQ(two.value(), 0U);
}

}  // namespace
}  // namespace postern::metrics
