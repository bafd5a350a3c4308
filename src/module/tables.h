// SPDX-License-Identifier: GPL-2.0-only
// The tables that the compiler and the kernel's macros leave in a module for the kernel to act on, decoded
// from the relocated image into plain structs: WARN/BUG sites, exception fixups, jump labels, static calls,
// traced functions, debug messages, constructors, build-id.
//
// Alternatives, paravirt patches, lock prefixes, retpoline and return sites are not applied by koi: the
// original code is what it wants. They are counted only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "module/linked_image.h"

namespace koi::module {

// struct bug_entry with relative pointers and CONFIG_DEBUG_BUGVERBOSE.
struct BugRecord {
  s32 bug_addr_disp;
  s32 file_disp;
  u16 line;
  u16 flags;
};
static_assert(sizeof(BugRecord) == 12);

inline constexpr u16 kBugWarning = 1;  // BUGFLAG_WARNING
inline constexpr u16 kBugOnce = 2;     // BUGFLAG_ONCE
inline constexpr u16 kBugDone = 4;  // BUGFLAG_DONE: set in the table when a once-only warning has been given
inline constexpr u16 kBugNoCutHere = 8;  // BUGFLAG_NO_CUT_HERE
// The taint of a warning is in the high byte.
[[nodiscard]] constexpr u8 bug_taint(u16 flags) { return static_cast<u8>(flags >> 8); }

struct BugSite {
  u64 address = 0;        // of the ud2
  u64 entry_address = 0;  // of the record, whose flags the kernel changes
  u64 file_address = 0;   // of the file name; 0: none
  std::string file;
  u16 line = 0;
  u16 flags = 0;
};

// struct exception_table_entry.
struct ExceptionRecord {
  s32 insn;
  s32 fixup;
  s32 data;
};
static_assert(sizeof(ExceptionRecord) == 12);

struct ExceptionFixup {
  u64 insn = 0;   // the instruction that may fault
  u64 fixup = 0;  // where execution goes on
  u32 data = 0;   // bits 0-7 type (EX_TYPE_*), 8-11 register, 12-15 flags, 16-31 immediate

  [[nodiscard]] u8 type() const { return static_cast<u8>(data); }
  [[nodiscard]] u8 reg() const { return data >> 8 & 0xf; }
  [[nodiscard]] s16 immediate() const { return static_cast<s16>(data >> 16); }
};

// struct jump_entry with relative references.
struct JumpRecord {
  s32 code;
  s32 target;
  s64 key;
};
static_assert(sizeof(JumpRecord) == 16);

struct JumpLabel {
  u64 code = 0;  // of the 2- or 5-byte nop or jmp
  u64 target = 0;
  u64 key = 0;  // of the struct static_key, in this or another module
  u64 entry_address = 0;
  bool branch = false;  // the likely direction that was compiled in
};

// struct static_call_site.
struct StaticCallRecord {
  s32 addr;
  s32 key;
};
static_assert(sizeof(StaticCallRecord) == 8);

struct StaticCallSite {
  u64 address = 0;  // of the call or jmp
  u64 key = 0;      // of the struct static_call_key
  u64 entry_address = 0;
  bool tail = false;  // a jmp
};

// struct _ddebug with CONFIG_JUMP_LABEL.
struct DebugMessageRecord {
  u64 modname, function, filename, format;
  u32 line_class_flags;  // line 18 bits, class 6, flags 8
  u32 padding;
  u64 key[2];
};
static_assert(sizeof(DebugMessageRecord) == 56);

struct DebugMessage {
  u64 entry_address = 0;
  std::string modname, function, filename, format;
  u32 line = 0;
  u8 class_id = 0;
  u8 flags = 0;
};

// A section as it stands in memory; size 0: it is absent.
struct LocatedSection {
  u64 address = 0;
  u64 size = 0;
};

struct ModuleTables {
  std::vector<BugSite> bugs;               // in table order
  std::vector<ExceptionFixup> exceptions;  // sorted by insn
  std::vector<JumpLabel> jump_labels;
  std::vector<StaticCallSite> static_calls;
  std::vector<u64> traced_functions;  // __mcount_loc, __patchable_function_entries excluded
  std::vector<DebugMessage> debug_messages;
  std::vector<u64> constructors;  // .init_array or .ctors
  std::vector<u8> build_id;       // empty: none
  LocatedSection orc_unwind, orc_unwind_ip;
  LocatedSection params;         // __param
  LocatedSection debug_classes;  // __dyndbg_classes
  u64 alternatives_bytes = 0;    // .altinstructions: counted, never applied
  u64 paravirt_bytes = 0;        // .parainstructions: likewise

  // The fixup for a fault at `address`; nullptr: none.
  [[nodiscard]] const ExceptionFixup* find_exception(u64 address) const;
  // The bug at `address`; nullptr: none.
  [[nodiscard]] const BugSite* find_bug(u64 address) const;
};

// Decodes all tables. Errors: ENOEXEC: a table that is not made of whole records, or a code address outside
// the module.
[[nodiscard]] Result<ModuleTables> read_tables(const ElfImage& image, const LinkedImage& linked);

// A section by name in memory; size 0: it is absent.
[[nodiscard]] LocatedSection locate(const ElfImage& image, const LinkedImage& linked, std::string_view name);

}  // namespace koi::module
