// SPDX-License-Identifier: GPL-2.0-only
// Machines with several nodes: who has what, where requests are served, and that nothing crosses over.
#include "engine/mm/nodes.h"

#include <gtest/gtest.h>

#include <map>

#include "engine/mm/proc_text.h"
#include "engine/mm/test_machine.h"

namespace koi::mm {
namespace {

using test::MachineOptions;
using test::Random;
using test::SlabMachine;

constexpr u64 kMiB = u64{1} << 20;
Pfn at_mib(u64 mib) { return Pfn{mib << (20 - kPageShift)}; }

MachineOptions with_nodes(u32 nodes, u32 cpus, u64 mib, Release release = Release::k6_1) {
  MachineOptions options;
  options.nodes = nodes;
  options.cpus = cpus;
  options.ram_bytes = mib * kMiB;
  options.release = release;
  return options;
}

TEST(Nodes, RamAndCpusAreSharedOutAsByQemu) {
  const auto ram = pc_ram_ranges(1024 * kMiB);
  const NodeMap two(ram, 4, 2);
  EXPECT_EQ(two.end_pfn(NodeId{0}), 131072u);  // the start_pfn of node 1 of that machine
  EXPECT_EQ(two.of(at_mib(511)), NodeId{0});
  EXPECT_EQ(two.of(at_mib(512)), NodeId{1});
  EXPECT_EQ(two.of(VcpuId{1}), NodeId{0});
  EXPECT_EQ(two.of(VcpuId{2}), NodeId{1});
  EXPECT_EQ(two.cpus_of(NodeId{1}), 2u);
  const NodeMap three(pc_ram_ranges(100 * kMiB), 1, 3);  // 33 MiB are 32 and 8 times four
  EXPECT_EQ(three.of(at_mib(31)), NodeId{0});
  EXPECT_EQ(three.of(at_mib(32)), NodeId{1});
  EXPECT_EQ(three.of(at_mib(64)), NodeId{2});
  EXPECT_EQ(three.cpus_of(NodeId{2}), 0u);
  EXPECT_EQ(three.fallback(NodeId{1}, 2), NodeId{0});
  // The hole below 4 GiB belongs to nobody: the second half of 8 GiB starts above it.
  EXPECT_EQ(NodeMap(pc_ram_ranges(8192 * kMiB), 4, 2).end_pfn(NodeId{0}), at_mib(5120).value);
}

TEST(Nodes, ZonesOfTheMeasuredTwoNodeMachine) {
  SlabMachine m(with_nodes(2, 4, 1024));
  const Buddy& buddy = *m.buddy;
  const ZoneId far(NodeId{1}, Zone::kDma32);
  EXPECT_EQ(buddy.start_pfn(far), 131072u);
  EXPECT_EQ(buddy.present_pages(far), 131072u);
  EXPECT_EQ(buddy.present_pages(ZoneId(NodeId{1}, Zone::kDma)), 0u);
  EXPECT_EQ(buddy.lowmem_reserve(far, Zone::kNormal), 0u);
  EXPECT_EQ(buddy.lowmem_reserve(Zone::kDma, Zone::kDma32), (131072u - 4096u) / 256);
  // Each node's own CPUs share its lists' height.
  EXPECT_EQ(buddy.pcp_high(far), buddy.watermarks(far).low / 2);
  const std::string text = buddyinfo_text(buddy);
  EXPECT_NE(text.find("Node 0, zone    DMA32 "), std::string::npos);
  EXPECT_NE(text.find("Node 1, zone    DMA32 "), std::string::npos);
  EXPECT_EQ(text.find("Node 1, zone      DMA "), std::string::npos);
}

TEST(Nodes, RequestsStayAtHomeUntilThereIsNothing) {
  SlabMachine m(with_nodes(2, 2, 128));
  Buddy& buddy = *m.buddy;
  const Gfp gfp = m.kernel_gfp();
  const auto node_of = [&](const PageAllocation& page) { return buddy.nodes().of(page.pfn).value; };
  EXPECT_EQ(node_of(buddy.alloc(Order{0}, gfp, VcpuId{0})), 0u);
  EXPECT_EQ(node_of(buddy.alloc(Order{0}, gfp, VcpuId{1})), 1u);
  EXPECT_EQ(node_of(buddy.alloc(Order{3}, gfp, Place(VcpuId{0}, 1))), 1u);
  // DMA memory is on node 0 only; who insists on another gets none.
  EXPECT_EQ(node_of(buddy.alloc(Order{0}, gfp | kGfp61.dma, VcpuId{1})), 0u);
  EXPECT_FALSE(buddy.alloc(Order{0}, gfp | kGfp61.dma | kGfp61.thisnode, VcpuId{1}));
  std::vector<Pfn> taken;
  while (const auto page = buddy.alloc(Order{4}, gfp | kGfp61.thisnode, VcpuId{1})) {
    ASSERT_EQ(node_of(page), 1u);
    taken.push_back(page.pfn);
  }
  EXPECT_GT(taken.size(), 900u);
  EXPECT_EQ(node_of(buddy.alloc(Order{4}, gfp, VcpuId{1})), 0u);
  const NumaCounts& home = buddy.numa_counts(ZoneId(NodeId{1}, Zone::kDma32));
  EXPECT_EQ(home.foreign, 1u);
  EXPECT_EQ(buddy.numa_counts(Zone::kDma32).miss, 1u);
  EXPECT_EQ(home.hit, taken.size() + 2);
  EXPECT_EQ(home.other, 1u);  // what CPU 0 asked of node 1
  EXPECT_EQ(buddy.check_invariants(), std::nullopt);
}

// Any mix of nodes, CPUs, orders and gfp bits, beside a model that knows which pages are whose.
TEST(Nodes, RandomPagesStayOnTheirNodes) {
  Random random(20261);
  SlabMachine m(with_nodes(3, 5, 192, Release::k6_12));
  Buddy& buddy = *m.buddy;
  const u64 all = m.available_pages();
  std::map<u64, u8> owned;  // first pfn -> order
  u64 pages = 0;
  const u64 ops = test::stress_ops(200'000);
  for (u64 op = 0; op < ops; ++op) {
    const VcpuId cpu{static_cast<u32>(random.below(5))};
    if (random.below(100) < 52) {
      const u8 order = static_cast<u8>(random.below(20) == 0 ? random.below(11) : random.below(4));
      const s32 node = static_cast<s32>(random.below(4)) - 1;
      const bool only = random.below(3) == 0;
      const Gfp gfp = m.kernel_gfp() | (only ? kGfp612.thisnode : 0);
      const NodeId home = node < 0 ? buddy.nodes().of(cpu) : NodeId{static_cast<u32>(node)};
      const auto page = buddy.alloc(Order{order}, gfp, Place(cpu, node));
      if (!page) continue;
      const auto next = owned.lower_bound(page.pfn.value);
      ASSERT_TRUE(next == owned.end() || next->first >= page.pfn.value + (u64{1} << order)) << op;
      ASSERT_TRUE(next == owned.begin() ||
                  std::prev(next)->first + (u64{1} << std::prev(next)->second) <= page.pfn.value)
          << op;
      const NodeId got = buddy.nodes().of(page.pfn);
      const ZoneId zone(home, Zone::kDma32);
      const bool home_has_plenty = buddy.free_pages(zone) > buddy.watermarks(zone).high + 4096;
      if (only || (home_has_plenty && order <= kCostlyOrder)) {
        ASSERT_EQ(got, home) << op;
      }
      ASSERT_EQ(buddy.nodes().of(Pfn{page.pfn.value + (u64{1} << order) - 1}), got) << op;
      owned.emplace(page.pfn.value, order);
      pages += u64{1} << order;
    } else if (!owned.empty()) {
      auto it = owned.lower_bound(random.below(buddy.end_pfn()));
      if (it == owned.end()) it = owned.begin();
      ASSERT_EQ(buddy.free(Pfn{it->first}, Order{it->second}, cpu), PageFreeOutcome::kOk);
      pages -= u64{1} << it->second;
      owned.erase(it);
    }
    ASSERT_EQ(m.available_pages(), all - pages) << op;
    if (op % (ops / 20) == 0) {
      ASSERT_EQ(buddy.check_invariants(), std::nullopt) << op;
    }
  }
  for (const auto& [pfn, order] : owned)
    ASSERT_EQ(buddy.free(Pfn{pfn}, Order{order}, VcpuId{0}), PageFreeOutcome::kOk);
  buddy.drain_all();
  EXPECT_EQ(buddy.free_pages(), all);
  EXPECT_EQ(buddy.check_invariants(), std::nullopt);
}

TEST(Nodes, ObjectsComeFromTheNodeAskedForAndGoBackToTheirOwn) {
  for (const Release release : {Release::k6_1, Release::k6_12}) {
    Random random(7);
    SlabMachine m(with_nodes(2, 4, 256, release));
    SlabAllocator& slabs = *m.slabs;
    Cache* const cache = slabs.create({.name = "on_nodes", .size = 200, .flags = slab_flag::kNoMerge}).cache;
    std::vector<void*> objects;
    for (u64 op = 0; op < test::stress_ops(100'000) / 10; ++op) {
      const VcpuId cpu{static_cast<u32>(random.below(4))};
      if (random.below(100) < 55 && objects.size() < 5000) {
        const s32 node = static_cast<s32>(random.below(3)) - 1;
        void* const object = slabs.alloc(cache, m.kernel_gfp(), Place(cpu, node));
        ASSERT_NE(object, nullptr);
        if (node != kNoNode) {
          ASSERT_EQ(m.buddy->nodes().of(m.pfn_of(object)).value, static_cast<u32>(node)) << op;
        }
        objects.push_back(object);
      } else if (!objects.empty()) {
        const u64 i = random.below(objects.size());
        ASSERT_EQ(slabs.free(cache, objects[i], cpu), FreeOutcome::kOk);
        objects[i] = objects.back();
        objects.pop_back();
      }
      if (op % 500 == 0) {
        ASSERT_EQ(slabs.check_invariants(), std::nullopt) << op;
      }
    }
    u64 slab_sum = 0, object_sum = 0, partial_sum = 0;
    for (u32 node = 0; node < 2; ++node) {
      const auto use = slabs.node_use(cache, NodeId{node});
      slab_sum += use.slabs;
      object_sum += use.objects;
      partial_sum += use.partial;
    }
    EXPECT_EQ(slab_sum, slabs.slab_info(cache).slabs);
    EXPECT_EQ(object_sum, slabs.slab_info(cache).objects);
    EXPECT_EQ(partial_sum, slabs.partial_slabs(cache));
    for (void* const object : objects) ASSERT_EQ(slabs.free(cache, object, VcpuId{3}), FreeOutcome::kOk);
    EXPECT_EQ(slabs.shrink(cache), 0);
    EXPECT_EQ(slabs.check_invariants(), std::nullopt);
    EXPECT_EQ(m.buddy->check_invariants(), std::nullopt);
  }
}

// ---- init_on_free ----------------------------------------------------------------------------------------------

TEST(InitOnFree, FreedObjectsAreClearExceptWhereTheirContentsMatter) {
  MachineOptions options;
  options.slab.init_on_free = true;
  SlabMachine m(options);
  const auto after_free = [&](const CacheRequest& request) {
    Cache* const cache = m.slabs->create(request).cache;
    auto* const object = static_cast<u8*>(m.slabs->alloc(cache, m.kernel_gfp(), kCpu0));
    std::memset(object, 0xa5, request.size);
    EXPECT_EQ(m.slabs->free(cache, object, kCpu0), FreeOutcome::kOk);
    EXPECT_EQ(m.slabs->free(cache, object, kCpu0), FreeOutcome::kDoubleFreeOfHead);
    EXPECT_EQ(m.slabs->check_invariants(), std::nullopt);
    return static_cast<u32>(object[request.size / 2]);
  };
  using namespace slab_flag;
  EXPECT_EQ(after_free({.name = "plain", .size = 120, .flags = kNoMerge}), 0u);
  EXPECT_EQ(after_free({.name = "red", .size = 120, .flags = kNoMerge | kRedZone}), 0u);
  EXPECT_EQ(after_free({.name = "rcu", .size = 120, .flags = kNoMerge | kTypesafeByRcu}), 0xa5u);
  EXPECT_EQ(after_free({.name = "ctor", .size = 120, .flags = kNoMerge, .constructor = 1}), 0xa5u);
  EXPECT_EQ(after_free({.name = "poison", .size = 120, .flags = kNoMerge | kPoison}), 0x6bu);
}

}  // namespace
}  // namespace koi::mm
