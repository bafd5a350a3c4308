// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/lock_checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/address_map.h"
#include "host/crossing.h"
#include "host/guest_memory.h"
#include "runtime/checks/lock_reports.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/memory/accounting.h"
#include "runtime/memory/call_sites.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/modules.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

using lockdep::CacheEntry;
using lockdep::ClassId;
using lockdep::ClassKey;
using lockdep::HeldLock;
using lockdep::HeldStack;
using lockdep::LockKind;

// What a class key's numbers are.
constexpr u64 kKeyInitialiser = 1;  // the site, the text
constexpr u64 kKeyAddress = 2;      // static, or an object of its own
constexpr u64 kKeyPercpu = 3;       // offset in the per-CPU area
constexpr u64 kKeyAllocation = 4;   // who allocated the object, offset in it

constexpr u64 kLongestName = 256;
constexpr u64 kLargestArea = 1 << 20;  // locks farther in an area are classes of their own

// A class that stands for the lock at that address alone; a work queue is its own initialiser.
bool is_of_one_object(const ClassKey& key, u64 lock) {
  return key.a == lock && (key.kind == kKeyAddress || key.kind == kKeyInitialiser);
}

// struct koi_lockdep of kernel/locking/lockdep.c.
struct CoreState {
  u64 on;
  u64 modules_begin;
  u64 modules_size;
  CacheEntry* cache;
  u32* generations;
  lockdep::LockStat* stats;
};

}  // namespace

LockChecks::LockChecks(Kernel& kernel)
    : kernel_(kernel),
      validator_(kernel.world().heap(), *this),
      sources_(kernel),
      instances_(kernel.world().heap()),
      traces_(kernel.world().heap()),
      stats_(kernel.world().heap()),
      points_(kernel.world().heap()),
      cache_(kernel.world().zeroed<lockdep::CacheEntry>(lockdep::kCacheEntries)),
      generations_(lockdep::kGenerations, 1, kernel.world().heap()),
      pages_(kernel.world().zeroed<u8>(kPageSlots)),
      free_stacks_(kernel.world().heap()),
      sites_(kernel.world().heap()),
      name_sites_(kernel.world().heap()),
      nested_(kernel.world().heap()) {
  traces_.emplace_back();
  stats_.resize(2);
  stack_offset_ = kernel.core().address_of("koi_held_stack");
  frees_matter_ = reinterpret_cast<const u32*>(kernel.core().address_of("koi_frees_matter"));
}

HeldStack*& LockChecks::stack_of(VcpuId cpu) const {
  return *reinterpret_cast<HeldStack**>(kernel_.world().percpu_area(cpu) + stack_offset_);
}

void LockChecks::enable() {
  // Interrupts that come before the first task find an empty list.
  for (u32 cpu = 0; cpu < kernel_.config().cpus; ++cpu) {
    if (stack_of(VcpuId{cpu}) == nullptr)
      stack_of(VcpuId{cpu}) = new (kernel_.world().heap()->allocate(sizeof(HeldStack))) HeldStack{};
  }
  auto* const core = reinterpret_cast<CoreState*>(kernel_.core().address_of("koi_lockdep"));
  core->cache = cache_.data();
  core->generations = generations_.data();
  core->stats = stats_.data();
  // Modules get what the core and the stubs leave of the window.
  core->modules_begin = kernel_.core().text_end();
  core->on = 1;
  core->modules_size = host::kWindowEnd - kernel_.core().text_end();
  enabled_ = true;
  kernel_.memory().watch_locks(*this);
}

ClassKey LockChecks::reclaim_key(u64 address) { return {kKeyAddress, address, 0}; }

void LockChecks::set_stat_pointer() {
  if (stats_.size() < validator_.graph().end() * 2) stats_.resize(validator_.graph().end() * 4);
  if (enabled_) reinterpret_cast<CoreState*>(kernel_.core().address_of("koi_lockdep"))->stats = stats_.data();
}

// ---- tasks ----

void LockChecks::task_created(sched::Task& task) {
  if (free_stacks_.empty())
    free_stacks_.push_back(new (kernel_.world().heap()->allocate(sizeof(HeldStack))) HeldStack{});
  HeldStack* const stack = free_stacks_.back();
  free_stacks_.pop_back();
  *stack = HeldStack{};
  task.held_locks = stack;
}

void LockChecks::task_switched_in(const sched::Task& task) {
  stack_of(task.cpu) = static_cast<HeldStack*>(task.held_locks);
}

const u32* LockChecks::depth_place(const sched::Task& task) {
  return &static_cast<const HeldStack*>(task.held_locks)->depth;
}

void LockChecks::task_released(const sched::Task& task) {
  free_stacks_.push_back(static_cast<HeldStack*>(task.held_locks));
}

HeldStack& LockChecks::stack() { return *stack_of(kernel_.sched().running_vcpu()); }
const HeldStack& LockChecks::current_stack() const { return *stack_of(kernel_.sched().running_vcpu()); }

// ---- classes ----

u64 LockChecks::canonical_site(u64 site, u64 name) {
  if (const auto known = sites_.find(site); known != sites_.end()) return known->second;
  auto& others = name_sites_[name];
  u64 canonical = site;
  // Copies of one inline function initialise one class; what tells them from namesakes is the place in the sources.
  if (!others.empty()) {
    const std::string place = sources_.place_of(site);
    for (const u64 other : others) {
      if (!place.empty() && sources_.place_of(other) == place) {
        canonical = sites_.at(other);
        break;
      }
    }
  }
  others.push_back(site);
  sites_.emplace(site, canonical);
  return canonical;
}

// The object of the allocators that a lock lies in.
LockChecks::ObjectPlace LockChecks::object_of(u64 lock) const {
  Memory& memory = kernel_.memory();
  const auto* const pointer = reinterpret_cast<const void*>(lock);
  if (const auto object = memory.slabs().object_at(pointer)) {
    ObjectPlace place{0, lock - reinterpret_cast<u64>(object->start), std::string(object->cache->name())};
    if (memory.accounting().enabled() && object->allocated)
      place.site = memory.accounting().slab_origin(memory.slabs().slab_of(pointer), object->start).site();
    return place;
  }
  if (lock >= host::kVmalloc && lock < host::kEngineHeap) {
    for (u64 page = lock & ~(host::kPageSize - 1); lock - page < kLargestArea; page -= host::kPageSize) {
      const mm::VmArea* const area = memory.vmalloc().find(page);
      if (area == nullptr) continue;
      if (lock - area->address >= area->size) break;
      return {area->origin ? area->origin->site : 0, lock - area->address, "vmalloc"};
    }
  }
  return {};
}

ClassId LockChecks::make_class(u64 lock, LockKind kind, const Instance& instance) {
  lockdep::DependencyGraph& graph = validator_.graph();
  if (kind == LockKind::kRcu) return graph.add({kKeyAddress, lock, 0}, kind, "rcu_read_lock");
  if (instance.init_site != 0) {
    const ClassKey key{kKeyInitialiser, canonical_site(instance.init_site, instance.name), instance.name};
    return graph.add(key, kind, guest::load_string(instance.name, kLongestName).value_or("?"));
  }
  for (u32 cpu = 0; cpu < kernel_.config().cpus; ++cpu) {
    const u64 offset = lock - kernel_.world().percpu_area(VcpuId{cpu});
    if (offset < host::kPercpuAreaSize)
      return graph.add({kKeyPercpu, offset, 0}, kind, fmt::format("percpu+{:#x}", offset));
  }
  const ObjectPlace place = object_of(lock);
  if (place.site != 0) {
    // Copies of an inline function allocate objects of one kind.
    const CallSite& call = kernel_.call_sites().at(place.site);
    const ClassKey key{kKeyAllocation, canonical_site(call.address, 0), place.offset};
    return graph.add(key, kind, fmt::format("{}:{:#x}", call.function, place.offset));
  }
  std::string name = fmt::format("{:#x}", lock);
  if (const auto symbol = kernel_.traps().symbols().lookup(lock)) {
    name = symbol->offset == 0 ? symbol->name : fmt::format("{}+{:#x}", symbol->name, symbol->offset);
  } else if (!place.what.empty()) {
    name = fmt::format("{}+{:#x}", place.what, place.offset);
  }
  return graph.add({kKeyAddress, lock, 0}, kind, name);
}

ClassId LockChecks::class_of(u64 lock, LockKind kind) {
  Instance& instance = instances_[lock];
  if (instance.class_id == lockdep::kNoClass) {
    instance.class_id = make_class(lock, kind, instance);
    mark_page(lock);
    set_stat_pointer();
  }
  return instance.class_id;
}

// ---- what the core tells ----

void LockChecks::acquire(u64 lock, u32 how, u64 ip) {
  HeldStack& held = stack();
  HeldLock taken;
  taken.lock = lock;
  taken.ip = ip;
  taken.how = how;
  taken.since_ns = kernel_.sched().now().value;
  taken.class_id = class_of(lock, lockdep::kind_of(how));
  const u64 chain = held.chain;
  const u32 depth = held.depth;
  if (!validator_.acquire(held, taken) || held.depth == depth) return;
  // Where every call into koi is a switch point each acquisition shall be one.
  if (kernel_.sched().interleaver().explores()) return;
  CacheEntry& entry = cache_[lockdep::cache_slot(lock, chain, how)];
  entry.lock = lock;
  entry.chain = chain;
  entry.how = how;
  entry.generation = generations_[lockdep::generation_slot(lock)];
  entry.next_chain = held.chain;
  entry.class_id = taken.class_id;
}

void LockChecks::release(u64 lock, u32 how, u64 ip) {
  HeldLock given;
  given.lock = lock;
  given.ip = ip;
  given.how = how;
  given.class_id = class_of(lock, lockdep::kind_of(how));
  const HeldStack& held = stack();
  for (u32 i = held.depth; i-- > 0;) {
    if (held.held[i].lock != lock) continue;
    stats_[lockdep::stat_index(held.held[i].class_id, held.held[i].read())].held(kernel_.sched().now().value -
                                                                                 held.held[i].since_ns);
    break;
  }
  static_cast<void>(validator_.release(stack(), given));
}

void LockChecks::downgrade(u64 lock) { validator_.set_read(stack(), lock, 1); }

void LockChecks::initialised(u64 lock, u64 bytes, u64 name, u64 ip) {
  if (!enabled_) return;
  memory_freed(lock, bytes);
  Instance& instance = instances_[lock];
  instance = Instance{lockdep::kNoClass, ip, name};
  mark_page(lock);
}

void LockChecks::mark_page(u64 lock) {
  pages_[page_slot(lock)] = 1;
  mm::SlabAllocator& slabs = kernel_.memory().slabs();
  if (mm::Slab* const slab = slabs.slab_of(reinterpret_cast<const void*>(lock)); slab != nullptr)
    mm::SlabAllocator::watch_object(slab, lock);
}

void LockChecks::interrupts_on(bool soft) {
  HeldStack& held = stack();
  validator_.interrupts_enabled(held, soft);
  (soft ? held.soft_marked : held.hard_marked) = held.chain;
}

// ---- memory ----

void LockChecks::forget(u64 lock) { ++generations_[lockdep::generation_slot(lock)]; }

void LockChecks::memory_freed(u64 begin, u64 bytes) {
  if (!enabled_ || bytes == 0) return;
  auto it = instances_.lower_bound(begin);
  if (it == instances_.end() || it->first >= begin + bytes) return;
  HeldStack& held = stack();
  for (u32 i = 0; i < held.depth; ++i) {
    if (held.held[i].lock - begin >= bytes) continue;
    // A work function may free its work, a timer's callback its timer.
    if (lockdep::kind_of(held.held[i].how) == LockKind::kMap) continue;
    LockReports(*this, kernel_).held_lock_freed(held, i, begin, begin + bytes - 1);
    // It went with its memory.
    const HeldLock gone = held.held[i];
    static_cast<void>(validator_.release(held, gone));
    break;
  }
  while (it != instances_.end() && it->first < begin + bytes) {
    forget(it->first);
    // A class that stood for this object alone goes with it.
    const ClassId id = it->second.class_id;
    if (id != lockdep::kNoClass && is_of_one_object(validator_.graph().at(id).key, it->first)) {
      bool in_use = false;
      for (u32 i = 0; i < held.depth; ++i) in_use = in_use || held.held[i].class_id == id;
      if (!in_use) remove_class(id);
    }
    it = instances_.erase(it);
  }
}

void LockChecks::module_unloaded(u64 begin, u64 bytes) {
  if (!enabled_) return;
  memory_freed(begin, bytes);
  lockdep::DependencyGraph& graph = validator_.graph();
  for (ClassId id = 1; id < graph.end(); ++id) {
    const lockdep::LockClass& c = graph.at(id);
    if (c.alive && c.key.kind == kKeyInitialiser && c.key.a - begin < bytes) remove_class(id);
  }
  // Other locks of these classes live on, without a class.
  for (auto& [lock, instance] : instances_) {
    if (instance.class_id == lockdep::kNoClass || graph.at(instance.class_id).alive) continue;
    instance = Instance{};
    forget(lock);
  }
  std::erase_if(sites_, [&](const auto& site) { return site.first - begin < bytes; });
  std::erase_if(name_sites_, [&](const auto& name) { return name.first - begin < bytes; });
}

// ---- the engine's questions ----

lockdep::TraceId LockChecks::save_trace() {
  Trace& trace = traces_.emplace_back();
  if (in_reclaim_) trace.push_back(kernel_.name_address("fs_reclaim_acquire") + kFrameOffset);
  for (const TraceItem& item : kernel_.traps().lock_trace()) {
    if (item.kind == TraceItem::Kind::kAddress && item.reliable) trace.push_back(item.address);
  }
  return static_cast<lockdep::TraceId>(traces_.size() - 1);
}

bool LockChecks::nesting_is_annotated(const HeldLock& previous, const HeldLock& next) {
  // Whatever the annotation says: these two objects are taken in both orders.
  const auto pair = [](u64 outer, u64 inner) { return outer * 0x9e37'79b9'7f4a'7c15 + inner; };
  nested_.insert(pair(previous.lock, next.lock));
  if (nested_.contains(pair(next.lock, previous.lock))) return false;
  const LockSources::Nesting nesting = sources_.nesting_at(next.ip);
  if (nesting != LockSources::Nesting::kPlain) return true;
  if (sources_.sets_class_by_hand(next.ip)) return true;
  const auto known = instances_.find(next.lock);
  return known != instances_.end() && sources_.sets_class_by_hand(known->second.init_site);
}

void LockChecks::problem(const HeldStack& stack, const lockdep::Problem& problem) {
  LockReports(*this, kernel_).print(stack, problem);
}

void LockChecks::note(std::string_view text) { kernel_.note(observe::EventKind::kLock, text); }

void LockChecks::check_return_to_user() {
  HeldStack& held = stack();
  if (!enabled_ || held.depth == 0) return;
  LockReports(*this, kernel_).held_in_user_space(held);
}

void LockChecks::check_task_exit() {
  HeldStack& held = stack();
  if (!enabled_ || held.depth == 0) return;
  LockReports(*this, kernel_).held_at_exit(held);
  drop_all();
}

void LockChecks::drop_all() {
  HeldStack& held = stack();
  held.depth = 0;
  held.untracked = 0;
  held.chain = 0;
}

void LockChecks::show_held() {
  HeldStack& held = stack();
  if (!enabled_ || held.depth == 0) return;
  kernel_.console().print(LockReports(*this, kernel_).held_locks(held));
  note("a work function leaked a lock");
  drop_all();
}

void LockChecks::show_all_held() {
  if (!enabled_) return;
  // The kernel reads the lists as an RCU reader.
  const u64 rcu = kernel_.core().address_of("koi_rcu_lock_map");
  constexpr u32 kHow = lockdep::how_of(LockKind::kRcu, 2);
  acquire(rcu, kHow, kernel_.name_address("debug_show_all_locks") + kFrameOffset);
  kernel_.console().print(LockReports(*this, kernel_).all_held_locks());
  release(rcu, kHow, 0);
}

SplatText LockChecks::held_locks_text(bool interrupts_off) {
  return enabled_ ? LockReports(*this, kernel_).describe(stack(), interrupts_off) : SplatText();
}

void LockChecks::describe(bool interrupts_off) {
  if (enabled_) kernel_.console().print(held_locks_text(interrupts_off));
}

void LockChecks::suspicious_rcu(std::string_view place) {
  if (enabled_) LockReports(*this, kernel_).suspicious_rcu(stack(), place);
}

void LockChecks::uninitialised() {
  kernel_.traps().warn(FrameEvent::kLockUninitialised, {"kernel/locking/mutex.c", 582, 588},
                       "DEBUG_LOCKS_WARN_ON(lock->magic != lock)");
  note("use of a mutex that was never initialised");
}

}  // namespace koi::runtime
