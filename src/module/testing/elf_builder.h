// SPDX-License-Identifier: GPL-2.0-only
// For tests: builds the ELF file of a small module in memory, so that unit tests need no kernel headers.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "module/elf_format.h"
#include "module/module_file.h"
#include "module/relocation_types.h"

namespace koi::module::testing {

inline constexpr u64 kStructModuleBytes = 896;
inline constexpr std::string_view kVermagic = "6.1.0-test SMP preempt mod_unload modversions ";
inline constexpr u32 kPrintkCrc = 0x92997ed8;
inline constexpr u32 kLayoutCrc = 0x0e2c4db3;

class ElfBuilder {
 public:
  ElfBuilder() {
    sections_.emplace_back();
    symbols_.emplace_back();
  }

  // Adds a section and returns its index.
  u32 section(std::string_view name, u32 type, u64 flags, std::vector<u8> bytes, u64 align = 1) {
    Built built;
    built.name = name;
    built.type = type;
    built.flags = flags;
    built.size = bytes.size();
    built.bytes = std::move(bytes);
    built.align = align;
    sections_.push_back(std::move(built));
    return static_cast<u32>(sections_.size() - 1);
  }
  u32 nobits(std::string_view name, u64 flags, u64 size, u64 align = 8) {
    const u32 index = section(name, elf::kShtNobits, flags, {}, align);
    sections_[index].size = size;
    return index;
  }
  // Adds a symbol and returns its index.
  u32 symbol(std::string_view name, u16 shndx, u64 value, u8 bind = elf::kStbGlobal,
             u8 type = elf::kSttNotype, u64 size = 0) {
    Named named;
    named.name = name;
    named.record = {0, static_cast<u8>(bind << 4 | type), 0, shndx, value, size};
    symbols_.push_back(std::move(named));
    return static_cast<u32>(symbols_.size() - 1);
  }
  // Adds a relocation of section `target`.
  void relocation(u32 target, u64 offset, u32 type, u32 symbol, s64 addend = 0) {
    sections_[target].relocations.push_back({offset, u64{symbol} << 32 | type, addend});
  }
  // Adds a .modinfo entry "key=value".
  void modinfo(std::string_view key, std::string_view value) {
    if (modinfo_ == 0) modinfo_ = section(".modinfo", elf::kShtProgbits, elf::kShfAlloc, {});
    append(modinfo_, std::string(key) + "=" + std::string(value) + '\0');
  }
  // Adds a __versions record.
  void version(std::string_view name, u32 crc) {
    if (versions_ == 0) versions_ = section("__versions", elf::kShtProgbits, elf::kShfAlloc, {}, 32);
    std::string record(64, '\0');
    std::memcpy(record.data(), &crc, sizeof(crc));
    std::memcpy(record.data() + 8, name.data(), name.size());
    append(versions_, record);
  }
  // Adds an export of symbol `symbol` under `name`.
  void export_symbol(std::string_view name, u32 symbol, bool gpl_only, u32 crc) {
    const std::string suffix = gpl_only ? "_gpl" : "";
    const u32 table = named_or_new("__ksymtab" + suffix, 4);
    const u32 crcs = named_or_new("__kcrctab" + suffix, 4);
    const u32 strings = named_or_new("__ksymtab_strings", 1);
    const u64 name_offset = sections_[strings].bytes.size();
    append(strings, std::string(name) + '\0');
    const u32 strings_symbol =
        this->symbol("", static_cast<u16>(strings), 0, elf::kStbLocal, elf::kSttSection);
    const u64 at = sections_[table].bytes.size();
    append(table, std::string(12, '\0'));
    relocation(table, at, kRelocPc32, symbol, 0);
    relocation(table, at + 4, kRelocPc32, strings_symbol, static_cast<s64>(name_offset));
    append(crcs, std::string(reinterpret_cast<const char*>(&crc), sizeof(crc)));
  }
  void append(u32 section, std::string_view bytes) {
    Built& built = sections_[section];
    built.bytes.insert(built.bytes.end(), bytes.begin(), bytes.end());
    built.size = built.bytes.size();
  }
  [[nodiscard]] u32 index_of(std::string_view name) const {
    for (u32 i = 1; i < sections_.size(); ++i) {
      if (sections_[i].name == name) return i;
    }
    return 0;
  }
  [[nodiscard]] std::vector<u8>& bytes_of(u32 section) { return sections_[section].bytes; }
  void set_flags(u32 section, u64 flags) { sections_[section].flags = flags; }
  void set_size(u32 section, u64 size) { sections_[section].size = size; }

  [[nodiscard]] std::vector<u8> build() const {
    std::vector<u8> out(sizeof(elf::FileHeader));
    std::vector<elf::SectionHeader> headers(1);
    std::string names(1, '\0');
    const auto emit = [&](const std::string& name, elf::SectionHeader header, const void* data,
                          std::size_t size) {
      header.name = static_cast<u32>(names.size());
      names += name + '\0';
      out.resize((out.size() + 7) & ~std::size_t{7});
      header.offset = out.size();
      if (header.size == 0) header.size = size;
      if (size != 0) {
        out.resize(out.size() + size);
        std::memcpy(out.data() + header.offset, data, size);
      }
      headers.push_back(header);
    };
    for (std::size_t i = 1; i < sections_.size(); ++i) {
      const Built& s = sections_[i];
      emit(s.name, {0, s.type, s.flags, 0, 0, s.size, 0, 0, s.align, 0}, s.bytes.data(), s.bytes.size());
    }
    std::string strings(1, '\0');
    std::vector<elf::SymbolRecord> records;
    for (const Named& named : symbols_) {
      elf::SymbolRecord record = named.record;
      if (!named.name.empty()) {
        record.name = static_cast<u32>(strings.size());
        strings += named.name + '\0';
      }
      records.push_back(record);
    }
    const u32 symtab = static_cast<u32>(headers.size());
    emit(".symtab", {0, elf::kShtSymtab, 0, 0, 0, 0, symtab + 1, 1, 8, sizeof(elf::SymbolRecord)},
         records.data(), records.size() * sizeof(elf::SymbolRecord));
    emit(".strtab", {0, elf::kShtStrtab, 0, 0, 0, 0, 0, 0, 1, 0}, strings.data(), strings.size());
    for (std::size_t i = 1; i < sections_.size(); ++i) {
      const auto& relocations = sections_[i].relocations;
      if (relocations.empty()) continue;
      emit(".rela" + sections_[i].name,
           {0, elf::kShtRela, 0x40, 0, 0, 0, symtab, static_cast<u32>(i), 8, sizeof(elf::RelaRecord)},
           relocations.data(), relocations.size() * sizeof(elf::RelaRecord));
    }
    const u32 shstrtab = static_cast<u32>(headers.size());
    names += std::string(".shstrtab") + '\0';
    const std::string all_names = names;
    emit(".shstrtab", {0, elf::kShtStrtab, 0, 0, 0, 0, 0, 0, 1, 0}, all_names.data(), all_names.size());
    headers.back().name = static_cast<u32>(all_names.size() - 10);
    finish(out, headers, shstrtab);
    return out;
  }
  [[nodiscard]] ModuleFile file(std::string path = "test.ko") const {
    ModuleFile file;
    file.path = std::move(path);
    file.bytes = build();
    return file;
  }

  // A module "hello": text, init and exit text, rodata, data, .bss, .modinfo, __versions and struct module;
  // init calls _printk.
  static ElfBuilder hello(std::string_view vermagic = kVermagic) {
    using namespace elf;
    ElfBuilder b;
    const u32 text =
        b.section(".text", kShtProgbits, kShfAlloc | kShfExecinstr, std::vector<u8>(32, 0x90), 16);
    std::vector<u8> init_code = {0x48, 0xc7, 0xc7, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0x31, 0xc0, 0xc3};
    const u32 init = b.section(".init.text", kShtProgbits, kShfAlloc | kShfExecinstr, init_code, 16);
    const u32 exit = b.section(".exit.text", kShtProgbits, kShfAlloc | kShfExecinstr, {0xc3}, 1);
    const u32 strings = b.section(".rodata.str1.1", kShtProgbits, kShfAlloc, {'h', 'i', '\n', 0}, 1);
    const u32 data = b.section(".data", kShtProgbits, kShfAlloc | kShfWrite, std::vector<u8>(16, 0), 8);
    b.nobits(".bss", kShfAlloc | kShfWrite, 64);
    b.modinfo("license", "GPL");
    b.modinfo("name", "hello");
    b.modinfo("retpoline", "Y");
    b.modinfo("vermagic", vermagic);
    b.version("module_layout", kLayoutCrc);
    b.version("_printk", kPrintkCrc);
    std::vector<u8> this_module(kStructModuleBytes, 0);
    std::memcpy(this_module.data() + 24, "hello", 5);
    const u32 mod =
        b.section(".gnu.linkonce.this_module", kShtProgbits, kShfAlloc | kShfWrite, this_module, 64);
    const u32 str_symbol = b.symbol("", static_cast<u16>(strings), 0, kStbLocal, kSttSection);
    b.symbol("helper", static_cast<u16>(text), 0, kStbLocal, kSttFunc, 32);
    const u32 init_symbol = b.symbol("init_module", static_cast<u16>(init), 0, kStbGlobal, kSttFunc, 15);
    const u32 exit_symbol = b.symbol("cleanup_module", static_cast<u16>(exit), 0, kStbGlobal, kSttFunc, 1);
    const u32 data_symbol = b.symbol("counter", static_cast<u16>(data), 8, kStbGlobal, kSttObject, 8);
    b.symbol("__this_module", static_cast<u16>(mod), 0, kStbGlobal, kSttObject, kStructModuleBytes);
    const u32 printk = b.symbol("_printk", kShnUndef, 0);
    b.relocation(init, 3, kReloc32S, str_symbol, 0);
    b.relocation(init, 8, kRelocPlt32, printk, -4);
    b.relocation(mod, 0x138, kReloc64, init_symbol, 0);
    b.relocation(mod, 0x348, kReloc64, exit_symbol, 0);
    b.relocation(data, 0, kReloc64, data_symbol, 0);
    return b;
  }

 private:
  struct Built {
    std::string name;
    u32 type = 0;
    u64 flags = 0;
    std::vector<u8> bytes;
    u64 size = 0;
    u64 align = 1;
    std::vector<elf::RelaRecord> relocations;
  };
  struct Named {
    std::string name;
    elf::SymbolRecord record{};
  };

  u32 named_or_new(const std::string& name, u64 align) {
    const u32 index = index_of(name);
    return index != 0 ? index : section(name, elf::kShtProgbits, elf::kShfAlloc, {}, align);
  }
  static void finish(std::vector<u8>& out, const std::vector<elf::SectionHeader>& headers, u32 shstrtab) {
    out.resize((out.size() + 7) & ~std::size_t{7});
    elf::FileHeader header{};
    std::memcpy(header.ident,
                "\x7f"
                "ELF\x02\x01\x01",
                7);
    header.type = elf::kTypeRel;
    header.machine = elf::kMachineX86_64;
    header.version = 1;
    header.ehsize = sizeof(header);
    header.shoff = out.size();
    header.shentsize = sizeof(elf::SectionHeader);
    header.shnum = static_cast<u16>(headers.size());
    header.shstrndx = static_cast<u16>(shstrtab);
    std::memcpy(out.data(), &header, sizeof(header));
    const std::size_t table_bytes = headers.size() * sizeof(elf::SectionHeader);
    out.resize(out.size() + table_bytes);
    std::memcpy(out.data() + header.shoff, headers.data(), table_bytes);
  }

  std::vector<Built> sections_;
  std::vector<Named> symbols_;
  u32 modinfo_ = 0, versions_ = 0;
};

}  // namespace koi::module::testing
