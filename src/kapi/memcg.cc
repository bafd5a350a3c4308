// SPDX-License-Identifier: GPL-2.0-only
#include "kapi/memcg.h"

#include "kapi/leaf.h"
#include "kapi/oom.h"
#include "kapi/page_calls.h"

namespace koi::kapi {
namespace {

using mm::Gfp;
using mm::Memcg;
using Stat = Memcg::Stat;

constexpr u32 kChargeRetries = 16;  // MAX_RECLAIM_RETRIES
constexpr u64 kPercpuGrain = 4;     // PCPU_MIN_ALLOC_SIZE
// NMI_MASK | HARDIRQ_MASK | SOFTIRQ_OFFSET: !in_task(). Bottom halves that are merely off do not count.
constexpr s32 kNotTask = 0x00ff'0100;

Memcg& group() { return *runtime::memcg(); }
u32 cpu() { return this_cpu().value; }
u64 address_of(Pfn pfn) { return host::kDirectMap + pfn.value * host::kPageSize; }

// memcg_kmem_bypass() says who does not pay: interrupts and kernel threads.
bool payer_runs() {
  const sched::Task* const task = current().sched().current();
  return task != nullptr && task->kind == sched::TaskKind::kUser &&
         (static_cast<s32>(current().preempt_count()) & kNotTask) == 0;
}

// One request at the limit, step by step as try_charge_memcg() has it. Reclaim finds nothing here: there is no memory of user
// space's in the group, and of the shrinkers it asks only those that know of cgroups.
class Charge {
 public:
  Charge(u64 pages, Gfp gfp) : pages_(pages), gfp_(gfp), site_(runtime::Accounting::take_site()) {}
  ~Charge() { runtime::Accounting::set_site(site_); }
  Charge(const Charge&) = delete;
  Charge& operator=(const Charge&) = delete;

  [[nodiscard]] bool done() {
    if (group().try_charge(pages_, cpu(), Memcg::Batch::kYes)) return true;
    if (pages_ < Memcg::kBatch && group().try_charge(pages_, cpu(), Memcg::Batch::kNo)) return true;
    const bool frees_memory = current().core().function<int()>("koi_frees_memory")() != 0;
    while (!frees_memory && goes_on()) {
      if (group().try_charge(pages_, cpu(), Memcg::Batch::kNo)) return true;
    }
    const mm::GfpBits& bits = memory().pages().gfp();
    if (!frees_memory && (gfp_ & (bits.nofail | bits.high)) == 0) return false;
    if (!told_) group().note(Memcg::Event::kMax);
    group().force_charge(pages_);
    return true;
  }

 private:
  // Has something changed, or may it still?
  bool goes_on() {
    const mm::GfpBits& bits = memory().pages().gfp();
    if ((gfp_ & bits.direct_reclaim) == 0) return false;
    if (current().is_6_12() && current_is_reaped()) return false;
    group().note(Memcg::Event::kMax);
    told_ = true;
    if (group().margin() >= pages_) return true;
    if (!drained_) {
      group().drain();
      return drained_ = true;
    }
    if ((gfp_ & bits.noretry) != 0) return false;
    if (retries_ != 0) {
      --retries_;
      return true;
    }
    if ((gfp_ & bits.retry_mayfail) != 0) return false;
    if (passed_oom_ && current_is_dying()) return false;
    const u32 order = mm::get_order(pages_ * host::kPageSize);
    if (order > mm::kCostlyOrder) return false;
    group().note(Memcg::Event::kOom);
    if (!memcg_out_of_memory(group(), order, gfp_)) return false;
    passed_oom_ = true;
    retries_ = kChargeRetries;
    return true;
  }

  const u64 pages_;
  const Gfp gfp_;
  const observe::SiteNumber site_;  // of the request; what runs meanwhile has others
  u32 retries_ = kChargeRetries;
  bool told_ = false;
  bool drained_ = false;
  bool passed_oom_ = false;
};

bool charge_pages(u64 pages, Gfp gfp) {
  if (!Charge(pages, gfp).done()) return false;
  group().kernel_pages_charged(pages);
  return true;
}

bool charge_bytes(u64 bytes, Gfp gfp) {
  if (group().consume(bytes, cpu())) return true;
  if (!charge_pages(Memcg::pages_for(bytes), gfp)) return false;
  group().bytes_charged(bytes, cpu());
  return true;
}

// obj_full_size()
u64 full_size(const mm::Cache& cache) { return cache.geometry().size + Memcg::kPointer; }
Stat stat_of(const mm::Cache& cache) {
  return (cache.flags() & mm::slab_flag::kReclaimAccount) != 0 ? Stat::kSlabReclaimable
                                                               : Stat::kSlabUnreclaimable;
}

// Gone from the list of what is charged, and its pages given back: so many there were.
u64 uncharge(u64 address) {
  const u64 pages = group().forget(address).value_or(0);
  if (pages != 0) group().uncharge_pages(pages, cpu());
  return pages;
}

}  // namespace

void start_memcg(u64 limit_pages) {
  runtime::create_memcg(current(), limit_pages);
  install_leaves(current());
}

namespace charging {

bool applies(Gfp gfp) { return (gfp & memory().pages().gfp().account) != 0 && payer_runs(); }

bool objects(const mm::Cache& cache, std::span<void* const> objects, Gfp gfp) {
  const bool account = (cache.flags() & mm::slab_flag::kAccount) != 0;
  if (!applies(account ? memory().pages().gfp().account : gfp)) return true;
  mm::SlabAllocator& slabs = memory().slabs();
  if (!charge_bytes(full_size(cache) * objects.size(), gfp)) {
    for (void* const object : objects)
      static_cast<void>(slabs.free_to(slabs.slab_of(object), object, this_cpu()));
    return false;
  }
  for (void* const object : objects) {
    group().remember(to_address(object), full_size(cache));
    group().count_slab(stat_of(cache), static_cast<s64>(full_size(cache)), cpu());
  }
  return true;
}

void object_freed(const mm::Cache& cache, const void* object) {
  const auto bytes = group().forget(to_address(object));
  if (!bytes) return;
  group().uncharge_bytes(*bytes, cpu());
  group().count_slab(stat_of(cache), -static_cast<s64>(*bytes), cpu());
}

bool block(Pfn pfn, u32 order, Gfp gfp) {
  if (!charge_pages(u64{1} << order, gfp)) return false;
  group().remember(address_of(pfn), u64{1} << order);
  return true;
}
void block_freed(Pfn pfn) { uncharge(address_of(pfn)); }

bool large(Pfn pfn, Gfp gfp) {
  const u32 order = memory().pages().desc(pfn).order;
  if (!block(pfn, order, gfp)) return false;
  group().add(Stat::kSlabUnreclaimable, static_cast<s64>(host::kPageSize << order));
  return true;
}
void large_freed(Pfn pfn) {
  group().add(Stat::kSlabUnreclaimable, -static_cast<s64>(uncharge(address_of(pfn)) * host::kPageSize));
}

void split(Pfn pfn, u32 order) {
  if (!group().forget(address_of(pfn))) return;
  for (u64 i = 0; i < u64{1} << order; ++i) group().remember(address_of(Pfn{pfn.value + i}), 1);
}

bool exact(Pfn pfn, u32 order, u64 pages, Gfp gfp) {
  if (!block(pfn, order, gfp)) return false;
  split(pfn, order);
  for (u64 i = pages; i < u64{1} << order; ++i) uncharge(address_of(Pfn{pfn.value + i}));
  return true;
}

u64 area(u64 address, u64 pages, Gfp gfp) {
  for (u64 charged = 0; charged < pages; ++charged) {
    if (!current_has_fatal_signal() && charge_pages(1, gfp)) continue;
    for (u64 i = 0; i < charged; ++i) group().uncharge_pages(1, cpu());
    return charged;
  }
  group().remember(address, pages);
  group().add(Stat::kVmalloc, static_cast<s64>(pages));
  return pages;
}
void area_freed(u64 address) {
  const u64 pages = group().forget(address).value_or(0);
  for (u64 i = 0; i < pages; ++i) group().uncharge_pages(1, cpu());
  group().add(Stat::kVmalloc, -static_cast<s64>(pages));
}

bool percpu(u64 offset, u64 bytes, Gfp gfp) {
  // Each grain has a pointer to its cgroup, once for all CPUs.
  const u64 size = mm::align_up(bytes, kPercpuGrain);
  const u64 full = size * current().config().cpus + size / kPercpuGrain * Memcg::kPointer;
  if (!charge_bytes(full, gfp)) return false;
  group().remember(offset, full);
  group().add(Stat::kPercpu, static_cast<s64>(full));
  return true;
}
void percpu_freed(u64 offset) {
  const auto bytes = group().forget(offset);
  if (!bytes) return;
  group().uncharge_bytes(*bytes, cpu());
  group().add(Stat::kPercpu, -static_cast<s64>(*bytes));
}

}  // namespace charging

}  // namespace koi::kapi
