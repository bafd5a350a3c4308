// SPDX-License-Identifier: GPL-2.0-only
// AddressChecks: accesses of modules built with `koi build --sanitize=address` to memory that is nobody's: past the end of slab
// objects, pages, globals and variables on the stack, and to freed objects. As generic KASAN does it: a shadow byte for each eight
// bytes, 0 where all may be accessed, 1 to 7 where only the first of them may, a code otherwise.
//
//   slab object   its requested bytes may be accessed, the rest of its slot is a redzone; when it is freed it stays out of use for a while
//                 (the quarantine), with every byte poisoned
//   pages         poisoned when freed
//   globals       redzones that the compiler leaves behind each
//   stack         the compiler's own code writes the shadow
//
// Context: inside a call from a module.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "host/address_shadow.h"
#include "observe/allocation_events.h"
#include "runtime/splat/splat.h"

namespace koi::sched {
struct Task;
}

namespace koi::runtime {

class Kernel;

// The compiler's codes and the kernel's (mm/kasan/kasan.h).
enum ShadowCode : u8 {
  kShadowPageFree = 0xff,
  kShadowPageRedzone = 0xfe,
  kShadowSlabRedzone = 0xfc,
  kShadowSlabFree = 0xfb,
  kShadowGlobalRedzone = 0xf9,
  kShadowVmallocInvalid = 0xf8,
  kShadowStackLeft = 0xf1,
  kShadowStackMid = 0xf2,
  kShadowStackRight = 0xf3,
  kShadowStackPartial = 0xf4,
  kShadowAllocaLeft = 0xca,
  kShadowAllocaRight = 0xcb,
};

enum class AccessKind : u8 { kRead, kWrite };

// Who did something to an object, and from where.
struct ObjectEvent {
  s32 pid = 0;
  std::vector<u64> frames;
};

struct WatchedObject {
  std::string cache;  // empty: pages
  u64 requested = 0;
  u64 actual = 0;
  ObjectEvent allocated;
  std::optional<ObjectEvent> freed;
};

class AddressChecks {
 public:
  explicit AddressChecks(Kernel& kernel) : kernel_(kernel) {}

  // An instrumented module is about to be loaded. Errors: no room for the shadow.
  Status enable();
  [[nodiscard]] bool enabled() const { return enabled_; }

  // ---- memory ----
  void allocated(const observe::AllocationEvent& event);
  void freed(const observe::AllocationEvent& event);
  void resized(const observe::AllocationEvent& event, u64 requested);
  // Before an object of a kmalloc cache is freed. Other caches are destroyed by their owners, who must find them empty.
  enum class Held : u8 {
    kNo,            // free it
    kInQuarantine,  // free it in the books only
    kReported,      // it is free already
  };
  [[nodiscard]] Held hold_back(u64 address, const char* function);
  // An object whose time in the quarantine is over; 0: none. It is to be freed for good.
  [[nodiscard]] u64 take_released();
  // Room behind an object of that size for a redzone.
  [[nodiscard]] u64 padded(u64 size) const { return enabled_ && size != 0 ? size + kRedzone : size; }
  void forget(u64 begin, u64 bytes);

  // ---- from instrumented code ----
  // Reports an access that is not allowed. `ip`: where it is.
  void check(u64 address, u64 bytes, AccessKind kind, u64 ip);
  // What the compiler's inline check has found.
  void report(u64 address, u64 bytes, AccessKind kind, u64 ip);
  void register_globals(u64 globals, u64 count, bool alive);
  void poison_alloca(u64 address, u64 bytes);
  void unpoison_allocas(u64 top, u64 bottom);
  void set_shadow(u64 shadow, u64 bytes, u8 code);

 private:
  static constexpr u64 kRedzone = 16;
  static constexpr u64 kQuarantineBytes = 1 << 20;
  using Objects = std::map<u64, WatchedObject>;

  [[nodiscard]] std::optional<u64> first_bad(u64 address, u64 bytes) const;
  void poison(u64 begin, u64 bytes, u8 code);
  void unpoison(u64 begin, u64 bytes);
  [[nodiscard]] ObjectEvent event_now();
  [[nodiscard]] Objects::const_iterator object_at(u64 address) const;

  void print(const std::string& bug, const std::string& access_line, u64 address, u64 ip);
  void describe_event(SplatText& text, const char* what, const ObjectEvent& event) const;
  void describe_object(SplatText& text, u64 address) const;
  void describe_variable(SplatText& text, u64 address) const;
  void describe_stack(SplatText& text, u64 address) const;
  void describe_shadow(SplatText& text, u64 address) const;
  [[nodiscard]] std::string bug_type(u64 bad) const;
  [[nodiscard]] bool is_heap(u64 address) const;

  Kernel& kernel_;
  bool enabled_ = false;
  std::optional<host::AddressShadow> shadow_;
  Objects objects_;  // live and in quarantine, by address
  std::deque<u64> quarantine_;
  u64 quarantined_bytes_ = 0;
  std::set<std::string> reported_;
};

}  // namespace koi::runtime
