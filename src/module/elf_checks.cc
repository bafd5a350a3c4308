// SPDX-License-Identifier: GPL-2.0-only
#include "module/elf_checks.h"

#include <algorithm>
#include <bit>
#include <cerrno>

#include "module/relocation_types.h"

namespace koi::module {

std::string_view string_at(ByteSpan table, u64 offset) {
  // Bounded by the table's own final NUL, which the caller has checked.
  return reinterpret_cast<const char*>(table.data() + offset);
}

Error one_line(Error error) {
  std::string clean;
  for (const char c : error.message) {
    if (c >= ' ' && c <= '~') {
      clean += c;
    } else {
      clean += fmt::format("\\x{:02x}", static_cast<u8>(c));
    }
  }
  error.message = std::move(clean);
  return error;
}

Status check_sizes(const ElfImage& image, const ElfRules& rules) {
  constexpr u64 kMaxAlignment = 4096;
  u64 total = 0;
  for (u32 i = 1; i < image.sections.size(); ++i) {
    const Section& section = image.sections[i];
    const elf::SectionHeader& h = section.header;
    // The symbol table and its names are laid out in the init block, as in the kernel.
    if (!section.allocated() && i != image.symtab && i != image.strtab) continue;
    if (h.addralign > 1 && !std::has_single_bit(h.addralign)) {
      return make_errno(ENOEXEC, "{}: alignment {} is not a power of two; the file is damaged",
                        image.where(i), h.addralign);
    }
    if (h.addralign > kMaxAlignment) {
      return make_errno(ENOEXEC, "{}: alignment {} is larger than a page ({}), which no kernel honours",
                        image.where(i), h.addralign, kMaxAlignment);
    }
    if ((h.flags & elf::kShfCompressed) != 0) {
      return make_errno(ENOEXEC,
                        "{}: a compressed section cannot be loaded; link without --compress-sections",
                        image.where(i));
    }
    if (h.size > rules.max_loaded_bytes || total > rules.max_loaded_bytes - h.size) {
      return make_errno(
          ENOEXEC,
          "{}: size {:#x} brings the loaded sections over {} MiB; the file is damaged or absurdly large",
          image.where(i), h.size, rules.max_loaded_bytes >> 20);
    }
    total += h.size;
  }
  return Ok{};
}

Status check_overlaps(const ElfImage& image, const elf::FileHeader& header) {
  struct Range {
    u64 begin, end;
    u32 section;  // 0: the headers
  };
  std::vector<Range> ranges;
  ranges.reserve(image.sections.size() + 2);
  ranges.push_back({0, sizeof(elf::FileHeader), 0});
  ranges.push_back({header.shoff, header.shoff + u64{header.shnum} * sizeof(elf::SectionHeader), 0});
  for (u32 i = 1; i < image.sections.size(); ++i) {
    const Section& section = image.sections[i];
    if (section.bytes.empty()) continue;
    ranges.push_back({section.header.offset, section.header.offset + section.header.size, i});
  }
  std::ranges::sort(ranges, {}, &Range::begin);
  for (std::size_t k = 1; k < ranges.size(); ++k) {
    const Range& before = ranges[k - 1];
    const Range& range = ranges[k];
    if (range.begin >= before.end) continue;
    const u32 culprit = range.section != 0 ? range.section : before.section;
    const u32 other = culprit == range.section ? before.section : 0;
    if (culprit == 0) {
      return make_errno(
          ENOEXEC, "{}: the section headers at offset {:#x} lie over the file header; the file is damaged",
          image.path, header.shoff);
    }
    return make_errno(ENOEXEC, "{}: its bytes at offset {:#x} overlap {}; the file is damaged",
                      image.where(culprit), range.begin,
                      other == 0 ? "the ELF headers" : fmt::format("section {}", other));
  }
  return Ok{};
}

namespace {

Status check_relocation_records(const ElfImage& image, u32 index, u32 target) {
  const ByteSpan bytes = image.sections[index].bytes;
  const u64 target_bytes = image.sections[target].header.size;
  for (u64 k = 0; k < bytes.size() / sizeof(elf::RelaRecord); ++k) {
    const auto rela = elf::record<elf::RelaRecord>(bytes, k);
    if (rela.symbol() >= image.symbols.size()) {
      return make_errno(ENOEXEC, "{}: relocation {} names symbol {} of {}; the file is damaged",
                        image.where(index), k, rela.symbol(), image.symbols.size());
    }
    // An unknown type has width 0 here; the relocation pass refuses it by number.
    const u64 width = relocation_width(rela.type());
    if (rela.offset > target_bytes || width > target_bytes - rela.offset) {
      return make_errno(
          ENOEXEC,
          "{}: relocation {} at offset {:#x} passes the end of {} ({:#x} bytes); the file is damaged",
          image.where(index), k, rela.offset, image.sections[target].name, target_bytes);
    }
  }
  return Ok{};
}

}  // namespace

Status check_relocations(ElfImage& image) {
  for (u32 i = 1; i < image.sections.size(); ++i) {
    const elf::SectionHeader& h = image.sections[i].header;
    if (h.type != elf::kShtRela && h.type != elf::kShtRel) continue;
    // The kernel skips these two silently; so does koi.
    if (h.info >= image.sections.size() || !image.sections[h.info].allocated()) continue;
    if (i == h.info || h.info == 0) {
      return make_errno(ENOEXEC, "{}: a relocation section that applies to section {}; the file is damaged",
                        image.where(i), h.info);
    }
    if (h.type == elf::kShtRel) {
      return make_errno(
          ENOEXEC, "{}: relocations without addends (SHT_REL) do not exist on x86-64; the file is damaged",
          image.where(i));
    }
    if ((h.flags & elf::kShfRelaLivepatch) != 0) {
      return make_errno(
          ENOEXEC, "{}: livepatch relocations are not supported; load the module that it patches instead",
          image.where(i));
    }
    if (h.entsize != sizeof(elf::RelaRecord) || h.size % sizeof(elf::RelaRecord) != 0) {
      return make_errno(ENOEXEC, "{}: {} bytes in records of {} (24 expected); the file is damaged",
                        image.where(i), h.size, h.entsize);
    }
    if (h.link != image.symtab) {
      return make_errno(ENOEXEC, "{}: uses section {} as its symbol table, not {}; the file is damaged",
                        image.where(i), h.link, image.symtab);
    }
    if (image.sections[h.info].header.type == elf::kShtNobits && h.size != 0) {
      return make_errno(ENOEXEC, "{}: relocates section {} ({}), which has no bytes; the file is damaged",
                        image.where(i), h.info, image.sections[h.info].name);
    }
    TRY(check_relocation_records(image, i, h.info));
    image.relocations.push_back({i, h.info});
  }
  return Ok{};
}

}  // namespace koi::module
