// SPDX-License-Identifier: GPL-2.0-only
// How a machine's RAM and CPUs are shared out among its NUMA nodes.
//
// RAM as QEMU's `-numa node` does it when no sizes are given: equal parts in the order of addresses, rounded down to 8 MiB,
// and the last node has the rest. CPUs as with a socket for each node (`-smp N,sockets=NODES`): neighbours sit together.
// Without more CPUs than nodes, the last nodes have none.
#pragma once

#include <array>
#include <span>

#include "engine/mm/types.h"

namespace koi::mm {

struct PfnRange {
  u64 first = 0;
  u64 count = 0;
  [[nodiscard]] u64 end() const { return first + count; }
};

class NodeMap {
 public:
  // Requires: 1 <= nodes <= kMaxNodes; `ram` ascending, enough for 8 MiB a node.
  NodeMap(std::span<const PfnRange> ram, u32 cpus, u32 nodes);

  [[nodiscard]] u32 count() const { return count_; }
  [[nodiscard]] NodeId of(Pfn pfn) const {
    u32 node = count_ - 1;
    while (node > 0 && pfn.value < first_pfn_[node]) --node;
    return NodeId{node};
  }
  [[nodiscard]] NodeId of(VcpuId cpu) const { return NodeId{cpu.value * sockets_ / cpus_}; }
  // Where the RAM of the next node starts.
  [[nodiscard]] u64 end_pfn(NodeId node) const {
    return node.value + 1 < count_ ? first_pfn_[node.value + 1] : ~u64{0};
  }
  [[nodiscard]] u32 cpus_of(NodeId node) const;
  // The i-th node that a request for `home` looks at: all others are equally far, those that follow come first.
  [[nodiscard]] NodeId fallback(NodeId home, u32 i) const { return NodeId{(home.value + i) % count_}; }
  // As the firmware's tables have it: 10 at home, 20 elsewhere.
  [[nodiscard]] static u32 distance(NodeId from, NodeId to) { return from == to ? 10 : 20; }

 private:
  u32 count_, cpus_, sockets_;
  std::array<u64, kMaxNodes> first_pfn_{};
};

}  // namespace koi::mm
