// SPDX-License-Identifier: GPL-2.0-only
#include "module/exports.h"

#include <cerrno>
#include <cstddef>

namespace koi::module {
namespace {

u64 self_relative(u64 field_address, s32 offset) {
  return field_address + static_cast<u64>(static_cast<s64>(offset));
}

Status read_table(const ElfImage& image, const LinkedImage& linked, std::string_view table,
                  std::string_view crc_table, bool gpl_only, std::vector<Export>& out) {
  const u32 index = image.find_index(table);
  if (index == 0) return Ok{};
  const ByteSpan bytes = linked.section_bytes(index);
  const auto base = linked.section_address(index);
  if (!base || bytes.size() % sizeof(KernelSymbolRecord) != 0) {
    return make_errno(ENOEXEC, "{}: {} bytes are not whole records of 12; the file is damaged",
                      image.where(index), bytes.size());
  }
  const u32 crc_index = image.find_index(crc_table);
  const ByteSpan crcs = crc_index == 0 ? ByteSpan{} : linked.section_bytes(crc_index);
  for (u64 i = 0; i < bytes.size() / sizeof(KernelSymbolRecord); ++i) {
    const auto record = elf::record<KernelSymbolRecord>(bytes, i);
    const u64 address = *base + i * sizeof(KernelSymbolRecord);
    Export symbol;
    symbol.gpl_only = gpl_only;
    symbol.address = self_relative(address + offsetof(KernelSymbolRecord, value_offset), record.value_offset);
    const auto name = linked.string_at(
        self_relative(address + offsetof(KernelSymbolRecord, name_offset), record.name_offset));
    if (!name || name->empty()) {
      return make_errno(ENOEXEC, "{}: export {} has no name inside the module; the file is damaged",
                        image.where(index), i);
    }
    symbol.name = *name;
    if (record.namespace_offset != 0) {
      const auto name_space = linked.string_at(
          self_relative(address + offsetof(KernelSymbolRecord, namespace_offset), record.namespace_offset));
      if (!name_space) {
        return make_errno(ENOEXEC,
                          "{}: export {} ({}) has a namespace outside the module; the file is damaged",
                          image.where(index), i, symbol.name);
      }
      symbol.name_space = *name_space;
    }
    symbol.crc = elf::read_at<u32>(crcs, i * sizeof(u32));
    out.push_back(std::move(symbol));
  }
  return Ok{};
}

}  // namespace

Result<std::vector<Export>> read_exports(const ElfImage& image, const LinkedImage& linked) {
  std::vector<Export> exports;
  TRY(read_table(image, linked, "__ksymtab", "__kcrctab", false, exports));
  TRY(read_table(image, linked, "__ksymtab_gpl", "__kcrctab_gpl", true, exports));
  return exports;
}

Status check_duplicate_exports(const LoadContext& context, const std::vector<Export>& exports,
                               SymbolSource& source) {
  for (const Export& symbol : exports) {
    const auto existing = source.find(symbol.name);
    if (!existing) continue;
    const std::string_view owner = existing->owner.empty() ? std::string_view("kernel") : existing->owner;
    context.log.line(kLogErr, "{}: exports duplicate symbol {} (owned by {})", context.name(), symbol.name,
                     owner);
    return make_errno(ENOEXEC,
                      "{}: exports {}, which {} exports already; unload that one or rename the symbol",
                      context.image.path, symbol.name, owner);
  }
  return Ok{};
}

}  // namespace koi::module
