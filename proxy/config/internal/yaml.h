// Document: a YAML file as a plain tree in which every node knows its line. It is built from
// yaml-cpp's parser events and not from its Node, which hides duplicate keys and the lines of empty
// values, and has no limit. An alias shares the node it names, so that aliases can't make the tree
// grow; a walker of the tree must bound its own steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/base/bytes.h"
#include "proxy/base/names.h"
#include "proxy/base/result.h"

namespace postern::config {

inline constexpr size_t kMaxFileBytes = 4 * kMiB;
inline constexpr size_t kMaxNodes = 100'000;  // three times the largest sensible file

struct YamlNode {
  enum class Kind : uint8_t { Null, Scalar, List, Map };
  Kind kind = Kind::Null;
  size_t line = 1;
  std::string text;                // of a scalar, as written, without quotes
  std::vector<uint32_t> children;  // of a list: items; of a map: key, value, key, value ...
};
inline constexpr Names<YamlNode::Kind> kYamlKindNames{"empty", "a single value", "a list", "a map"};
constexpr const char* name_of(YamlNode::Kind kind) {
  return kYamlKindNames[kind];
}

class Document {
 public:
  // `name` stands for the file in faults. A syntax error is one fault, because nothing after it can
  // be trusted.
  static Result<Document> read(const std::string& yaml, const std::string& name);

  const YamlNode& root() const { return nodes_.front(); }
  const YamlNode& at(uint32_t index) const { return nodes_[index]; }

 private:
  explicit Document(std::vector<YamlNode> nodes) : nodes_(std::move(nodes)) {}
  std::vector<YamlNode> nodes_;  // never empty
};

}  // namespace postern::config
