// SPDX-License-Identifier: GPL-2.0-only
// What slub_debug prints, in the words of mm/slub.c. 6.1 dumps the stack inside its report; 6.12 ends it with a WARN.
#include "kapi/slab_debug_calls.h"

#include <algorithm>

#include "engine/mm/slab_debug.h"
#include "host/address_map.h"
#include "runtime/console.h"
#include "runtime/files/virtual_files.h"
#include "runtime/modules/modules.h"

namespace koi::kapi {
namespace {

using guest::Address;
using mm::ObjectUse;
using runtime::FrameEvent;
using KernelPlace = runtime::Traps::KernelPlace;

constexpr u32 kMostTrackedFrames = 16;  // TRACK_ADDRS_COUNT
constexpr KernelPlace kObjectErr = {"mm/slub.c", 0, 1127};
constexpr KernelPlace kSlabErr = {"mm/slub.c", 0, 1152};

// ---- parts of a report ----

// "Redzone  0x...: bb bb ...  ....", 16 bytes a line.
void dump_bytes(int level, std::string_view what, Address from, u64 bytes) {
  for (u64 done = 0; done < bytes; done += 16) {
    std::string hex, text;
    for (u64 i = done; i < std::min<u64>(done + 16, bytes); ++i) {
      const u8 byte = guest::load<u8>(from + i).value_or(0);
      if (!hex.empty()) hex += ' ';
      hex += fmt::format("{:02x}", byte);
      text += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
    }
    print(level, fmt::format("{:<8} {}: {:<47}  {}", what, kernel_text("%p", {from + done}), hex, text));
  }
}

Address slab_start(const mm::Slab& slab) {
  return to_address(slab.base) - slab.cache->geometry().red_left_pad;
}

void slab_bug(const mm::Cache& cache, std::string_view reason) {
  print(3, "=============================================================================");
  print(3, fmt::format("BUG {} ({}): {}", cache.name(),
                       runtime::taint_string(current().modules().taint().mask), reason));
  print(3, "-----------------------------------------------------------------------------\n");
}

void print_slab_info(const mm::Slab& slab) {
  const Pfn pfn = memory().slabs().first_page(&slab);
  if (slab.state == mm::SlabState::kNodePartial || slab.disabled)
    memory().mark_partial_slab(pfn, slab.disabled ? mm::Yes::kNo : mm::Yes::kYes);
  const u32 used = slab.disabled ? slab.objects : mm::SlabAllocator::used_objects(&slab);
  const u64 first = slab.disabled ? 0 : to_address(mm::SlabAllocator::first_free(&slab));
  print(3, kernel_text("Slab 0x%p objects=%u used=%u fp=0x%p flags=%pGp",
                       {page_of(pfn), slab.objects, used, first, page_of(pfn)}));
}

void print_one_track(std::string_view what, const runtime::SlabTrack* track) {
  if (track == nullptr) return;
  const u64 jiffy = current().jiffies();
  print(3, fmt::format("{} in {} age={} cpu={} pid={}", what,
                       runtime::symbol_text(current().traps().symbols(), track->caller), jiffy - track->jiffy,
                       track->cpu, track->pid));
  for (const u64 address : *track->trace)
    print(4, fmt::format(" {}", runtime::symbol_text(current().traps().symbols(), address)));
}

// Without the dump of the stack that ends it in 6.1.
void print_trailer(const mm::Slab& slab, Address object) {
  const mm::Cache& cache = *slab.cache;
  const mm::Geometry& geometry = cache.geometry();
  print_tracking(cache, object);
  print_slab_info(slab);
  const Address start = slab_start(slab);
  const u64 next = to_address(mm::SlabAllocator::next_free(&slab, to_pointer(object)));
  print(3, kernel_text("Object 0x%p @offset=%tu fp=0x%p\n", {object, object - start, next}));
  const bool red = (geometry.flags & mm::slab_flag::kRedZone) != 0;
  constexpr u64 kBytesBefore = 16;
  if (red) {
    dump_bytes(3, "Redzone", object - geometry.red_left_pad, geometry.red_left_pad);
  } else if (object > start + kBytesBefore) {
    dump_bytes(3, "Bytes b4", object - kBytesBefore, kBytesBefore);
  }
  dump_bytes(3, "Object", object, std::min<u64>(geometry.object_size, host::kPageSize));
  if (red) dump_bytes(3, "Redzone", object + geometry.object_size, geometry.inuse - geometry.object_size);
  const mm::SlabDebug debug(current().series(), geometry);
  const u32 padding = debug.metadata_end();
  const u32 end = geometry.size - geometry.red_left_pad;
  if (padding < end) dump_bytes(3, "Padding", object + padding, end - padding);
}

// What ends object_err() and slab_err().
void end_report(FrameEvent event, const KernelPlace& place, std::string_view note) {
  if (current().is_6_12()) {
    taint_bad_page();
    current().traps().warn(event, place);
    return;
  }
  current().traps().dump_stack(4, event);
  taint_bad_page();
  current().note(observe::EventKind::kWarning, note);
}

void slab_error(const mm::Slab& slab, std::string_view reason, FrameEvent event) {
  slab_bug(*slab.cache, reason);
  print_slab_info(slab);
  end_report(event, kSlabErr, fmt::format("{}: {}", slab.cache->name(), reason));
}

void object_error(const mm::Slab& slab, Address object, std::string_view reason, FrameEvent event) {
  slab_bug(*slab.cache, reason);
  print_trailer(slab, object);
  end_report(event, kObjectErr, fmt::format("{}: {}", slab.cache->name(), reason));
}

void slab_fix(const mm::Cache& cache, std::string_view text) {
  print(3, fmt::format("FIX {}: {}", cache.name(), text));
}

void not_freed(const mm::Cache& cache, Address object) {
  slab_fix(cache, kernel_text("Object at 0x%p not freed", {object}));
}

// ---- user tracking ----

// The frames of set_track(): without those that the kernel skips, which differ by series and by how its functions call.
void note_track(const mm::Cache& cache, u8* object, ObjectUse now) {
  if ((cache.flags() & mm::slab_flag::kStoreUser) == 0) return;
  runtime::Traps& traps = current().traps();
  std::vector<u64> chain = traps.call_chain();
  const std::string_view exported = traps.border_export();
  const bool kmalloc = exported.starts_with("__kmalloc") || exported.starts_with("kmalloc");
  size_t skipped = exported.empty() ? 0 : 1;
  if (!current().is_6_12() && now == ObjectUse::kAllocated && kmalloc) skipped = 0;
  if (!current().is_6_12() && now == ObjectUse::kFree) ++skipped;
  const size_t caller_at = exported.empty() ? 0 : 1;
  runtime::SlabTrack track;
  track.caller = chain.size() > caller_at ? chain[caller_at] : 0;
  track.jiffy = current().jiffies();
  track.cpu = current().sched().running_vcpu().value;
  track.pid = current().sched().current()->pid;
  chain.erase(chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(std::min(skipped, chain.size())));
  if (chain.size() > kMostTrackedFrames) chain.resize(kMostTrackedFrames);
  memory().slab_tracks().note(object, now, track, chain);
}

// slub_debug=T.
void trace_object(const mm::Slab& slab, u8* object, ObjectUse now) {
  const mm::Cache& cache = *slab.cache;
  if ((cache.flags() & mm::slab_flag::kTrace) == 0) return;
  const bool free = now == ObjectUse::kFree;
  print(6,
        kernel_text(
            fmt::format("TRACE {} {} 0x%p inuse=%d fp=0x%p", cache.name(), free ? "free" : "alloc").c_str(),
            {to_address(object), mm::SlabAllocator::used_objects(&slab),
             to_address(mm::SlabAllocator::first_free(&slab))}));
  if (free) dump_bytes(6, "Object", to_address(object), cache.object_size());
  current().traps().dump_stack(4);
}

}  // namespace

void taint_bad_page() {
  current().modules().taint().mask |= module::taint_bit(module::Taint::kBadPage);
  if (memory().first_time(runtime::Once::kLockDebuggingOff))
    print(4, "Disabling lock debugging due to kernel taint");
}

void print_tracking(const mm::Cache& cache, Address object) {
  if ((cache.flags() & mm::slab_flag::kStoreUser) == 0) return;
  const runtime::SlabTracks& tracks = memory().slab_tracks();
  print_one_track("Allocated", tracks.find(to_pointer(object), ObjectUse::kAllocated));
  print_one_track("Freed", tracks.find(to_pointer(object), ObjectUse::kFree));
}

void report_damage(const mm::Cache& cache, const mm::Slab& slab, u8* object, ObjectUse /*expected*/,
                   const mm::Damage& damage) {
  const Address first = to_address(damage.first);
  const Address last = to_address(damage.last);
  const std::string place = kernel_text("0x%p-0x%p @offset=%tu", {first, last, first - slab_start(slab)});
  const std::string bytes = fmt::format("First byte 0x{:x} instead of 0x{:x}", damage.found, damage.expected);
  const std::string restored = kernel_text(fmt::format("Restoring {} 0x%p-0x%p=0x%x", damage.what).c_str(),
                                           {first, last, damage.expected});
  if (object == nullptr) {
    slab_error(slab, fmt::format("Padding overwritten. {}", place), FrameEvent::kSlabError);
    const Address start = slab_start(slab);
    const u64 slab_bytes = host::kPageSize << slab.order;
    const u64 rest = slab_bytes % cache.geometry().size;
    dump_bytes(3, "Padding", start + slab_bytes - rest, rest);
    slab_fix(cache, kernel_text("Restoring slab padding 0x%p-0x%p=0x%x", {first, last, damage.expected}));
    return;
  }
  if (current().is_6_12()) {
    print(3, fmt::format("[{} overwritten] {}. {}", damage.what, place, bytes));
    if (!damage.repeated) object_error(slab, to_address(object), "Object corrupt", FrameEvent::kSlabDamage);
    slab_fix(cache, restored);
    return;
  }
  slab_bug(cache, fmt::format("{} overwritten", damage.what));
  print(3, fmt::format("{}. {}", place, bytes));
  print_trailer(slab, to_address(object));
  current().traps().dump_stack(4, FrameEvent::kSlabDamage);
  taint_bad_page();
  slab_fix(cache, restored);
  current().note(observe::EventKind::kWarning, fmt::format("{}: {} overwritten", cache.name(), damage.what));
}

void report_bad_free(mm::FreeOutcome outcome, mm::Slab* slab, Address object) {
  const mm::Cache& cache = *slab->cache;
  switch (outcome) {
    case mm::FreeOutcome::kNotObjectStart:
      slab_error(*slab, kernel_text("Invalid object pointer 0x%p", {object}), FrameEvent::kSlabError);
      break;
    case mm::FreeOutcome::kDoubleFree:
    case mm::FreeOutcome::kDoubleFreeOfHead:
      memory().slabs().cut_freelist(slab, to_pointer(object));
      object_error(*slab, object, "Object already free", FrameEvent::kSlabObjectError);
      break;
    default:  // reported already
      break;
  }
  not_freed(cache, object);
}

void report_slab_event(const mm::Cache& cache, const mm::Slab& slab, u8* object, mm::SlabDebugEvent what,
                       u64 value) {
  switch (what) {
    case mm::SlabDebugEvent::kAllocated:
      note_track(cache, object, ObjectUse::kAllocated);
      trace_object(slab, object, ObjectUse::kAllocated);
      return;
    case mm::SlabDebugEvent::kFreed:
      note_track(cache, object, ObjectUse::kFree);
      trace_object(slab, object, ObjectUse::kFree);
      return;
    case mm::SlabDebugEvent::kMarkedUsed:
      slab_fix(cache, "Marking all objects used");
      return;
    case mm::SlabDebugEvent::kDisabled:
      slab_error(slab, "Slab disabled since SLUB metadata consistency check failed",
                 FrameEvent::kSlabDisabled);
      return;
    case mm::SlabDebugEvent::kWrongCount:
      slab_error(slab,
                 fmt::format("Wrong object count. Counter is {} but counted were {}",
                             mm::SlabAllocator::used_objects(&slab), value),
                 FrameEvent::kSlabWrongCount);
      slab_fix(cache, "Object count adjusted");
      return;
    case mm::SlabDebugEvent::kEmptyFreelist:
      current().traps().fault(FrameEvent::kSlabEmptyFreelist, value, false);
  }
}

void announce_tracking(const mm::Cache* cache) {
  if ((cache->flags() & mm::slab_flag::kStoreUser) == 0) return;
  // The C core makes caches that the boot table has, too.
  if (current().files().calling_module() == 0) return;
  for (const mm::Cache* other : memory().slabs().caches()) {
    if (other == cache || other->name() != cache->name() || (other->flags() & mm::slab_flag::kStoreUser) == 0)
      continue;
    print(3, fmt::format("debugfs: Directory '{}' with parent 'slab' already present!", cache->name()));
    return;
  }
}

}  // namespace koi::kapi
