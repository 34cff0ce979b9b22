// every_split(): feeds a transcript to a parser whole, cut in two at every point, and byte by byte,
// and holds the parser to the same result each time. What depends on where the network cuts is a
// fault.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace postern::test {

// One side's bytes. `client`: whether it is the client's.
struct Said {
  bool client;
  std::string bytes;
};
using Transcript = std::vector<Said>;

inline Said client(std::string_view bytes) {
  return {true, std::string(bytes)};
}
inline Said server(std::string_view bytes) {
  return {false, std::string(bytes)};
}

// One step of a transcript in the pieces it arrives in.
struct Arrival {
  bool client;
  std::vector<std::string_view> pieces;
};

inline std::vector<Arrival> cut_at(const Transcript& transcript, size_t cut) {
  std::vector<Arrival> arrivals;
  for (const Said& said : transcript) {
    const std::string_view bytes = said.bytes;
    if (cut > 0 && cut < bytes.size()) {
      arrivals.push_back({said.client, {bytes.substr(0, cut), bytes.substr(cut)}});
    } else {
      arrivals.push_back({said.client, {bytes}});
    }
    cut = cut > bytes.size() ? cut - bytes.size() : 0;
  }
  return arrivals;
}

inline std::vector<Arrival> cut_everywhere(const Transcript& transcript) {
  std::vector<Arrival> arrivals;
  for (const Said& said : transcript) {
    Arrival arrival{said.client, {}};
    for (size_t i = 0; i < said.bytes.size(); ++i) {
      arrival.pieces.push_back(std::string_view(said.bytes).substr(i, 1));
    }
    arrivals.push_back(arrival);
  }
  return arrivals;
}

// `run` takes a std::vector<Arrival> and returns something with == and <<. Returns the result of
// the uncut run.
template <typename Run>
auto every_split(const Transcript& transcript, Run run) {
  const auto whole = run(cut_at(transcript, 0));
  size_t size = 0;
  for (const Said& said : transcript) {
    size += said.bytes.size();
  }
  for (size_t cut = 1; cut < size && !testing::Test::HasFailure(); ++cut) {
    EXPECT_EQ(run(cut_at(transcript, cut)), whole) << "cut after byte " << cut;
  }
  EXPECT_EQ(run(cut_everywhere(transcript)), whole) << "byte by byte";
  return whole;
}

}  // namespace postern::test
