// SPDX-License-Identifier: GPL-2.0-only
// Symbol versions (CONFIG_MODVERSIONS): the CRCs that a module was built against (its __versions section) and
// those that the kernel exports (Module.symvers of the header tree).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace koi::module {

// One record of __versions (struct modversion_info on 64-bit).
struct VersionRecord {
  u64 crc;
  char name[56];
};
static_assert(sizeof(VersionRecord) == 64);

// A module's __versions section. Lookup is linear, as in the kernel.
class VersionTable {
 public:
  VersionTable() = default;
  explicit VersionTable(ByteSpan section) : section_(section) {}
  // The CRC that the module expects of `name`; nullopt: the table does not list it.
  [[nodiscard]] std::optional<u64> find(std::string_view name) const;
  [[nodiscard]] u64 count() const { return section_.size() / sizeof(VersionRecord); }

 private:
  ByteSpan section_;
};

// One line of Module.symvers: "0xCRC<tab>name<tab>module<tab>EXPORT_SYMBOL[_GPL]<tab>namespace".
struct SymversEntry {
  u32 crc = 0;
  std::string_view module;  // "vmlinux", or the path of the exporting module
  bool gpl_only = false;
  std::string_view name_space;
};

// A mapped Module.symvers. Nothing is indexed: a run needs some dozens of 25,000 lines, which one pass finds
// in about a millisecond.
class SymversFile {
 public:
  // Errors: from the host; the message names the package that brings the file.
  [[nodiscard]] static Result<SymversFile> open(const std::string& path);
  // For tests: over text that outlives the object.
  [[nodiscard]] static SymversFile over(std::string_view text);
  SymversFile(SymversFile&& other) noexcept;
  SymversFile& operator=(SymversFile&& other) noexcept;
  SymversFile(const SymversFile&) = delete;
  SymversFile& operator=(const SymversFile&) = delete;
  ~SymversFile();

  // The entries of `names`, in their order, in one pass over the file. Views live as long as this object.
  [[nodiscard]] std::vector<std::optional<SymversEntry>> find_all(
      std::span<const std::string_view> names) const;
  [[nodiscard]] std::optional<SymversEntry> find(std::string_view name) const;

 private:
  SymversFile() = default;
  std::string_view text_;
  bool mapped_ = false;
};

}  // namespace koi::module
