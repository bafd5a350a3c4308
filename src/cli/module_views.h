// SPDX-License-Identifier: GPL-2.0-only
// A module file opened to look at, not to load.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "module/elf_image.h"
#include "module/modinfo.h"
#include "module/module_file.h"

namespace koi::cli {

struct ModuleView {
  std::unique_ptr<module::ModuleFile> file;  // owns the bytes that the others point into
  module::ElfImage image;
  module::ModInfo info;
};

// Errors: those of read_module_file and ElfImage::parse.
[[nodiscard]] Result<ModuleView> open_module(const std::string& path);

// The names that a module exports to others (__ksymtab_<name>), by name.
[[nodiscard]] std::vector<std::string_view> exports_of(const module::ElfImage& image);

}  // namespace koi::cli
