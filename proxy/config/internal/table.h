// The table lists every key of the configuration once, with its form, default, documentation and
// reader. The parser, `postern config-reference` and docs/configuration.md are made from it, so
// they can't disagree. Constant data; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "proxy/config/diagnostics.h"
#include "proxy/config/internal/draft.h"

namespace postern::config {

enum class Shape : uint8_t {
  Scalar,
  Scalars,        // a list of scalars
  ScalarsOrMaps,  // a list of words, each of which may be a map: its keys are "PATH[].key"
  Map,            // fixed keys
  ScalarOrMap,    // a word that stands for a whole map, or the map
  Maps,           // a list of maps with fixed keys: its keys are "PATH[].key"
  NamedMaps,      // maps with fixed keys under names that the operator chooses: "PATH.NAME.key"
};

using Read = void (*)(Draft&, const SourceValue&);
// A value that a draft holds, as the file writes it.
using Show = std::string (*)(Draft&);

struct Row {
  std::string_view path = {};  // "backends.NAME.verify.ca"
  Shape shape = Shape::Scalar;
  bool required = false;
  std::string_view syntax = {};   // what is allowed, for people
  std::string_view example = {};  // for the reference, if there is no default or a better one
  std::string_view doc = {};      // full sentences
  bool alternative = false;       // stands in place of the key before it
  size_t min_items = 1;           // of lists and of named maps
  size_t max_items = 64;
  Show show = nullptr;      // the value that on_value sets; null: the key has no default
  Read on_value = nullptr;  // called for the scalar, or for each one of a list
  // Called before the keys of a map are read; the value's text is the map's name, if it has one.
  Read on_begin = nullptr;

  std::string_view name() const;    // "ca", the last part
  std::string_view parent() const;  // "backends.NAME.verify"; empty at the top
  size_t depth() const;             // 0 at the top
};

std::span<const Row> table();

// A draft in which no key is set, with one listener, one backend and every map that may be left
// out: all that a row can show.
Draft initial_draft();
// The default, as the file writes it: what the row shows of an initial draft. Empty: there is none.
std::string default_of(const Row& row);

}  // namespace postern::config
