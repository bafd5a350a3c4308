// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/sharing_reports.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "host/guest_memory.h"
#include "runtime/checks/race_checks.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/memory/accounting.h"
#include "runtime/memory/call_sites.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/splat_parts.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

using namespace splat_parts;
using observe::AllocationEvent;
using race::kLineBytes;
using race::LineSpot;
using race::SharedLine;

void note(SplatText& text, std::string words) { add(text, kDefault, "koi: " + std::move(words)); }

bool is_own(const SharedLine& shared, const LineSpot& spot) {
  return spot.writes != 0 &&
         std::any_of(shared.writers.begin(), shared.writers.end(), [&](const race::LineWriter& writer) {
           return writer.cpu == spot.cpu && (spot.mask() & ~writer.bytes) == 0;
         });
}

std::string counted(u64 count, const char* word) {
  return count == 0 ? std::string() : fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

// "cpu 0: 7 writes, 2 reads; cpu 1: 1 read" of [begin, begin + bytes).
std::string accesses_text(const SharedLine& shared, u64 begin, u64 bytes) {
  std::map<u8, std::pair<u64, u64>> by_cpu;  // writes, reads
  for (const LineSpot& spot : shared.spots) {
    const u64 at = shared.address + spot.offset;
    if (at + spot.bytes <= begin || at >= begin + bytes) continue;
    by_cpu[spot.cpu].first += spot.writes;
    by_cpu[spot.cpu].second += spot.reads;
  }
  std::string text;
  for (const auto& [cpu, counts] : by_cpu) {
    const std::string writes = counted(counts.first, "write");
    const std::string reads = counted(counts.second, "read");
    text += fmt::format("{}cpu {}: {}{}{}", text.empty() ? "" : "; ", cpu, writes,
                        writes.empty() || reads.empty() ? "" : ", ", reads);
  }
  return text.empty() ? "-" : text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i)
    text += (i == 0 ? "" : i + 1 == words.size() ? " and " : ", ") + words[i];
  return text;
}

// "slots" of "slots[2].count"; empty: no element of an array.
std::string array_of(const std::string& field) { return field.substr(0, field.find('[')); }
bool is_element(const std::string& field) { return field.find('[') != std::string::npos; }

u64 whole_lines(u64 bytes) { return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes; }

}  // namespace

u64 SharingReports::place_of(race::TraceId trace) const {
  const AccessTrace& known = checks_.traces_[trace];
  return known.frames.empty() ? 0 : known.frames.front();
}

ModuleInstance* SharingReports::module_of(const SharedLine& shared) const {
  for (const LineSpot& spot : shared.spots) {
    if (!is_own(shared, spot)) continue;
    if (ModuleInstance* const module = kernel_.modules().find_by_address(place_of(spot.trace) - 1);
        module != nullptr)
      return module;
  }
  return nullptr;
}

// ---- what lies there ----

std::optional<AllocationEvent> SharingReports::live_object_at(u64 address) const {
  std::optional<AllocationEvent> found;
  kernel_.memory().accounting().for_each_live([&](const LiveObject& live) {
    if (live.kind == observe::AllocationKind::kPercpu || address - live.address >= live.actual) return;
    found = AllocationEvent{live.kind, live.address, live.cache == nullptr ? "" : live.cache->name(),
                            live.actual, live.origin};
  });
  return found;
}

SharingReports::Thing SharingReports::variable_at(u64 address, const SharedLine& shared) const {
  Thing thing;
  ModuleInstance* const module = kernel_.modules().find_by_address(address);
  const auto symbol = kernel_.traps().symbols().lookup(address);
  if (module == nullptr || !symbol) {
    thing.begin = shared.address;
    thing.bytes = kLineBytes;
    thing.text = "memory that is no variable or object koi knows of";
    return thing;
  }
  thing.owner = Owner::kVariable;
  thing.begin = address - symbol->offset;
  // Not symbol->size, which reaches to the next symbol, as in kallsyms.
  thing.bytes = shared.address + kLineBytes - thing.begin;
  for (const auto& own : module->loaded.image.symbols) {
    if (own.name == symbol->name && own.size != 0) thing.bytes = own.size;
  }
  thing.label = symbol->name;
  const u64 from = std::max(shared.address, thing.begin) - thing.begin;
  const u64 to = std::min(shared.address + kLineBytes, thing.begin + thing.bytes) - thing.begin;
  thing.type =
      module::DwarfTypes(module->name(), module->loaded.image.file).of_variable(symbol->name, {from, to});
  thing.text = fmt::format("variable `{}` [{}] at 0x{:016x}, {} bytes", thing.label, module->name(),
                           thing.begin, thing.bytes);
  thing.text += thing.type ? ", " + thing.type->type : ", of a type that no debug information tells";
  return thing;
}

SharingReports::Thing SharingReports::describe(const AllocationEvent& object,
                                               const SharedLine& shared) const {
  Thing thing;
  thing.owner = Owner::kObject;
  thing.begin = object.address;
  thing.bytes = object.actual;
  thing.text = fmt::format("object at 0x{:016x}, {} bytes asked for, {} given", object.address,
                           object.origin.requested, object.actual);
  if (!object.cache.empty()) thing.text += fmt::format(" from {}", object.cache);
  std::optional<module::CodePlace> birth;
  ModuleInstance* module = module_of(shared);
  if (object.origin.site != observe::kNoSite) {
    const CallSite& site = kernel_.call_sites().at(object.origin.site);
    thing.text += fmt::format(", {} at {}", site.callee, site.text());
    if (ModuleInstance* const maker = kernel_.modules().find(site.module); maker != nullptr) {
      birth = maker->code_place(site.address - 1);
      if (birth) module = maker;
      if (const auto places = maker->source_places(site.address - 1); !places.empty())
        thing.text += fmt::format(" ({}:{})", own_place(places)->file, own_place(places)->line);
    }
  }
  if (module == nullptr) return thing;
  std::vector<module::TypedAccess> accesses;
  for (const LineSpot& spot : shared.spots) {
    const u64 at = shared.address + spot.offset;
    const auto place = module->code_place(place_of(spot.trace) - 1);
    if (!is_own(shared, spot) || !thing.covers(at)) continue;
    accesses.push_back({place.value_or(module::CodePlace{}), at - thing.begin, spot.bytes});
  }
  const auto points_there = [&](std::string_view name) {
    const auto at = module->symbols->address_of(name, module::ModuleSymbols::Init::kFreed);
    return at && guest::load<u64>(*at) == object.address;
  };
  const u64 from = std::max(shared.address, thing.begin) - thing.begin;
  const u64 to = std::min(shared.address + kLineBytes, thing.begin + object.origin.requested) - thing.begin;
  thing.type = module::DwarfTypes(module->name(), module->loaded.image.file)
                   .of_object(object.origin.requested, accesses, birth, {from, to}, points_there);
  if (thing.type) {
    thing.text += fmt::format("; {}, by {}", thing.type->type, thing.type->how);
    thing.label = thing.type->type;
  } else {
    thing.text += "; of a type that the debug information does not tell";
  }
  return thing;
}

std::vector<SharingReports::Thing> SharingReports::things_in(const SharedLine& shared,
                                                             const AllocationEvent* object) const {
  std::vector<Thing> things;
  for (const LineSpot& spot : shared.spots) {
    const u64 at = shared.address + spot.offset;
    if (std::any_of(things.begin(), things.end(), [&](const Thing& thing) { return thing.covers(at); }))
      continue;
    if (object != nullptr && at - object->address < object->actual)
      things.push_back(describe(*object, shared));
    else if (const auto live = live_object_at(at))
      things.push_back(describe(*live, shared));
    else
      things.push_back(variable_at(at, shared));
  }
  return things;
}

// ---- who does what ----

std::vector<SharingReports::Row> SharingReports::rows_of(const SharedLine& shared,
                                                         const std::vector<Thing>& things) const {
  std::vector<Row> rows;
  for (const Thing& thing : things) {
    const size_t first = rows.size();
    if (thing.type) {
      for (const module::FieldView& field : thing.type->fields) rows.push_back({&thing, field, {}});
    }
    // Bytes without a field: the accesses themselves.
    for (const LineSpot& spot : shared.spots) {
      const u64 at = shared.address + spot.offset - thing.begin;
      if (!thing.covers(shared.address + spot.offset)) continue;
      const bool known =
          std::any_of(rows.begin() + static_cast<std::ptrdiff_t>(first), rows.end(), [&](const Row& row) {
            return at < row.field.offset + row.field.bytes && row.field.offset < at + spot.bytes;
          });
      if (!known) rows.push_back({&thing, {"", "", at, spot.bytes}, {}});
    }
    std::stable_sort(rows.begin() + static_cast<std::ptrdiff_t>(first), rows.end(),
                     [](const Row& a, const Row& b) { return a.field.offset < b.field.offset; });
  }
  for (Row& row : rows) {
    for (const LineSpot& spot : shared.spots) {
      const u64 at = shared.address + spot.offset - row.thing->begin;
      if (is_own(shared, spot) && at < row.field.offset + row.field.bytes &&
          row.field.offset < at + spot.bytes)
        row.hot[spot.cpu % std::size(row.hot)] = true;
    }
  }
  return rows;
}

void SharingReports::add_writers(SplatText& text, const SharedLine& shared) const {
  for (const race::LineWriter& writer : shared.writers) {
    const LineSpot* most = nullptr;
    for (const LineSpot& spot : shared.spots) {
      if (spot.cpu == writer.cpu && is_own(shared, spot) && (most == nullptr || spot.writes > most->writes))
        most = &spot;
    }
    if (most == nullptr) continue;
    const u64 place = place_of(most->trace);
    std::string source;
    if (ModuleInstance* const module = kernel_.modules().find_by_address(place - 1); module != nullptr) {
      if (const auto places = module->source_places(place - 1); !places.empty())
        source = fmt::format(" ({}:{})", places.front().file, places.front().line);
    }
    note(text, fmt::format("  cpu {} writes at {}{}", writer.cpu,
                           symbol_text(kernel_.traps().symbols(), place), source));
  }
}

void SharingReports::print(const SharedLine& shared, const AllocationEvent* object) {
  const std::vector<Thing> things = things_in(shared, object);
  const std::vector<Row> rows = rows_of(shared, things);
  std::vector<std::string> cpus;
  for (const race::LineWriter& writer : shared.writers) cpus.push_back(std::to_string(writer.cpu));
  std::vector<const Row*> hot;
  for (const Row& row : rows) {
    if (std::any_of(std::begin(row.hot), std::end(row.hot), [](bool is) { return is; })) hot.push_back(&row);
  }
  std::vector<std::string> names;
  std::set<const Thing*> owners;
  for (const Row* const row : hot) {
    owners.insert(row->thing);
    const bool variable = row->thing->owner == Owner::kVariable;
    std::string name = row->field.name;
    if (variable) name = row->thing->label + (name.empty() || name.starts_with('[') ? "" : ".") + name;
    if (name.empty())
      name = fmt::format("bytes {}-{}", row->field.offset, row->field.offset + row->field.bytes - 1);
    if (std::find(names.begin(), names.end(), "`" + name + "`") == names.end())
      names.push_back("`" + name + "`");
  }
  std::string headline =
      fmt::format("false sharing: virtual CPUs {} write different bytes of one cache line: {}", joined(cpus),
                  joined(names));
  if (owners.size() == 1 && (*owners.begin())->owner == Owner::kObject)
    headline += (*owners.begin())->type ? " of " + (*owners.begin())->type->type : " of an object";
  SplatText text;
  note(text, headline);
  note(text, fmt::format("  the line at 0x{:016x} holds", shared.address));
  for (const Thing& thing : things) {
    note(text, "  " + thing.text);
    note(text, fmt::format("    {:>6} {:>5}  {:<36} {}", "offset", "size", "field", "accesses"));
    for (const Row& row : rows) {
      if (row.thing != &thing) continue;
      std::string name = row.field.type.empty() ? fmt::format("(bytes)") : row.field.type;
      if (!row.field.name.empty()) name += (name.ends_with('*') ? "" : " ") + row.field.name;
      note(text, fmt::format("    {:>6} {:>5}  {:<36} {}", row.field.offset, row.field.bytes, name,
                             accesses_text(shared, thing.begin + row.field.offset, row.field.bytes)));
    }
  }
  add_writers(text, shared);
  note(text, "  " + advice(hot, owners.size()));
  kernel_.console().print(text);
  kernel_.note(observe::EventKind::kFalseSharing, "koi: " + headline);
}

// ---- what would keep them apart ----

std::string SharingReports::advice(const std::vector<const Row*>& hot, size_t owners) const {
  if (hot.empty()) return "keep apart what different CPUs write";
  const Thing& thing = *hot.front()->thing;
  const std::string& last = hot.back()->field.name;
  if (owners > 1 && thing.owner == Owner::kVariable)
    return fmt::format("____cacheline_aligned_in_smp at `{}` gives it a line of its own; or DEFINE_PER_CPU()",
                       hot.back()->thing->label);
  if (owners > 1)
    return fmt::format(
        "objects this small share lines: ask for {} bytes each, or kmem_cache_create() with "
        "SLAB_HWCACHE_ALIGN",
        kLineBytes);
  const std::string& first = hot.front()->field.name;
  if (is_element(first) && is_element(last) && array_of(first) == array_of(last) && first != last) {
    const std::string array = array_of(first).empty() ? thing.label : array_of(first);
    return fmt::format(
        "elements of `{}` share lines: ____cacheline_aligned_in_smp at their type gives each its own; or "
        "alloc_percpu(), DEFINE_PER_CPU()",
        array);
  }
  if (!thing.type || !thing.type->structure)
    return "____cacheline_aligned_in_smp at what another CPU writes gives it a line of its own; or split it";
  const u64 offset = hot.back()->field.offset;
  const u64 size = thing.type->bytes;
  return fmt::format(
      "____cacheline_aligned_in_smp at `{}` gives it a line of its own ({} takes {} bytes then, not {}); or "
      "split the "
      "structure by who writes it",
      last, thing.type->type, whole_lines(offset) + whole_lines(size - std::min(offset, size)), size);
}

}  // namespace koi::runtime
