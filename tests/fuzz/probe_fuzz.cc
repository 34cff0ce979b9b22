// What a probe reads of servers and name servers itself: the answers to a user's commands, cut as
// the input says, and SRV records. The rest of its reading is the gateway's.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "proxy/base/check.h"
#include "proxy/net/srv_lookup.h"
#include "proxy/probe/internal/user_walk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using postern::probe::UserWalk;
  const postern::Bytes input{data, size};
  postern::check(postern::net::read_srv(input).size() <= postern::net::SrvLookup::kMostRecords,
                 "the number of records is bounded");
  if (input.empty()) {
    return 0;
  }
  const size_t piece = size_t{input[0]} + 1;
  postern::Bytes rest = input.subspan(1);
  const postern::probe::Credentials credentials("anna", "open sesame");
  UserWalk walk(credentials);
  UserWalk::Step step = walk.begin();
  while (step != UserWalk::Step::Done && !rest.empty()) {
    walk.sent();
    step = walk.feed(rest.first(std::min(piece, rest.size())));
    rest = rest.subspan(std::min(piece, rest.size()));
  }
  postern::check(walk.steps().size() <= 4, "there are four commands");
  return 0;
}
