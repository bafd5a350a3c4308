// SPDX-License-Identifier: GPL-2.0-only
#include "cli/machine_checks.h"

#include <linux/prctl.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include "base/types.h"
#include "cli/child_process.h"
#include "cli/header_trees.h"
#include "host/address_map.h"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#endif

namespace koi::cli {

namespace {

constexpr unsigned long kHwcap2Fsgsbase = 1UL << 1;

std::string first_word(const std::string& text) { return text.substr(0, text.find_first_of(" \t\n")); }

// The compiler that built the kernel of `tree`: CONFIG_CC_VERSION_TEXT, "gcc-12 (Debian 12.2.0-14) 12.2.0".
std::string kernel_compiler(const HeaderTree& tree) {
  std::ifstream config(tree.build_dir + "/include/generated/autoconf.h");
  constexpr std::string_view kKey = "#define CONFIG_CC_VERSION_TEXT \"";
  for (std::string line; std::getline(config, line);) {
    if (line.compare(0, kKey.size(), kKey) == 0)
      return line.substr(kKey.size(), line.size() - kKey.size() - 1);
  }
  return "";
}

std::string major_of(const std::string& version) { return version.substr(0, version.find('.')); }

MachineCheck check_compiler(const HeaderTree& tree) {
  MachineCheck check{"compiler " + tree.release, CheckState::kGood, "", ""};
  const std::string built_by = kernel_compiler(tree);
  if (built_by.empty()) {
    check.detail = "the header tree does not say which compiler built the kernel";
    return check;
  }
  const std::string command = first_word(built_by);
  const std::string wanted = built_by.substr(built_by.rfind(' ') + 1);
  for (const std::string& candidate : {command, std::string("gcc")}) {
    Result<ChildOutput> output = read_child({candidate, "-dumpfullversion"});
    if (!output || output->exit_code != 0) continue;
    const std::string version = first_word(output->text);
    check.detail = fmt::format("{} {}, kernel built with {}", candidate, version, wanted);
    if (major_of(version) == major_of(wanted)) return check;
    check.state = CheckState::kPoor;
    check.mend = "apt-get install " + command;
    return check;
  }
  check.state = CheckState::kMissing;
  check.detail = fmt::format("neither {} nor gcc can be started", command);
  check.mend = "apt-get install gcc " + command;
  return check;
}

void check_headers(std::vector<MachineCheck>& checks) {
  const std::vector<HeaderTree> trees = find_header_trees();
  bool any_supported = false;
  for (const HeaderTree& tree : trees) {
    if (!is_supported_release(tree.release)) {
      checks.push_back(
          {"kernel headers", CheckState::kPoor, tree.release + ": koi presents 6.1 and 6.12 only", ""});
      continue;
    }
    any_supported = true;
    checks.push_back({"kernel headers", CheckState::kGood, tree.release, ""});
    checks.push_back(check_compiler(tree));
  }
  if (!any_supported) {
    checks.push_back({"kernel headers", CheckState::kMissing, "no header tree of 6.1 or 6.12 in /lib/modules",
                      install_headers_command("")});
  }
}

MachineCheck check_program(const std::string& program, CheckState without, const std::string& purpose) {
  Result<ChildOutput> output = read_child({program, "--version"});
  if (output && output->exit_code == 0) {
    return {program, CheckState::kGood, output->text.substr(0, output->text.find('\n')), ""};
  }
  return {program, without, "not found; " + purpose, "apt-get install " + program};
}

MachineCheck check_low_window() {
  MachineCheck check{"window below 2 GiB", CheckState::kGood, "256 MiB can be reserved", ""};
  void* hint = reinterpret_cast<void*>(host::kWindow);
  void* got = mmap(hint, host::kWindowSize, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (got == hint) {
    munmap(got, host::kWindowSize);
    return check;
  }
  if (got != MAP_FAILED) munmap(got, host::kWindowSize);
  check.state = CheckState::kMissing;
  check.detail = fmt::format("cannot reserve 256 MiB at {:#x}: {}", host::kWindow, std::strerror(errno));
  check.mend = "ulimit -v unlimited; sysctl vm.overcommit_memory=0";
  return check;
}

MachineCheck check_executable_memory() {
  MachineCheck check{"executable memory", CheckState::kGood, "data may become code (mprotect)", ""};
  const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* at = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool allowed = at != MAP_FAILED && mprotect(at, page, PROT_READ | PROT_EXEC) == 0;
  if (at != MAP_FAILED) munmap(at, page);
  if (allowed) return check;
  check.state = CheckState::kMissing;
  check.detail = "a policy of this machine forbids it (MemoryDenyWriteExecute, SELinux execmem)";
  check.mend = "start koi outside that service or policy";
  return check;
}

MachineCheck check_fsgsbase() {
  if ((getauxval(AT_HWCAP2) & kHwcap2Fsgsbase) != 0) {
    return {"FSGSBASE", CheckState::kGood, "the CPU and the kernel allow wrgsbase", ""};
  }
  return {"FSGSBASE", CheckState::kPoor, "not available: switching virtual CPUs takes a system call",
          "a CPU since 2012 and Linux 5.9 or newer, booted without nofsgsbase"};
}

MachineCheck check_syscall_user_dispatch() {
  if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0) == 0) {
    return {"syscall dispatch", CheckState::kGood, "a module's own syscall instruction can be caught", ""};
  }
  return {"syscall dispatch", CheckState::kPoor,
          "not available: a module's own syscall instruction would reach this machine's kernel",
          "Linux 5.11 or newer"};
}

MachineCheck check_user_namespaces() {
  const pid_t child = fork();
  if (child == 0) _exit(unshare(CLONE_NEWUSER) == 0 ? 0 : 1);
  int status = 1;
  if (child > 0) waitpid(child, &status, 0);
  if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return {"user namespaces", CheckState::kGood, "available", ""};
  }
  return {"user namespaces", CheckState::kPoor, "not available: koi works, without a namespace of its own",
          "sysctl kernel.unprivileged_userns_clone=1"};
}

MachineCheck check_address_space() {
  constexpr rlim_t kNeededBytes = rlim_t{3} << 30;
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return {"address space", CheckState::kGood, "no limit", ""};
  }
  MachineCheck check{"address space", CheckState::kGood, fmt::format("limit {} MiB", limit.rlim_cur >> 20),
                     ""};
  if (limit.rlim_cur < kNeededBytes) {
    check.state = CheckState::kMissing;
    check.detail += fmt::format(", koi needs {} MiB", kNeededBytes >> 20);
    check.mend = "ulimit -v unlimited";
  }
  return check;
}

MachineCheck check_processor() {
  if (__builtin_cpu_supports("sse4.2") != 0) return {"processor", CheckState::kGood, "x86-64", ""};
  return {"processor", CheckState::kPoor, "x86-64 without SSE4.2", ""};
}

}  // namespace

std::vector<MachineCheck> check_machine() {
  std::vector<MachineCheck> checks;
  check_headers(checks);
  checks.push_back(check_program("make", CheckState::kMissing, "Kbuild needs it"));
  checks.push_back(check_processor());
  checks.push_back(check_low_window());
  checks.push_back(check_executable_memory());
  checks.push_back(check_address_space());
  checks.push_back(check_fsgsbase());
  checks.push_back(check_syscall_user_dispatch());
  checks.push_back(check_user_namespaces());
  checks.push_back(check_program("gdb", CheckState::kPoor, "koi run --gdb needs it"));
  return checks;
}

}  // namespace koi::cli
