// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/nodes.h"

#include <algorithm>

#include "base/check.h"

namespace koi::mm {

NodeMap::NodeMap(std::span<const PfnRange> ram, u32 cpus, u32 nodes)
    : count_(nodes), cpus_(cpus), sockets_(std::min(cpus, nodes)) {
  CHECK(nodes >= 1 && nodes <= kMaxNodes && cpus >= 1);
  constexpr u64 kUnit = (u64{8} << 20) >> kPageShift;
  u64 pages = 0;
  for (const PfnRange& range : ram) pages += range.count;
  const u64 share = pages / nodes & ~(kUnit - 1);
  CHECK(nodes == 1 || share != 0, "{} pages are too few for {} nodes", pages, nodes);
  for (u32 node = 1; node < nodes; ++node) {
    u64 offset = node * share;
    for (const PfnRange& range : ram) {
      if (offset < range.count) {
        first_pfn_[node] = range.first + offset;
        break;
      }
      offset -= range.count;
    }
  }
}

u32 NodeMap::cpus_of(NodeId node) const {
  u32 count = 0;
  for (u32 cpu = 0; cpu < cpus_; ++cpu) count += of(VcpuId{cpu}) == node ? 1 : 0;
  return count;
}

}  // namespace koi::mm
