// SPDX-License-Identifier: GPL-2.0-only
// What a module exports: __ksymtab and __ksymtab_gpl (records of 32-bit self-relative offsets), with the CRCs
// of __kcrctab and __kcrctab_gpl.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "module/linked_image.h"
#include "module/load_context.h"
#include "module/symbol_source.h"

namespace koi::module {

// struct kernel_symbol with CONFIG_HAVE_ARCH_PREL32_RELOCATIONS: each field is relative to its own address.
struct KernelSymbolRecord {
  s32 value_offset;
  s32 name_offset;
  s32 namespace_offset;
};
static_assert(sizeof(KernelSymbolRecord) == 12);

struct Export {
  std::string name;
  u64 address = 0;
  bool gpl_only = false;
  std::optional<u32> crc;
  std::string name_space;
};

// Decodes the export tables of the relocated image.
// Errors: ENOEXEC, naming table and entry.
[[nodiscard]] Result<std::vector<Export>> read_exports(const ElfImage& image, const LinkedImage& linked);

// No exported name may exist already. Errors: ENOEXEC.
[[nodiscard]] Status check_duplicate_exports(const LoadContext& context, const std::vector<Export>& exports,
                                             SymbolSource& source);

}  // namespace koi::module
