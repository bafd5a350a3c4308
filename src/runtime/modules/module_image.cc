// SPDX-License-Identifier: GPL-2.0-only
// A module's image on its way to memory: struct module, trap sites, pages and their protection, and who is told of it.
#include <cstring>

#include "base/check.h"
#include "host/address_map.h"
#include "runtime/kernel.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

// What koi_module_init reads: struct koi_module_facts.
struct ModuleFacts {
  u64 text_base, text_size;
  u64 init_base, init_size;
  u64 percpu, percpu_size;
  u64 kp, num_kp;
  u64 syms, num_syms, gpl_syms, num_gpl_syms;
  u64 extable, num_exentries;
  u64 bug_table, num_bugs;
  u64 jump_entries, num_jump_entries;
  u64 taints;
  u64 args;
};

host::Protection protection_of(module::MemoryKind kind) {
  switch (kind) {
    case module::MemoryKind::kText:
    case module::MemoryKind::kInitText:
      return host::Protection::kReadExecute;
    case module::MemoryKind::kRodata:
    case module::MemoryKind::kInitRodata:
      return host::Protection::kRead;
    case module::MemoryKind::kRoAfterInit:
    case module::MemoryKind::kData:
    case module::MemoryKind::kInitData:
      return host::Protection::kReadWrite;
  }
  return host::Protection::kNone;
}

u64 block_base(const module::Placement& placement, module::Block block) {
  return block == module::Block::kInit ? placement.init_base : placement.core_base;
}

}  // namespace

void ModuleTable::fill_struct_module(ModuleInstance& module) {
  const auto find = [&](std::string_view name) {
    return module::locate(module.loaded.image, *module.loaded.linked, name);
  };
  module.this_module = find(".gnu.linkonce.this_module").address;
  ModuleFacts facts{};
  facts.text_base = module.loaded.placement.core_base;
  facts.text_size = module.loaded.layout.core_bytes;
  facts.init_base = module.loaded.placement.init_base;
  facts.init_size = module.loaded.layout.init_bytes;
  facts.percpu = module.loaded.placement.percpu_address;
  facts.percpu_size = module.loaded.layout.percpu_bytes;
  facts.kp = module.tables.params.address;
  facts.num_kp = module.tables.params.size / sizeof(module::KernelParamRecord);
  facts.syms = find("__ksymtab").address;
  facts.num_syms = find("__ksymtab").size / sizeof(module::KernelSymbolRecord);
  facts.gpl_syms = find("__ksymtab_gpl").address;
  facts.num_gpl_syms = find("__ksymtab_gpl").size / sizeof(module::KernelSymbolRecord);
  facts.extable = find("__ex_table").address;
  facts.num_exentries = module.tables.exceptions.size();
  facts.bug_table = find("__bug_table").address;
  facts.num_bugs = module.tables.bugs.size();
  facts.jump_entries = find("__jump_table").address;
  facts.num_jump_entries = module.tables.jump_labels.size();
  facts.taints = module.loaded.taints;
  const CoreImage& core = kernel_.core();
  core.function<void(u64, const ModuleFacts*)>("koi_module_init")(module.this_module, &facts);
  const auto word = [&](std::string_view field) {
    u64 value = 0;
    std::memcpy(&value, reinterpret_cast<const void*>(module.this_module + core.layout_or_die(field)),
                sizeof(value));
    return value;
  };
  module.init = word("module.init");
  module.exit = word("module.exit");
}

// Instructions that must come to koi become ud2 in the image, before it is copied to its pages.
void ModuleTable::set_trap_sites(ModuleInstance& module) {
  module::LinkedImage& linked = *module.loaded.linked;
  const auto scan = module::scan_trap_sites(module.loaded.image, linked, module.loaded.resolution.values);
  for (const module::TrapSite& site : scan.sites) {
    if (!Traps::stands_in_for(site.kind)) continue;
    const ByteSpan bytes = linked.at(site.address, site.length);
    CHECK(!bytes.empty() && site.length >= 2);
    u8* const text = const_cast<u8*>(bytes.data());
    const std::array<u8, 2> original = {text[0], text[1]};
    text[0] = 0x0f;
    text[1] = 0x0b;
    kernel_.traps().add_site(site, original);
  }
}

void ModuleTable::map_image(ModuleInstance& module) {
  const module::LoadedModule& loaded = module.loaded;
  const auto copy = [](u64 base, const std::vector<u8>& bytes) {
    if (bytes.empty()) return;
    host::protect(base, bytes.size(), host::Protection::kReadWrite);
    std::memcpy(reinterpret_cast<void*>(base), bytes.data(), bytes.size());
  };
  copy(loaded.placement.core_base, loaded.linked->core);
  copy(loaded.placement.init_base, loaded.linked->init);
  for (u32 cpu = 0; cpu < kernel_.config().cpus && !loaded.linked->percpu.empty(); ++cpu) {
    std::memcpy(
        reinterpret_cast<void*>(kernel_.world().percpu_area(VcpuId{cpu}) + loaded.placement.percpu_address),
        loaded.linked->percpu.data(), loaded.linked->percpu.size());
  }
  for (const module::Region& region : loaded.layout.regions) {
    if (region.size == 0) continue;
    host::protect(block_base(loaded.placement, region.block) + region.offset, region.size,
                  protection_of(region.kind));
  }
}

std::optional<module::CodePlace> ModuleInstance::code_place(u64 address) const {
  const module::ElfImage& image = loaded.image;
  for (u32 index = 1; index < image.sections.size(); ++index) {
    const auto base = loaded.linked->section_address(index);
    if (!base || address < *base || address >= *base + image.sections[index].header.size) continue;
    if (image.sections[index].executable()) return module::CodePlace{index, address - *base};
  }
  return std::nullopt;
}

std::vector<SourcePlace> ModuleInstance::source_places(u64 address) {
  const auto place = code_place(address);
  if (!place) return {};
  module::DwarfLines lines(name(), loaded.image.file);
  const auto found = lines.find(place->section, place->offset);
  if (!found) return {};
  std::vector<SourcePlace> places;
  for (const module::SourceLine& line : *found) places.push_back({line.file, line.line, line.function});
  return places;
}

void ModuleTable::tell_gdb(ModuleInstance& module) {
  std::vector<module::LoadedSection> sections;
  for (u32 index = 1; index < module.loaded.image.sections.size(); ++index) {
    const auto address = module.loaded.linked->section_address(index);
    if (address && module.loaded.image.sections[index].name != ".data..percpu")
      sections.push_back({index, *address});
  }
  auto registered = module::GdbJitModule::create(module.loaded.image.file, sections);
  if (registered.ok()) module.gdb = std::move(*registered);
  kernel_.tell_gdb_stubs();
}

}  // namespace koi::runtime
