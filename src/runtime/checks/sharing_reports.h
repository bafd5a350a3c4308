// SPDX-License-Identifier: GPL-2.0-only
// SharingReports: a cache line that virtual CPUs share falsely, with what lies in it: the variables and objects, their types as far as the
// debug information tells, each field with who reads and writes it how often, and what would keep them apart. In koi's own
// words: no kernel reports it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/race/line_sharing.h"
#include "module/dwarf_types.h"
#include "observe/allocation_events.h"
#include "runtime/splat/splat.h"

namespace koi::runtime {

class Kernel;
class RaceChecks;
struct ModuleInstance;

class SharingReports {
 public:
  SharingReports(RaceChecks& checks, Kernel& kernel) : checks_(checks), kernel_(kernel) {}

  // `object`: as RaceChecks::freed().
  void print(const race::SharedLine& line, const observe::AllocationEvent* object);

 private:
  enum class Owner : u8 { kVariable, kObject, kUnknown };
  // What lies in the line: one variable or object.
  struct Thing {
    Owner owner = Owner::kUnknown;
    u64 begin = 0, bytes = 0;
    std::string text;   // "static variable `stats` [driver]"
    std::string label;  // "stats"; empty: it has no name
    std::optional<module::TypeView> type;
    [[nodiscard]] bool covers(u64 address) const { return address - begin < bytes; }
  };
  // A row of the table: a field, and what was done with its bytes.
  struct Row {
    const Thing* thing = nullptr;
    module::FieldView field;
    bool hot[64] = {};  // by virtual CPU: it is its own
  };

  [[nodiscard]] std::vector<Thing> things_in(const race::SharedLine& line,
                                             const observe::AllocationEvent* object) const;
  [[nodiscard]] Thing variable_at(u64 address, const race::SharedLine& line) const;
  [[nodiscard]] Thing describe(const observe::AllocationEvent& object, const race::SharedLine& line) const;
  [[nodiscard]] std::optional<observe::AllocationEvent> live_object_at(u64 address) const;
  [[nodiscard]] std::vector<Row> rows_of(const race::SharedLine& line,
                                         const std::vector<Thing>& things) const;
  void add_writers(SplatText& text, const race::SharedLine& line) const;
  [[nodiscard]] std::string advice(const std::vector<const Row*>& hot, size_t owners) const;
  [[nodiscard]] ModuleInstance* module_of(const race::SharedLine& line) const;
  [[nodiscard]] u64 place_of(race::TraceId trace) const;

  RaceChecks& checks_;
  Kernel& kernel_;
};

}  // namespace koi::runtime
