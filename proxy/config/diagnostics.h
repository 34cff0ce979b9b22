// Diagnostics collects every fault and warning about the operator's configuration, to report them
// at once in the order of the file. One thread.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/result.h"

namespace postern::config {

// A value as it was written, with what a message about it needs.
struct SourceValue {
  std::string text;
  std::string key;  // "backends.legacy.tls", or the flag: "--backend-tls"
  size_t line = 0;  // from 1; 0: not from a file
};

class Diagnostics {
 public:
  // `name` stands for the file; empty when the values come from flags.
  explicit Diagnostics(std::string name) : name_(std::move(name)) {}

  // Reads: KEY: "VALUE" WHY.
  void fault(const SourceValue& value, std::string_view why);
  void fault(size_t line, std::string message);
  void warning(const SourceValue& value, std::string_view why);

  std::string where(size_t line) const;  // "postern.yaml:12"; empty for flags
  bool ok() const { return faults_.empty(); }
  // Sorted by line; of those after the first hundred, only the number.
  Faults faults() const;
  Faults warnings() const;

 private:
  struct Diagnostic {
    size_t line;
    std::string message;
  };
  Faults render(std::vector<Diagnostic> diagnostics) const;

  std::string name_;
  std::vector<Diagnostic> faults_;
  std::vector<Diagnostic> warnings_;
};

// `; did you mean "listeners"?` or "". The candidates are our own words: nothing is escaped.
std::string did_you_mean(std::string_view text, std::span<const std::string> candidates);

// "a, b, c"
std::string join(std::span<const std::string> words);

}  // namespace postern::config
