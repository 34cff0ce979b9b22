#include "proxy/config/internal/yaml.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <sstream>
#include <utility>

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "proxy/log/escape.h"

namespace postern::config {
namespace {

size_t line_of(const YAML::Mark& mark) {
  return mark.line < 0 ? 1 : static_cast<size_t>(mark.line) + 1;
}

// Takes the events of one document. After the first fault it ignores them: the parser cannot be
// stopped, but the tree no longer grows.
class TreeBuilder final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      refuse(mark, "a second YAML document starts here, only one is read");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    add(mark, YamlNode::Kind::Null, anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    check_tag(mark, tag);
    if (add(mark, YamlNode::Kind::Scalar, anchor)) {
      nodes_.back().text = value;
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value /*style*/) override {
    check_tag(mark, tag);
    open(mark, YamlNode::Kind::List, anchor);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value /*style*/) override {
    check_tag(mark, tag);
    open(mark, YamlNode::Kind::Map, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (fault_) {
      return;
    }
    const auto found = std::find_if(anchors_.begin(), anchors_.end(),
                                    [anchor](const Anchor& known) { return known.id == anchor; });
    if (found == anchors_.end()) {
      return refuse(mark, "the alias names no anchor");
    }
    if (std::find(open_.begin(), open_.end(), found->node) != open_.end()) {
      return refuse(mark, "the alias is inside the node that it names");
    }
    hang(found->node);
  }

  const std::optional<Fault>& fault() const { return fault_; }  // `where` is the bare line
  std::vector<YamlNode>& nodes() { return nodes_; }

 private:
  struct Anchor {
    YAML::anchor_t id;
    uint32_t node;
  };

  void refuse(const YAML::Mark& mark, std::string message) {
    if (!fault_) {
      fault_ = Fault{std::to_string(line_of(mark)), std::move(message)};
    }
  }

  // yaml-cpp marks plain scalars "?" and quoted ones "!"; any other tag is written in the file.
  void check_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      refuse(mark, "the tag " + in_quotes(tag) + " has no meaning here");
    }
  }

  bool add(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor) {
    if (nodes_.size() == kMaxNodes) {
      refuse(mark, "more than " + std::to_string(kMaxNodes) + " values in one file");
    }
    if (fault_) {
      return false;
    }
    const auto index = static_cast<uint32_t>(nodes_.size());
    nodes_.push_back({.kind = kind, .line = line_of(mark), .text = {}, .children = {}});
    if (anchor != YAML::NullAnchor) {
      anchors_.push_back({anchor, index});
    }
    hang(index);
    return true;
  }

  void open(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor) {
    if (add(mark, kind, anchor)) {
      open_.push_back(static_cast<uint32_t>(nodes_.size() - 1));
    }
  }

  void close() {
    if (!fault_) {
      open_.pop_back();
    }
  }

  void hang(uint32_t index) {
    if (!open_.empty()) {
      nodes_[open_.back()].children.push_back(index);
    }
  }

  std::vector<YamlNode> nodes_;
  std::vector<uint32_t> open_;  // lists and maps that have not ended, outermost first
  std::vector<Anchor> anchors_;
  std::optional<Fault> fault_;
  int documents_ = 0;
};

std::string_view line_at(std::string_view text, size_t number) {
  for (; number > 1 && !text.empty(); --number) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  return text.substr(0, text.find('\n'));
}

// What people write that is no YAML, and how they must write it; empty if it is nothing of these.
const char* remedy(std::string_view yaml, size_t line_number) {
  const std::string_view line = line_at(yaml, line_number);
  if (line.substr(0, line.find_first_not_of(" \t")).find('\t') != std::string_view::npos) {
    return "; YAML allows no tabs for indentation: use spaces";
  }
  const size_t bracket = line.find('[');
  if (bracket != std::string_view::npos && line.find("]:", bracket) != std::string_view::npos) {
    return "; put an IPv6 address with its port in quotes: \"[::]:993\"";
  }
  return "";
}

// yaml-cpp reports faults by exceptions, its depth guard (500) among them; none leaves this
// function.
std::optional<Fault> run_parser(const std::string& yaml, TreeBuilder& builder) {
  try {
    std::istringstream stream(yaml);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
      if (builder.fault()) {
        return builder.fault();
      }
    }
  } catch (const YAML::Exception& error) {
    std::string message = "not valid YAML: ";
    append_escaped(message, error.msg, 200);  // it may quote the file
    message += remedy(yaml, line_of(error.mark));
    return Fault{std::to_string(line_of(error.mark)), std::move(message)};
  } catch (const std::exception& error) {
    return Fault{"1", std::string("not valid YAML: ") + error.what()};
  }
  return std::nullopt;
}

}  // namespace

Result<Document> Document::read(const std::string& yaml, const std::string& name) {
  if (yaml.size() > kMaxFileBytes) {
    return Fault{name, "the file is larger than " + std::to_string(kMaxFileBytes) + " bytes"};
  }
  TreeBuilder builder;
  if (const std::optional<Fault> fault = run_parser(yaml, builder)) {
    return Fault{name + ":" + fault->where, fault->message};
  }
  if (builder.nodes().empty()) {
    return Fault{name + ":1",
                 "the file is empty; `postern config-reference` prints a complete one"};
  }
  return Document(std::move(builder.nodes()));
}

}  // namespace postern::config
