// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/modules/dynamic_debug.h"

#include <algorithm>

#include "base/check.h"
#include "host/guest_memory.h"
#include "module/tables.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/modules/jump_labels.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {
namespace {

// struct _ddebug: the last byte of the word of line, class and flags, and the static key.
constexpr u64 kFlagsOffset = offsetof(module::DebugMessageRecord, line_class_flags) + 3;
constexpr u64 kKeyOffset = offsetof(module::DebugMessageRecord, key);

// struct ddebug_class_map.
struct ClassMapRecord {
  u64 link[2];
  u64 module, module_name;
  u64 class_names;  // const char*[length]
  s32 length, base;
  u32 map_type, padding;
};
static_assert(sizeof(ClassMapRecord) == 56);
constexpr u32 kMaxClasses = printk::kDyndbgNoClass;  // class_id has six bits
constexpr u64 kMaxNameBytes = 256;

}  // namespace

void DynamicDebug::read_classes(Table& table) {
  const module::LocatedSection section = table.module->tables.debug_classes;
  std::vector<std::pair<u32, u32>> ranges;  // first name and count of each map
  std::vector<u32> bases;
  for (u64 at = 0; at + sizeof(ClassMapRecord) <= section.size; at += sizeof(ClassMapRecord)) {
    const auto record = guest::load<ClassMapRecord>(section.address + at);
    if (!record || record->length < 0 || static_cast<u32>(record->length) > kMaxClasses) continue;
    ranges.emplace_back(table.class_names.size(), record->length);
    bases.push_back(static_cast<u32>(record->base));
    for (s32 i = 0; i < record->length; ++i) {
      const u64 name = guest::load<u64>(record->class_names + static_cast<u64>(i) * sizeof(u64)).value_or(0);
      table.class_names.push_back(guest::load_string(name, kMaxNameBytes).value_or(""));
    }
  }
  for (size_t i = 0; i < ranges.size(); ++i) {
    const auto begin = table.class_names.begin() + ranges[i].first;
    table.class_maps.push_back({{begin, begin + ranges[i].second}, bases[i]});
  }
}

void DynamicDebug::add_module(const ModuleInstance& module) {
  if (module.tables.debug_messages.empty()) return;
  auto table = std::make_unique<Table>();
  table->module = &module;
  for (const module::DebugMessage& message : module.tables.debug_messages) {
    table->sites.push_back({message.modname, message.function, message.filename, message.format, message.line,
                            message.class_id, message.flags});
  }
  read_classes(*table);
  tables_.push_back(std::move(table));
}

void DynamicDebug::remove_module(const ModuleInstance& module) {
  std::erase_if(tables_, [&module](const auto& table) { return table->module == &module; });
}

std::vector<printk::DyndbgModule> DynamicDebug::modules() const {
  std::vector<printk::DyndbgModule> list;
  for (const auto& table : tables_) list.push_back({table->module->name(), table->sites, table->class_maps});
  return list;
}

// The site's struct follows what the query stored in `site`, and its code follows the p flag.
void DynamicDebug::changed(const printk::DyndbgSite& site, u32 old_flags) {
  const auto holds = [&site](const auto& table) {
    return &site >= table->sites.data() && &site < table->sites.data() + table->sites.size();
  };
  const auto table = std::find_if(tables_.begin(), tables_.end(), holds);
  CHECK(table != tables_.end());
  const auto index = static_cast<size_t>(&site - (*table)->sites.data());
  const u64 record = (*table)->module->tables.debug_messages[index].entry_address;
  const bool stored = guest::store(record + kFlagsOffset, static_cast<u8>(site.flags));
  CHECK(stored, "a struct _ddebug at {:x} cannot be written", record);
  if (((old_flags ^ site.flags) & printk::kDyndbgPrint) == 0) return;
  static_cast<void>(
      labels_.set_enabled(record + kKeyOffset, (site.flags & printk::kDyndbgPrint) != 0 ? 1 : 0));
}

s32 DynamicDebug::run(std::string_view queries, std::string_view module) {
  std::vector<printk::DyndbgModule> list = modules();
  printk::DyndbgWorld world;
  world.release = kernel_.console().log().options().release;
  world.modules = list;
  world.print = [this](const printk::DyndbgMessage& message) {
    printk::LogCall call = kernel_.console().call();
    call.level = message.level;
    kernel_.console().log().store(call, message.text);
  };
  world.changed = [this](const printk::DyndbgSite& site, u32 old_flags) { changed(site, old_flags); };
  return printk::run_dyndbg_queries(queries, module, world);
}

std::optional<std::string> DynamicDebug::prefix(u64 descriptor) const {
  for (const auto& table : tables_) {
    const auto& messages = table->module->tables.debug_messages;
    const auto it = std::find_if(messages.begin(), messages.end(),
                                 [descriptor](const auto& m) { return m.entry_address == descriptor; });
    if (it == messages.end()) continue;
    const printk::LogCall call = kernel_.console().call();
    const printk::DyndbgCaller caller{(call.caller_id & 0x8000'0000) != 0, static_cast<s32>(call.caller_id)};
    return printk::dyndbg_prefix(table->sites[static_cast<size_t>(it - messages.begin())], caller,
                                 kernel_.console().log().options().release);
  }
  return std::nullopt;
}

std::string DynamicDebug::control() const {
  std::string text(printk::kDyndbgControlHeader);
  for (const printk::DyndbgModule& module : modules()) {
    for (const printk::DyndbgSite& site : module.sites) {
      text += printk::dyndbg_control_line(module, site, kernel_.console().log().options().release);
    }
  }
  return text;
}

}  // namespace koi::runtime
