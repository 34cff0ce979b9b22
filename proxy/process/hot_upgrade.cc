#include "proxy/process/hot_upgrade.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>

#include "proxy/log/log.h"
#include "proxy/process/environment.h"
#include "proxy/process/inherited_sockets.h"

namespace postern {
namespace {

constexpr std::array<std::string_view, 5> kNotHandedOn = {kListenFds, kListenPid, kListenNames,
                                                          kPredecessor, "WATCHDOG_PID"};
constexpr char kFailed[] = "upgrade failed, this process goes on";

// Finds a program as a shell does.
std::string found_in_path(const std::string& name) {
  std::istringstream folders(environment("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    folder.append("/").append(name);
    if (access(folder.c_str(), X_OK) == 0) {
      return folder;
    }
  }
  return {};
}

std::vector<std::string> environment_to_hand_on() {
  std::vector<std::string> kept;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::find(kNotHandedOn.begin(), kNotHandedOn.end(), name) == kNotHandedOn.end()) {
      kept.emplace_back(text);
    }
  }
  return kept;
}

}  // namespace

// Symbolic links are not resolved, because an upgrade often only changes a link.
Invocation Invocation::of(int argc, const char* const* argv) {
  Invocation invocation{.file = {}, .arguments = {argv, argv + argc}};
  std::error_code failed;
  const std::string name = argc > 0 ? argv[0] : "";
  const std::string file = name.find('/') != std::string::npos ? name : found_in_path(name);
  invocation.file = file.empty() ? std::filesystem::read_symlink("/proc/self/exe", failed).string()
                                 : std::filesystem::absolute(file, failed).string();
  return invocation;
}

Upgrade::Upgrade(net::Loop& loop, Invocation invocation, UpgradeObserver& observer)
    : loop_(loop), invocation_(std::move(invocation)), observer_(observer) {}

void Upgrade::start(const std::vector<NamedSocket>& sockets) {
  if (waiting_) {
    log::warn("an upgrade is under way already", {{"pid", child_->pid()}});
    return;
  }
  net::ChildObserver& observer = *this;
  child_.reset();
  auto child = net::Child::start(loop_, plan(sockets), observer);
  if (!child) {
    log::error(kFailed, {{"file", invocation_.file}, {"fault", child.faults().front().message}});
    return;
  }
  child_ = std::move(child.value());
  waiting_ = true;
  arm(loop_.deadlines(), kPatienceMs);
  log::info("upgrading", {{"file", invocation_.file}, {"pid", child_->pid()}});
}

net::ChildPlan Upgrade::plan(const std::vector<NamedSocket>& sockets) const {
  net::ChildPlan plan{.file = invocation_.file,
                      .arguments = invocation_.arguments,
                      .environment = environment_to_hand_on(),
                      .descriptors = {}};
  std::string names;
  for (const NamedSocket& socket : sockets) {
    names += (names.empty() ? "" : ":") + socket.name;
    plan.descriptors.push_back(socket.fd);
  }
  const auto set = [&plan](const char* name, const std::string& value) {
    plan.environment.push_back(std::string(name) + "=" + value);
  };
  set(kListenFds, std::to_string(sockets.size()));
  set(kListenNames, names);
  set(kPredecessor,
      std::to_string(getpid()) + ":" + std::to_string(net::Child::pipe_descriptor(plan)));
  return plan;
}

// The child is kept until the next one, or until this process ends: its parent must wait for it.
void Upgrade::abandon() {
  if (std::exchange(waiting_, false)) {
    disarm();
    child_->forget();
    child_->signal(SIGKILL);  // it has no sessions yet
  }
}

void Upgrade::on_child_ready() {
  waiting_ = false;
  disarm();
  log::info("upgraded, the new process serves", {{"pid", child_->pid()}});
  observer_.on_upgraded(child_->pid());
}

void Upgrade::on_child_lost(int64_t status, int signal) {
  waiting_ = false;
  disarm();
  log::error(kFailed, {{"file", invocation_.file},
                       {"fault",
                        "the new process ended before it was ready; its own log lines say "
                        "why"},
                       {"exit_status", status},
                       {"signal", signal}});
}

void Upgrade::on_deadline() {
  log::error(kFailed, {{"file", invocation_.file},
                       {"fault", "the new process was not ready in time and is ended"},
                       {"pid", child_->pid()}});
  abandon();
}

}  // namespace postern
