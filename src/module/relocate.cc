// SPDX-License-Identifier: GPL-2.0-only
#include "module/relocate.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace koi::module {
namespace {

// What is to be written, and whether the value fits the field.
struct Computed {
  u64 value = 0;
  bool fits = true;
  std::string_view range;  // the field's range, for the message
};

constexpr std::string_view kSigned32 = "-0x80000000..0x7fffffff";
constexpr std::string_view kUnsigned32 = "0..0xffffffff";

bool fits_signed32(u64 value) { return static_cast<s64>(value) == static_cast<s32>(static_cast<u32>(value)); }

// The psABI expressions. Requires: a type with a width.
Computed compute(u32 type, u64 symbol_plus_addend, u64 place_address) {
  switch (type) {
    case kReloc64:
      return {symbol_plus_addend, true, {}};
    case kRelocPc64:
      return {symbol_plus_addend - place_address, true, {}};
    case kReloc32:
      return {symbol_plus_addend, symbol_plus_addend <= 0xffffffff, kUnsigned32};
    case kReloc32S:
      return {symbol_plus_addend, fits_signed32(symbol_plus_addend), kSigned32};
    case kRelocPc32:
    case kRelocPlt32: {
      const u64 value = symbol_plus_addend - place_address;
      return {value, fits_signed32(value), kSigned32};
    }
    default:
      CHECK(false, "relocation type {}", type);
  }
}

}  // namespace

Status apply_relocation(u32 type, MutableByteSpan place, u64 place_address, u64 symbol_address, s64 addend,
                        std::string_view module_name, LoaderEra era, KernelLog& log) {
  if (type == kRelocNone) return Ok{};
  const u64 width = relocation_width(type);
  if (width == 0) {
    log.line(kLogErr, "{}: Unknown rela relocation: {}", module_name, type);
    return make_errno(
        ENOEXEC, "relocation type {} is not one that kernel modules may have; build it as Kbuild does", type);
  }
  CHECK(place.size() >= width);
  const u64 symbol_plus_addend = symbol_address + static_cast<u64>(addend);
  const Computed computed = compute(type, symbol_plus_addend, place_address);
  if (std::any_of(place.begin(), place.begin() + static_cast<std::ptrdiff_t>(width),
                  [](u8 b) { return b != 0; })) {
    const u64 logged =
        type == kReloc64 || type == kReloc32 || type == kReloc32S || era == LoaderEra::kMemTypes
            ? computed.value
            : symbol_plus_addend;
    log.line(kLogErr,
             "x86/modules: {} relocation target, existing value is nonzero for type {}, loc {:#x}, val {:x}",
             era == LoaderEra::kCoreAndInit ? "Skipping invalid" : "Invalid", type, place_address, logged);
    return make_errno(ENOEXEC,
                      "{}: the place is not zero: it has been relocated before, or the file is damaged",
                      relocation_name(type));
  }
  if (!computed.fits) {
    log.line(kLogErr, "overflow in relocation type {} val {:x}", type, computed.value);
    log.line(kLogErr, "`{}' likely not compiled with -mcmodel=kernel", module_name);
    return make_errno(ENOEXEC, "{}: value {:#x} does not fit {} (is it compiled with -mcmodel=kernel?)",
                      relocation_name(type), computed.value, computed.range);
  }
  std::memcpy(place.data(), &computed.value, width);
  return Ok{};
}

namespace {

// call rel32, jmp rel32 or jcc rel32 whose displacement is the place.
bool targets_branch(u32 type, ByteSpan section, u64 offset, s64 addend) {
  constexpr u8 kCall = 0xe8, kJump = 0xe9, kTwoByte = 0x0f, kFirstConditional = 0x80;
  if ((type != kRelocPc32 && type != kRelocPlt32) || addend != -4 || offset == 0) return false;
  const u8 opcode = section[offset - 1];
  if (opcode == kCall || opcode == kJump) return true;
  return offset >= 2 && section[offset - 2] == kTwoByte && (opcode & 0xf0) == kFirstConditional;
}

class RelocatePass {
 public:
  RelocatePass(const ElfImage& image, LinkedImage& linked, std::span<const u64> values, SiteTargets* targets,
               LoaderEra era, KernelLog& log)
      : image_(image), linked_(linked), values_(values), targets_(targets), era_(era), log_(log) {}

  Status run() {
    for (const RelocationSection& section : image_.relocations) {
      // As in the kernel, whose per-CPU section has lost SHF_ALLOC by now: initialised pointers in per-CPU
      // variables of modules stay as they are in the file. load.cc notes it.
      if (section.target == image_.percpu) continue;
      if (!linked_.section_address(section.target)) continue;  // .modinfo and __versions are not loaded
      TRY(apply_section(section));
    }
    return Ok{};
  }

 private:
  Status apply_section(const RelocationSection& section) {
    const ByteSpan records = image_.sections[section.section].bytes;
    const MutableByteSpan target = linked_.section_bytes(section.target);
    const u64 base = *linked_.section_address(section.target);
    for (u64 k = 0; k < records.size() / sizeof(elf::RelaRecord); ++k) {
      const auto rela = elf::record<elf::RelaRecord>(records, k);
      const Symbol& symbol = image_.symbols[rela.symbol()];
      if (rela.type() != kRelocNone && !is_loaded(symbol)) {
        return refuse(section, rela, symbol,
                      fmt::format("refers to section {}, which is not loaded; the file is damaged",
                                  image_.sections[symbol.shndx].name));
      }
      u64 value = values_[rela.symbol()];
      if (targets_ != nullptr && symbol.shndx == elf::kShnUndef && rela.symbol() != 0) {
        const bool is_branch = image_.sections[section.target].executable() &&
                               targets_branch(rela.type(), target, rela.offset, rela.addend);
        value = targets_->target_for(
            {symbol.name, value, rela.type(), section.target, rela.offset, base + rela.offset, is_branch});
      }
      const Status status = apply_relocation(rela.type(), target.subspan(rela.offset), base + rela.offset,
                                             value, rela.addend, image_.module_name, era_, log_);
      if (!status.ok()) return refuse(section, rela, symbol, status.error().message);
    }
    return Ok{};
  }

  [[nodiscard]] bool is_loaded(const Symbol& symbol) const {
    if (symbol.shndx == elf::kShnUndef || symbol.shndx >= image_.sections.size()) return true;
    return linked_.section_address(symbol.shndx).has_value();
  }

  [[nodiscard]] Error refuse(const RelocationSection& section, const elf::RelaRecord& rela,
                             const Symbol& symbol, std::string_view why) const {
    std::string name(symbol.name);
    if (name.empty() && symbol.shndx < image_.sections.size()) name = image_.sections[symbol.shndx].name;
    return make_errno(ENOEXEC, "{}: relocation at offset {:#x} against {}: {}", image_.where(section.target),
                      rela.offset, name.empty() ? "symbol 0" : name, why);
  }

  const ElfImage& image_;
  LinkedImage& linked_;
  std::span<const u64> values_;
  SiteTargets* targets_;
  LoaderEra era_;
  KernelLog& log_;
};

}  // namespace

Status relocate(const ElfImage& image, LinkedImage& linked, std::span<const u64> values, SiteTargets* targets,
                LoaderEra era, KernelLog& log) {
  return RelocatePass(image, linked, values, targets, era, log).run();
}

}  // namespace koi::module
