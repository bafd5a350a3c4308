// SPDX-License-Identifier: GPL-2.0-only
// <linux/slab.h>: kmem_cache_*.
#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <vector>

#include "engine/mm/geometry.h"
#include "host/address_map.h"
#include "kapi/checks.h"
#include "kapi/guarded.h"
#include "kapi/memcg.h"
#include "kapi/slab_debug_calls.h"
#include "kapi/tables.h"
#include "runtime/console.h"
#include "runtime/modules/modules.h"

namespace koi::kapi {
namespace {

using guest::Address;
using mm::Cache;
using mm::Gfp;
using runtime::FrameEvent;
using KernelPlace = runtime::Traps::KernelPlace;

Release release() { return current().series(); }

// ---- creation ----

Address creation_failed(std::string_view name, u32 flags) {
  const std::string_view function =
      current().is_6_12() ? "__kmem_cache_create_args" : "kmem_cache_create_usercopy";
  if ((flags & mm::slab_flag::kPanic) != 0) {
    current().traps().panic(
        fmt::format("{}: Failed to create slab '{}'. Error {}\n", function, name, -EINVAL));
  }
  current().console().print(4, fmt::format("{}({}) failed with error {}", function, name, -EINVAL));
  current().traps().dump_stack(4, FrameEvent::kCacheBadArguments);
  return 0;
}

Address create(Address name_address, mm::CacheRequest request, u32 module_flags) {
  request.flags = mm::slab_flags_from_module(release(), module_flags,
                                             memory().facts().kfence != 0 ? mm::Yes::kYes : mm::Yes::kNo);
  const auto name = guest::load_string(name_address, 256);
  if (!name) {
    const guest::Fault fault = guest::last_fault();
    current().traps().fault(FrameEvent::kCacheNullName, fault.address, fault.write);
  }
  request.name = *name;
  check_may_sleep(Sleeper::kMutex);
  const mm::CreateResult result = memory().slabs().create(request);
  if (result.bad_usercopy) {
    current().traps().warn(FrameEvent::kUsercopyRegion, {"mm/slab_common.c", 314, 346});
  }
  switch (result.outcome) {
    case mm::CreateOutcome::kCreated:
      memory().slab_directory().created(result.cache);
      announce_tracking(result.cache);
      return to_address(result.cache);
    case mm::CreateOutcome::kMerged:
      memory().slab_directory().aliased(result.cache, *name);
      return to_address(result.cache);
    case mm::CreateOutcome::kZeroSize:
      current().traps().trap(FrameEvent::kCacheSizeZero, runtime::OopsKind::kDivideError);
    default:
      return creation_failed(*name, request.flags);
  }
}

Address kmem_cache_create(Address name, u32 size, u32 align, u32 flags, Address constructor) {
  mm::CacheRequest request;
  request.size = size;
  request.align = align;
  request.constructor = constructor;
  return create(name, request, flags);
}

Address kmem_cache_create_usercopy(Address name, u32 size, u32 align, u32 flags, u32 offset, u32 bytes,
                                   Address constructor) {
  mm::CacheRequest request;
  request.size = size;
  request.align = align;
  request.constructor = constructor;
  request.usercopy_offset = offset;
  request.usercopy_size = bytes;
  return create(name, request, flags);
}

// struct kmem_cache_args of 6.12.
struct CacheArguments {
  u32 align;
  u32 usercopy_offset;
  u32 usercopy_bytes;
  u32 free_pointer_offset;
  u64 use_free_pointer_offset;  // a bool
  u64 constructor;
};
static_assert(sizeof(CacheArguments) == 32);

Address kmem_cache_create_args(Address name, u32 size, Address arguments, u32 flags) {
  const auto args = guest::load<CacheArguments>(arguments);
  if (!args) {
    raise(guest::last_fault());
    return 0;
  }
  mm::CacheRequest request;
  request.size = size;
  request.align = args->align;
  request.constructor = args->constructor;
  request.usercopy_offset = args->usercopy_offset;
  request.usercopy_size = args->usercopy_bytes;
  if ((args->use_free_pointer_offset & 0xff) != 0) request.free_pointer_offset = args->free_pointer_offset;
  return create(name, request, flags);
}

// 6.12: a set of caches of the caller's own, in the shape of kmalloc_caches[].
Address kmem_buckets_create(Address name_address, u32 flags, u32 offset, u32 bytes, Address constructor) {
  runtime::Memory& m = memory();
  if (m.facts().slab_buckets == 0) return kZeroSizePointer;
  const auto name = guest::load_string(name_address, 128);
  if (!name) {
    raise(guest::last_fault());
    return 0;
  }
  const Address set =
      kmalloc_bytes(mm::kKmallocIndexCount * sizeof(u64), m.pages().gfp().kernel() | m.pages().gfp().zero);
  if (set == 0) return 0;
  const mm::Yes kfence = m.facts().kfence != 0 ? mm::Yes::kYes : mm::Yes::kNo;
  for (u32 index = 0; index < mm::kKmallocIndexCount; ++index) {
    const Cache* const model = m.kmalloc().cache(mm::KmallocType::kNormal, index);
    if (model == nullptr) continue;
    const std::string cache_name =
        fmt::format("{}-{}", *name, model->name().substr(model->name().find('-') + 1));
    mm::CacheRequest request;
    request.name = cache_name;
    request.size = model->object_size();
    request.flags = mm::slab_flags_from_module(release(), flags, kfence) | mm::slab_flag::kNoMerge;
    request.constructor = constructor;
    if (offset < request.size) {
      request.usercopy_offset = offset;
      request.usercopy_size = std::min(request.size - offset, bytes);
    }
    const mm::CreateResult made = m.slabs().create(request);
    if (made.cache != nullptr) m.slab_directory().created(made.cache);
    static_cast<void>(guest::store(set + index * sizeof(u64), to_address(made.cache)));
  }
  return set;
}

// ---- use ----

constexpr u64 kBulkAtOnce = 64;

Address allocate(Cache* cache, Gfp gfp, s32 node = mm::kNoNode) {
  if (!is_cache(cache)) [[unlikely]] {
    bad_cache(cache);
  }
  if (const auto guarded =
          guarded_object(cache, cache->object_size(), gfp, runtime::Guard::Alignment::kCache))
    return *guarded;
  runtime::Memory& m = memory();
  const u64 slabs_before = cache->slab_count();
  const auto attempt = [&] { return m.slabs().alloc(cache, gfp, {this_cpu(), node}); };
  void* object = attempt();
  if (object == nullptr) [[unlikely]] {
    object = with_reclaim(slab_request(cache, gfp), attempt, [] { return true; });
  }
  if (cache->constructor() != 0 && cache->slab_count() > slabs_before && (gfp & m.pages().gfp().zero) != 0 &&
      m.first_time(runtime::Once::kZeroedConstructor)) [[unlikely]] {
    current().traps().warn(FrameEvent::kZeroedConstructor, {"mm/slub.c", 2001, 2700});
  }
  if (object == nullptr) [[unlikely]] {
    accounting().failed();
    report_slab_failure(cache, gfp);
    return 0;
  }
  if (!charge_objects(*cache, {&object, 1}, gfp)) [[unlikely]] {
    accounting().failed();
    return 0;
  }
  accounting().slab_allocated(cache, object, cache->object_size(), gfp);
  return to_address(object);
}

// What the checks have to say about a wait here, and the object.
Address allocate_checked(Cache* cache, Gfp gfp, s32 node) {
  if (is_cache(cache)) check_may_wait(gfp);
  return allocate(cache, gfp, node);
}
Address kmem_cache_alloc(Cache* cache, Gfp gfp) { return allocate_checked(cache, gfp, mm::kNoNode); }
Address kmem_cache_alloc_node(Cache* cache, Gfp gfp, s32 node) {
  return allocate_checked(cache, gfp, slab_node(node));
}
Address kmem_cache_alloc_lru(Cache* cache, Address /*lru*/, Gfp gfp) {
  return allocate_checked(cache, gfp, mm::kNoNode);
}

void kmem_cache_free(Cache* cache, Address object) {
  if (!is_cache(cache)) [[unlikely]] {
    bad_cache(cache);
  }
  if (free_guarded(object)) return;
  runtime::Memory& m = memory();
  mm::Slab* const slab = m.slabs().slab_of(to_pointer(object));
  if (slab == nullptr) [[unlikely]] {
    const Pfn pfn{(object - host::kDirectMap) / host::kPageSize};
    if (object < host::kDirectMap || !m.pages().is_ram(pfn))
      page_pointer_fault(FrameEvent::kFreeOfBadPointer, object);
    if (m.first_time(runtime::Once::kNotSlabPage)) {
      current().traps().warn(
          FrameEvent::kFreeOfNonSlab,
          current().is_6_12() ? KernelPlace{"mm/slub.c", 4756, 4756} : KernelPlace{"mm/slab.h", 630, 630},
          "virt_to_cache: Object is not a Slab page!");
    }
    return;
  }
  Cache* const owner = slab->cache;
  if (owner != cache) [[unlikely]] {
    current().traps().warn(
        FrameEvent::kFreeToWrongCache,
        current().is_6_12() ? KernelPlace{"mm/slub.c", 4770, 4770} : KernelPlace{"mm/slab.h", 665, 665},
        fmt::format("cache_from_obj: Wrong slab cache. {} but object is from {}", cache->name(),
                    owner->name()));
    print_tracking(*owner, object);
  }
  check_freed(object, owner->object_size());
  forget_locks(object, owner->object_size());
  const observe::PackedOrigin origin = accounting().slab_origin(slab, to_pointer(object));
  const mm::FreeOutcome outcome = m.slabs().free_to(slab, to_pointer(object), this_cpu());
  if (outcome == mm::FreeOutcome::kOk) [[likely]] {
    accounting().slab_freed(*owner, to_pointer(object), origin);
    uncharge_object(*owner, to_pointer(object));
    return;
  }
  free_refused(outcome, slab, object, "kmem_cache_free");
}

// With --guard. All or nothing, as in one piece.
s32 allocate_one_by_one(Cache* cache, Gfp gfp, u64 count, Address array) {
  const observe::SiteNumber site = runtime::Accounting::take_site();
  for (u64 i = 0; i < count; ++i) {
    runtime::Accounting::set_site(site);
    const Address object = allocate(cache, gfp);
    if (object != 0 && guest::store(array + i * sizeof(u64), object)) continue;
    const bool no_memory = object == 0;
    if (no_memory)
      for (u64 made = 0; made < i; ++made)
        kmem_cache_free(cache, guest::load<u64>(array + made * sizeof(u64)).value_or(0));
    else
      raise(guest::last_fault());
    return 0;
  }
  return static_cast<s32>(count);
}

s32 kmem_cache_alloc_bulk(Cache* cache, Gfp gfp, u64 count, Address array) {
  if (!is_cache(cache)) bad_cache(cache);
  check_may_wait(gfp);
  if (count == 0) return 0;
  if (current().guard() != nullptr) return allocate_one_by_one(cache, gfp, count, array);
  runtime::Memory& m = memory();
  std::array<void*, kBulkAtOnce> few;
  std::vector<void*> many(count > few.size() ? count : 0);
  const std::span<void*> objects = many.empty() ? std::span(few).first(count) : std::span(many);
  const auto attempt = [&] { return m.slabs().alloc_bulk(cache, gfp, this_cpu(), objects) == count; };
  if (!with_reclaim(slab_request(cache, gfp), attempt, [] { return true; })) {
    accounting().failed();
    report_slab_failure(cache, gfp);
    return 0;
  }
  if (!charge_objects(*cache, objects, gfp)) {
    accounting().failed();
    return 0;
  }
  if (accounting().enabled()) {
    const observe::SiteNumber site = runtime::Accounting::take_site();
    for (void* const object : objects) {
      runtime::Accounting::set_site(site);
      accounting().slab_allocated(cache, object, cache->object_size(), gfp);
    }
  }
  if (guest::copy_out(array, objects.data(), count * sizeof(u64)) != 0) raise(guest::last_fault());
  return static_cast<s32>(count);
}

// Objects that are what they should be, from the last; returns how many are left. The next one needs a closer look.
u64 free_plain_objects(Cache* cache, std::span<const u64> objects) {
  mm::SlabAllocator& slabs = memory().slabs();
  runtime::Accounting& books = accounting();
  const VcpuId cpu = this_cpu();
  for (u64 left = objects.size(); left > 0; --left) {
    void* const object = to_pointer(objects[left - 1]);
    mm::Slab* const slab = slabs.slab_of(object);
    if (slab == nullptr || (cache != nullptr && slab->cache != cache)) return left;
    const Cache* const owner = slab->cache;
    if (!mm::SlabAllocator::is_allocated(slab, object) || owner->is_debug() || slab->watched ||
        !slab->is_plain(slab->slot_of(object)))
      return left;
    const observe::PackedOrigin origin = books.slab_origin(slab, object);
    if (slabs.free_to(slab, object, cpu) != mm::FreeOutcome::kOk) return left;
    books.slab_freed(*owner, object, origin);
    uncharge_object(*owner, object);
  }
  return 0;
}

// `cache` NULL: kfree_bulk(), each object's own. From the last object, as build_detached_freelist() works: the first one is
// the next to be allocated.
void kmem_cache_free_bulk(Cache* cache, u64 count, Address array) {
  if (cache != nullptr && !is_cache(cache)) bad_cache(cache);
  std::array<u64, kBulkAtOnce> few;
  for (u64 left = count; left > 0; --left) {
    const u64 wanted = std::min<u64>(left, few.size());
    if (guest::copy_in(few.data(), array + (left - wanted) * sizeof(u64), wanted * sizeof(u64)) == 0) {
      const u64 refused = free_plain_objects(cache, std::span(few).first(wanted));
      left -= wanted - refused;
      if (left == 0) return;
    }
    const auto object = guest::load<u64>(array + (left - 1) * sizeof(u64));
    if (!object) {
      raise(guest::last_fault());
      return;
    }
    if (cache == nullptr)
      kfree_bytes(*object);
    else
      kmem_cache_free(cache, *object);
  }
}

s32 kmem_cache_shrink(Cache* cache) {
  if (!is_cache(cache)) bad_cache(cache);
  check_may_sleep(Sleeper::kCpusRead);
  return memory().slabs().shrink(cache);
}

u32 kmem_cache_size(Cache* cache) {
  if (!is_cache(cache)) bad_cache(cache);
  return cache->object_size();
}

bool kmem_cache_charge(Address /*object*/, Gfp /*gfp*/) { return true; }

// Objects remaining in a cache that is destroyed: one report for each of its slabs.
void report_remaining(const Cache* cache, const mm::DestroyResult& result) {
  runtime::Console& console = current().console();
  const bool newer = current().is_6_12();
  const std::string taint = runtime::taint_string(current().modules().taint().mask);
  for (const mm::RemainingSlab& slab : result.remaining) {
    if (slab.state != mm::SlabState::kNodePartial) continue;  // only those the kernel's list has
    memory().mark_partial_slab(slab.pfn);
    const auto objects = [&] {
      for (u8* const object : slab.allocated) {
        const u64 base = host::kDirectMap + slab.pfn.value * host::kPageSize;
        console.print(
            3, kernel_text("Object 0x%p @offset=%tu", {to_address(object), to_address(object) - base}));
        print_tracking(*cache, to_address(object));
      }
    };
    const auto slab_line = [&] {
      console.print(3, kernel_text("Slab 0x%p objects=%u used=%u fp=0x%p flags=%pGp",
                                   {page_of(slab.pfn), slab.objects, slab.allocated.size(),
                                    to_address(slab.first_free), page_of(slab.pfn)}));
    };
    console.print(3, "=============================================================================");
    console.print(3, newer ? fmt::format("BUG {} ({}): Objects remaining on __kmem_cache_shutdown()",
                                         cache->name(), taint)
                           : fmt::format("BUG {} ({}): Objects remaining in {} on __kmem_cache_shutdown()",
                                         cache->name(), taint, cache->name()));
    console.print(3, "-----------------------------------------------------------------------------\n");
    if (newer) {
      objects();
      slab_line();
    } else {
      slab_line();
      current().traps().dump_stack(4, FrameEvent::kCacheObjectsRemaining);
    }
    taint_bad_page();
    if (newer)
      current().traps().warn(FrameEvent::kCacheObjectsRemaining, {"mm/slub.c", 0, 1152});
    else
      objects();
  }
}

void kmem_cache_destroy(Cache* cache) {
  if (cache == nullptr) return;
  if (!is_cache(cache)) bad_cache(cache);
  check_may_sleep(Sleeper::kCpusRead);
  const std::string name(cache->name());
  guarded_cache_goes(cache);
  const mm::DestroyResult result = memory().slabs().destroy(cache);
  if (result.outcome == mm::DestroyOutcome::kStillReferenced) return;
  memory().known_caches().forget(cache);
  if (result.outcome == mm::DestroyOutcome::kDestroyed) {
    memory().slab_directory().destroyed(cache);  // the pointer is only compared
    return;
  }
  report_remaining(cache, result);
  current().traps().warn(
      FrameEvent::kCacheStillBusy, {"mm/slab_common.c", 493, 548},
      fmt::format("kmem_cache_destroy {}: Slab cache still has objects when called from {}", name,
                  runtime::symbol_text(current().traps().symbols(), caller())));
}

}  // namespace

void bad_cache(const Cache* cache) {
  // The first field that the kernel reads is `flags`.
  constexpr u64 kFlagsOffset = 8;
  const u64 field = to_address(cache) + kFlagsOffset;
  if (!guest::load<u64>(field)) current().traps().fault(FrameEvent::kFaultInside, field, false);
  current().traps().unsupported(
      fmt::format("a kmem_cache pointer that names no cache (destroyed?): {:#x}", to_address(cache)));
}

void free_refused(mm::FreeOutcome outcome, mm::Slab* slab, u64 object, std::string_view function) {
  const std::string_view cache = slab->cache->name();
  if ((slab->cache->flags() & mm::slab_flag::kConsistencyChecks) != 0) {
    report_bad_free(outcome, slab, object);
    return;
  }
  switch (outcome) {
    case mm::FreeOutcome::kDoubleFreeOfHead:
      current().traps().bug(FrameEvent::kDoubleFree, {"mm/slub.c", 419, 550});
    case mm::FreeOutcome::kDoubleFree:
      koi_finding(fmt::format("{}() of {:#x}: the object of {} is free already", function, object, cache));
      return;
    case mm::FreeOutcome::kNotObjectStart:
      koi_finding(fmt::format("{}() of {:#x}, which is inside an object of {}", function, object, cache));
      return;
    case mm::FreeOutcome::kDamaged:  // reported already
      return;
    default:
      koi_finding(fmt::format("{}() of {:#x}, which {} did not give out", function, object, cache));
  }
}

runtime::ExportTable slab_cache_exports() {
  using host::CrossingKind, host::Leaf;
  static const runtime::Export table[] = {
      {"kmem_cache_create", address(kmem_cache_create)},
      {"kmem_cache_create_usercopy", address(kmem_cache_create_usercopy), host::CrossingKind::kStackArgs},
      {"__kmem_cache_create_args", address(kmem_cache_create_args)},
      {"kmem_buckets_create", address(kmem_buckets_create)},
      {"kmem_cache_destroy", address(kmem_cache_destroy)},
      {"kmem_cache_alloc", address(kmem_cache_alloc), CrossingKind::kPlain, 0, Leaf::kCacheAlloc},
      {"kmem_cache_alloc_noprof", address(kmem_cache_alloc), CrossingKind::kPlain, 0, Leaf::kCacheAlloc},
      {"kmem_cache_alloc_node", address(kmem_cache_alloc_node), CrossingKind::kPlain, 0, Leaf::kCacheAlloc},
      {"kmem_cache_alloc_node_noprof", address(kmem_cache_alloc_node), CrossingKind::kPlain, 0,
       Leaf::kCacheAlloc},
      {"kmem_cache_alloc_lru", address(kmem_cache_alloc_lru)},
      {"kmem_cache_alloc_lru_noprof", address(kmem_cache_alloc_lru)},
      {"kmem_cache_free", address(kmem_cache_free), CrossingKind::kPlain, 0, Leaf::kCacheFree},
      {"kmem_cache_alloc_bulk", address(kmem_cache_alloc_bulk), CrossingKind::kPlain, 0, Leaf::kBulkAlloc},
      {"kmem_cache_alloc_bulk_noprof", address(kmem_cache_alloc_bulk), CrossingKind::kPlain, 0,
       Leaf::kBulkAlloc},
      {"kmem_cache_free_bulk", address(kmem_cache_free_bulk), CrossingKind::kPlain, 0, Leaf::kBulkFree},
      {"kmem_cache_shrink", address(kmem_cache_shrink)},
      {"kmem_cache_size", address(kmem_cache_size)},
      {"kmem_cache_charge", address(kmem_cache_charge)},
  };
  return table;
}

}  // namespace koi::kapi
