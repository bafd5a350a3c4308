// SPDX-License-Identifier: GPL-2.0-only
// <linux/percpu.h>: dynamic per-CPU memory. A per-CPU pointer is an offset into every CPU's area.
#include "host/address_map.h"
#include "kapi/checks.h"
#include "kapi/memcg.h"
#include "kapi/page_calls.h"
#include "kapi/tables.h"
#include "runtime/console.h"

namespace koi::kapi {
namespace {

using guest::Address;
using mm::Gfp;
using runtime::FrameEvent;

constexpr u32 kMostFailureReports = 10;

u64 area(u32 cpu) { return current().world().percpu_area(VcpuId{cpu}); }

Address allocate(u64 size, u64 align, Gfp gfp) {
  runtime::Memory& m = memory();
  const bool may_warn = (gfp & m.pages().gfp().nowarn) == 0;
  const bool atomic = (gfp & m.pages().gfp().kernel()) != m.pages().gfp().kernel();
  if (!atomic && mm::Percpu::is_legal(size, align)) check_may_sleep(Sleeper::kMutex);
  const mm::PercpuAllocation got = m.percpu().alloc(size, align);
  if (got.outcome != mm::PercpuOutcome::kOk) accounting().failed();
  if (got.outcome == mm::PercpuOutcome::kIllegal) {
    if (may_warn) {
      current().traps().warn(
          FrameEvent::kPercpuIllegal, {"mm/percpu.c", 1758, 1780},
          fmt::format("illegal size ({}) or align ({}) for percpu allocation", size, align));
    }
    return 0;
  }
  if (got.outcome == mm::PercpuOutcome::kNoSpace) {
    if (may_warn && m.percpu_failures() < kMostFailureReports) {
      current().console().print(
          4, fmt::format("percpu: allocation failed, size={} align={} atomic={}, {}", size, align,
                         atomic ? 1 : 0,
                         atomic ? "atomic alloc failed, no space left" : "failed to allocate new chunk"));
      current().traps().dump_stack(4);
      m.count_percpu_failure();
    }
    return 0;
  }
  if (!charge_percpu(got.offset, size, gfp)) {
    static_cast<void>(m.percpu().free(got.offset));
    accounting().failed();
    return 0;
  }
  const u32 cpus = current().config().cpus;
  for (u32 cpu = 0; cpu < cpus; ++cpu) static_cast<void>(guest::fill(area(cpu) + got.offset, 0, size));
  accounting().percpu_allocated(got.offset, size, gfp);
  return got.offset;
}

Address alloc_percpu(u64 size, u64 align) { return allocate(size, align, memory().pages().gfp().kernel()); }
Address alloc_percpu_gfp(u64 size, u64 align, Gfp gfp) { return allocate(size, align, gfp); }
Address alloc_percpu_6_12(u64 size, u64 align, bool /*reserved*/, Gfp gfp) {
  return allocate(size, align, gfp);
}

void free_percpu(Address offset) {
  if (offset == 0) return;
  runtime::Memory& m = memory();
  if (m.percpu().free(offset) == mm::PercpuFreeOutcome::kOk) {
    accounting().percpu_freed(offset);
    uncharge_percpu(offset);
    return;
  }
  koi_finding(fmt::format("free_percpu() of {:#x}, which is no per-CPU allocation", offset));
}

// Static per-CPU data: the core's and the modules', in any CPU's copy.
bool is_kernel_percpu_address(Address address) {
  for (u32 cpu = 0; cpu < current().config().cpus; ++cpu) {
    const u64 offset = address - area(cpu);
    if (offset < current().core().percpu_offset() + current().core().percpu_image().size()) return true;
  }
  return false;
}

u64 per_cpu_ptr_to_phys(Address /*address*/) {
  current().traps().unsupported("per_cpu_ptr_to_phys: per-CPU areas have no physical address");
}

}  // namespace

runtime::ExportTable percpu_exports() {
  static const runtime::Export table[] = {
      {"__alloc_percpu", address(alloc_percpu)},
      {"__alloc_percpu_gfp", address(alloc_percpu_gfp)},
      {"pcpu_alloc_noprof", address(alloc_percpu_6_12)},
      {"free_percpu", address(free_percpu)},
      {"is_kernel_percpu_address", address(is_kernel_percpu_address)},
      {"per_cpu_ptr_to_phys", address(per_cpu_ptr_to_phys)},
  };
  return table;
}

}  // namespace koi::kapi
