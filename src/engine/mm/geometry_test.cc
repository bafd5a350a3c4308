// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/geometry.h"

#include <gtest/gtest.h>

#include "engine/mm/test_support.h"
#include "engine/mm/test_variants.h"

namespace koi::mm {
namespace {

using namespace slab_flag;

std::optional<Geometry> geometry_of(Release release, u32 cpus, u32 size, const test::Variant& v) {
  return calculate_geometry({.release = release,
                             .cpus = cpus,
                             .object_size = size,
                             .align = calculate_alignment(v.flags, v.align, size),
                             .flags = v.flags,
                             .has_constructor = v.constructor});
}

void expect_row(const test::Table& table, std::size_t row, const Geometry& g, const std::string& where) {
  EXPECT_EQ(g.size, table.number(row, "slab_size")) << where;
  EXPECT_EQ(g.objects, table.number(row, "objs_per_slab")) << where;
  EXPECT_EQ(g.order, table.number(row, "order")) << where;
  EXPECT_EQ(g.align, table.number(row, "align")) << where;
  EXPECT_EQ(g.cpu_partial, table.number(row, "cpu_partial")) << where;
  EXPECT_EQ(g.min_partial, table.number(row, "min_partial")) << where;
}

TEST(Geometry, EveryMeasuredCacheOfBothReleases) {
  std::size_t rows = 0;
  for (Release release : {Release::k6_1, Release::k6_12}) {
    const std::string directory = release == Release::k6_1 ? "6.1/" : "6.12/";
    for (u32 cpus : {1, 2, 4, 8}) {
      const std::string file = directory + fmt::format("kmem_cache_geometry_nomerge_{}cpu.tsv", cpus);
      const test::Table table(file);
      for (std::size_t row = 0; row < table.size(); ++row) {
        const u32 size = static_cast<u32>(table.number(row, "requested_size"));
        const std::string& name = table.at(row, "variant");
        const std::string where = fmt::format("{} {} {}", file, name, size);
        const auto g = geometry_of(release, cpus, size, test::variant_named(name));
        ASSERT_EQ(g.has_value(), table.at(row, "create") == "ok") << where;
        if (!g) continue;
        EXPECT_EQ(g->object_size, table.number(row, "object_size")) << where;
        expect_row(table, row, *g, where);
        ++rows;
        if (HasFailure()) return;
      }
    }
  }
  EXPECT_GT(rows, 9000u);
}

TEST(Geometry, BootOptionSlubDebug) {
  for (const char* directory : {"6.1", "6.12"}) {
    const Release release = std::string(directory) == "6.1" ? Release::k6_1 : Release::k6_12;
    for (const char* letters : {"F", "FZPU", "Z"}) {
      const std::string file = fmt::format("{}/slab_debug_{}_geometry_v0.tsv", directory, letters);
      const test::Table table(file);
      const u32 flags = parse_slab_debug_letters(letters).flags;
      for (std::size_t row = 0; row < table.size(); ++row) {
        const u32 size = static_cast<u32>(table.number(row, "requested_size"));
        const auto g = geometry_of(release, 2, size, {.flags = flags});
        ASSERT_TRUE(g);
        // Only the align of a merged cache is its first creator's.
        if (table.at(row, "merged_into") == "-") {
          expect_row(table, row, *g, fmt::format("{} {}", file, size));
        } else {
          EXPECT_EQ(g->size, table.number(row, "slab_size")) << file << " " << size;
        }
      }
    }
  }
}

TEST(Geometry, TooLargeIsRefused) {
  EXPECT_FALSE(geometry_of(Release::k6_1, 2, (4u << 20) + 1, {}));
  EXPECT_TRUE(geometry_of(Release::k6_1, 2, 4u << 20, {}));
  EXPECT_FALSE(geometry_of(Release::k6_12, 2, 4u << 20, {.flags = kRedZone}));
  EXPECT_FALSE(geometry_of(Release::k6_12, 2, 0, {}));
}

TEST(Geometry, ModuleFlagsPerRelease) {
  EXPECT_EQ(slab_flags_from_module(Release::k6_1, 0x2000 | 0x40000), kHwcacheAlign | kPanic);
  EXPECT_EQ(slab_flags_from_module(Release::k6_1, 0x20000), kReclaimAccount);
  EXPECT_EQ(slab_flags_from_module(Release::k6_12, 1u << 4), kHwcacheAlign);
  EXPECT_EQ(slab_flags_from_module(Release::k6_12, 1u << 15), kReclaimAccount);
  EXPECT_EQ(slab_flags_from_module(Release::k6_12, 1u << 16, Yes::kYes), kReclaimAccount);
  EXPECT_NE(slab_flags_from_module(Release::k6_1, 0x40000000) & kUnknown, 0u);
}

}  // namespace
}  // namespace koi::mm
