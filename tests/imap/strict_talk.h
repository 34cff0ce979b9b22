// A conversation before login, after the greeting: everywhere it can be cut.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/imap/filter_bench.h"

namespace postern::imap {

using test::client;
using test::server;

inline constexpr std::string_view kHi = "* OK hi\r\n";

inline Outcome talk(test::Transcript transcript, const Filter::Options& options = {}) {
  transcript.insert(transcript.begin(), server(kHi));
  Outcome outcome = run_everywhere(transcript, options);
  EXPECT_EQ(outcome.to_client.substr(0, kHi.size()), kHi);
  outcome.to_client.erase(0, kHi.size());
  return outcome;
}

inline std::string refusal(CommandRefusal reason, const char* tag = "a") {
  return std::string(tag) + " BAD " + text_of(reason) + "\r\n";
}

}  // namespace postern::imap
