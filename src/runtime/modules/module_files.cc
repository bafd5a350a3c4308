// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/modules/module_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/checks/hung_tasks.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {
namespace {

constexpr std::string_view kModuleRoot = "/sys/module";
constexpr std::string_view kKernelSettings = "/proc/sys/kernel/";

Error no_such(std::string_view path) { return make_errno(ENOENT, "{}: No such file or directory", path); }

std::vector<std::string> split_path(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    if (const std::string_view part = path.substr(0, slash); !part.empty()) parts.emplace_back(part);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

std::string state_word(ModuleState state) {
  return state == ModuleState::kLive ? "live" : state == ModuleState::kComing ? "coming" : "going";
}

std::vector<const module::Section*> shown_sections(const ModuleInstance& module) {
  std::vector<const module::Section*> sections;
  for (const module::Section& section : module.loaded.image.sections) {
    // The loader keeps the symbol and string tables and drops these two (rewrite_section_headers).
    const bool kept = section.header.type == module::elf::kShtSymtab || section.name == ".strtab";
    const bool dropped = section.name == ".modinfo" || section.name == "__versions";
    if ((kept || (section.allocated() && !dropped)) && section.header.size != 0) sections.push_back(&section);
  }
  return sections;
}

std::vector<const module::Section*> notes_of(const ModuleInstance& module) {
  std::vector<const module::Section*> notes;
  for (const module::Section* const section : shown_sections(module)) {
    if (section->header.type == module::elf::kShtNote) notes.push_back(section);
  }
  return notes;
}

// The attribute files that stand directly in /sys/module/NAME.
Result<std::string> read_attribute(Kernel& kernel, const ModuleInstance& module, const std::string& name,
                                   std::string_view path) {
  if (name == "coresize") return fmt::format("{}\n", module.loaded.layout.core_bytes);
  if (name == "initsize") return fmt::format("{}\n", module.init_freed ? 0 : module.loaded.layout.init_bytes);
  if (name == "initstate") return state_word(module.state) + "\n";
  if (name == "refcnt") return fmt::format("{}\n", kernel.modules().reference_count(module));
  if (name == "taint") return module::module_taint_letters(module.loaded.taints) + "\n";
  if (name == "uevent") return make_errno(EACCES, "{}: Permission denied", path);
  for (const char* const key : {"version", "srcversion"}) {
    if (name != key) continue;
    if (const auto value = module.loaded.info.get(key)) return std::string(*value) + "\n";
  }
  return no_such(path);
}

// The modules' symbols; the kernel's own are not listed, since koi has not got its addresses.
std::string kallsyms(Kernel& kernel) {
  std::string text;
  const auto& modules = kernel.modules().all();
  for (auto it = modules.rbegin(); it != modules.rend(); ++it) {
    const ModuleInstance& module = **it;
    if (!module.symbols) continue;
    for (const module::ModuleSymbols::Entry& entry : module.symbols->entries()) {
      if (module.init_freed && !entry.core) continue;
      text += fmt::format("{:016x} {} {}\t[{}]\n", entry.address, entry.type, entry.name, module.name());
    }
  }
  return text;
}

const module::Param* find_param(const ModuleInstance& module, const std::string& name) {
  const auto it = std::find_if(module.params.begin(), module.params.end(),
                               [&](const module::Param& p) { return p.perm != 0 && p.name == name; });
  return it == module.params.end() ? nullptr : &*it;
}

}  // namespace

namespace {

bool is_dynamic_debug_control(std::string_view path) {
  return path == "/sys/kernel/debug/dynamic_debug/control" || path == "/proc/dynamic_debug/control";
}

}  // namespace

Result<std::string> ModuleFiles::read(std::string_view path) {
  if (path == "/proc/modules") return kernel_.modules().proc_modules(true);
  if (path == "/proc/kallsyms") return kallsyms(kernel_);
  if (path == "/proc/sys/kernel/tainted") return fmt::format("{}\n", kernel_.modules().taint().mask);
  if (path == "/proc/sys/kernel/modules_disabled") {
    return fmt::format("{}\n", kernel_.modules().loading_disabled() ? 1 : 0);
  }
  if (path == "/proc/sys/kernel/printk") return kernel_.console().levels();
  if (path.starts_with(kKernelSettings)) {
    if (const auto value = kernel_.hung_tasks().read_setting(path.substr(kKernelSettings.size())))
      return *value;
  }
  if (is_dynamic_debug_control(path)) return kernel_.modules().dynamic_debug().control();
  if (!path.starts_with(kModuleRoot)) return no_such(path);
  const std::vector<std::string> parts = split_path(path.substr(kModuleRoot.size()));
  ModuleInstance* const module = parts.empty() ? nullptr : kernel_.modules().find(parts[0]);
  if (module == nullptr) return no_such(path);
  if (parts.size() == 1) return make_errno(EISDIR, "{}: Is a directory", path);
  if (parts.size() == 2) return read_attribute(kernel_, *module, parts[1], path);
  if (parts.size() != 3) return no_such(path);
  if (parts[1] == "parameters") {
    const module::Param* const param = find_param(*module, parts[2]);
    if (param == nullptr) return no_such(path);
    if ((param->perm & 0444) == 0) return make_errno(EACCES, "{}: Permission denied", path);
    int error = 0;
    std::string text = module::get_param(*param, kernel_.modules().param_host(), error);
    if (error != 0) return make_errno(-error, "{}: {}", path, std::strerror(-error));
    return text;
  }
  for (const module::Section* const section : shown_sections(*module)) {
    if (section->name != parts[2]) continue;
    const auto index = static_cast<u32>(section - module->loaded.image.sections.data());
    if (parts[1] == "sections") {
      return fmt::format("0x{:016x}\n", module->loaded.linked->section_address(index).value_or(0));
    }
    if (parts[1] == "notes") return std::string(section->bytes.begin(), section->bytes.end());
  }
  return no_such(path);
}

Status ModuleFiles::write(std::string_view path, std::string_view text) {
  if (path == "/proc/sys/kernel/modules_disabled") {
    if (text.starts_with("1")) kernel_.modules().disable_loading();
    return Ok{};
  }
  if (path.starts_with(kKernelSettings)) {
    if (const auto done = kernel_.hung_tasks().write_setting(path.substr(kKernelSettings.size()), text))
      return *done;
  }
  if (is_dynamic_debug_control(path)) {
    if (kernel_.modules().dynamic_debug().run(text, {}) >= 0) return Ok{};
    return make_errno(EINVAL, "{}: Invalid argument", path);
  }
  const std::vector<std::string> parts = split_path(path);
  if (parts.size() != 5 || parts[0] != "sys" || parts[1] != "module" || parts[3] != "parameters")
    return no_such(path);
  ModuleInstance* const module = kernel_.modules().find(parts[2]);
  const module::Param* const param = module == nullptr ? nullptr : find_param(*module, parts[4]);
  if (param == nullptr) return no_such(path);
  if ((param->perm & 0222) == 0) return make_errno(EACCES, "{}: Permission denied", path);
  const int error = module::store_param(*param, text, kernel_.modules().param_host(),
                                        kernel_.modules().taint(), kernel_.console());
  if (error < 0) return make_errno(-error, "{}: {}", path, std::strerror(-error));
  return Ok{};
}

Result<std::vector<FileEntry>> ModuleFiles::list(std::string_view path) {
  if (!path.starts_with(kModuleRoot)) return no_such(path);
  const std::vector<std::string> parts = split_path(path.substr(kModuleRoot.size()));
  std::vector<FileEntry> entries;
  if (parts.empty()) {
    for (const auto& module : kernel_.modules().all()) entries.push_back({module->name(), 0755, true});
    return entries;
  }
  ModuleInstance* const module = kernel_.modules().find(parts[0]);
  if (module == nullptr || parts.size() > 2) return no_such(path);
  if (parts.size() == 1) {
    for (const char* const name : {"coresize", "initsize", "initstate", "refcnt", "taint"})
      entries.push_back({name});
    for (const char* const key : {"version", "srcversion"}) {
      if (module->loaded.info.has(key)) entries.push_back({key});
    }
    entries.push_back({"uevent", 0200});
    for (const char* const name : {"holders", "notes", "parameters", "sections"})
      entries.push_back({name, 0755, true});
  } else if (parts[1] == "parameters") {
    for (const module::Param& param : module->params) {
      if (param.perm != 0) entries.push_back({param.name, param.perm});
    }
  } else if (parts[1] == "sections") {
    for (const module::Section* const section : shown_sections(*module)) {
      entries.push_back({std::string(section->name), 0400});
    }
  } else if (parts[1] == "notes") {
    for (const module::Section* const section : notes_of(*module))
      entries.push_back({std::string(section->name)});
  } else if (parts[1] == "holders") {
    for (const std::string& user : kernel_.modules().users_of(module->name()))
      entries.push_back({user, 0777, true});
  } else {
    return no_such(path);
  }
  std::sort(entries.begin(), entries.end(),
            [](const FileEntry& a, const FileEntry& b) { return a.name < b.name; });
  return entries;
}

}  // namespace koi::runtime
