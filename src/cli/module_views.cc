// SPDX-License-Identifier: GPL-2.0-only
#include "cli/module_views.h"

#include <algorithm>
#include <utility>

#include "module/elf_format.h"

namespace koi::cli {

namespace {

constexpr std::string_view kExportPrefix = "__ksymtab_";

}  // namespace

Result<ModuleView> open_module(const std::string& path) {
  auto file = std::make_unique<module::ModuleFile>(TRY(module::read_module_file(path)));
  module::CollectedLog log;
  module::ElfImage image = TRY(module::ElfImage::parse(*file, module::ElfRules{}, log));
  const ByteSpan bytes = image.modinfo == 0 ? ByteSpan{} : image.sections[image.modinfo].bytes;
  module::ModInfo info = module::ModInfo::parse(bytes);
  return ModuleView{std::move(file), std::move(image), std::move(info)};
}

std::vector<std::string_view> exports_of(const module::ElfImage& image) {
  std::vector<std::string_view> exports;
  for (const module::Symbol& symbol : image.symbols) {
    if (symbol.shndx == module::elf::kShnUndef) continue;
    if (symbol.name.substr(0, kExportPrefix.size()) == kExportPrefix) {
      exports.push_back(symbol.name.substr(kExportPrefix.size()));
    }
  }
  std::sort(exports.begin(), exports.end());
  return exports;
}

}  // namespace koi::cli
