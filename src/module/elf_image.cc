// SPDX-License-Identifier: GPL-2.0-only
#include "module/elf_image.h"

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "module/elf_checks.h"
#include "module/modinfo.h"

namespace koi::module {
namespace {

using elf::SectionHeader;

// Where struct module keeps its name: after `enum module_state state` and `struct list_head list`, in every
// kernel.
constexpr u64 kNameOffsetInStructModule = 24;
constexpr u64 kModuleNameLen = 56;

class Parser {
 public:
  Parser(const ModuleFile& file, const ElfRules& rules, KernelLog& log) : rules_(rules), log_(log) {
    image_.path = file.path;
    image_.file = file.bytes;
  }

  Result<ElfImage> run() {
    TRY(read_file_header());
    TRY(read_section_headers());
    TRY(name_sections());
    TRY(find_modinfo());
    TRY(find_this_module());
    TRY(find_symbol_table());
    TRY(read_symbols());
    name_module();
    image_.versions = image_.find_index("__versions");
    image_.percpu = image_.find_index(".data..percpu");
    TRY(check_sizes(image_, rules_));
    TRY(check_overlaps(image_, header_));
    TRY(check_relocations(image_));
    return std::move(image_);
  }

 private:
  template <class... Args>
  Error refuse(fmt::format_string<Args...> format, Args&&... args) {
    return make_errno(ENOEXEC, "{}: {}", image_.path, fmt::format(format, std::forward<Args>(args)...));
  }

  Status read_file_header();
  Status read_section_headers();
  Status name_sections();
  Status find_modinfo();
  Status find_this_module();
  Status find_symbol_table();
  Status read_symbols();
  void name_module();
  [[nodiscard]] std::string_view log_name() const {
    if (image_.module_name.empty()) return "(missing .modinfo section or name field)";
    return image_.module_name;
  }

  const ElfRules& rules_;
  KernelLog& log_;
  ElfImage image_;
  elf::FileHeader header_{};
};

Status Parser::read_file_header() {
  const ByteSpan file = image_.file;
  if (file.size() >= 4 && std::memcmp(file.data(),
                                      "\x7f"
                                      "ELF",
                                      4) != 0) {
    log_.print(kLogErr,
               "Invalid ELF header magic: != \x7f"
               "ELF");
    return refuse("is not an ELF file; give the .ko that Kbuild made");
  }
  const auto header = elf::read_at<elf::FileHeader>(file, 0);
  if (!header) {
    log_.line(kLogErr, "Invalid ELF header len {}", file.size());
    return refuse("{} bytes are too few for an ELF header (64); the file is cut off", file.size());
  }
  header_ = *header;
  if (header_.ident[5] == elf::kDataBigEndian) {
    log_.line(kLogErr, "Invalid architecture in ELF header: {}", header_.machine);
    return refuse("is a big-endian ELF file; koi runs x86-64 modules");
  }
  // The machine is named before the type: an arm64 executable is told by its machine.
  if (header_.machine != elf::kMachineX86_64) {
    if (header_.type != elf::kTypeRel) {
      log_.line(kLogErr, "Invalid ELF header type: {} != {}", header_.type, elf::kTypeRel);
    } else {
      log_.line(kLogErr, "Invalid architecture in ELF header: {}", header_.machine);
    }
    return refuse("is built for {}; koi runs x86-64 modules: build it with ARCH=x86_64",
                  machine_name(header_.machine));
  }
  if (header_.type != elf::kTypeRel) {
    log_.line(kLogErr, "Invalid ELF header type: {} != {}", header_.type, elf::kTypeRel);
    const char* kind = header_.type == elf::kTypeExec   ? "an executable"
                       : header_.type == elf::kTypeDyn  ? "a shared object or position-independent executable"
                       : header_.type == elf::kTypeCore ? "a core dump"
                                                        : nullptr;
    if (kind == nullptr) return refuse("has ELF type {}; a module is a relocatable object (1)", header_.type);
    return refuse("is {}, not a module; give the .ko that Kbuild made", kind);
  }
  if (header_.shentsize != sizeof(SectionHeader)) {
    log_.print(kLogErr, "Invalid ELF section header size");
    if (header_.ident[4] == elf::kClass32)
      return refuse("is a 32-bit (x32) ELF file; koi runs 64-bit modules");
    return refuse("section headers of {} bytes (64 expected); the file is damaged", header_.shentsize);
  }
  return Ok{};
}

Status Parser::read_section_headers() {
  const ByteSpan file = image_.file;
  const u64 table_bytes = u64{header_.shnum} * sizeof(SectionHeader);
  if (header_.shoff >= file.size() || table_bytes > file.size() - header_.shoff) {
    log_.print(kLogErr, "Invalid ELF section header overflow");
    return refuse(
        "the table of {} section headers at offset {:#x} passes the end of the file ({} bytes); the file is "
        "cut off",
        header_.shnum, header_.shoff, file.size());
  }
  if (header_.shnum == 0) {
    log_.line(kLogErr, "Invalid ELF section name index: {0} || e_shstrndx ({0}) >= e_shnum (0)",
              header_.shstrndx);
    return refuse("has no sections; the file is damaged");
  }
  image_.sections.resize(header_.shnum);
  for (u32 i = 0; i < header_.shnum; ++i) {
    Section& section = image_.sections[i];
    section.header = elf::record<SectionHeader>(file.subspan(header_.shoff), i);
    const SectionHeader& h = section.header;
    if (i == 0) {
      if (h.type == elf::kShtNull && h.size == 0 && h.addr == 0) continue;
      log_.line(kLogErr, "ELF Spec violation: section 0 type({})!=SH_NULL or non-zero len or addr", h.type);
      return refuse("section 0 must be empty and is not (type {}, {} bytes); the file is damaged", h.type,
                    h.size);
    }
    if (h.type == elf::kShtNull || h.type == elf::kShtNobits) continue;
    if (h.offset > file.size() || h.size > file.size() - h.offset) {
      log_.line(kLogErr, "Invalid ELF section in module (section {} type {})", i, h.type);
      return refuse(
          "section {}: offset {:#x} + size {:#x} passes the end of the file ({} bytes); the file is damaged",
          i, h.offset, h.size, file.size());
    }
    section.bytes = file.subspan(h.offset, h.size);
  }
  return Ok{};
}

Status Parser::name_sections() {
  if (header_.shstrndx == 0 || header_.shstrndx >= header_.shnum) {
    log_.line(kLogErr, "Invalid ELF section name index: {0} || e_shstrndx ({0}) >= e_shnum ({1})",
              header_.shstrndx, header_.shnum);
    return refuse("section name table index {} is not one of {} sections; the file is damaged",
                  header_.shstrndx, header_.shnum);
  }
  const Section& names = image_.sections[header_.shstrndx];
  if (names.header.type != elf::kShtStrtab) {
    log_.line(kLogErr, "Invalid ELF section name table type: {}", names.header.type);
    return refuse("section {} holds the section names and has type {}, not STRTAB; the file is damaged",
                  header_.shstrndx, names.header.type);
  }
  if (names.bytes.empty()) {
    log_.print(kLogErr, "empty section name table");
    return refuse("section {} (section names) is empty; the file is damaged", header_.shstrndx);
  }
  if (names.bytes.back() != 0) {
    log_.print(kLogErr, "ELF Spec violation: section name table isn't null terminated");
    return refuse("section {} (section names) does not end in NUL; the file is damaged", header_.shstrndx);
  }
  for (u32 i = 1; i < header_.shnum; ++i) {
    Section& section = image_.sections[i];
    if (section.header.type == elf::kShtNull) continue;
    if (section.header.name >= names.bytes.size()) {
      log_.line(kLogErr, "Invalid ELF section name in module (section {} type {})", i, section.header.type);
      return refuse("section {}: name offset {:#x} passes the name table ({} bytes); the file is damaged", i,
                    section.header.name, names.bytes.size());
    }
    section.name = string_at(names.bytes, section.header.name);
  }
  return Ok{};
}

Status Parser::find_modinfo() {
  for (u32 i = 1; i < image_.sections.size(); ++i) {
    if (image_.sections[i].name != ".modinfo") continue;
    if (image_.modinfo != 0) {
      log_.print(kLogErr, "Only one .modinfo section must exist.");
      return refuse("sections {} and {} are both .modinfo; link the module again", image_.modinfo, i);
    }
    image_.modinfo = i;
  }
  if (image_.modinfo != 0) {
    if (auto name = ModInfo::parse(image_.sections[image_.modinfo].bytes).get("name"))
      image_.module_name = *name;
  }
  return Ok{};
}

Status Parser::find_this_module() {
  constexpr std::string_view kName = ".gnu.linkonce.this_module";
  u32 count = 0;
  for (u32 i = 1; i < image_.sections.size(); ++i) {
    if (image_.sections[i].name != kName) continue;
    ++count;
    image_.this_module = i;
  }
  if (count != 1) {
    if (rules_.era == LoaderEra::kCoreAndInit) {
      log_.line(kLogWarning, "{}: No module found in object", log_name());
    } else {
      log_.line(kLogErr, "module {}: Exactly one {} section must exist.", log_name(), kName);
    }
    return refuse(
        "has {} sections named {} (1 expected): it is not a module that modpost finished; build it with "
        "Kbuild",
        count, kName);
  }
  const Section& section = image_.sections[image_.this_module];
  if (section.header.type == elf::kShtNobits || section.header.size == 0) {
    log_.line(kLogErr, "module {}: {} section must have a size set", log_name(), kName);
    return refuse("section {} ({}) is empty; build the module with Kbuild", image_.this_module, kName);
  }
  if (!section.allocated()) {
    log_.line(kLogErr, "module {}: {} must occupy memory during process execution", log_name(), kName);
    return refuse("section {} ({}) is not loaded (flags {:#x}); build the module with Kbuild",
                  image_.this_module, kName, section.header.flags);
  }
  if (rules_.struct_module_bytes != 0 && section.header.size != rules_.struct_module_bytes) {
    log_.line(kLogErr,
              "module {}: {} section size must match the kernel's built struct module size at run time",
              log_name(), kName);
    return refuse(
        "section {} ({}) has {} bytes where this kernel's struct module has {}: it was built for another "
        "kernel or configuration",
        image_.this_module, kName, section.header.size, rules_.struct_module_bytes);
  }
  return Ok{};
}

Status Parser::find_symbol_table() {
  u32 count = 0;
  for (u32 i = 1; i < image_.sections.size(); ++i) {
    if (image_.sections[i].header.type != elf::kShtSymtab) continue;
    ++count;
    image_.symtab = i;
  }
  if (count != 1) {
    log_.line(kLogWarning, "{}: module has no symbols (stripped?)", log_name());
    return refuse("has {} symbol tables (1 expected); it was stripped: use `strip --strip-debug` at most",
                  count);
  }
  const u32 link = image_.sections[image_.symtab].header.link;
  if (link == 0 || link >= image_.sections.size()) {
    log_.line(kLogErr, "Invalid ELF sh_link!=SHN_UNDEF({0}) or (sh_link({0}) >= hdr->e_shnum({1})", link,
              image_.sections.size());
    return refuse("section {} (symbols) names section {} as its string table, of {}; the file is damaged",
                  image_.symtab, link, image_.sections.size());
  }
  if (image_.sections[link].header.type != elf::kShtStrtab) {
    log_.line(kLogErr, "Invalid ELF symbol string table type: {}", image_.sections[link].header.type);
    return refuse("section {} holds the symbol names and has type {}, not STRTAB; the file is damaged", link,
                  image_.sections[link].header.type);
  }
  image_.strtab = link;
  return Ok{};
}

Status Parser::read_symbols() {
  const Section& table = image_.sections[image_.symtab];
  const ByteSpan names = image_.sections[image_.strtab].bytes;
  if (table.header.entsize != sizeof(elf::SymbolRecord) ||
      table.bytes.size() % sizeof(elf::SymbolRecord) != 0) {
    return refuse("section {} (symbols) has {} bytes in records of {} (24 expected); the file is damaged",
                  image_.symtab, table.bytes.size(), table.header.entsize);
  }
  if (names.empty() || names.back() != 0) {
    return refuse("section {} (symbol names) does not end in NUL; the file is damaged", image_.strtab);
  }
  const u64 count = table.bytes.size() / sizeof(elf::SymbolRecord);
  image_.symbols.resize(count);
  for (u64 i = 0; i < count; ++i) {
    const auto raw = elf::record<elf::SymbolRecord>(table.bytes, i);
    if (raw.name >= names.size()) {
      return refuse("symbol {}: name offset {:#x} passes the string table ({} bytes); the file is damaged", i,
                    raw.name, names.size());
    }
    image_.symbols[i] = {string_at(names, raw.name), raw.value, raw.size, raw.shndx, raw.info};
  }
  return Ok{};
}

void Parser::name_module() {
  if (!image_.module_name.empty()) return;
  const ByteSpan bytes = image_.sections[image_.this_module].bytes;
  if (bytes.size() < kNameOffsetInStructModule + kModuleNameLen) return;
  const ByteSpan name = bytes.subspan(kNameOffsetInStructModule, kModuleNameLen);
  image_.module_name.assign(name.begin(), std::find(name.begin(), name.end(), u8{0}));
}

}  // namespace

Result<ElfImage> ElfImage::parse(const ModuleFile& file, const ElfRules& rules, KernelLog& log) {
  return Parser(file, rules, log).run();
}

u32 ElfImage::find_index(std::string_view name) const {
  for (u32 i = 1; i < sections.size(); ++i) {
    if (sections[i].allocated() && sections[i].name == name) return i;
  }
  return 0;
}

const Section* ElfImage::find(std::string_view name) const {
  const u32 index = find_index(name);
  return index == 0 ? nullptr : &sections[index];
}

std::string ElfImage::where(u32 section) const {
  return fmt::format("{}: section {} ({})", path, section, sections[section].name);
}

std::string machine_name(u16 machine) {
  switch (machine) {
    case 2:
      return "sparc";
    case elf::kMachine386:
      return "i386 (32-bit x86)";
    case 8:
      return "mips";
    case 20:
      return "powerpc";
    case 21:
      return "powerpc64";
    case 22:
      return "s390";
    case 40:
      return "arm (32-bit)";
    case 43:
      return "sparc64";
    case 50:
      return "ia64";
    case 183:
      return "arm64";
    case 243:
      return "riscv";
    case 247:
      return "bpf";
    case 258:
      return "loongarch";
    default:
      return fmt::format("ELF machine {}", machine);
  }
}

LoaderEra loader_era(std::string_view release) {
  unsigned major = 0;
  unsigned minor = 0;
  const char* end = release.data() + release.size();
  const auto first = std::from_chars(release.data(), end, major);
  if (first.ec == std::errc() && first.ptr < end && *first.ptr == '.')
    std::from_chars(first.ptr + 1, end, minor);
  return major > 6 || (major == 6 && minor >= 4) ? LoaderEra::kMemTypes : LoaderEra::kCoreAndInit;
}

}  // namespace koi::module
