// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/boot_caches.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/mm/test_machine.h"
#include "engine/mm/test_variants.h"

namespace koi::mm {
namespace {

using namespace slab_flag;

std::string directory(Release release) { return release == Release::k6_1 ? "6.1" : "6.12"; }

// /proc/slabinfo of a booted kernel: the same caches in the same order with the same geometry.
TEST(BootCaches, SlabinfoOfABootedKernel) {
  for (Release release : {Release::k6_1, Release::k6_12}) {
    test::SlabMachine m(
        {.release = release, .kmalloc = {.buckets = release == Release::k6_12}, .boot_caches = true});
    std::ifstream in(fmt::format("{}/{}/slabinfo_2cpu.txt", KOI_MM_TESTDATA, directory(release)));
    std::string line;
    std::getline(in, line);
    std::getline(in, line);
    auto caches = m.slabs->caches();
    std::reverse(caches.begin(), caches.end());
    std::size_t i = 0;
    for (; std::getline(in, line); ++i) {
      std::istringstream fields(line);
      std::string name;
      u64 active = 0, total = 0, size = 0, objects = 0, pages = 0;
      fields >> name >> active >> total >> size >> objects >> pages;
      ASSERT_LT(i, caches.size()) << name;
      const SlabInfo info = m.slabs->slab_info(caches[i]);
      EXPECT_EQ(info.name, name);
      EXPECT_EQ(info.object_size, size) << name;
      EXPECT_EQ(info.objects_per_slab, objects) << name;
      EXPECT_EQ(info.pages_per_slab, pages) << name;
    }
    EXPECT_EQ(i, caches.size());
  }
}

// The sizes of the module that measured, including those that the table leaves out.
std::vector<u32> sizes() {
  std::vector<u32> all;
  for (u32 i = 8; i <= 1024; i += 8) all.push_back(i);
  for (u32 i = 1088; i <= 4096; i += 64) all.push_back(i);
  for (u32 i = 4352; i <= 8192; i += 256) all.push_back(i);
  for (u32 i :
       {1,     2,     3,     4,      5,      6,      7,      9,      10,      12,      15,      17,     20,
        23,    25,    30,    31,     33,     36,     42,     47,     49,      50,      60,      63,     65,
        70,    84,    90,    97,     100,    110,    127,    129,    150,     191,     193,     201,    250,
        255,   257,   300,   333,    401,    500,    511,    513,    601,     700,     801,     900,    1001,
        1023,  1025,  1500,  2047,   2049,   3000,   3333,   4095,   4097,    5000,    6000,    7000,   8000,
        8191,  8193,  9000,  10000,  12000,  12288,  16000,  16384,  16385,   20000,   24576,   32768,  32769,
        40000, 65536, 65537, 100000, 131072, 200000, 262144, 524288, 1048576, 2097152, 4000000, 4194304}) {
    all.push_back(i);
  }
  std::sort(all.begin(), all.end());
  return all;
}

// Each variant's caches, made at once on a booted machine, merge with what the real kernel merged them with.
TEST(BootCaches, MergingEqualsTheMeasured) {
  for (Release release : {Release::k6_1, Release::k6_12}) {
    test::SlabMachine m(
        {.release = release, .kmalloc = {.buckets = release == Release::k6_12}, .boot_caches = true});
    const test::Table table(directory(release) + "/kmem_cache_geometry_merge_2cpu.tsv");
    for (const test::Variant& variant : test::kVariants) {
      std::map<u32, Cache*> made;
      std::vector<Cache*> all;
      for (u32 size : sizes()) {
        Cache* cache = m.slabs
                           ->create({.name = fmt::format("orc_{}_{}", variant.name, size),
                                     .size = size,
                                     .align = variant.align,
                                     .flags = variant.flags,
                                     .constructor = variant.constructor ? 1u : 0u,
                                     .usercopy_size = variant.usercopy ? size : 0})
                           .cache;
        all.push_back(made[size] = cache);
      }
      for (std::size_t row = 0; row < table.size(); ++row) {
        if (table.at(row, "variant") != variant.name) continue;
        const u32 size = static_cast<u32>(table.number(row, "requested_size"));
        const Cache* cache = made.at(size);
        const std::string where = fmt::format("{} {} {}", directory(release), variant.name, size);
        ASSERT_NE(cache, nullptr) << where;
        const std::string id = m.slabs->sysfs_name(cache);
        EXPECT_EQ(id.front() == ':' ? id : "-", table.at(row, "merged_into")) << where;
        EXPECT_EQ(cache->geometry().size, table.number(row, "slab_size")) << where;
        EXPECT_EQ(cache->geometry().align, table.number(row, "align")) << where;
        EXPECT_EQ(cache->object_size(), table.number(row, "object_size")) << where;
        EXPECT_EQ(static_cast<u64>(std::max(cache->reference_count() - 1, 0)), table.number(row, "aliases"))
            << where;
      }
      for (Cache* cache : all) {
        if (cache != nullptr) (void)m.slabs->destroy(cache);
      }
    }
  }
}

}  // namespace
}  // namespace koi::mm
