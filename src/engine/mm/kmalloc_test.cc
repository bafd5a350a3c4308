// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/kmalloc.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/mm/test_machine.h"

namespace koi::mm {
namespace {

class KmallocOf : public testing::TestWithParam<Release> {
 protected:
  [[nodiscard]] std::string file(const std::string& name) const {
    return (GetParam() == Release::k6_1 ? "6.1/" : "6.12/") + name;
  }
  // ksize(kmalloc(n)) as the tables print it.
  std::string measured(u64 n, Gfp gfp) {
    void* p = m.kmalloc->alloc(n, gfp, kCpu0);
    if (p == nullptr) return "NULL";
    const std::string text = fmt::format("{}", m.kmalloc->ksize(p));
    (void)m.kmalloc->free(p, kCpu0);
    return text;
  }
  test::SlabMachine m{{.release = GetParam()}};
};
INSTANTIATE_TEST_SUITE_P(Releases, KmallocOf, testing::Values(Release::k6_1, Release::k6_12),
                         [](const auto& info) { return info.param == Release::k6_1 ? "v6_1" : "v6_12"; });

TEST_P(KmallocOf, SizeClassesEqualTheMeasured) {
  const test::Table table(file("kmalloc_size_classes.tsv"));
  for (std::size_t row = 0; row < table.size(); ++row) {
    const u64 from = table.number(row, "from"), to = table.number(row, "to");
    const u64 step = to <= 8192 ? 1 : 4096;
    for (u64 n = from; n <= to; n += step)
      ASSERT_EQ(measured(n, m.kernel_gfp()), table.at(row, "ksize")) << n;
    ASSERT_EQ(measured(to, m.kernel_gfp()), table.at(row, "ksize")) << to;
  }
}

TEST_P(KmallocOf, SingleSizesAndRoundupEqualTheMeasured) {
  for (const char* name : {"kmalloc_powers_of_two.tsv", "kmalloc_log_spaced_sizes.tsv",
                           "kmalloc_100_plus_k_200000.tsv", "kmalloc_absurd_sizes.tsv"}) {
    const test::Table table(file(name));
    for (std::size_t row = 0; row < table.size(); ++row) {
      const u64 n = table.number(row, "n");
      EXPECT_EQ(measured(n, m.kernel_gfp()), table.at(row, "ksize")) << name << " " << n;
      EXPECT_EQ(m.kmalloc->roundup(n), table.number(row, "kmalloc_size_roundup")) << name << " " << n;
    }
  }
}

TEST_P(KmallocOf, GfpChoosesTheCache) {
  const test::Table table(file("kmalloc_gfp_to_cache.tsv"));
  for (std::size_t row = 0; row < table.size(); ++row) {
    const Gfp gfp = static_cast<Gfp>(std::stoul(table.at(row, "gfp_hex"), nullptr, 16));
    const u64 n = table.number(row, "n");
    void* p = m.kmalloc->alloc(n, gfp, kCpu0);
    ASSERT_NE(p, nullptr);
    const Cache* cache = m.slabs->find_cache_of(p);
    const std::string where = fmt::format("{} {}", table.at(row, "gfp"), n);
    EXPECT_EQ(cache == nullptr ? "(page allocator)" : std::string(cache->name()), table.at(row, "cache"))
        << where;
    EXPECT_EQ(m.kmalloc->ksize(p), table.number(row, "ksize")) << where;
    if (table.at(row, "below_16MiB") == "1") {
      EXPECT_LT(m.pfn_of(p).value, kDmaEndPfn) << where;
    }
    EXPECT_EQ(m.kmalloc->free(p, kCpu0), KfreeOutcome::kOk);
  }
}

TEST_P(KmallocOf, Alignment) {
  const test::Table table(file("kmalloc_alignment.tsv"));
  for (std::size_t row = 0; row < table.size(); ++row) {
    const u64 n = table.number(row, "n");
    const u64 count = table.number(row, "objects_sampled");
    u64 bits = 0;
    std::vector<void*> objects;
    for (u64 i = 0; i < count; ++i) {
      objects.push_back(m.kmalloc->alloc(n, m.kernel_gfp(), kCpu0));
      ASSERT_NE(objects.back(), nullptr);
      bits |= static_cast<u64>(static_cast<u8*>(objects.back()) - m.memory.base());
    }
    EXPECT_EQ(static_cast<u64>(std::countr_zero(bits)),
              table.number(row, "trailing_zero_bits_of_all_addresses"))
        << n;
    for (void* p : objects) (void)m.kmalloc->free(p, kCpu0);
  }
}

TEST_P(KmallocOf, ReuseIsLifoAndMemoryIsZeroed) {
  for (u64 n : {8, 16, 100, 512, 4096, 8192, 16384, 1 << 20}) {
    void* a = m.kmalloc->alloc(n, m.kernel_gfp(), kCpu0);
    const u64 usable = m.kmalloc->ksize(a);
    std::memset(a, 0xee, usable);
    (void)m.kmalloc->free(a, kCpu0);
    void* b = m.kmalloc->alloc(n, m.kernel_gfp(), kCpu0);
    EXPECT_EQ(a, b) << n;
    const auto* bytes = static_cast<const u8*>(b);
    EXPECT_EQ(std::count(bytes, bytes + usable, 0), static_cast<s64>(usable)) << n;
    (void)m.kmalloc->free(b, kCpu0);
  }
}

TEST_P(KmallocOf, ReallocEqualsTheMeasured) {
  const test::Table table(file("krealloc.tsv"));
  for (std::size_t row = 0; row < table.size(); ++row) {
    const u64 old_n = table.number(row, "old_n"), new_n = table.number(row, "new_n");
    void* p = m.kmalloc->alloc(old_n, m.kernel_gfp(), kCpu0);
    ASSERT_EQ(m.kmalloc->ksize(p), table.number(row, "old_ksize"));
    void* q = m.kmalloc->realloc(p, new_n, m.kernel_gfp(), kCpu0);
    EXPECT_EQ(m.kmalloc->ksize(q), table.number(row, "new_ksize")) << old_n << " to " << new_n;
    EXPECT_EQ(p == q ? "same" : "moved", table.at(row, "pointer")) << old_n << " to " << new_n;
    (void)m.kmalloc->free(q, kCpu0);
  }
}

TEST_P(KmallocOf, ReallocSpecialCases) {
  const Gfp gfp = m.kernel_gfp();
  EXPECT_EQ(m.kmalloc->ksize(m.kmalloc->realloc(nullptr, 100, gfp, kCpu0)), 128u);
  EXPECT_EQ(m.kmalloc->ksize(m.kmalloc->realloc(Kmalloc::zero_size_ptr(), 50, gfp, kCpu0)), 64u);
  EXPECT_EQ(m.kmalloc->realloc(nullptr, 0, gfp, kCpu0), Kmalloc::zero_size_ptr());
  void* p = m.kmalloc->alloc(64, gfp, kCpu0);
  KmallocFailure why{};
  EXPECT_EQ(m.kmalloc->realloc(p, 16 << 20, gfp, kCpu0, &why), nullptr);
  EXPECT_EQ(why, KmallocFailure::kOrderTooLarge);
  EXPECT_EQ(m.kmalloc->ksize(p), 64u);
  auto* q = static_cast<u8*>(m.kmalloc->alloc(20, gfp, kCpu0));
  std::memset(q, 0xff, 32);
  EXPECT_EQ(m.kmalloc->realloc(q, 30, gfp | m.buddy->gfp().zero, kCpu0), q);
  EXPECT_EQ(q[29], 0xff);
  EXPECT_EQ(q[31], 0);
}

TEST_P(KmallocOf, WrongFreesAreNamed) {
  Kmalloc& k = *m.kmalloc;
  EXPECT_EQ(k.free(nullptr, kCpu0), KfreeOutcome::kNothing);
  EXPECT_EQ(k.free(Kmalloc::zero_size_ptr(), kCpu0), KfreeOutcome::kNothing);
  auto* a = static_cast<u8*>(k.alloc(100, m.kernel_gfp(), kCpu0));
  auto* b = static_cast<u8*>(k.alloc(100, m.kernel_gfp(), kCpu0));
  EXPECT_EQ(k.free(a + 8, kCpu0), KfreeOutcome::kNotObjectStart);
  EXPECT_EQ(k.free(a + 1, kCpu0), KfreeOutcome::kNotObjectStart);
  EXPECT_EQ(k.free(a, kCpu0), KfreeOutcome::kOk);
  EXPECT_EQ(k.free(a, kCpu0), KfreeOutcome::kDoubleFreeOfHead);
  EXPECT_EQ(k.free(b, kCpu0), KfreeOutcome::kOk);
  EXPECT_EQ(k.free(a, kCpu0), KfreeOutcome::kDoubleFree);
  auto* large = static_cast<u8*>(k.alloc(100000, m.kernel_gfp(), kCpu0));
  EXPECT_EQ(k.free(large + 5000, kCpu0), KfreeOutcome::kInsideLarge);
  EXPECT_EQ(k.free(large, kCpu0), KfreeOutcome::kNotAllocated);
  const auto page = m.buddy->alloc(Order{0}, m.kernel_gfp(), kCpu0);
  EXPECT_EQ(k.free(m.memory.base() + (page.pfn.value << kPageShift), kCpu0), KfreeOutcome::kPlainPages);
  int on_stack = 0;
  EXPECT_EQ(k.free(&on_stack, kCpu0), KfreeOutcome::kNotAllocated);
  EXPECT_EQ(m.slabs->check_invariants(), std::nullopt);
}

TEST_P(KmallocOf, ForbiddenZoneBitsAreReported) {
  (void)m.kmalloc->alloc(16384, m.kernel_gfp() | m.buddy->gfp().highmem, kCpu0);
  EXPECT_EQ(m.events.unexpected, 1u);
}

TEST_P(KmallocOf, KvmallocRule) {
  const test::Table table(file("kvmalloc.tsv"));
  const GfpBits& bits = m.buddy->gfp();
  const std::map<std::string, Gfp> gfps = {
      {"GFP_KERNEL", bits.kernel()},
      {"GFP_KERNEL+__GFP_RETRY_MAYFAIL", bits.kernel() | bits.retry_mayfail},
      {"GFP_ATOMIC", bits.atomic_mask()},
      {"GFP_NOFS", bits.reclaim() | bits.io}};
  for (std::size_t row = 0; row < table.size(); ++row) {
    const u64 n = table.number(row, "n");
    const Gfp gfp = gfps.at(table.at(row, "gfp"));
    void* p = m.kmalloc->alloc(n, *m.kmalloc->kvmalloc_attempt(n, gfp), kCpu0);
    const bool vmalloc_can = n >> kPageShift <= m.buddy->managed_pages();
    const std::string kind = p == Kmalloc::zero_size_ptr()                              ? "ZERO_SIZE_PTR"
                             : p != nullptr                                             ? "kmalloc"
                             : m.kmalloc->kvmalloc_may_fall_back(n, gfp) && vmalloc_can ? "vmalloc"
                                                                                        : "NULL";
    EXPECT_EQ(kind, table.at(row, "kind")) << table.at(row, "gfp") << " " << n;
    (void)m.kmalloc->free(p, kCpu0);
  }
}

// Names and geometry of the kmalloc caches of a booted kernel, for 1, 2 and 4 CPUs.
TEST(Kmalloc, CachesEqualThoseOfABootedKernel) {
  for (Release release : {Release::k6_1, Release::k6_12}) {
    for (u32 cpus : {1, 2, 4}) {
      test::SlabMachine m({.release = release, .cpus = cpus});
      const test::Table table(
          fmt::format("{}/sys_kernel_slab_{}cpu.tsv", release == Release::k6_1 ? "6.1" : "6.12", cpus));
      u64 found = 0;
      for (std::size_t row = 0; row < table.size(); ++row) {
        const Cache* cache = m.slabs->find_cache(table.at(row, "name"));
        if (cache == nullptr) continue;
        ++found;
        const Geometry& g = cache->geometry();
        const std::string where = fmt::format("{} cpus {}", cpus, cache->name());
        EXPECT_EQ(table.at(row, "merged_into"), "-") << where;
        EXPECT_EQ(m.slabs->sysfs_name(cache), cache->name()) << where;
        EXPECT_EQ(g.object_size, table.number(row, "object_size")) << where;
        EXPECT_EQ(g.size, table.number(row, "slab_size")) << where;
        EXPECT_EQ(g.objects, table.number(row, "objs_per_slab")) << where;
        EXPECT_EQ(g.order, table.number(row, "order")) << where;
        EXPECT_EQ(g.align, table.number(row, "align")) << where;
        EXPECT_EQ(g.cpu_partial, table.number(row, "cpu_partial")) << where;
        EXPECT_EQ(g.min_partial, table.number(row, "min_partial")) << where;
        EXPECT_EQ(cache->usercopy_size(), table.number(row, "usersize")) << where;
      }
      EXPECT_EQ(found, 52u);
    }
  }
}

TEST(Kmalloc, CachesUnderSlubDebug) {
  for (Release release : {Release::k6_1, Release::k6_12}) {
    for (const char* option : {"F", "FZPU", "Z", "FZPU,kmalloc-64"}) {
      test::SlabMachine m({.release = release, .slab = {.slab_debug = option}});
      const std::string stem = std::string(option) == "FZPU,kmalloc-64" ? "FZPU_only_kmalloc-64" : option;
      const test::Table table(
          fmt::format("{}/slab_debug_{}_system_caches.tsv", release == Release::k6_1 ? "6.1" : "6.12", stem));
      u64 found = 0;
      for (std::size_t row = 0; row < table.size(); ++row) {
        const Cache* cache = m.slabs->find_cache(table.at(row, "name"));
        if (cache == nullptr) continue;
        ++found;
        const Geometry& g = cache->geometry();
        const std::string where = fmt::format("{} {}", option, cache->name());
        EXPECT_EQ(g.size, table.number(row, "slab_size")) << where;
        EXPECT_EQ(g.objects, table.number(row, "objs_per_slab")) << where;
        EXPECT_EQ(g.order, table.number(row, "order")) << where;
        EXPECT_EQ(g.align, table.number(row, "align")) << where;
        EXPECT_EQ((g.flags & slab_flag::kPoison) != 0, table.number(row, "poison") != 0) << where;
      }
      EXPECT_EQ(found, 52u) << option;
    }
  }
}

TEST(Kmalloc, KernelSubscriptsPerRelease) {
  test::SlabMachine old({.release = Release::k6_1});
  test::SlabMachine fresh({.release = Release::k6_12, .kmalloc = {.random_caches = true}});
  EXPECT_EQ(old.kmalloc->kernel_type_count(), 4u);
  EXPECT_EQ(old.kmalloc->kernel_entry(1, 7)->name(), "kmalloc-cg-128");
  EXPECT_EQ(old.kmalloc->kernel_entry(3, 1)->name(), "dma-kmalloc-96");
  EXPECT_EQ(fresh.kmalloc->kernel_type_count(), 20u);
  EXPECT_EQ(fresh.kmalloc->kernel_entry(0, 7)->name(), "kmalloc-128");
  EXPECT_EQ(fresh.kmalloc->kernel_entry(3, 7)->name(), "kmalloc-rnd-03-128");
  EXPECT_EQ(fresh.kmalloc->kernel_entry(16, 10)->name(), "kmalloc-rcl-1k");
  EXPECT_EQ(fresh.kmalloc->kernel_entry(19, 10)->name(), "kmalloc-1k");
}

// Sizes of every class and of large blocks, resized and freed in any order: contents stay, nothing overlaps, all comes
// back.
TEST(Kmalloc, RandomisedAgainstANaiveModel) {
  constexpr u64 kSeed = 4242;
  SCOPED_TRACE(kSeed);
  test::Random random(kSeed);
  test::SlabMachine m({.cpus = 4, .ram_bytes = u64{192} << 20});
  Kmalloc& k = *m.kmalloc;
  const GfpBits& bits = m.buddy->gfp();
  const Gfp gfps[] = {bits.kernel(), bits.kernel() | bits.account, bits.kernel() | bits.reclaimable,
                      bits.kernel() | bits.zero};
  struct Object {
    u64 size;
    u8 fill;
  };
  std::map<u8*, Object> live;  // the model, by address
  const auto check = [](const u8* p, const Object& object) {
    return p[0] == object.fill && p[object.size / 2] == object.fill && p[object.size - 1] == object.fill;
  };
  const auto fill = [&](u8* p, u64 size) {
    const Object object{size, static_cast<u8>(random.next())};
    p[0] = p[size / 2] = p[size - 1] = object.fill;
    live[p] = object;
  };
  const auto some_size = [&] {
    const u64 pick = random.below(64);
    return 1 + random.below(pick == 0 ? 100000 : pick < 8 ? 8192 : 512);
  };
  const u64 ops = test::stress_ops(400'000);
  for (u64 op = 0; op < ops; ++op) {
    const VcpuId cpu{static_cast<u32>(random.below(4))};
    const u64 pick = random.below(100);
    if (live.size() < 12000 && pick < ((op >> 14) % 2 == 0 ? 58u : 38u)) {
      const u64 size = some_size();
      auto* p = static_cast<u8*>(k.alloc(size, gfps[random.below(4)], cpu));
      if (p == nullptr) continue;
      const auto next = live.lower_bound(p);
      ASSERT_TRUE(next == live.end() || p + size <= next->first);
      ASSERT_TRUE(next == live.begin() || std::prev(next)->first + std::prev(next)->second.size <= p);
      ASSERT_EQ(p[0] | p[size - 1], 0);
      ASSERT_GE(k.ksize(p), size);
      fill(p, size);
    } else if (!live.empty()) {
      auto victim = live.lower_bound(m.memory.base() + random.below(m.memory.size()));
      if (victim == live.end()) victim = live.begin();
      const auto [p, object] = *victim;
      ASSERT_TRUE(check(p, object));
      live.erase(victim);
      if (pick % 16 == 0) {
        const u64 size = some_size();
        auto* moved = static_cast<u8*>(k.realloc(p, size, gfps[0], cpu));
        ASSERT_NE(moved, nullptr);
        ASSERT_EQ(moved[0], object.fill);
        if (size > object.size / 2) {
          ASSERT_EQ(moved[object.size / 2], object.fill);
        }
        fill(moved, size);
      } else {
        ASSERT_EQ(k.free(p, cpu), KfreeOutcome::kOk);
        if (random.below(64) == 0) {
          ASSERT_NE(k.free(p, cpu), KfreeOutcome::kOk);
        }
      }
    }
    if (op % (ops / 30 + 1) == 0) {
      ASSERT_EQ(m.slabs->check_invariants(), std::nullopt) << "op " << op;
      ASSERT_EQ(m.buddy->check_invariants(), std::nullopt) << "op " << op;
    }
  }
  for (const auto& [p, object] : live) {
    ASSERT_TRUE(check(p, object));
    ASSERT_EQ(k.free(p, kCpu0), KfreeOutcome::kOk);
  }
  for (Cache* const cache : m.slabs->caches()) EXPECT_EQ(m.slabs->shrink(cache), 0) << cache->name();
  EXPECT_EQ(m.slabs->check_invariants(), std::nullopt);
}

}  // namespace
}  // namespace koi::mm
