// SPDX-License-Identifier: GPL-2.0-only
#include "kapi/allocating.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>

#include "kapi/kernel_ref.h"
#include "kapi/tables.h"

extern "C" {
struct CoreSource {
  const char* name;
  const char* begin;
  const char* end;
};
extern const CoreSource koi_core_sources[];
}

namespace koi::kapi {
namespace {

bool core_defines(std::string_view function) {
  const std::string call = std::string(function) + "(";
  for (const CoreSource* source = koi_core_sources; source->name != nullptr; ++source) {
    const std::string_view text(source->begin, static_cast<size_t>(source->end - source->begin));
    for (size_t at = 0; (at = text.find(call, at)) != std::string_view::npos; ++at) {
      // A definition or a macro's head, not a call: something of a type stands before it in the first column.
      const size_t line = text.rfind('\n', at);
      const char first = text[line + 1];
      if (first != ' ' && first != '\t' && first != '/') return true;
    }
  }
  return false;
}

// A name that nobody provides would never get a site: a typing error.
TEST(Allocating, EveryNameIsAFunctionOfKoi) {
  std::set<std::string_view> seen;
  for (const std::string_view name : allocating_functions()) {
    EXPECT_TRUE(seen.insert(name).second) << name << " is listed twice";
    EXPECT_TRUE(find_export(name) || core_defines(name)) << name;
  }
}

// A new allocating export must be listed, or be one of these.
TEST(Allocating, NoAllocatingExportIsForgotten) {
  const std::set<std::string_view> no_memory_for_the_caller = {
      "kmalloc_size_roundup", "is_vmalloc_addr",     "is_vmalloc_or_module_addr",  "vmalloc_to_page",
      "vmalloc_to_pfn",       "remap_vmalloc_range", "remap_vmalloc_range_partial"};
  const std::vector<std::string_view>& listed = allocating_functions();
  const runtime::ExportTable tables[] = {slab_exports(), slab_cache_exports(), page_exports(),
                                         vmalloc_exports(), percpu_exports()};
  for (const runtime::ExportTable table : tables) {
    for (const runtime::Export& e : table) {
      const std::string_view name = e.name;
      if (name.find("alloc") == std::string_view::npos &&
          name.find("get_free_page") == std::string_view::npos &&
          name.find("get_zeroed_page") == std::string_view::npos) {
        continue;
      }
      if (name.starts_with("koi_") || no_memory_for_the_caller.contains(name)) continue;
      EXPECT_NE(std::find(listed.begin(), listed.end(), name), listed.end()) << name << " is not listed";
    }
  }
}

}  // namespace
}  // namespace koi::kapi
