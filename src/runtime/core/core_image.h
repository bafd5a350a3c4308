// SPDX-License-Identifier: GPL-2.0-only
// CoreImage: core.o in memory. Its globals are what the kernel proper exports as data and C functions; its
// undefined symbols are reached through jump stubs to koi's C++.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "host/stub_area.h"
#include "host/world.h"
#include "module/gdb_jit.h"

namespace koi::runtime {

struct CoreFunction {
  u64 address = 0;
  u64 size = 0;
  std::string_view name;  // in the image's copy of the string table
};

class CoreImage {
 public:
  // The window address of a C++ export; nullopt: koi has none of that name.
  using ExportLookup = std::function<std::optional<u64>(std::string_view name)>;

  // Maps, relocates and protects the object. Errors: the file is damaged, the window is full, an import has no export.
  static Result<CoreImage> load(const std::string& path, host::World& world, const ExportLookup& exports);

  struct Symbol {
    u64 value = 0;  // address; of a per-CPU variable its offset in the per-CPU area
    u64 size = 0;
    bool percpu = false;
  };
  [[nodiscard]] std::optional<Symbol> find(std::string_view name) const;
  // Address of a symbol that must be there: koi's own core has it.
  [[nodiscard]] u64 address_of(std::string_view name) const;
  template <class Function>
  [[nodiscard]] Function* function(std::string_view name) const {
    return reinterpret_cast<Function*>(address_of(name));
  }
  // A value of the layout table ("task_struct.pid", "sizeof page", "HZ").
  [[nodiscard]] std::optional<u64> layout(std::string_view name) const;
  [[nodiscard]] u64 layout_or_die(std::string_view name) const;
  // The string that a char array symbol holds.
  [[nodiscard]] std::string_view text_symbol(std::string_view name) const;

  // The function that covers `address`; nullptr: none does.
  [[nodiscard]] const CoreFunction* function_at(u64 address) const;
  [[nodiscard]] bool in_text(u64 address) const { return address >= text_begin_ && address < text_end_; }
  [[nodiscard]] u64 text_begin() const { return text_begin_; }
  [[nodiscard]] u64 text_end() const { return text_end_; }

  // The per-CPU image to copy to each area, and where it starts there.
  [[nodiscard]] const std::vector<u8>& percpu_image() const { return percpu_image_; }
  [[nodiscard]] u64 percpu_offset() const { return percpu_offset_; }

  // (instruction, fixup, type) of the core's own __ex_table.
  struct ExceptionEntry {
    u64 instruction;
    u64 fixup;
    u32 type;
  };
  [[nodiscard]] const std::vector<ExceptionEntry>& exceptions() const { return exceptions_; }
  struct BugEntry {
    u64 address;
    u64 file;  // address of the string
    u16 line;
    u16 flags;
  };
  [[nodiscard]] const std::vector<BugEntry>& bugs() const { return bugs_; }

  // Where the sections of the object were loaded, for a debugger.
  [[nodiscard]] const std::vector<module::LoadedSection>& sections() const { return sections_; }

 private:
  friend class CoreLoader;
  std::unique_ptr<char[]> names_;  // core.o's string table, that all names here lie in
  std::unordered_map<std::string_view, Symbol> symbols_;
  std::unordered_map<std::string_view, u64> layout_;
  std::vector<CoreFunction> functions_;  // by address
  std::vector<u8> percpu_image_;
  std::vector<ExceptionEntry> exceptions_;
  std::vector<BugEntry> bugs_;
  std::vector<module::LoadedSection> sections_;
  u64 percpu_offset_ = 0;
  u64 text_begin_ = 0;
  u64 text_end_ = 0;
};

}  // namespace koi::runtime
