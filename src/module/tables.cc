// SPDX-License-Identifier: GPL-2.0-only
#include "module/tables.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>

#include "module/elf_checks.h"

namespace koi::module {
namespace {

u64 relative(u64 field_address, s64 offset) { return field_address + static_cast<u64>(offset); }

class TableReader {
 public:
  TableReader(const ElfImage& image, const LinkedImage& linked) : image_(image), linked_(linked) {}

  Result<ModuleTables> run() {
    TRY(read_bugs());
    TRY(read_exceptions());
    TRY(read_jump_labels());
    TRY(read_static_calls());
    TRY(read_addresses("__mcount_loc", out_.traced_functions));
    TRY(read_constructors());
    TRY(read_debug_messages());
    read_build_id();
    out_.orc_unwind = locate(image_, linked_, ".orc_unwind");
    out_.orc_unwind_ip = locate(image_, linked_, ".orc_unwind_ip");
    out_.params = locate(image_, linked_, "__param");
    out_.debug_classes = locate(image_, linked_, "__dyndbg_classes");
    out_.alternatives_bytes = locate(image_, linked_, ".altinstructions").size;
    out_.paravirt_bytes = locate(image_, linked_, ".parainstructions").size;
    return std::move(out_);
  }

 private:
  struct Table {
    u32 index = 0;
    u64 address = 0;
    ByteSpan bytes;
  };

  // The section `name`, made of whole records; bytes are empty when it is absent.
  Result<Table> table(std::string_view name, u64 record_bytes) {
    Table out;
    out.index = image_.find_index(name);
    if (out.index == 0) return out;
    const auto address = linked_.section_address(out.index);
    if (!address) return out;
    out.address = *address;
    out.bytes = linked_.section_bytes(out.index);
    if (out.bytes.size() % record_bytes != 0) {
      return make_errno(ENOEXEC, "{}: {} bytes are not whole records of {}; the file is damaged",
                        image_.where(out.index), out.bytes.size(), record_bytes);
    }
    return out;
  }

  // Refuses an entry whose code lies outside the module: acting on it would change foreign memory.
  Status check_code(const Table& table, u64 entry, std::string_view what, u64 address, u64 size_bytes) {
    if (!linked_.at(address, size_bytes).empty()) return Ok{};
    return make_errno(ENOEXEC, "{}: entry {}: {} {:#x} lies outside the module; the file is damaged",
                      image_.where(table.index), entry, what, address);
  }

  [[nodiscard]] std::string text(u64 address) const {
    return std::string(linked_.string_at(address).value_or(""));
  }

  Status read_bugs() {
    const Table t = TRY(table("__bug_table", sizeof(BugRecord)));
    for (u64 i = 0; i < t.bytes.size() / sizeof(BugRecord); ++i) {
      const auto record = elf::record<BugRecord>(t.bytes, i);
      BugSite site;
      site.entry_address = t.address + i * sizeof(BugRecord);
      site.address = relative(site.entry_address, record.bug_addr_disp);
      if (record.file_disp != 0) {
        site.file_address = relative(site.entry_address + offsetof(BugRecord, file_disp), record.file_disp);
        site.file = text(site.file_address);
      }
      site.line = record.line;
      site.flags = record.flags;
      TRY(check_code(t, i, "the bug at", site.address, 2));
      out_.bugs.push_back(std::move(site));
    }
    return Ok{};
  }

  Status read_exceptions() {
    const Table t = TRY(table("__ex_table", sizeof(ExceptionRecord)));
    for (u64 i = 0; i < t.bytes.size() / sizeof(ExceptionRecord); ++i) {
      const auto record = elf::record<ExceptionRecord>(t.bytes, i);
      const u64 at = t.address + i * sizeof(ExceptionRecord);
      const ExceptionFixup fixup{relative(at, record.insn),
                                 relative(at + offsetof(ExceptionRecord, fixup), record.fixup),
                                 static_cast<u32>(record.data)};
      TRY(check_code(t, i, "the instruction at", fixup.insn, 1));
      TRY(check_code(t, i, "the fixup at", fixup.fixup, 1));
      out_.exceptions.push_back(fixup);
    }
    std::ranges::stable_sort(out_.exceptions, {}, &ExceptionFixup::insn);
    return Ok{};
  }

  Status read_jump_labels() {
    const Table t = TRY(table("__jump_table", sizeof(JumpRecord)));
    for (u64 i = 0; i < t.bytes.size() / sizeof(JumpRecord); ++i) {
      const auto record = elf::record<JumpRecord>(t.bytes, i);
      const u64 at = t.address + i * sizeof(JumpRecord);
      JumpLabel label;
      label.entry_address = at;
      label.code = relative(at, record.code);
      label.target = relative(at + offsetof(JumpRecord, target), record.target);
      label.key = relative(at + offsetof(JumpRecord, key), record.key & ~s64{3});
      label.branch = (record.key & 1) != 0;
      TRY(check_code(t, i, "the jump label at", label.code, 2));
      TRY(check_code(t, i, "the jump target at", label.target, 1));
      out_.jump_labels.push_back(label);
    }
    return Ok{};
  }

  Status read_static_calls() {
    const Table t = TRY(table(".static_call_sites", sizeof(StaticCallRecord)));
    for (u64 i = 0; i < t.bytes.size() / sizeof(StaticCallRecord); ++i) {
      const auto record = elf::record<StaticCallRecord>(t.bytes, i);
      const u64 at = t.address + i * sizeof(StaticCallRecord);
      const u64 key = relative(at + offsetof(StaticCallRecord, key), record.key);
      const StaticCallSite site{relative(at, record.addr), key & ~u64{3}, at, (key & 1) != 0};
      TRY(check_code(t, i, "the call at", site.address, 5));
      out_.static_calls.push_back(site);
    }
    return Ok{};
  }

  Status read_addresses(std::string_view name, std::vector<u64>& out) {
    const Table t = TRY(table(name, sizeof(u64)));
    for (u64 i = 0; i < t.bytes.size() / sizeof(u64); ++i) {
      const auto address = elf::record<u64>(t.bytes, i);
      TRY(check_code(t, i, "the function at", address, 1));
      out.push_back(address);
    }
    return Ok{};
  }

  Status read_constructors() {
    TRY(read_addresses(".ctors", out_.constructors));
    if (out_.constructors.empty()) TRY(read_addresses(".init_array", out_.constructors));
    return Ok{};
  }

  Status read_debug_messages() {
    const Table t = TRY(table("__dyndbg", sizeof(DebugMessageRecord)));
    for (u64 i = 0; i < t.bytes.size() / sizeof(DebugMessageRecord); ++i) {
      const auto record = elf::record<DebugMessageRecord>(t.bytes, i);
      DebugMessage message;
      message.entry_address = t.address + i * sizeof(DebugMessageRecord);
      message.modname = text(record.modname);
      message.function = text(record.function);
      message.filename = text(record.filename);
      message.format = text(record.format);
      message.line = record.line_class_flags & 0x3ffff;
      message.class_id = record.line_class_flags >> 18 & 0x3f;
      message.flags = static_cast<u8>(record.line_class_flags >> 24);
      out_.debug_messages.push_back(std::move(message));
    }
    return Ok{};
  }

  // The descriptor of the note "GNU", type 3 (NT_GNU_BUILD_ID), in any loaded note section.
  void read_build_id() {
    struct NoteHeader {
      u32 name_bytes, descriptor_bytes, type;
    };
    constexpr u32 kBuildIdType = 3;
    constexpr u32 kMaxBuildIdBytes = 20;
    for (u32 i = 1; i < image_.sections.size() && out_.build_id.empty(); ++i) {
      if (image_.sections[i].header.type != elf::kShtNote || !image_.sections[i].allocated()) continue;
      ByteSpan rest = linked_.section_bytes(i);
      while (const auto note = elf::read_at<NoteHeader>(rest, 0)) {
        const u64 name_at = sizeof(NoteHeader);
        const u64 descriptor_at = name_at + ((u64{note->name_bytes} + 3) & ~u64{3});
        const u64 end = descriptor_at + ((u64{note->descriptor_bytes} + 3) & ~u64{3});
        if (end > rest.size()) break;
        if (note->type == kBuildIdType && note->name_bytes == 4 &&
            std::memcmp(rest.data() + name_at, "GNU", 4) == 0 && note->descriptor_bytes <= kMaxBuildIdBytes) {
          const ByteSpan id = rest.subspan(descriptor_at, note->descriptor_bytes);
          out_.build_id.assign(id.begin(), id.end());
          break;
        }
        rest = rest.subspan(end);
      }
    }
  }

  const ElfImage& image_;
  const LinkedImage& linked_;
  ModuleTables out_;
};

}  // namespace

LocatedSection locate(const ElfImage& image, const LinkedImage& linked, std::string_view name) {
  const u32 index = image.find_index(name);
  if (index == 0) return {};
  const auto address = linked.section_address(index);
  if (!address) return {};
  return {*address, image.sections[index].header.size};
}

const ExceptionFixup* ModuleTables::find_exception(u64 address) const {
  const auto it = std::ranges::lower_bound(exceptions, address, {}, &ExceptionFixup::insn);
  return it != exceptions.end() && it->insn == address ? &*it : nullptr;
}

const BugSite* ModuleTables::find_bug(u64 address) const {
  const auto it = std::ranges::find(bugs, address, &BugSite::address);
  return it != bugs.end() ? &*it : nullptr;
}

Result<ModuleTables> read_tables(const ElfImage& image, const LinkedImage& linked) {
  auto tables = TableReader(image, linked).run();
  if (!tables.ok()) return one_line(std::move(tables).error());
  return tables;
}

}  // namespace koi::module
