// SPDX-License-Identifier: GPL-2.0-only
// For hostile-input tests and the fuzzer: takes any bytes through every pass that runs before a module's code
// would.
#pragma once

#include <memory_resource>
#include <string>

#include "module/symbols.h"
#include "module/tables.h"
#include "module/testing/fake_host.h"
#include "module/trap_sites.h"

namespace koi::module::testing {

struct Exercised {
  bool loaded = false;
  std::string refusal;  // empty when it loaded
  int errno_value = 0;
};

inline Exercised refused(const Error& error) { return {false, error.message, error.errno_value}; }

// Every imported symbol resolves. `limit_bytes` bounds what a decompressor may produce.
inline Exercised exercise_loader(std::vector<u8> bytes, const std::string& release, u64 limit_bytes) {
  auto file = module_file_from_bytes("hostile.ko", std::move(bytes), limit_bytes);
  if (!file.ok()) return refused(file.error());
  CollectedLog log;
  KernelTaint taint;
  KernelFacts kernel = facts(release);
  kernel.struct_module_bytes = 0;  // real modules of any configuration may be given
  kernel.constructors = true;
  kernel.max_loaded_bytes = u64{8} << 20;
  LoadFlags flags;
  flags.vermagic = VersionPolicy::kIgnore;
  FakeHost host;
  host.add("module_layout", 0);  // without a CRC: any kernel's module passes
  {
    const auto image = ElfImage::parse(*file, {}, log);
    if (image.ok()) {
      for (const Import& import : imports(*image)) host.add(std::string(import.name), 0x10002000);
    }
  }
  auto module = load_module(std::make_unique<ModuleFile>(std::move(*file)), kernel, flags, host, taint, log);
  if (!module.ok()) return refused(module.error());
  const auto tables = read_tables(module->image, *module->linked);
  if (!tables.ok()) return refused(tables.error());
  const TrapScan scan = scan_trap_sites(module->image, *module->linked, module->resolution.values);
  for (const TrapSite& site : scan.sites) CHECK(!module->linked->at(site.address, site.length).empty());
  const ModuleSymbols symbols(module->image, module->layout, *module->linked, module->resolution.values,
                              loader_era(release), std::pmr::get_default_resource());
  for (const Region& region : module->layout.regions) {
    const u64 base = region.block == Block::kInit ? module->placement.init_base : module->placement.core_base;
    static_cast<void>(symbols.find(base + region.offset, ModuleSymbols::Init::kPresent));
    static_cast<void>(symbols.find(base + region.offset + region.size, ModuleSymbols::Init::kFreed));
  }
  return {true, {}, 0};
}

}  // namespace koi::module::testing
