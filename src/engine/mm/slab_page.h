// SPDX-License-Identifier: GPL-2.0-only
// One slab: what is kept of some pages that are cut into objects, beside those pages.
//
//   stack of free slots ◄─ │ Slab (64 bytes) │ live marks │ origins: what[] time[]
#pragma once

#include <algorithm>
#include <bit>
#include <iterator>

#include "engine/mm/types.h"
#include "observe/allocation_sites.h"

namespace koi::mm {

class Cache;

enum class SlabState : u8 {
  kConstructing,  // its constructor runs (or never came back)
  kCurrent,       // the slab a CPU allocates from
  kCpuPartial,    // on a CPU's chain
  kNodePartial,
  kFull,
};

// Header of one slab. Before it lies the stack of free slots, which grows towards lower addresses; the live marks and, if
// the allocator keeps them, the objects' origins follow it. So the top of the stack, the marks and what says when
// there is nothing left are found from the header's address alone.
struct Slab {
  u8* base = nullptr;  // first object
  Cache* cache = nullptr;
  u16* top = stack_end();  // free slots: [top, stack_end()), the next to be allocated first
  u64 easy_slots =
      0;  // slot numbers, or 0: whoever frees must look closer (debug caches; watched slabs; init_on_free)
  u16 objects = 0;
  u16 push_below =
      0;  // with fewer free objects than this a free moves the slab nowhere (on other CPUs' current slabs: no free)
  u8 shift = 0;     // log2 of a slot's bytes
  u8 cpu = kNoCpu;  // whose current slab this is
  SlabState state = SlabState::kFull;
  u8 order : 4 = 0;
  bool disabled : 1 = false;  // damaged while free: takes no more part (debug caches)
  bool watched : 1 = false;   // somebody has to hear of each free: locks lay in its pages before it was there
  u16 remote = 0;  // freed by other CPUs while current: stack()[objects - remote, objects), latest first
  u16 chain_length = 0;  // on a CPU's chain: slabs from here on
  u16 lost = 0;  // free objects behind the end of a list that a double free has cut short (6.1, debug caches)
  u16 origins_at = 0;  // offset of the origins in their own size; 0: none are kept
  Slab* next = nullptr;
  Slab* prev = nullptr;

  static constexpr u64 kOriginBytes = sizeof(observe::PackedOrigin);
  // Live marks. 0: free, or no object starts there.
  static constexpr u8 kAllocated = 1;
  static constexpr u8 kWatched =
      2;  // allocated, and somebody has to hear when it is freed: a lock lies in it
  static constexpr u8 kNoCpu = 0xff;
  static constexpr u64 kStackUnit = 64;  // the stack's room, so that the header starts a cache line
  // A byte per slot.
  [[nodiscard]] u8* live() { return reinterpret_cast<u8*>(this + 1); }
  [[nodiscard]] const u8* live() const { return reinterpret_cast<const u8*>(this + 1); }
  // The free slots from the bottom up: [0, count()), the next to be allocated last.
  [[nodiscard]] std::reverse_iterator<u16*> stack() { return std::reverse_iterator(stack_end()); }
  [[nodiscard]] std::reverse_iterator<const u16*> stack() const { return std::reverse_iterator(stack_end()); }
  [[nodiscard]] u32 count() const { return static_cast<u32>(stack_end() - top); }
  void set_count(u64 count) { top = stack_end() - count; }
  // Where on the stack a slot is; count(): it is not.
  [[nodiscard]] u32 find_free(u64 slot) const {
    return static_cast<u32>(std::find(stack(), stack() + count(), static_cast<u16>(slot)) - stack());
  }
  // Origins by object number, in two arrays: a free reads the first word alone, and objects side by side share its lines.
  [[nodiscard]] u64* origin_words() {
    return reinterpret_cast<u64*>(reinterpret_cast<u8*>(this) + u64{origins_at} * kOriginBytes);
  }
  [[nodiscard]] u64* origin_times() { return origin_words() + objects; }
  [[nodiscard]] observe::PackedOrigin origin(u32 number) {
    return {origin_words()[number], origin_times()[number]};
  }
  void set_origin(u32 number, const observe::PackedOrigin& origin) {
    origin_words()[number] = origin.what;
    origin_times()[number] = origin.time_ns;
  }
  // Where an object starts.
  [[nodiscard]] u64 slot_at(u64 number) const { return number * (slots() / objects); }
  // Slot numbers are below this.
  [[nodiscard]] u32 slots() const;
  // What the header, marks and origins take.
  [[nodiscard]] static u64 header_bytes(u32 slots, u32 objects, u32 origins_at) {
    return origins_at == 0 ? sizeof(Slab) + slots : (u64{origins_at} + objects) * kOriginBytes;
  }
  [[nodiscard]] static u64 stack_bytes(u64 objects) { return align_up(objects * sizeof(u16), kStackUnit); }
  [[nodiscard]] bool has_free() const { return top != stack_end(); }
  // Takes the last free slot from the stack. Requires: has_free().
  u64 take_slot() {
    const u64 slot = *top++;
    live()[slot] = kAllocated;
    return slot;
  }
  // Requires: live.
  void push_slot(u64 slot) {
    live()[slot] = 0;
    *--top = static_cast<u16>(slot);
  }
  [[nodiscard]] bool is_live(u64 slot) const { return live()[slot] != 0; }
  // Allocated, and not watched.
  [[nodiscard]] bool is_plain(u64 slot) const { return live()[slot] == kAllocated; }
  [[nodiscard]] u32 free_objects() const { return count() + remote; }
  [[nodiscard]] u8* object(u64 slot) const { return base + (slot << shift); }
  // Slot of an address; at least `slots` if no slot starts there.
  [[nodiscard]] u64 slot_of(const void* p) const {
    return std::rotr(static_cast<u64>(static_cast<const u8*>(p) - base), shift);
  }

 private:
  [[nodiscard]] u16* stack_end() { return reinterpret_cast<u16*>(this); }
  [[nodiscard]] const u16* stack_end() const { return reinterpret_cast<const u16*>(this); }
};
static_assert(sizeof(Slab) == 64);

inline u32 slab_slots(u32 objects, u32 size, u8 shift) {
  return objects == 1 ? 1 : objects * (size >> shift);
}

struct SlabList {
  Slab* head = nullptr;
  Slab* tail = nullptr;
  u64 count = 0;
};

struct CpuSlab {
  Slab* current;  // never null: the allocator's empty slab stands for none
  Slab* chain;    // partial slabs
};

}  // namespace koi::mm
