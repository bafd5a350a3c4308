// SPDX-License-Identifier: GPL-2.0-only
// SymversFile: the vmlinux lines of one Module.symvers in koi's cache, in a form that answers for one name with two
// reads of a few hundred bytes, where the text has 25,000 lines to parse.
//
//   header      magic with the version, the identity of the text, bucket count, file size, check of all these
//   directory   bucket count + 1 offsets (u32) from the start of the file
//   buckets     check (u64), then records: crc u32, flags u8, name length u16, namespace length u16, name, namespace
//
// A name lies in the bucket that the low bits of its hash name. Each bucket's check covers its number, the text's identity
// and its records, so that damage anywhere is noticed by whoever reads it, and costs nobody else anything. The file is read,
// not mapped: a page fault costs more than such a read, and a file cut off while it is mapped would kill koi.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/types.h"

namespace koi::runtime {

// What must not have changed for the text to be the same.
struct FileIdentity {
  u64 inode = 0;
  u64 size_bytes = 0;
  u64 modified_ns = 0;
  u64 changed_ns = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
// nullopt: there is no such file.
[[nodiscard]] std::optional<FileIdentity> identity_of(const std::string& path);

struct SymversRecord {
  std::string_view name;
  u32 crc = 0;
  bool gpl_only = false;
  std::string_view name_space;
};

// The bytes of the file for these records. Of equal names the first counts.
[[nodiscard]] std::string encode_symvers(std::span<const SymversRecord> records, const FileIdentity& source);

class SymversFile {
 public:
  // nullopt: absent, unreadable, damaged, of another version, or of another text than `source`.
  [[nodiscard]] static std::optional<SymversFile> open(const std::string& path, const FileIdentity& source);
  SymversFile(SymversFile&& other) noexcept;
  SymversFile& operator=(SymversFile&& other) noexcept;
  ~SymversFile();

  enum class Answer : u8 { kFound, kAbsent, kDamaged };
  struct Found {
    u32 crc = 0;
    bool gpl_only = false;
    std::string name_space;
  };
  [[nodiscard]] Answer find(std::string_view name, Found& found) const;

 private:
  SymversFile(int fd, const FileIdentity& source, u32 buckets, u32 file_bytes)
      : fd_(fd), source_(source), buckets_(buckets), file_bytes_(file_bytes) {}

  int fd_;
  FileIdentity source_;
  u32 buckets_;
  u32 file_bytes_;
};

}  // namespace koi::runtime
