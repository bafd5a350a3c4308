// SPDX-License-Identifier: GPL-2.0-only
#include "module/gdb_jit.h"

#include <elf.h>

#include <cstring>
#include <string_view>

extern "C" {

// gdb finds both by name, so the linker must keep them and the compiler must not fold the empty function
// away.
__attribute__((used, visibility("default"))) jit_descriptor __jit_debug_descriptor = {1, 0, nullptr, nullptr};

__attribute__((used, noinline, visibility("default"))) void __jit_debug_register_code() {
  __asm__ volatile("" ::: "memory");
}
}

namespace koi::module {
namespace {

constexpr u32 kActionNone = 0;
constexpr u32 kActionRegister = 1;
constexpr u32 kActionUnregister = 2;

void notify(u32 action, jit_code_entry* entry) {
  __jit_debug_descriptor.action_flag = action;
  __jit_debug_descriptor.relevant_entry = entry;
  __jit_debug_register_code();
  __jit_debug_descriptor.action_flag = kActionNone;
  __jit_debug_descriptor.relevant_entry = nullptr;
}

Status check_header(const Elf64_Ehdr& header, u64 size) {
  const bool elf64 = std::memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
                     header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == ELFDATA2LSB;
  if (!elf64) return make_error("gdb image: not a 64-bit little-endian ELF file");
  const u64 table_bytes = u64{header.e_shnum} * sizeof(Elf64_Shdr);
  if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shoff > size ||
      size - header.e_shoff < table_bytes) {
    return make_error("gdb image: the section table ({} entries at offset {:#x}) lies outside of the file",
                      header.e_shnum, header.e_shoff);
  }
  return Ok{};
}

// All sections of debug information but .debug_frame become empty ones. Requires: the section table lies in the file.
void drop_debug_information(std::vector<u8>& file, const Elf64_Ehdr& header) {
  const auto section_at = [&](u32 index) {
    return file.data() + header.e_shoff + index * sizeof(Elf64_Shdr);
  };
  if (header.e_shstrndx >= header.e_shnum) return;
  Elf64_Shdr names;
  std::memcpy(&names, section_at(header.e_shstrndx), sizeof(names));
  for (u32 index = 1; index < header.e_shnum; ++index) {
    Elf64_Shdr entry;
    std::memcpy(&entry, section_at(index), sizeof(entry));
    if (entry.sh_name >= names.sh_size || names.sh_offset + names.sh_size > file.size()) continue;
    const auto* const text = reinterpret_cast<const char*>(file.data() + names.sh_offset + entry.sh_name);
    std::string_view name(text, strnlen(text, names.sh_size - entry.sh_name));
    if (name.starts_with(".rela")) name.remove_prefix(5);
    if (!name.starts_with(".debug_") || name == ".debug_frame") continue;
    entry.sh_type = SHT_NULL;
    entry.sh_size = 0;
    std::memcpy(section_at(index), &entry, sizeof(entry));
  }
}

}  // namespace

Result<std::vector<u8>> place_sections(ByteSpan image, std::span<const LoadedSection> sections,
                                       GdbDetail detail) {
  Elf64_Ehdr header;
  if (image.size() < sizeof(header)) return make_error("gdb image: {} bytes are no ELF file", image.size());
  std::memcpy(&header, image.data(), sizeof(header));
  TRY(check_header(header, image.size()));
  std::vector<u8> file(image.begin(), image.end());
  for (const LoadedSection& section : sections) {
    if (section.index >= header.e_shnum) {
      return make_error("gdb image: there is no section {} (of {})", section.index, header.e_shnum);
    }
    u8* const at = file.data() + header.e_shoff + u64{section.index} * sizeof(Elf64_Shdr);
    Elf64_Shdr entry;
    std::memcpy(&entry, at, sizeof(entry));
    entry.sh_addr = section.address;
    std::memcpy(at, &entry, sizeof(entry));
  }
  if (detail == GdbDetail::kFramesOnly) drop_debug_information(file, header);
  return file;
}

Result<std::unique_ptr<GdbJitModule>> GdbJitModule::create(ByteSpan image,
                                                           std::span<const LoadedSection> sections,
                                                           GdbDetail detail) {
  std::vector<u8> file = TRY(place_sections(image, sections, detail));
  return std::make_unique<GdbJitModule>(std::move(file));
}

GdbJitModule::GdbJitModule(std::vector<u8> file) : file_(std::move(file)) {
  entry_.symfile_addr = reinterpret_cast<const char*>(file_.data());
  entry_.symfile_size = file_.size();
  entry_.next_entry = __jit_debug_descriptor.first_entry;
  if (entry_.next_entry != nullptr) entry_.next_entry->prev_entry = &entry_;
  __jit_debug_descriptor.first_entry = &entry_;
  notify(kActionRegister, &entry_);
}

GdbJitModule::~GdbJitModule() {
  if (entry_.prev_entry != nullptr) {
    entry_.prev_entry->next_entry = entry_.next_entry;
  } else {
    __jit_debug_descriptor.first_entry = entry_.next_entry;
  }
  if (entry_.next_entry != nullptr) entry_.next_entry->prev_entry = entry_.prev_entry;
  notify(kActionUnregister, &entry_);
}

}  // namespace koi::module
