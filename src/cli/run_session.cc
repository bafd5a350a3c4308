// SPDX-License-Identifier: GPL-2.0-only
#include "cli/run_session.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "cli/coverage_file.h"
#include "cli/gdb_session.h"
#include "cli/header_trees.h"
#include "cli/kmod_messages.h"
#include "cli/log_output.h"
#include "cli/run_json.h"
#include "cli/shell.h"
#include "cli/terminal.h"
#include "cli/verdict.h"
#include "host/pace.h"
#include "kapi/kernel_ref.h"
#include "kapi/memcg.h"
#include "module/elf_image.h"
#include "module/modinfo.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/checks/sanitizers.h"
#include "runtime/console.h"
#include "runtime/modules/modules.h"

namespace koi::cli {
namespace {

constexpr u64 kSettleNs = 1'000'000'000;

bool names_a_module(std::string_view word) {
  for (const std::string_view end : {".ko", ".ko.xz", ".ko.zst", ".ko.gz"}) {
    if (word.ends_with(end)) return true;
  }
  return false;
}

void complain(const std::string& message) { print_error("{}", message); }

// The version magic of the module: it begins with the release that it was built for.
Result<std::string> vermagic_of(const module::ModuleFile& file) {
  module::CollectedLog log;
  const module::ElfImage image = TRY(module::ElfImage::parse(file, module::ElfRules{}, log));
  if (image.modinfo == 0) return std::string();
  const auto info = module::ModInfo::parse(image.sections[image.modinfo].bytes);
  return std::string(info.get("vermagic").value_or(""));
}

struct Loaded {
  std::string path;
  std::string name;
};

// As modprobe does it: what the boot command line says of the module comes first, so that the arguments here win.
std::string with_boot_arguments(const runtime::Kernel& kernel, const ModuleRequest& request) {
  std::string name = request.path.substr(request.path.rfind('/') + 1);
  name = name.substr(0, name.find('.'));
  std::replace(name.begin(), name.end(), '-', '_');
  std::string text = kernel.config().boot.arguments_for(name);
  if (!text.empty() && !request.arguments.empty()) text += ' ';
  return text + request.arguments;
}

// Loads one module in a task of its own; `file`: if it was read already. False: it did not come to life.
bool load_one(runtime::Kernel& kernel, const ModuleRequest& request, std::optional<module::ModuleFile> file,
              const RunOutput& output, std::vector<Loaded>& loaded, RunOutcome& outcome) {
  runtime::ModuleCall call;
  const size_t before = kernel.modules().all().size();
  const std::string arguments = with_boot_arguments(kernel, request);
  const runtime::TaskEnd end = kernel.run_task("insmod", [&] {
    call = file ? kernel.modules().init_module(std::move(*file), arguments, {})
                : kernel.modules().finit_module(request.path, arguments, {});
    return call.value;
  });
  kernel.console().log().finalize_open();
  if (end.how == runtime::TaskEnd::How::kReturned && end.value >= 0) {
    loaded.push_back({request.path, kernel.modules().all().back()->name()});
    if (output.document != nullptr)
      output.document->note_module(request.path, request.arguments, "loaded", 0, {});
    return true;
  }
  if (end.how == runtime::TaskEnd::How::kSignalled && call.value == 0) {
    loaded.push_back({request.path, kernel.modules().all().back()->name()});
    outcome.note_killed_loader(request.path, end);
    if (output.document != nullptr)
      output.document->note_module(request.path, request.arguments, "loaded", 0, {});
    return true;
  }
  const bool stuck = before < kernel.modules().all().size();
  outcome.note_failed_load(kernel, request.path, end, stuck);
  if (output.document != nullptr)
    output.document->note_module(request.path, request.arguments, stuck ? "stuck" : "failed", call.value,
                                 call.message);
  if (output.text != nullptr) output.text->finish();
  if (end.how == runtime::TaskEnd::How::kReturned) {
    print_error_text(insmod_error(request.path, end.value) + "\n");
    if (!call.message.empty()) complain(call.message);
  }
  return false;
}

void unload_all(runtime::Kernel& kernel, const std::vector<Loaded>& loaded, const RunOutput& output,
                RunOutcome& outcome) {
  for (auto it = loaded.rbegin(); it != loaded.rend() && !kernel.halted(); ++it) {
    const runtime::TaskEnd end =
        kernel.run_task("rmmod", [&] { return kernel.modules().delete_module(it->name, false).value; });
    kernel.console().log().finalize_open();
    if (end.how != runtime::TaskEnd::How::kReturned || end.value < 0)
      outcome.note_failed_unload(it->name, end);
    else if (output.document != nullptr)
      output.document->note_unloaded(it->path);
  }
}

// A test of what koi does when it is itself at fault: a bad access of C++ in a task.
void force_koi_fault(runtime::Kernel& kernel) {
  static_cast<void>(kernel.run_task("koi", [] {
    const u64* nowhere = reinterpret_cast<const u64*>(8);
    asm volatile("" : "+r"(nowhere));  // the compiler must not see that it is bad
    return static_cast<s32>(*nowhere);
  }));
}

}  // namespace

Result<std::vector<ModuleRequest>> parse_requests(const std::vector<std::string>& words) {
  std::vector<ModuleRequest> requests;
  for (const std::string& word : words) {
    const bool assignment = word.find('=') != std::string::npos && !requests.empty();
    if (!assignment && (names_a_module(word) || requests.empty())) {
      requests.push_back({word, {}});
      continue;
    }
    std::string& arguments = requests.back().arguments;
    if (!arguments.empty()) arguments += ' ';
    arguments += word;
  }
  return requests;
}

Result<std::unique_ptr<runtime::Kernel>> boot_machine(const MachineOptions& options,
                                                      const module::ModuleFile* first_module) {
  std::string vermagic;
  if (first_module != nullptr) vermagic = TRY(vermagic_of(*first_module));
  const HeaderTree tree = TRY(header_tree_for_module(find_header_trees(), options.kernel, vermagic));
  runtime::KernelConfig config;
  config.release = tree.release;
  config.build_dir = tree.build_dir;
  config.cpus = options.cpus;
  config.memory_bytes = options.memory_bytes;
  config.nodes = options.nodes;
  config.seed = options.seed;
  config.schedule = options.schedule;
  config.lazy = options.lazy;
  config.timeout_s = options.timeout_s;
  config.accounting = options.accounting;
  config.guard = options.guard;
  config.checks = options.checks;
  config.no_leaves = options.no_leaves;
  config.for_gdb = options.under_gdb;
  const auto series = tree.release.starts_with("6.1.") ? Release::k6_1 : Release::k6_12;
  config.boot = TRY(runtime::parse_boot_options(options.command_line, series));
  if (options.memcg_bytes && options.guard != runtime::GuardObjects::kOff)
    return make_error("--memcg does not charge guarded objects; leave out --guard");
  auto kernel = TRY(kapi::boot(config));
  if (options.memcg_bytes)
    kapi::start_memcg(*options.memcg_bytes == kNoMemcgLimit ? mm::Memcg::kNoLimit
                                                            : *options.memcg_bytes / mm::kPageSize);
  runtime::schedule_irqs(*kernel, options.irqs);
  if (options.realtime) host::start_pacing(kernel->sched().now().value);
  return kernel;
}

Verdict run_requests(runtime::Kernel& kernel, const MachineOptions& options,
                     const std::vector<ModuleRequest>& requests, std::optional<module::ModuleFile> first,
                     const RunOutput& out) {
  RunOutcome outcome;
  std::vector<Loaded> loaded;
  size_t reached = 0;
  while (reached < requests.size() && !kernel.halted()) {
    if (!load_one(kernel, requests[reached++], std::exchange(first, std::nullopt), out, loaded, outcome))
      break;
  }
  for (size_t i = reached; out.document != nullptr && i < requests.size(); ++i)
    out.document->note_module(requests[i].path, requests[i].arguments, "not reached", 0, {});
  if (options.force_koi_fault) force_koi_fault(kernel);
  runtime::wait_for_irqs(kernel, options.irqs);
  unload_all(kernel, loaded, out, outcome);
  // Whatever a module left behind gets its turn before the machine is switched off.
  kernel.settle(kSettleNs);
  kernel.sanitizers().races().report_sharing();
  kernel.console().log().finalize_open();
  if (out.text != nullptr) out.text->finish();
  return outcome.conclude(kernel, options, requests.size());
}

ExitCode run_modules(const MachineOptions& options, const std::vector<std::string>& words,
                     const MemoryOptions& memory) {
  if (options.gdb) return run_under_gdb();
  const bool json = options.json && !memory.json;
  const auto refuse = [&](const std::string& message) {
    complain(message);
    if (json) print_json_error(message, ExitCode::kUnusable);
    return ExitCode::kUnusable;
  };
  if (options.color == ColorWhen::kAlways && (json || options.log_format != LogFormat::kDmesg))
    return refuse("--color=always is for people; --json and --log-format raw or kmsg are not");
  if (memory.wants_recording() && !options.accounting)
    return refuse("reports, recordings and --fail-on leak need the accounting; leave out --accounting=off");
  if (options.lock_stat && options.checks == runtime::Checks::kStock)
    return refuse("--lock-stat needs the lock validator; leave out --checks stock");
  const auto requests = parse_requests(words);
  if (!requests.ok()) return refuse(requests.error().message);
  auto read = module::read_module_file(requests->front().path);
  if (!read.ok()) return refuse(read.error().message);
  std::optional<module::ModuleFile> first = std::move(*read);
  auto booted = boot_machine(options, &*first);
  if (!booted.ok()) return refuse(booted.error().message);
  runtime::Kernel& kernel = **booted;
  std::optional<LogOutput> output;
  std::optional<RunJson> document;
  if (json)
    document.emplace(kernel, options);
  else
    output.emplace(kernel, options, memory.log_aside ? STDERR_FILENO : STDOUT_FILENO);
  RunOutput out{output ? &*output : nullptr, document ? &*document : nullptr};
  MemorySession recording(kernel, memory);
  const Verdict verdict = run_requests(kernel, options, *requests, std::move(first), out);
  if (options.lock_stat && !document) print_text(runtime::lock_stat_text(kernel.locks().lock_stat(true)));
  if (document)
    document->print(verdict);
  else
    print_error_text(verdict.text + "\n");
  if (!options.coverage.empty()) {
    const Result<std::string> written = write_coverage(kernel, options.coverage);
    if (!written.ok()) return refuse(written.error().message);
    print_error_text(fmt::format("koi: {}\n", *written));
  }
  return recording.finish(verdict.exit);
}

ExitCode run_script(const MachineOptions& options, const std::string& path) {
  if (options.json || options.color == ColorWhen::kAlways) {
    complain("koi shell prints plain text only: leave out --json and --color=always");
    return ExitCode::kUnusable;
  }
  std::ifstream file;
  if (!path.empty()) {
    file.open(path);
    if (!file) {
      complain(fmt::format("{}: {}", path, std::strerror(errno)));
      return ExitCode::kUnusable;
    }
  }
  std::istream& in = path.empty() ? std::cin : file;
  auto booted = boot_machine(options, nullptr);
  if (!booted.ok()) {
    complain(booted.error().message);
    return ExitCode::kUnusable;
  }
  Shell shell(**booted, options);
  std::string line;
  while (std::getline(in, line) && shell.run_line(line)) {
  }
  return ExitCode::kSuccess;
}

}  // namespace koi::cli
