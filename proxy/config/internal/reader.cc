#include "proxy/config/internal/reader.h"

#include <algorithm>
#include <map>
#include <utility>

#include "proxy/config/internal/table.h"
#include "proxy/log/escape.h"

namespace postern::config {
namespace {

// "a.b", escaped so that a key cannot control a terminal.
std::string extend(const std::string& path, const std::string& name) {
  std::string out = path.empty() ? "" : path + ".";
  append_escaped(out, name, 80);
  return out;
}

class Walker {
 public:
  Walker(const Document& document, Draft& draft) : document_(document), draft_(draft) {}

  void run() {
    const YamlNode& root = document_.root();
    if (root.kind != YamlNode::Kind::Map) {
      return draft_.diagnostics.fault(
          root.line, std::string("the file must be a map of keys, but is ") + name_of(root.kind));
    }
    read_map("", "", root, root.line);
    // A work list in place of recursion. It is taken from its end and filled in reverse, so that
    // values are read in the order of the file, which on_begin() relies on: it must run before the
    // keys of its map.
    while (!work_.empty()) {
      const Visit visit = std::move(work_.back());
      work_.pop_back();
      visit.is_item ? read_item(visit) : read_value(visit);
    }
  }

 private:
  struct Visit {
    const Row* row;
    const YamlNode* node;
    std::string key;
    size_t line;       // the node's; the key's if there is no value
    std::string name;  // of an item in NamedMaps
    bool is_item;      // one map out of Maps or NamedMaps
  };

  // An alias lets one node appear in many places, so the steps are bounded as well as the nodes.
  bool step(size_t line) {
    if (++steps_ == kMaxNodes + 1) {
      draft_.diagnostics.fault(
          line, "the aliases make more than " + std::to_string(kMaxNodes) + " values of this file");
    }
    return steps_ <= kMaxNodes;
  }

  void fault(const Visit& visit, const std::string& what) {
    draft_.diagnostics.fault(visit.line, visit.key + ": " + what);
  }

  void wrong_shape(const Visit& visit) {
    fault(visit, std::string("is ") + name_of(visit.node->kind) + "; allowed is " +
                     std::string(visit.row->syntax));
  }

  void read_value(const Visit& visit) {
    const YamlNode::Kind kind = visit.node->kind;
    switch (visit.row->shape) {
      case Shape::Scalar:
        return kind == YamlNode::Kind::Scalar ? read_scalar(visit) : wrong_shape(visit);
      case Shape::ScalarOrMap:
        if (kind == YamlNode::Kind::Scalar) {
          return read_scalar(visit);
        }
        [[fallthrough]];
      case Shape::Map:
        return kind == YamlNode::Kind::Map ? read_item(visit) : wrong_shape(visit);
      case Shape::Scalars:
        return kind == YamlNode::Kind::List ? read_scalars(visit) : wrong_shape(visit);
      case Shape::ScalarsOrMaps:
      case Shape::Maps:
        return kind == YamlNode::Kind::List ? push_items(visit) : wrong_shape(visit);
      case Shape::NamedMaps:
        return kind == YamlNode::Kind::Map ? push_named(visit) : wrong_shape(visit);
    }
  }

  void read_scalar(const Visit& visit) {
    visit.row->on_value(draft_, {visit.node->text, visit.key, visit.line});
  }

  bool count_fits(const Visit& visit, size_t count) {
    const Row& row = *visit.row;
    if (count >= row.min_items && count <= row.max_items) {
      return true;
    }
    fault(visit, "has " + std::to_string(count) + " entries; allowed are " +
                     std::to_string(row.min_items) + " to " + std::to_string(row.max_items));
    return false;
  }

  void read_scalars(const Visit& visit) {
    const Row& row = *visit.row;
    if (!count_fits(visit, visit.node->children.size())) {
      return;
    }
    if (row.on_begin != nullptr) {
      row.on_begin(draft_, {{}, visit.key, visit.line});
    }
    size_t index = 0;
    for (const uint32_t child : visit.node->children) {
      const YamlNode& item = document_.at(child);
      if (!step(item.line)) {
        return;
      }
      const std::string key = visit.key + "[" + std::to_string(index++) + "]";
      if (item.kind == YamlNode::Kind::Scalar) {
        row.on_value(draft_, {item.text, key, item.line});
      } else {
        draft_.diagnostics.fault(
            item.line, key + ": is " + name_of(item.kind) + "; allowed is a single value");
      }
    }
  }

  void push_items(const Visit& visit) {
    const std::vector<uint32_t>& children = visit.node->children;
    if (!count_fits(visit, children.size())) {
      return;
    }
    for (size_t i = children.size(); i-- > 0;) {
      const YamlNode& item = document_.at(children[i]);
      work_.push_back(
          {visit.row, &item, visit.key + "[" + std::to_string(i) + "]", item.line, {}, true});
    }
  }

  void push_named(const Visit& visit) {
    if (!count_fits(visit, visit.node->children.size() / 2)) {
      return;
    }
    const std::vector<Entry> found = entries(visit.key, *visit.node);
    for (size_t i = found.size(); i-- > 0;) {
      const Entry& entry = found[i];
      const std::string key = extend(visit.key, entry.name);
      work_.push_back({visit.row, entry.value, key, entry.line, entry.name, true});
    }
  }

  // One map with fixed keys, or the word that stands for it.
  void read_item(const Visit& visit) {
    if (!step(visit.line)) {
      return;
    }
    if (visit.row->shape == Shape::ScalarsOrMaps && visit.node->kind == YamlNode::Kind::Scalar) {
      return read_scalar(visit);
    }
    if (visit.row->on_begin != nullptr) {
      visit.row->on_begin(draft_, {visit.name, visit.key, visit.line});
    }
    if (visit.node->kind != YamlNode::Kind::Map) {
      return fault(visit, std::string("is ") + name_of(visit.node->kind) +
                              "; allowed is a map of " + join(known_keys(visit.row->path)));
    }
    read_map(visit.row->path, visit.key, *visit.node, visit.line);
  }

  void read_map(std::string_view path, const std::string& key, const YamlNode& map, size_t line) {
    const std::vector<Entry> found = entries(key, map);
    for (size_t i = found.size(); i-- > 0;) {
      const Entry& entry = found[i];
      const std::string full = extend(key, entry.name);
      if (const Row* row = find(path, entry.name)) {
        work_.push_back({row, entry.value, full, entry.line, {}, false});
      } else {
        unknown_key(path, full, entry);
      }
    }
    for (const Row& row : table()) {
      const bool present = std::any_of(found.begin(), found.end(), [&row](const Entry& entry) {
        return entry.name == row.name();
      });
      if (row.required && row.parent() == path && !present) {
        draft_.diagnostics.fault(line, extend(key, std::string(row.name())) +
                                           ": is missing; it must be " + std::string(row.syntax));
      }
    }
  }

  struct Entry {
    std::string name;
    const YamlNode* value;
    size_t key_line;
    size_t line;  // of the value
  };

  // The keys of a map in the file's order, each once.
  std::vector<Entry> entries(const std::string& path, const YamlNode& map) {
    std::vector<Entry> found;
    std::map<std::string, size_t> lines;
    for (size_t i = 0; i + 1 < map.children.size(); i += 2) {
      const YamlNode& key = document_.at(map.children[i]);
      const YamlNode& value = document_.at(map.children[i + 1]);
      if (!step(key.line)) {
        break;
      }
      if (key.kind != YamlNode::Kind::Scalar) {
        draft_.diagnostics.fault(key.line, (path.empty() ? "" : path + ": ") +
                                               "a key must be a word, but is " + name_of(key.kind));
        continue;
      }
      const auto [first, added] = lines.insert({key.text, key.line});
      if (!added) {
        draft_.diagnostics.fault(key.line, extend(path, key.text) + ": is set already in line " +
                                               std::to_string(first->second));
        continue;
      }
      // An absent value has the mark of the next token.
      const size_t line = value.kind == YamlNode::Kind::Null ? key.line : value.line;
      found.push_back({key.text, &value, key.line, line});
    }
    return found;
  }

  static const Row* find(std::string_view path, const std::string& name) {
    for (const Row& row : table()) {
      if (row.parent() == path && row.name() == name) {
        return &row;
      }
    }
    return nullptr;
  }

  static std::vector<std::string> known_keys(std::string_view path) {
    std::vector<std::string> names;
    for (const Row& row : table()) {
      if (row.parent() == path) {
        names.emplace_back(row.name());
      }
    }
    return names;
  }

  void unknown_key(std::string_view path, const std::string& key, const Entry& entry) {
    const std::vector<std::string> names = known_keys(path);
    const std::string guess = did_you_mean(entry.name, names);
    draft_.diagnostics.fault(entry.key_line, key + ": is an unknown key" + guess +
                                                 (guess.empty() ? "; " : " ") +
                                                 "allowed here are " + join(names));
  }

  const Document& document_;
  Draft& draft_;
  std::vector<Visit> work_;
  size_t steps_ = 0;
};

}  // namespace

void read_document(const Document& document, Draft& draft) {
  Walker(document, draft).run();
}

}  // namespace postern::config
