#include "proxy/admin/action_outcome.h"

#include "metrics/export/admin_action.h"
#include "proxy/base/utc.h"
#include "proxy/log/json_writer.h"

namespace postern {

using metrics::AdminPath;

namespace {

constexpr int kFormVersion = 1;

// What `done` counts; empty if nothing.
const char* noun_of(AdminPath action) {
  switch (action) {
    case AdminPath::Drain:
    case AdminPath::Undrain:
      return "servers";
    case AdminPath::EndSessions:
      return "sessions";
    case AdminPath::Bans:
    case AdminPath::Ban:
    case AdminPath::Unban:
      return "bans";
    default:
      return "";
  }
}

const char* word_of(const ActionOutcome::Ban& ban) {
  return ban.by_hand ? "admin" : "login_failures";
}

}  // namespace

std::string json_of(AdminPath action, const ActionOutcome& outcome) {
  std::string text;
  JsonWriter json(text);
  json.open('{');
  json.member("version", kFormVersion);
  json.member("action", name_of_action(action));
  if (!outcome.fault.empty()) {
    json.member("error", outcome.fault);
  } else {
    json.member("done", outcome.done);
  }
  if (action == AdminPath::Bans && outcome.fault.empty()) {
    json.key("bans").open('[');
    for (const ActionOutcome::Ban& ban : outcome.bans) {
      json.open('{');
      json.member("client", ban.client);
      json.member("until", ban.until_s);
      json.member("by", word_of(ban));
      json.close('}');
    }
    json.close(']');
  }
  json.close('}');
  return text + "\n";
}

std::string text_of(AdminPath action, const ActionOutcome& outcome) {
  const std::string name = name_of_action(action);
  if (!outcome.fault.empty()) {
    return name + ": " + outcome.fault + "\n";
  }
  const char* noun = noun_of(action);
  std::string text =
      name + ": " + (*noun == '\0' ? "done" : std::to_string(outcome.done) + " " + noun) + "\n";
  for (const ActionOutcome::Ban& ban : outcome.bans) {
    text.append(ban.client).append(" until ").append(utc_text(ban.until_s)).append(" by ");
    text.append(word_of(ban)).append("\n");
  }
  return text;
}

}  // namespace postern
