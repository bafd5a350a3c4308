// SPDX-License-Identifier: GPL-2.0-only
// The ELF-64 records of a relocatable object (System V gABI, x86-64 psABI), as layout types that are filled
// by copying: the file gives no alignment guarantee.
#pragma once

#include <cstring>
#include <optional>

#include "base/types.h"

namespace koi::module::elf {

struct FileHeader {
  u8 ident[16];
  u16 type;
  u16 machine;
  u32 version;
  u64 entry;
  u64 phoff;
  u64 shoff;
  u32 flags;
  u16 ehsize;
  u16 phentsize;
  u16 phnum;
  u16 shentsize;
  u16 shnum;
  u16 shstrndx;
};
static_assert(sizeof(FileHeader) == 64);

struct SectionHeader {
  u32 name;
  u32 type;
  u64 flags;
  u64 addr;
  u64 offset;
  u64 size;
  u32 link;
  u32 info;
  u64 addralign;
  u64 entsize;
};
static_assert(sizeof(SectionHeader) == 64);

struct SymbolRecord {
  u32 name;
  u8 info;
  u8 other;
  u16 shndx;
  u64 value;
  u64 size;
};
static_assert(sizeof(SymbolRecord) == 24);

struct RelaRecord {
  u64 offset;
  u64 info;
  s64 addend;

  [[nodiscard]] u32 type() const { return static_cast<u32>(info); }
  [[nodiscard]] u32 symbol() const { return static_cast<u32>(info >> 32); }
};
static_assert(sizeof(RelaRecord) == 24);

inline constexpr u16 kTypeRel = 1;
inline constexpr u16 kTypeExec = 2;
inline constexpr u16 kTypeDyn = 3;
inline constexpr u16 kTypeCore = 4;
inline constexpr u16 kMachine386 = 3;
inline constexpr u16 kMachineX86_64 = 62;
inline constexpr u8 kClass32 = 1;
inline constexpr u8 kClass64 = 2;
inline constexpr u8 kDataBigEndian = 2;

inline constexpr u32 kShtNull = 0;
inline constexpr u32 kShtProgbits = 1;
inline constexpr u32 kShtSymtab = 2;
inline constexpr u32 kShtStrtab = 3;
inline constexpr u32 kShtRela = 4;
inline constexpr u32 kShtNote = 7;
inline constexpr u32 kShtNobits = 8;
inline constexpr u32 kShtRel = 9;
inline constexpr u32 kShtInitArray = 14;

inline constexpr u64 kShfWrite = 1;
inline constexpr u64 kShfAlloc = 2;
inline constexpr u64 kShfExecinstr = 4;
inline constexpr u64 kShfCompressed = 0x800;
inline constexpr u64 kShfRoAfterInit = 0x00200000;
inline constexpr u64 kShfRelaLivepatch = 0x00100000;

inline constexpr u16 kShnUndef = 0;
inline constexpr u16 kShnLoReserve = 0xff00;
inline constexpr u16 kShnLivepatch = 0xff20;
inline constexpr u16 kShnAbs = 0xfff1;
inline constexpr u16 kShnCommon = 0xfff2;

inline constexpr u8 kStbLocal = 0;
inline constexpr u8 kStbGlobal = 1;
inline constexpr u8 kStbWeak = 2;
inline constexpr u8 kSttNotype = 0;
inline constexpr u8 kSttObject = 1;
inline constexpr u8 kSttFunc = 2;
inline constexpr u8 kSttSection = 3;
inline constexpr u8 kSttFile = 4;

// The T at `offset` of `bytes`; nullopt: it passes the end.
template <class T>
[[nodiscard]] std::optional<T> read_at(ByteSpan bytes, u64 offset) {
  if (offset > bytes.size() || sizeof(T) > bytes.size() - offset) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return value;
}

// The `index`-th T of a table that has been checked to hold it.
template <class T>
[[nodiscard]] T record(ByteSpan bytes, u64 index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

}  // namespace koi::module::elf
