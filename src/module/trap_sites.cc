// SPDX-License-Identifier: GPL-2.0-only
#include "module/trap_sites.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <optional>

namespace koi::module {
namespace {

std::optional<TrapKind> classify(const ZydisDecodedInstruction& instruction) {
  switch (instruction.mnemonic) {
    case ZYDIS_MNEMONIC_PAUSE:
      return TrapKind::kPause;
    case ZYDIS_MNEMONIC_RDTSC:
      return TrapKind::kRdtsc;
    case ZYDIS_MNEMONIC_RDTSCP:
      return TrapKind::kRdtscp;
    case ZYDIS_MNEMONIC_RDRAND:
      return TrapKind::kRdrand;
    case ZYDIS_MNEMONIC_RDSEED:
      return TrapKind::kRdseed;
    case ZYDIS_MNEMONIC_CPUID:
      return TrapKind::kCpuid;
    case ZYDIS_MNEMONIC_SYSCALL:
    case ZYDIS_MNEMONIC_SYSENTER:
    case ZYDIS_MNEMONIC_INT:
      return TrapKind::kSyscall;
    case ZYDIS_MNEMONIC_HLT:
      return TrapKind::kHlt;
    case ZYDIS_MNEMONIC_CLI:
      return TrapKind::kCli;
    case ZYDIS_MNEMONIC_STI:
      return TrapKind::kSti;
    default:
      break;
  }
  const bool io = instruction.meta.category == ZYDIS_CATEGORY_IO ||
                  instruction.meta.category == ZYDIS_CATEGORY_IOSTRINGOP;
  if (io || (instruction.attributes & ZYDIS_ATTRIB_IS_PRIVILEGED) != 0) return TrapKind::kPrivileged;
  return std::nullopt;
}

class Scanner {
 public:
  Scanner(const ElfImage& image, const LinkedImage& linked, std::span<const u64> values)
      : image_(image), linked_(linked), values_(values) {
    CHECK(ZYAN_SUCCESS(ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)));
  }

  TrapScan run() {
    for (u32 i = 1; i < image_.sections.size(); ++i) {
      const Section& section = image_.sections[i];
      if (!section.executable() || section.name == ".altinstr_replacement") continue;
      if (const auto address = linked_.section_address(i)) scan_section(i, *address);
    }
    std::ranges::sort(out_.sites, {}, &TrapSite::address);
    return std::move(out_);
  }

 private:
  void scan_section(u32 index, u64 base) {
    const ByteSpan bytes = linked_.section_bytes(index);
    const std::vector<u64> starts = function_starts(index, base, bytes.size());
    for (std::size_t k = 0; k + 1 < starts.size(); ++k) {
      scan_run(bytes.subspan(starts[k], starts[k + 1] - starts[k]), base + starts[k]);
    }
  }

  // Offsets at which an instruction certainly starts, and the section's end.
  [[nodiscard]] std::vector<u64> function_starts(u32 index, u64 base, u64 size_bytes) const {
    std::vector<u64> starts = {0, size_bytes};
    for (std::size_t s = 1; s < image_.symbols.size(); ++s) {
      const Symbol& symbol = image_.symbols[s];
      if (symbol.shndx != index || (symbol.type() != elf::kSttFunc && symbol.type() != elf::kSttNotype))
        continue;
      const u64 offset = values_[s] - base;
      if (offset < size_bytes) starts.push_back(offset);
    }
    std::ranges::sort(starts);
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
    return starts;
  }

  void scan_run(ByteSpan bytes, u64 address) {
    u64 at = 0;
    while (at < bytes.size()) {
      ZydisDecodedInstruction instruction;
      const ZyanStatus status = ZydisDecoderDecodeInstruction(&decoder_, nullptr, bytes.data() + at,
                                                              bytes.size() - at, &instruction);
      if (!ZYAN_SUCCESS(status)) {
        out_.undecoded_bytes += bytes.size() - at;
        return;
      }
      ++out_.instructions;
      if (const auto kind = classify(instruction))
        out_.sites.push_back({address + at, instruction.length, *kind});
      at += instruction.length;
    }
  }

  const ElfImage& image_;
  const LinkedImage& linked_;
  std::span<const u64> values_;
  ZydisDecoder decoder_;
  TrapScan out_;
};

}  // namespace

TrapScan scan_trap_sites(const ElfImage& image, const LinkedImage& linked, std::span<const u64> values) {
  return Scanner(image, linked, values).run();
}

std::string_view trap_kind_name(TrapKind kind) {
  static constexpr std::string_view kNames[] = {"pause",   "rdtsc", "rdtscp", "rdrand", "rdseed",    "cpuid",
                                                "syscall", "hlt",   "cli",    "sti",    "privileged"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace koi::module
