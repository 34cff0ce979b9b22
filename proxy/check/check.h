// `postern check`: everything that serving would find wrong, short of opening sockets, and what the
// configuration amounts to.
#pragma once

#include <string>

#include "proxy/base/result.h"
#include "proxy/config/config.h"

namespace postern {

struct CheckReport {
  Faults warnings;
  Faults hints;  // what could be better, though nothing is wrong
  // Something would keep clients from their mail: a certificate that has expired, or what
  // `preflight` has found.
  Faults findings;
  // In words: listeners, the policy really in force, certificates, backends.
  std::string summary;
};

// Reads certificates and keys. The faults are those for which serving would not start. `preflight`:
// also asks the servers of each backend, which takes up to a minute.
Result<CheckReport> run_check(Config config, bool preflight = false);

}  // namespace postern
