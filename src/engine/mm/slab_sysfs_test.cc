// SPDX-License-Identifier: GPL-2.0-only
// /sys/kernel/slab of a booted machine against what real kernels showed: names, links and every attribute.
#include "engine/mm/slab_sysfs.h"

#include <gtest/gtest.h>

#include "engine/mm/boot_caches.h"
#include "engine/mm/test_machine.h"

namespace koi::mm {
namespace {

constexpr std::string_view kColumns[] = {
    "object_size",   "slab_size",       "objs_per_slab",  "order",     "align",    "aliases",
    "cpu_partial",   "min_partial",     "hwcache_align",  "poison",    "red_zone", "store_user",
    "sanity_checks", "reclaim_account", "destroy_by_rcu", "cache_dma", "usersize"};

void compare_with(const std::string& file, Release release, u32 cpus,
                  std::optional<std::string_view> slab_debug) {
  SlabConfig config;
  config.slab_debug = slab_debug;
  test::SlabMachine m({.release = release,
                       .cpus = cpus,
                       .slab = config,
                       .kmalloc = {.buckets = release == Release::k6_12},
                       .boot_caches = true});
  SlabDirectory directory(*m.slabs, std::pmr::get_default_resource());
  list_boot_caches(*m.slabs, directory);
  const test::Table table(file);
  ASSERT_GT(table.size(), 50u);
  for (std::size_t row = 0; row < table.size(); ++row) {
    const std::string name(table.at(row, "name"));
    const SlabDirectory::Entry* const entry = directory.find(name);
    ASSERT_NE(entry, nullptr) << file << " " << name;
    ASSERT_NE(entry->cache, nullptr) << file << " " << name;
    const auto own = directory.entries().find(std::string_view(name));
    const std::string target(own->second.cache != nullptr ? "-" : own->second.target);
    EXPECT_EQ(target, table.at(row, "merged_into")) << file << " " << name;
    for (const std::string_view column : kColumns) {
      const auto value = slab_attribute(*m.slabs, *entry->cache, column, "");
      ASSERT_TRUE(value.has_value()) << column;
      EXPECT_EQ(*value, fmt::format("{}\n", table.at(row, std::string(column))))
          << file << " " << name << " " << column;
    }
  }
}

TEST(SlabDirectory, EqualsABootedKernel) {
  for (const u32 cpus : {1u, 2u, 4u}) {
    compare_with(fmt::format("6.1/sys_kernel_slab_{}cpu.tsv", cpus), Release::k6_1, cpus, std::nullopt);
    compare_with(fmt::format("6.12/sys_kernel_slab_{}cpu.tsv", cpus), Release::k6_12, cpus, std::nullopt);
  }
}

TEST(SlabDirectory, EqualsABootedKernelThatDebugs) {
  compare_with("6.1/slab_debug_FZPU_system_caches.tsv", Release::k6_1, 2, "FZPU");
  compare_with("6.12/slab_debug_FZPU_system_caches.tsv", Release::k6_12, 2, "FZPU");
  compare_with("6.1/slab_debug_Z_system_caches.tsv", Release::k6_1, 2, "Z");
}

TEST(SlabDirectory, LinksStayWhenTheirCacheGoes) {
  test::SlabMachine m;
  SlabDirectory directory(*m.slabs, std::pmr::get_default_resource());
  Cache* const first = m.slabs->create({.name = "first", .size = 1000}).cache;
  directory.created(first);
  const auto shared = m.slabs->create({.name = "second", .size = 1000});
  ASSERT_EQ(shared.outcome, CreateOutcome::kMerged);
  directory.aliased(first, "second");
  EXPECT_EQ(directory.find("second")->cache, first);
  (void)m.slabs->destroy(first);
  EXPECT_EQ(m.slabs->destroy(first).outcome, DestroyOutcome::kDestroyed);
  directory.destroyed(first);
  EXPECT_EQ(directory.find("second")->cache, nullptr);
  EXPECT_EQ(directory.find(":0001000"), nullptr);
}

TEST(SlabAttributes, WhatHappensShows) {
  test::SlabMachine m({.release = Release::k6_1, .cpus = 2});
  Cache* const cache = m.slabs->create({.name = "one", .size = 512, .flags = slab_flag::kNoMerge}).cache;
  const auto attribute = [&](std::string_view name) {
    return slab_attribute(*m.slabs, *cache, name, "").value_or("?");
  };
  EXPECT_EQ(attribute("objects"), "0\n");
  void* const object = m.slabs->alloc(cache, m.kernel_gfp(), VcpuId{0});
  const u32 objects = cache->geometry().objects;
  EXPECT_EQ(attribute("total_objects"), fmt::format("{} N0={}\n", objects, objects));
  EXPECT_EQ(attribute("cpu_slabs"), "1 N0=1\n");
  EXPECT_EQ(attribute("slabs"), "1 N0=1\n");
  EXPECT_EQ(attribute("slabs_cpu_partial"), "0(0)\n");
  EXPECT_EQ(attribute("nonsense"), "?");
  (void)m.slabs->free(cache, object, VcpuId{0});
  m.slabs->shrink(cache);
  EXPECT_EQ(attribute("slabs"), "0\n");
}

}  // namespace
}  // namespace koi::mm
