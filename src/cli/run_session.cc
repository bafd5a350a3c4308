// SPDX-License-Identifier: GPL-2.0-only
#include "cli/run_session.h"

#include <cstring>
#include <memory>
#include <optional>

#include "cli/header_trees.h"
#include "cli/log_output.h"
#include "cli/verdict.h"
#include "kapi/kernel_ref.h"
#include "module/elf_image.h"
#include "module/modinfo.h"
#include "runtime/console.h"
#include "runtime/modules.h"

namespace koi::cli {
namespace {

bool names_a_module(std::string_view word) {
  for (const std::string_view end : {".ko", ".ko.xz", ".ko.zst", ".ko.gz"}) {
    if (word.ends_with(end)) return true;
  }
  return false;
}

void complain(const std::string& message) { fmt::print(stderr, "koi: {}\n", message); }

// The release that the module was built for: the first word of its version magic.
Result<std::string> release_of(const std::string& path) {
  const module::ModuleFile file = TRY(module::read_module_file(path));
  module::CollectedLog log;
  const module::ElfImage image = TRY(module::ElfImage::parse(file, module::ElfRules{}, log));
  if (image.modinfo == 0) return std::string();
  const auto info = module::ModInfo::parse(image.sections[image.modinfo].bytes);
  const auto magic = info.get("vermagic");
  if (!magic) return std::string();
  return std::string(magic->substr(0, magic->find(' ')));
}

// What kmod's insmod says of an errno.
std::string insmod_error(const std::string& path, s32 value) {
  const char* reason = std::strerror(-value);
  if (-value == ENOEXEC) reason = "Invalid module format";
  if (-value == ENOENT) reason = "Unknown symbol in module";
  if (-value == ESRCH) reason = "Module has wrong symbol version";
  if (-value == EINVAL) reason = "Invalid parameters";
  return fmt::format("insmod: ERROR: could not insert module {}: {}", path, reason);
}

struct Loaded {
  std::string path;
  std::string name;
};

// Loads one module in a task of its own. False: it did not come to life.
bool load_one(runtime::Kernel& kernel, const ModuleRequest& request, std::vector<Loaded>& loaded, RunOutcome& outcome) {
  runtime::ModuleCall call;
  const size_t before = kernel.modules().all().size();
  const runtime::TaskEnd end = kernel.run_task("insmod", [&] {
    call = kernel.modules().finit_module(request.path, request.arguments, {});
    return call.value;
  });
  kernel.console().log().finalize_open();
  if (end.how == runtime::TaskEnd::How::kReturned && end.value >= 0) {
    loaded.push_back({request.path, kernel.modules().all().back()->name()});
    return true;
  }
  outcome.note_failed_load(kernel, request.path, end, before < kernel.modules().all().size());
  if (end.how == runtime::TaskEnd::How::kReturned) {
    fmt::print(stderr, "{}\n", insmod_error(request.path, end.value));
    if (!call.message.empty()) complain(call.message);
  }
  return false;
}

void unload_all(runtime::Kernel& kernel, const std::vector<Loaded>& loaded, RunOutcome& outcome) {
  for (auto it = loaded.rbegin(); it != loaded.rend() && !kernel.halted(); ++it) {
    const runtime::TaskEnd end =
        kernel.run_task("rmmod", [&] { return kernel.modules().delete_module(it->name, false).value; });
    kernel.console().log().finalize_open();
    if (end.how != runtime::TaskEnd::How::kReturned || end.value < 0) outcome.note_failed_unload(it->name, end);
  }
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

ExitCode run_modules(const MachineOptions& options, const std::vector<std::string>& words) {
  const auto requests = parse_requests(words);
  if (!requests.ok()) {
    complain(requests.error().message);
    return ExitCode::kUnusable;
  }
  std::string release = options.kernel;
  if (release.empty()) {
    const auto built_for = release_of(requests->front().path);
    if (!built_for.ok()) {
      complain(built_for.error().message);
      return ExitCode::kUnusable;
    }
    release = *built_for;
  }
  const auto tree = choose_header_tree(find_header_trees(), release, running_release());
  if (!tree.ok()) {
    complain(tree.error().message);
    return ExitCode::kUnusable;
  }
  runtime::KernelConfig config;
  config.release = tree->release;
  config.build_dir = tree->build_dir;
  config.cpus = options.cpus;
  config.memory_bytes = options.memory_bytes;
  config.seed = options.seed;
  config.lazy = options.lazy;
  config.timeout_s = options.timeout_s;
  auto booted = kapi::boot(config);
  if (!booted.ok()) {
    complain(booted.error().message);
    return ExitCode::kUnusable;
  }
  runtime::Kernel& kernel = **booted;
  LogOutput output(kernel, options);
  RunOutcome outcome;
  std::vector<Loaded> loaded;
  for (const ModuleRequest& request : *requests) {
    if (kernel.halted() || !load_one(kernel, request, loaded, outcome)) break;
  }
  unload_all(kernel, loaded, outcome);
  kernel.console().log().finalize_open();
  output.finish();
  return outcome.conclude(kernel, options, requests->size());
}

}  // namespace koi::cli
