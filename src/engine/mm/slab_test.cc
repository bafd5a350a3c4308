// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/slab.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "engine/mm/test_machine.h"

namespace koi::mm {
namespace {

using namespace slab_flag;
constexpr VcpuId kCpu1{1};

struct Slabs : testing::Test {
  test::SlabMachine m;
  SlabAllocator& s = *m.slabs;
  Gfp gfp = m.kernel_gfp();

  Cache* make(std::string_view name, u32 size, u32 flags = 0, u64 constructor = 0) {
    const CreateResult made =
        s.create({.name = name, .size = size, .flags = flags | kNoMerge, .constructor = constructor});
    CHECK(made.cache != nullptr);
    return made.cache;
  }
  std::vector<void*> take(Cache* cache, u64 count, VcpuId cpu = kCpu0) {
    std::vector<void*> objects(count);
    for (void*& object : objects) object = s.alloc(cache, gfp, cpu);
    return objects;
  }
  void give(Cache* cache, const std::vector<void*>& objects, VcpuId cpu = kCpu0) {
    for (void* object : objects) ASSERT_EQ(s.free(cache, object, cpu), FreeOutcome::kOk);
  }
};

// Constructors run when a slab is made, for all of its objects, and never again.
TEST_F(Slabs, ConstructorsRunPerSlab) {
  for (const auto& [size, per_slab] :
       std::map<u32, u64>{{8, 256}, {24, 128}, {64, 56}, {100, 36}, {256, 15}, {1000, 16}, {4096, 7}}) {
    m.events.constructed = 0;
    Cache* cache = make("ctor", size, 0, 1);
    EXPECT_EQ(m.events.constructed, 0u);
    auto objects = take(cache, 1);
    EXPECT_EQ(m.events.constructed, per_slab) << size;
    const auto more = take(cache, 199);
    objects.insert(objects.end(), more.begin(), more.end());
    const u64 total = (200 + per_slab - 1) / per_slab * per_slab;
    EXPECT_EQ(m.events.constructed, total) << size;
    give(cache, objects);
    auto* again = static_cast<u8*>(s.alloc(cache, gfp, kCpu0));
    EXPECT_EQ(m.events.constructed, total) << size;
    EXPECT_EQ(again[0], 0x11);
    again[0] = 0x99;
    (void)s.free(cache, again, kCpu0);
    EXPECT_EQ(s.alloc(cache, gfp, kCpu0), again);
    EXPECT_EQ(again[0], 0x99);
    (void)s.free(cache, again, kCpu0);
    EXPECT_EQ(s.check_invariants(), std::nullopt);
    EXPECT_EQ(s.destroy(cache).outcome, DestroyOutcome::kDestroyed);
  }
}

TEST_F(Slabs, ReuseIsLifoWithinASlab) {
  Cache* cache = make("lifo", 100);
  const auto objects = take(cache, 8);
  for (void* object : objects) (void)s.free(cache, object, kCpu0);
  for (int i = 7; i >= 0; --i) EXPECT_EQ(s.alloc(cache, gfp, kCpu0), objects[static_cast<u32>(i)]);
}

// The lines "<size> <flags> free 8 then alloc 8 is exact LIFO=<0|1>" of the measurements, in the module's own steps:
// whether the order survives depends on how slabs move between the lists.
void expect_measured_reuse(Release release, const SlabConfig& config, const std::string& line) {
  test::SlabMachine m({.release = release, .slab = config});
  std::istringstream in(line);
  u32 size = 0;
  std::string flag_names;
  in >> size >> flag_names;
  const u32 flags = flag_names == "SLAB_HWCACHE_ALIGN" ? kHwcacheAlign
                    : flag_names == "0"                ? 0
                                                       : kPoison | kRedZone;
  Cache* cache = m.slabs->create({.name = "orc_layout", .size = size, .flags = flags | kNoMerge}).cache;
  const auto alloc = [&] { return m.slabs->alloc(cache, m.kernel_gfp(), kCpu0); };
  std::vector<void*> v(512);
  for (void*& p : v) p = alloc();
  for (void* p : v) (void)m.slabs->free(cache, p, kCpu0);
  for (u32 i = 0; i < 8; ++i) v[i] = alloc();
  for (u32 i = 0; i < 8; ++i) (void)m.slabs->free(cache, v[i], kCpu0);
  bool lifo = true;
  for (u32 i = 0; i < 8; ++i) lifo = alloc() == v[7 - i] && lifo;
  EXPECT_EQ(lifo, line.ends_with("LIFO=1")) << line;
}

TEST(Slab, OrderOfReuseEqualsTheMeasured) {
  for (Release release : {Release::k6_1, Release::k6_12}) {
    const std::string directory = release == Release::k6_1 ? "6.1" : "6.12";
    u64 lines = 0;
    const test::Table table(directory + "/kmem_cache_in_use.tsv");
    for (std::size_t row = 0; row < table.size(); ++row) {
      if (table.at(row, "facts").find("LIFO") == std::string::npos) continue;
      expect_measured_reuse(release, {}, table.at(row, "facts"));
      ++lines;
    }
    for (const char* option : {"F", "FZPU"}) {
      std::ifstream in(fmt::format("{}/{}/slab_debug_{}_in_use.txt", KOI_MM_TESTDATA, directory, option));
      for (std::string line; std::getline(in, line);) {
        if (!line.starts_with("layout|") || line.find("LIFO") == std::string::npos) continue;
        line = line.substr(7);
        std::replace(line.begin(), line.end(), '|', ' ');
        expect_measured_reuse(release, {.slab_debug = option}, line);
        ++lines;
      }
    }
    EXPECT_GT(lines, 45u);
  }
}

TEST_F(Slabs, FreelistIsShuffledBySeed) {
  Cache* cache = make("random", 8);
  const auto objects = take(cache, 512);
  int ascending = 0;
  for (std::size_t i = 1; i < objects.size(); ++i) ascending += objects[i] > objects[i - 1] ? 1 : 0;
  EXPECT_GT(ascending, 200);
  EXPECT_LT(ascending, 310);
  EXPECT_EQ(std::set<void*>(objects.begin(), objects.end()).size(), 512u);

  test::SlabMachine plain({.slab = {.freelist_random = false}});
  auto* a = static_cast<u8*>(plain.kmalloc->alloc(8, plain.kernel_gfp(), kCpu0));
  EXPECT_EQ(plain.kmalloc->alloc(8, plain.kernel_gfp(), kCpu0), a + 8);
}

TEST_F(Slabs, FreesFromAnotherCpuComeBackAfterTheOwn) {
  Cache* cache = make("remote", 512);
  const auto objects = take(cache, 8);
  (void)s.free(cache, objects[0], kCpu1);
  (void)s.free(cache, objects[1], kCpu1);
  (void)s.free(cache, objects[2], kCpu0);
  EXPECT_EQ(s.alloc(cache, gfp, kCpu0), objects[2]);
  const auto rest = take(cache, cache->geometry().objects - 8);
  EXPECT_EQ(s.alloc(cache, gfp, kCpu0), objects[1]);
  EXPECT_EQ(s.alloc(cache, gfp, kCpu0), objects[0]);
  EXPECT_EQ(s.check_invariants(), std::nullopt);
}

TEST_F(Slabs, DestroyWithObjectsLeftNamesThem) {
  Cache* cache = make("busy", 100);
  const auto objects = take(cache, 2);
  const DestroyResult result = s.destroy(cache);
  EXPECT_EQ(result.outcome, DestroyOutcome::kHasObjects);
  ASSERT_EQ(result.remaining.size(), 1u);
  EXPECT_EQ(result.remaining[0].state, SlabState::kNodePartial);
  EXPECT_EQ(result.remaining[0].allocated.size(), 2u);
  EXPECT_NE(result.remaining[0].first_free, nullptr);
}

TEST_F(Slabs, AllMemoryComesBack) {
  const u64 before = m.available_pages();
  for (u32 size : {8u, 100u, 1000u, 5000u, 40000u}) {
    Cache* cache = make("whole", size);
    give(cache, take(cache, 1000));
    EXPECT_EQ(s.destroy(cache).outcome, DestroyOutcome::kDestroyed);
  }
  EXPECT_EQ(m.available_pages(), before);
}

TEST_F(Slabs, EmptySlabsBeyondMinPartialGoBackByThemselves) {
  Cache* cache = make("trim", 1024);
  give(cache, take(cache, 3000));
  const Geometry& g = cache->geometry();
  EXPECT_LE(cache->slab_count(), g.min_partial + g.cpu_partial_slabs + 2);
  EXPECT_EQ(s.shrink(cache), 0);
  EXPECT_EQ(cache->slab_count(), 0u);
}

TEST_F(Slabs, SlabInfoCountsWhatCpusHoldAsActive) {
  Cache* cache = make("info", 64);
  auto objects = take(cache, 1);
  const SlabInfo info = s.slab_info(cache);
  EXPECT_EQ(info.active_objects, 64u);
  EXPECT_EQ(info.objects, 64u);
  EXPECT_EQ(info.slabs, 1u);
  EXPECT_EQ(info.pages_per_slab, 1u);
}

TEST_F(Slabs, WrongFreesAreNamed) {
  Cache* a = make("a", 104);
  Cache* b = make("b", 104);
  auto* p = static_cast<u8*>(s.alloc(a, gfp, kCpu0));
  auto* q = static_cast<u8*>(s.alloc(a, gfp, kCpu0));
  EXPECT_EQ(s.free(a, p + 8, kCpu0), FreeOutcome::kNotObjectStart);
  EXPECT_EQ(s.free(b, p, kCpu0), FreeOutcome::kWrongCache);
  EXPECT_EQ(s.free(a, p, kCpu0), FreeOutcome::kDoubleFreeOfHead);
  EXPECT_EQ(s.free(a, q, kCpu0), FreeOutcome::kOk);
  EXPECT_EQ(s.free(a, p, kCpu0), FreeOutcome::kDoubleFree);
  int on_stack = 0;
  EXPECT_EQ(s.free(a, &on_stack, kCpu0), FreeOutcome::kNotSlab);
  EXPECT_EQ(s.check_invariants(), std::nullopt);
}

TEST_F(Slabs, ObjectAtFindsTheObjectAroundAnAddress) {
  Cache* cache = make("at", 100, kRedZone | kPoison);
  auto* p = static_cast<u8*>(s.alloc(cache, gfp, kCpu0));
  const auto at = s.object_at(p + 99);
  ASSERT_TRUE(at);
  EXPECT_EQ(at->start, p);
  EXPECT_TRUE(at->allocated);
  EXPECT_EQ(s.object_at(p - 8)->start, p);
  (void)s.free(cache, p, kCpu0);
  EXPECT_FALSE(s.object_at(p)->allocated);
  EXPECT_EQ(s.ksize(cache), 100u);
}

TEST_F(Slabs, BulkIsAllOrNothingAndReversesItself) {
  Cache* cache = make("bulk", 256);
  std::vector<void*> objects(16);
  EXPECT_EQ(s.alloc_bulk(cache, gfp, kCpu0, objects), 16u);
  EXPECT_EQ(s.free_bulk(cache, objects, kCpu0), FreeOutcome::kOk);
  std::vector<void*> again(16);
  EXPECT_EQ(s.alloc_bulk(cache, gfp, kCpu0, again), 16u);
  EXPECT_EQ(objects, again);
}

TEST_F(Slabs, RcuSlabsWaitForTheirGracePeriod) {
  Cache* cache = make("rcu", 1024, kTypesafeByRcu);
  const u64 before = m.available_pages();
  give(cache, take(cache, cache->geometry().objects));
  (void)s.shrink(cache);
  ASSERT_EQ(m.events.rcu.size(), 1u);
  EXPECT_EQ(m.available_pages(), before - 4);
  s.free_rcu_slab(m.events.rcu[0].first, m.events.rcu[0].second);
  EXPECT_EQ(m.available_pages(), before);
}

TEST_F(Slabs, CreateRefusals) {
  EXPECT_EQ(s.create({.name = "big", .size = (4u << 20) + 1}).outcome, CreateOutcome::kBadSize);
  EXPECT_EQ(s.create({.name = "bits", .size = 10, .flags = kUnknown}).outcome, CreateOutcome::kBadFlags);
  EXPECT_EQ(s.create({.name = "none", .size = 0}).outcome, CreateOutcome::kZeroSize);
  EXPECT_TRUE(s.create({.name = "copy", .size = 10, .usercopy_offset = 8, .usercopy_size = 8}).bad_usercopy);
}

// A constructor that never returns (its task is abandoned in it) leaves a consistent allocator behind.
struct Abandoning : test::Events {
  void construct(Cache&, u64, void*) override {
    throw 1;
  }  // the engine's frames vanish, as when a fiber is abandoned
};
TEST(Slab, ConstructorThatNeverReturns) {
  test::SlabMachine m;
  Abandoning events;
  SlabConfig config{.events = &events};
  auto* heap = std::pmr::new_delete_resource();
  SlabAllocator s(*m.buddy, MemoryLayout{m.memory.base()}, config, heap);
  Cache* cache = s.create({.name = "never", .size = 64, .constructor = 7}).cache;
  for (int i = 0; i < 3; ++i) {
    EXPECT_THROW((void)s.alloc(cache, m.kernel_gfp(), kCpu0), int);
    EXPECT_EQ(s.check_invariants(), std::nullopt);
  }
  EXPECT_EQ(s.destroy(cache).outcome, DestroyOutcome::kHasObjects);
}

// ---- randomised --------------------------------------------------------------------------------------------------

struct Live {
  Cache* cache;
  u8* object;
  u32 size;
  u8 fill;
  u64 born;  // the operation
};

void run_random(u64 seed, const SlabConfig& config, Release release) {
  SCOPED_TRACE(fmt::format("seed {}", seed));
  test::Random random(seed);
  test::SlabMachine m({.release = release, .cpus = 4, .ram_bytes = u64{128} << 20, .slab = config});
  SlabAllocator& s = *m.slabs;
  const u64 before = m.available_pages();
  std::vector<Cache*> caches;
  for (u32 size : {8u, 24u, 100u, 192u, 700u, 1024u, 4096u, 9000u, 70000u}) {
    const u32 flags = kNoMerge | (size == 24 ? kPoison | kRedZone : size == 700 ? kHwcacheAlign : 0);
    caches.push_back(
        s.create({.name = "stress", .size = size, .flags = flags, .constructor = size == 192 ? 2u : 0u})
            .cache);
  }
  std::vector<Live> live;
  std::set<const u8*> starts;  // the model: no two live objects overlap, contents stay
  const u64 ops = test::stress_ops(400'000);
  for (u64 op = 0; op < ops; ++op) {
    const VcpuId cpu{static_cast<u32>(random.below(4))};
    const u64 aim = (op >> 13) % 3 == 0 ? 35 : 55;
    if (random.below(100) < aim && live.size() < 20000) {
      const u64 pick = random.below(64);
      Cache* cache = caches[pick < 60 ? pick % 6 : 6 + pick % 3];
      auto* p = static_cast<u8*>(s.alloc(cache, m.kernel_gfp(), cpu));
      if (p == nullptr) continue;
      const u32 size = cache->object_size();
      ASSERT_TRUE(starts.insert(p).second);
      const auto next = starts.upper_bound(p);
      ASSERT_TRUE(next == starts.end() || *next >= p + size);
      if (s.bytes_to_clear(cache, m.kernel_gfp()) != 0) {
        ASSERT_EQ(p[0] | p[size - 1], 0);
      }
      const u8 fill = static_cast<u8>(random.next() | 1);
      p[0] = p[size - 1] = fill;
      // An origin belongs to its object alone.
      SlabAllocator::set_origin_of(s.slab_of(p), p, {reinterpret_cast<u64>(p), op});
      live.push_back({cache, p, size, fill, op});
    } else if (!live.empty()) {
      const u64 victim = random.below(live.size());
      const Live object = live[victim];
      live[victim] = live.back();
      live.pop_back();
      ASSERT_EQ(object.object[0], object.fill);
      ASSERT_EQ(object.object[object.size - 1], object.fill);
      const observe::PackedOrigin origin = SlabAllocator::origin_of(s.slab_of(object.object), object.object);
      ASSERT_EQ(origin.what, reinterpret_cast<u64>(object.object));
      ASSERT_EQ(origin.time_ns, object.born);
      starts.erase(object.object);
      ASSERT_EQ(s.free(object.cache, object.object, cpu), FreeOutcome::kOk);
      if (random.below(64) == 0) {
        const FreeOutcome again = s.free(object.cache, object.object, cpu);
        ASSERT_TRUE(again != FreeOutcome::kOk && again != FreeOutcome::kWrongCache);
      }
      if (random.below(5000) == 0) (void)s.shrink(object.cache);
    }
    if (op % (ops / 30 + 1) == 0) {
      ASSERT_EQ(s.check_invariants(), std::nullopt) << "op " << op;
      ASSERT_EQ(m.buddy->check_invariants(), std::nullopt) << "op " << op;
    }
  }
  for (const Live& object : live) ASSERT_EQ(s.free(object.cache, object.object, kCpu0), FreeOutcome::kOk);
  for (Cache* cache : caches) ASSERT_EQ(s.destroy(cache).outcome, DestroyOutcome::kDestroyed);
  EXPECT_EQ(m.available_pages(), before);
  EXPECT_EQ(s.check_invariants(), std::nullopt);
}

// Whoever frees an object with a lock in it must look; its neighbours are freed as ever.
TEST(Slab, AWatchIsOverWithItsObject) {
  test::SlabMachine m;
  SlabAllocator& s = *m.slabs;
  Cache* const cache = s.create({.name = "watched", .size = 96}).cache;
  auto* const object = static_cast<u8*>(s.alloc(cache, m.kernel_gfp(), kCpu0));
  auto* const other = static_cast<u8*>(s.alloc(cache, m.kernel_gfp(), kCpu0));
  Slab* const slab = s.slab_of(object);
  ASSERT_EQ(s.slab_of(other), slab);
  SlabAllocator::watch_object(slab, reinterpret_cast<u64>(object) + 95);
  EXPECT_FALSE(slab->is_plain(slab->slot_of(object)));
  EXPECT_TRUE(slab->is_live(slab->slot_of(object)));
  EXPECT_TRUE(slab->is_plain(slab->slot_of(other)));
  EXPECT_EQ(slab->easy_slots, slab->slots());
  EXPECT_EQ(s.check_invariants(), std::nullopt);
  ASSERT_EQ(s.free(cache, object, kCpu0), FreeOutcome::kOk);
  ASSERT_EQ(s.alloc(cache, m.kernel_gfp(), kCpu0), object);
  EXPECT_TRUE(slab->is_plain(slab->slot_of(object)));
  // A constructor prepares what nobody has yet: all of the slab.
  ASSERT_EQ(s.free(cache, object, kCpu0), FreeOutcome::kOk);
  SlabAllocator::watch_object(slab, reinterpret_cast<u64>(object));
  EXPECT_EQ(slab->easy_slots, 0u);
  EXPECT_EQ(s.check_invariants(), std::nullopt);
}

TEST(Slab, RandomisedAgainstANaiveModel) { run_random(7, {.keep_origins = true}, Release::k6_1); }
TEST(Slab, RandomisedAgainstANaiveModelWithDebugFlags) {
  run_random(8, {.init_on_alloc = false, .keep_origins = true, .slab_debug = "F"}, Release::k6_12);
}

}  // namespace
}  // namespace koi::mm
