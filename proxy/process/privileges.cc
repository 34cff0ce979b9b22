#include "proxy/process/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "proxy/log/log.h"

namespace postern {
namespace {

struct Account {
  uid_t uid;
  gid_t gid;
};

Result<Account> find_account(const std::string& name) {
  std::vector<char> text(16'384);
  passwd entry{};
  passwd* found = nullptr;
  int failure = 0;
  while ((failure = getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found)) == ERANGE) {
    text.resize(text.size() * 2);
  }
  if (found == nullptr) {
    return Fault{
        "user",
        "\"" + name + "\" does not exist on this system" +
            (failure != 0 ? std::string(": ") + std::generic_category().message(failure) : "") +
            "; deploy/systemd/postern.sysusers creates one"};
  }
  return Account{entry.pw_uid, entry.pw_gid};
}

Fault refused(const std::string& name, const char* what) {
  return {"user", "cannot become \"" + name + "\": " + what + ": " +
                      std::generic_category().message(errno) +
                      "; start postern as root, or as that user without this setting"};
}

// The groups first: a process that is no longer root cannot change them. All three ids of each, so
// that none is left to return to.
Faults become(const std::string& name) {
  const Result<Account> account = find_account(name);
  if (!account) {
    return account.faults();
  }
  const auto [uid, gid] = account.value();
  if (geteuid() == uid && getuid() == uid) {  // after an upgrade, or started as that user
    return {};
  }
  if (initgroups(name.c_str(), gid) != 0) {
    return {refused(name, "setting its groups")};
  }
  if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) {
    return {refused(name, "setting its ids")};
  }
  if (uid != 0 && setuid(0) == 0) {
    return {{"user", "root could be regained after becoming \"" + name + "\""}};
  }
  return {};
}

// Those that are left come from a service manager (AmbientCapabilities=) and were needed to bind.
void drop_capabilities() {
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  const __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) {
    log::warn("capabilities are kept", {{"reason", std::generic_category().message(errno)}});
  }
}

}  // namespace

Faults look_up_user(const std::string& name) {
  if (name.empty()) {
    return {};
  }
  const Result<Account> account = find_account(name);
  return account ? Faults() : account.faults();
}

Faults give_up_privileges(const Privileges& kept) {
  if (!kept.user.empty()) {
    if (Faults faults = become(kept.user); !faults.empty()) {
      return faults;
    }
  }
  if (geteuid() != 0) {
    drop_capabilities();
  } else {
    log::warn("running as root", {{"advice", "set `user` in the configuration"}});
  }
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (!kept.core_dumps) {
    const rlimit none{};
    setrlimit(RLIMIT_CORE, &none);
  }
  // Becoming another user has cleared this flag.
  prctl(PR_SET_DUMPABLE, kept.core_dumps ? 1 : 0, 0, 0, 0);
  return {};
}

}  // namespace postern
