// SPDX-License-Identifier: GPL-2.0-only
#include "module/load.h"

#include <cerrno>
#include <utility>

#include "module/elf_checks.h"

namespace koi::module {
namespace {

Status reserve_name(LoadHost& host, const ElfImage& image) {
  const int error = host.reserve_name(image.module_name);
  if (error == 0) return Ok{};
  return make_errno(error, "{}: a module named {} is {}; unload it first (rmmod {})", image.path,
                    image.module_name, error == EEXIST ? "loaded already" : "being loaded or removed",
                    image.module_name);
}

// find_module_sections: what may not stand together, and what is too old.
Status check_optional_sections(const LoadContext& context) {
  const ElfImage& image = context.image;
  const auto present = [&](std::string_view name) {
    const Section* section = image.find(name);
    return section != nullptr && section->header.size != 0;
  };
  if (context.kernel.constructors && present(".ctors") && image.find(".init_array") != nullptr) {
    context.log.line(kLogWarning, "{}: has both .ctors and .init_array.", context.name());
    return make_errno(EINVAL, "{}: has both .ctors and .init_array; build all of it with one compiler",
                      image.path);
  }
  if (present("__obsparm")) context.log.line(kLogWarning, "{}: Ignoring obsolete parameters", context.name());
  return Ok{};
}

// What the kernel passes over in silence.
void note_oddities(const ElfImage& image, std::vector<std::string>& notes) {
  for (const RelocationSection& section : image.relocations) {
    if (section.target != image.percpu || image.sections[section.section].bytes.empty()) continue;
    notes.push_back(
        fmt::format("{}: holds initialised pointers, which the kernel's loader does not relocate in modules: "
                    "they stay 0 at run time",
                    image.where(section.target)));
  }
}

Result<LoadedModule> run_passes(std::unique_ptr<ModuleFile> file, const KernelFacts& kernel,
                                const LoadFlags& flags, LoadHost& host, KernelTaint& kernel_taint,
                                KernelLog& log) {
  const LoaderEra era = loader_era(kernel.release);
  LoadedModule module;
  module.file = std::move(file);

  // The file.
  TRY(check_signature(kernel, *module.file, log));
  const ElfRules rules{era, kernel.struct_module_bytes, kernel.max_loaded_bytes};
  module.image = TRY(ElfImage::parse(*module.file, rules, log));
  const ElfImage& image = module.image;
  if (image.modinfo != 0) module.info = ModInfo::parse(image.sections[image.modinfo].bytes);

  // Does this kernel take it?
  LoadContext context{kernel, flags, kernel_taint, log, image, module.info, module.file->signature,
                      era,    0,     false,        {}};
  context.has_versions = image.versions != 0 && flags.modversions == VersionPolicy::kCheck;
  if (context.has_versions) context.versions = VersionTable(image.sections[image.versions].bytes);
  TRY(check_blacklist(context));
  TRY(check_module_layout_version(context, host.symbols()));
  TRY(check_modinfo(context));
  if (era == LoaderEra::kMemTypes) TRY(reserve_name(host, image));

  // Layout is fixed from here on.
  module.layout = TRY(lay_out(image, era, log));
  TRY(reserve_name(host, image));
  taint_by_origin(context);

  // Addresses are fixed from here on.
  module.placement = TRY(host.place(image.module_name, module.layout));
  module.linked = std::make_unique<LinkedImage>(image, module.layout, module.placement);
  TRY(check_optional_sections(context));
  check_export_versions(context);

  // Symbols, and the bytes that depend on them.
  module.resolution = TRY(resolve_symbols(context, *module.linked, host.symbols()));
  TRY(relocate(image, *module.linked, module.resolution.values, host.site_targets(), era, log));
  module.exports = TRY(read_exports(image, *module.linked));
  TRY(check_duplicate_exports(context, module.exports, host.symbols()));

  note_oddities(image, module.notes);
  module.taints = context.module_taints;
  return module;
}

}  // namespace

Result<LoadedModule> load_module(std::unique_ptr<ModuleFile> file, const KernelFacts& kernel,
                                 const LoadFlags& flags, LoadHost& host, KernelTaint& kernel_taint,
                                 KernelLog& log) {
  auto module = run_passes(std::move(file), kernel, flags, host, kernel_taint, log);
  if (!module.ok()) return one_line(std::move(module).error());
  return module;
}

}  // namespace koi::module
