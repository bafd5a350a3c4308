// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/core/core_image.h"

#include <fcntl.h>
#include <libelf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "host/address_map.h"
#include "module/kernel_log.h"
#include "module/relocate.h"

namespace koi::runtime {
namespace {

// The per-CPU offsets below this are the GS area's and the canary's.
constexpr u64 kPercpuStart = 0x40;

constexpr u64 round_up(u64 value, u64 unit) { return (value + unit - 1) / unit * unit; }

}  // namespace

class CoreLoader {
 public:
  CoreLoader(const std::string& path, host::World& world, const CoreImage::ExportLookup& exports)
      : path_(path), world_(world), exports_(exports) {}
  ~CoreLoader() {
    if (elf_ != nullptr) elf_end(elf_);
    if (fd_ >= 0) close(fd_);
  }
  CoreLoader(const CoreLoader&) = delete;
  CoreLoader& operator=(const CoreLoader&) = delete;

  Result<CoreImage> run() {
    TRY(open_file());
    TRY(place());
    TRY(resolve());
    TRY(relocate());
    collect_tables();
    protect();
    return std::move(image_);
  }

 private:
  enum class Part : u8 { kText, kRodata, kData, kPercpu };

  struct Section {
    std::string name;
    Elf64_Shdr header{};
    const u8* bytes = nullptr;
    bool loaded = false;
    Part part = Part::kData;
    u64 address = 0;  // of a per-CPU section: the offset in the area
  };

  Status open_file() {
    elf_version(EV_CURRENT);
    fd_ = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0) return make_error("{}: {}", path_, std::strerror(errno));
    elf_ = elf_begin(fd_, ELF_C_READ_MMAP, nullptr);
    size_t count = 0;
    size_t names = 0;
    if (elf_ == nullptr || elf_getshdrnum(elf_, &count) != 0 || elf_getshdrstrndx(elf_, &names) != 0) {
      return make_error("{}: damaged ({}); remove it and run again", path_, elf_errmsg(-1));
    }
    sections_.resize(count);
    for (size_t i = 1; i < count; ++i) {
      Elf_Scn* const scn = elf_getscn(elf_, i);
      const Elf64_Shdr* const header = elf64_getshdr(scn);
      if (header == nullptr) return make_error("{}: section {} is damaged", path_, i);
      Section& section = sections_[i];
      section.header = *header;
      section.name = elf_strptr(elf_, names, header->sh_name);
      const Elf_Data* const data = elf_rawdata(scn, nullptr);
      section.bytes = data == nullptr ? nullptr : static_cast<const u8*>(data->d_buf);
      if (header->sh_type == SHT_SYMTAB) symtab_ = i;
    }
    return symtab_ == 0 ? Status(make_error("{}: no symbol table", path_)) : Status(Ok{});
  }

  static Part part_of(const Section& section) {
    if (section.name.starts_with(".data..percpu")) return Part::kPercpu;
    if ((section.header.sh_flags & SHF_EXECINSTR) != 0) return Part::kText;
    return (section.header.sh_flags & SHF_WRITE) != 0 ? Part::kData : Part::kRodata;
  }

  // Text, read-only data and data, each starting on a page; per-CPU sections in an order of their own.
  Status place() {
    u64 total = 0;
    u64 percpu = kPercpuStart;
    for (const Part part : {Part::kText, Part::kRodata, Part::kData, Part::kPercpu}) {
      total = round_up(total, host::kPageSize);
      part_offset_[static_cast<size_t>(part)] = total;
      for (Section& section : sections_) {
        if ((section.header.sh_flags & SHF_ALLOC) == 0 || part_of(section) != part) continue;
        // objtool and module leftovers that nothing reads.
        if (section.name.starts_with(".discard") || section.name == "__mcount_loc") continue;
        section.loaded = true;
        section.part = part;
        u64& cursor = part == Part::kPercpu ? percpu : total;
        cursor = round_up(cursor, std::max<u64>(section.header.sh_addralign, 1));
        section.address = cursor;
        cursor += section.header.sh_size;
      }
    }
    size_bytes_ = round_up(total, host::kPageSize);
    base_ = TRY(world_.window_take(size_bytes_));
    host::protect(base_, size_bytes_, host::Protection::kReadWrite);
    host::populate(base_, size_bytes_);
    image_.percpu_offset_ = kPercpuStart;
    image_.percpu_image_.assign(percpu - kPercpuStart, 0);
    for (Section& section : sections_) {
      if (!section.loaded) continue;
      if (section.part != Part::kPercpu) {
        section.address += base_;
        image_.sections_.push_back({static_cast<u32>(&section - sections_.data()), section.address});
      }
      if (section.header.sh_type != SHT_NOBITS && section.bytes != nullptr) {
        std::memcpy(bytes_of(section), section.bytes, section.header.sh_size);
      }
    }
    return Ok{};
  }

  u8* bytes_of(const Section& section) {
    if (section.part == Part::kPercpu) return image_.percpu_image_.data() + (section.address - kPercpuStart);
    return reinterpret_cast<u8*>(section.address);
  }

  Status resolve() {
    const Section& table = sections_[symtab_];
    const auto* const symbols = reinterpret_cast<const Elf64_Sym*>(table.bytes);
    const size_t count = table.header.sh_size / sizeof(Elf64_Sym);
    values_.assign(count, 0);
    TRY(copy_names());
    image_.symbols_.reserve(count);
    image_.functions_.reserve(count);
    std::string missing;
    for (size_t i = 1; i < count; ++i) {
      const Elf64_Sym& symbol = symbols[i];
      if (symbol.st_name >= names_bytes_) return make_error("{}: symbol {} has no name", path_, i);
      const std::string_view name = image_.names_.get() + symbol.st_name;
      if (symbol.st_shndx == SHN_UNDEF) {
        const auto target = exports_(name);
        if (target) {
          values_[i] = *target;
        } else if (ELF64_ST_BIND(symbol.st_info) != STB_WEAK) {
          (missing += ' ') += name;
        }
        continue;
      }
      if (symbol.st_shndx >= sections_.size()) {
        values_[i] = symbol.st_value;  // absolute
        continue;
      }
      const Section& section = sections_[symbol.st_shndx];
      if (!section.loaded) continue;
      values_[i] = section.address + symbol.st_value;
      note_symbol(symbol, name, section, values_[i]);
    }
    if (!missing.empty())
      return make_error("{}: koi's core imports what koi does not export:{}", path_, missing);
    std::sort(image_.functions_.begin(), image_.functions_.end(),
              [](const CoreFunction& a, const CoreFunction& b) { return a.address < b.address; });
    return Ok{};
  }

  Status copy_names() {
    const Section& strings = sections_[sections_[symtab_].header.sh_link];
    names_bytes_ = strings.header.sh_size;
    if (strings.bytes == nullptr || names_bytes_ == 0 || strings.bytes[names_bytes_ - 1] != 0)
      return make_error("{}: damaged string table; remove it and run again", path_);
    image_.names_ = std::make_unique_for_overwrite<char[]>(names_bytes_);
    std::memcpy(image_.names_.get(), strings.bytes, names_bytes_);
    return Ok{};
  }

  void note_symbol(const Elf64_Sym& symbol, std::string_view name, const Section& section, u64 value) {
    if (ELF64_ST_TYPE(symbol.st_info) == STT_FUNC) {
      // The core's own lock functions stand for the kernel's (kernel/locking/own_locks.h).
      constexpr std::string_view kStandsFor = "koi_as_";
      const bool stands = name.starts_with(kStandsFor);
      image_.functions_.push_back(
          CoreFunction{value, symbol.st_size, stands ? name.substr(kStandsFor.size()) : name});
    }
    if (ELF64_ST_BIND(symbol.st_info) == STB_LOCAL) return;
    image_.symbols_[name] = CoreImage::Symbol{value, symbol.st_size, section.part == Part::kPercpu};
  }

  Status relocate() {
    module::CollectedLog log;
    for (const Section& rela : sections_) {
      if (rela.header.sh_type != SHT_RELA) continue;
      const Section& target = sections_[rela.header.sh_info];
      if (!target.loaded) continue;
      const auto* const entries = reinterpret_cast<const Elf64_Rela*>(rela.bytes);
      for (size_t i = 0; i < rela.header.sh_size / sizeof(Elf64_Rela); ++i) {
        const Elf64_Rela& entry = entries[i];
        u8* const place = bytes_of(target) + entry.r_offset;
        const u64 left = target.header.sh_size - entry.r_offset;
        const Status applied = module::apply_relocation(
            ELF64_R_TYPE(entry.r_info), MutableByteSpan(place, std::min<u64>(left, 8)),
            target.address + entry.r_offset, values_[ELF64_R_SYM(entry.r_info)], entry.r_addend, "core",
            module::LoaderEra::kMemTypes, log);
        if (!applied.ok())
          return make_error("{}: section {}: {}", path_, target.name, applied.error().message);
      }
    }
    return Ok{};
  }

  void collect_tables() {
    for (const Section& section : sections_) {
      if (!section.loaded || section.part == Part::kPercpu) continue;
      const u64 end = section.address + section.header.sh_size;
      if (section.name == "__ex_table") {
        for (u64 at = section.address; at + 12 <= end; at += 12) {
          image_.exceptions_.push_back({at + read<s32>(at), at + 4 + read<s32>(at + 4), read<u32>(at + 8)});
        }
      } else if (section.name == "__bug_table") {
        for (u64 at = section.address; at + 12 <= end; at += 12) {
          image_.bugs_.push_back(
              {at + read<s32>(at), at + 4 + read<s32>(at + 4), read<u16>(at + 8), read<u16>(at + 10)});
        }
      }
    }
    struct LayoutEntry {
      const char* name;
      u64 value;
    };
    const auto table = image_.symbols_.find("koi_layout");
    CHECK(table != image_.symbols_.end());
    for (auto* entry = reinterpret_cast<const LayoutEntry*>(table->second.value); entry->name != nullptr;
         ++entry) {
      image_.layout_[entry->name] = entry->value;
    }
  }

  template <class T>
  static T read(u64 address) {
    T value;
    std::memcpy(&value, reinterpret_cast<const void*>(address), sizeof(T));
    return value;
  }

  void protect() {
    const u64 rodata = base_ + part_offset_[1];
    const u64 data = base_ + part_offset_[2];
    image_.text_begin_ = base_;
    image_.text_end_ = rodata;
    host::protect(base_, rodata - base_, host::Protection::kReadExecute);
    if (data > rodata) host::protect(rodata, data - rodata, host::Protection::kRead);
  }

  const std::string& path_;
  host::World& world_;
  const CoreImage::ExportLookup& exports_;
  CoreImage image_;
  int fd_ = -1;
  Elf* elf_ = nullptr;
  std::vector<Section> sections_;
  size_t symtab_ = 0;
  u64 names_bytes_ = 0;
  std::vector<u64> values_;
  u64 part_offset_[4] = {};
  u64 base_ = 0;
  u64 size_bytes_ = 0;
};

Result<CoreImage> CoreImage::load(const std::string& path, host::World& world, const ExportLookup& exports) {
  return CoreLoader(path, world, exports).run();
}

std::optional<CoreImage::Symbol> CoreImage::find(std::string_view name) const {
  const auto it = symbols_.find(name);
  if (it == symbols_.end()) return std::nullopt;
  return it->second;
}

u64 CoreImage::address_of(std::string_view name) const {
  const auto symbol = find(name);
  CHECK(symbol.has_value(), "core.o has no {}", name);
  return symbol->value;
}

std::optional<u64> CoreImage::layout(std::string_view name) const {
  const auto it = layout_.find(name);
  if (it == layout_.end()) return std::nullopt;
  return it->second;
}

u64 CoreImage::layout_or_die(std::string_view name) const {
  const auto value = layout(name);
  CHECK(value.has_value(), "core.o's layout table has no {}", name);
  return *value;
}

std::string_view CoreImage::text_symbol(std::string_view name) const {
  return reinterpret_cast<const char*>(address_of(name));
}

const CoreFunction* CoreImage::function_at(u64 address) const {
  auto after = std::upper_bound(functions_.begin(), functions_.end(), address,
                                [](u64 a, const CoreFunction& f) { return a < f.address; });
  if (after == functions_.begin()) return nullptr;
  --after;
  return address < after->address + std::max<u64>(after->size, 1) ? &*after : nullptr;
}

}  // namespace koi::runtime
