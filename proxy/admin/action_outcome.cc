#include "proxy/admin/action_outcome.h"

#include "proxy/admin/admin_action.h"
#include "proxy/base/utc.h"
#include "proxy/log/json_writer.h"

namespace postern {

using metrics::AdminPath;

namespace {

constexpr int kFormVersion = 1;

// What one of `done` is; empty if it counts nothing.
const char* noun_of(AdminPath action) {
  switch (action) {
    case AdminPath::Drain:
    case AdminPath::Undrain:
      return "server";
    case AdminPath::EndSessions:
      return "session";
    case AdminPath::Bans:
    case AdminPath::Ban:
    case AdminPath::Unban:
      return "ban";
    default:
      return "";
  }
}

// "1 server"; "done" where there is nothing to count.
std::string count_of(AdminPath action, size_t done) {
  const std::string noun = noun_of(action);
  if (noun.empty()) {
    return "done";
  }
  return std::to_string(done) + " " + noun + (done == 1 ? "" : "s");
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
  json.member("action", admin::name_of_action(action));
  if (!outcome.fault.empty()) {
    json.member("error", outcome.fault);
  } else {
    json.member("done", outcome.done);
  }
  if (!outcome.notes.empty()) {
    json.key("notes").open('[');
    for (const std::string& note : outcome.notes) {
      json.value(note);
    }
    json.close(']');
  }
  const bool has_bans = action == AdminPath::Bans || action == AdminPath::Ban;
  if (has_bans && outcome.fault.empty()) {
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
  const std::string name = admin::name_of_action(action);
  if (!outcome.fault.empty()) {
    return name + ": " + outcome.fault + "\n";
  }
  std::string text = name + ": " + count_of(action, outcome.done) + "\n";
  for (const std::string& note : outcome.notes) {
    text.append(note).append("\n");
  }
  for (const ActionOutcome::Ban& ban : outcome.bans) {
    text.append(ban.client).append(" until ").append(utc_text(ban.until_s)).append(" by ");
    text.append(word_of(ban)).append("\n");
  }
  return text;
}

}  // namespace postern
