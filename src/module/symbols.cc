// SPDX-License-Identifier: GPL-2.0-only
#include "module/symbols.h"

namespace koi::module {
namespace {

// Symbols that mark code and data for debuggers, not things with names.
bool is_mapping_symbol(std::string_view name, LoaderEra era) {
  if (name.starts_with(".L")) return true;
  if (era == LoaderEra::kMemTypes) return name.starts_with("L0") || name.starts_with('$');
  return name.size() >= 2 && name[0] == '$' &&
         std::string_view("axtd").find(name[1]) != std::string_view::npos &&
         (name.size() == 2 || name[2] == '.');
}

char type_letter(const ElfImage& image, const Symbol& symbol) {
  if (symbol.bind() == elf::kStbWeak) return symbol.type() == elf::kSttObject ? 'v' : 'w';
  if (symbol.shndx == image.percpu) return 'a';
  const Section& section = image.sections[symbol.shndx];
  if (section.executable()) return 't';
  if (section.header.type == elf::kShtNobits) return 'b';
  return section.writable() ? 'd' : 'r';
}

}  // namespace

ModuleSymbols::ModuleSymbols(const ElfImage& image, const Layout& layout, const LinkedImage& linked,
                             std::span<const u64> values, LoaderEra era, std::pmr::memory_resource* memory)
    : era_(era), names_(memory), entries_(memory) {
  const Placement& placement = linked.placement();
  core_ = {placement.core_base, placement.core_base + layout.core_bytes};
  init_ = {placement.init_base, placement.init_base + layout.init_bytes};
  for (const Region& region : layout.regions) {
    const u64 base =
        (region.block == Block::kInit ? placement.init_base : placement.core_base) + region.offset;
    regions_[static_cast<std::size_t>(region.kind)] = {base, base + region.size};
  }
  const auto listed = [&](const Symbol& symbol) {
    return symbol.shndx != elf::kShnUndef && symbol.shndx < image.sections.size() && !symbol.name.empty() &&
           layout.places[symbol.shndx].block != Block::kNone;
  };
  std::size_t count = 0;
  std::size_t name_bytes = 0;
  for (const Symbol& symbol : image.symbols) {
    if (!listed(symbol)) continue;
    ++count;
    name_bytes += symbol.name.size();
  }
  names_.reserve(name_bytes);  // views into it stay valid
  entries_.reserve(count);
  for (std::size_t i = 1; i < image.symbols.size(); ++i) {
    const Symbol& symbol = image.symbols[i];
    if (!listed(symbol)) continue;
    const std::size_t at = names_.size();
    names_.insert(names_.end(), symbol.name.begin(), symbol.name.end());
    entries_.push_back({std::string_view(names_.data() + at, symbol.name.size()), values[i],
                        type_letter(image, symbol), is_core_symbol(image, layout, symbol)});
  }
}

bool ModuleSymbols::contains(u64 address, Init init) const {
  return core_.contains(address) || (init == Init::kPresent && init_.contains(address));
}

std::optional<ModuleSymbols::Bounds> ModuleSymbols::bounds_of(u64 address, Init init) const {
  if (!contains(address, init)) return std::nullopt;
  if (era_ == LoaderEra::kCoreAndInit) {
    // Up to 6.3 the search ends at the end of the block's text, even for a data address: the size of the last
    // data symbol before it is then nonsense, as in the kernel.
    const MemoryKind text = init_.contains(address) ? MemoryKind::kInitText : MemoryKind::kText;
    return Bounds{0, regions_[static_cast<std::size_t>(text)].end};
  }
  for (const Span& region : regions_) {
    if (region.contains(address)) return Bounds{region.begin - 1, region.end};
  }
  return std::nullopt;
}

std::optional<ModuleSymbols::Found> ModuleSymbols::find(u64 address, Init init) const {
  const auto bounds = bounds_of(address, init);
  if (!bounds) return std::nullopt;
  u64 best_value = bounds->best;
  u64 next_value = bounds->next;
  const Entry* best = nullptr;
  for (const Entry& entry : entries_) {
    if (init == Init::kFreed && !entry.core) continue;
    if (is_mapping_symbol(entry.name, era_)) continue;
    if (entry.address <= address && entry.address > best_value) {
      best = &entry;
      best_value = entry.address;
    }
    if (entry.address > address && entry.address < next_value) next_value = entry.address;
  }
  if (best == nullptr) return std::nullopt;
  return Found{best->name, address - best_value, next_value - best_value};
}

std::optional<u64> ModuleSymbols::address_of(std::string_view name, Init init) const {
  for (const Entry& entry : entries_) {
    if (entry.name == name && (entry.core || init == Init::kPresent)) return entry.address;
  }
  return std::nullopt;
}

}  // namespace koi::module
