// SPDX-License-Identifier: GPL-2.0-only
// The declared frame table: under which kernel function names koi's own work appears in a call trace.
//
// koi's C++ is not laid out like the kernel's C, so its frames cannot be unwound into kernel names. What a
// real kernel of the release shows is declared here instead, in three tables:
//   event frames    between the place of an event (RIP, or dump_stack) and the module that called an export
//   sleep frames    between __schedule and the module, when the export put the task to sleep
//   context frames  below a module's outermost frame: who called init, a work function, a timer ...
// Rows marked measured were printed by a booted kernel; the others follow from the call structure of its
// sources and may differ where a compiler inlined or tail-called.
//
// Each declared name owns a 16-byte entry in the stub area, so that name+0x5/0x10 is an address like any
// other.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "runtime/splat/splat.h"
#include "runtime/splat/unwind.h"

namespace koi::runtime {

// Where in its entry a declared name's return addresses (and RIP) point.
inline constexpr u64 kFrameOffset = 5;
inline constexpr u64 kFrameSize = 16;

// Gives the address of a declared name's entry.
class FrameAddress {
 public:
  virtual ~FrameAddress() = default;
  [[nodiscard]] virtual u64 frame_address(std::string_view name) const = 0;
};

// What happened inside an export.
enum class FrameEvent : u8 {
  kNone,               // nothing of its own: the export's frame alone
  kFaultInside,        // a fault in the export's own code: it is the place
  kOrderTooLarge,      // the page allocator's WARN about the order
  kAllocationFailure,  // "page allocation failure": a dump of the stack
  kOomKill,            // the OOM killer's report; the way down is that of kAllocationFailure
  kOomNobody,          // its report that nobody can be killed
  kOomPanic,           // and the panic after that
  kZeroedConstructor,  // __GFP_ZERO with a constructor
  kKvmallocTooLarge,
  kBadPageFreed,  // "Bad page state" of a page given back
  kBadPageAllocated,
  kExactCompound,  // __GFP_COMP where pages are to be single
  kVmallocZeroSize,
  kVmallocInInterrupt,
  kVunmapInInterrupt,
  kVmallocTooLarge,
  kVfreeBadAddress,
  kVfreeNotMapped,  // 6.12's second WARN for the same call
  kDoubleFree,
  kFreeOfBadPointer,
  kFreeOfPages,       // kfree() of a single page
  kFreeToWrongCache,  // kmem_cache_free() with another cache
  kFreeOfNonSlab,
  kUnexpectedGfp,     // bits that no slab may have: a dump of the stack
  kNofailLargeOrder,  // __GFP_NOFAIL with an order above 1
  kUsercopyRegion,    // kmem_cache_create_usercopy() with a region outside the object
  kVmallocNoPages,
  kPercpuIllegal,
  kCacheBadArguments,
  kCacheSizeZero,
  kCacheNullName,
  kCacheObjectsRemaining,
  kCacheStillBusy,
  kSlabDamage,          // slub_debug found overwritten bytes
  kSlabObjectError,     // ... an object that is free already
  kSlabError,           // ... a pointer that is no object's
  kSlabDisabled,        // ... a free into a slab that it has given up
  kSlabWrongCount,      // ... a freelist that ends too early
  kSlabEmptyFreelist,   // an allocation reads through the end of a freelist
  kUsercopyAbort,       // by the slab allocator
  kUsercopyAbortEarly,  // by the checks before it
  kFortifyReport,
  kFortifyPanic,
  kListAddCorruption,
  kListDelCorruption,
  kRefcount,
  kQueueUninitializedWork,
  kProcDuplicate,
  kLockFault,  // a fault on the lock inside the object that was passed
  kSpinDeadlock,
  kFormatWarning,
  kVsnprintfWarning,  // about a width, a precision or the buffer's size
  kDumpStack,
  kPanic,
  kPanicOnWarn,  // the frames between the trap of a warning and its dump
  kPanicWhileAtomic,
  kStackProtector,
  kScheduleWhileAtomic,
  kRcuContextSwitch,
  kBlocked,            // the task sleeps: hung task report
  kLockUninitialised,  // DEBUG_MUTEXES
  kLock,               // the lock validator: what it calls itself is added by its report
};

// Below which kernel code a module's outermost frame runs.
enum class FrameContext : u8 {
  kModuleInit,
  kModuleExit,
  kKthread,
  kWork,
  kTimer,
  kHrtimer,
  kHrtimerSoft,
  kTasklet,
  kRcuCallback,
  kIrqWork,
  kSmpCall,
  kModuleNotifier,
  kFileRead,
  kFileWrite,
  kFileIoctl,
  kFileOpen,
  kParameterStore,
  kIrqHandler,
};

struct EventFrames {
  // The function that RIP: names; empty: the event only dumps the stack.
  std::string_view place;
  // The trace down to the export, innermost first. May be empty (the export is the place).
  std::vector<std::string_view> callers;
  bool measured = false;
};
// The frames of `event` inside `exported`. Without a row of its own an export appears under its own name.
[[nodiscard]] EventFrames event_frames(Release series, std::string_view exported, FrameEvent event);

struct ContextFrames {
  // The frames on the module's own stack, innermost first.
  std::vector<std::string_view> callers;
  // Is that stack the interrupt stack? Then the interrupted task follows: `entry`, and for an idle CPU its
  // frames.
  bool interrupt = false;
  std::string_view entry;
  bool measured = false;
};
[[nodiscard]] ContextFrames context_frames(Release series, FrameContext context);
// What an idle CPU's own stack shows: the boot CPU's differs from the others'.
[[nodiscard]] std::vector<std::string_view> idle_frames(Release series, bool boot_cpu);
// The function in which it waits.
[[nodiscard]] std::string_view idle_place(Release series);
// do_one_initcall's own WARN about an imbalance: the place, and the frames below it.
[[nodiscard]] EventFrames initcall_imbalance_frames(Release series);

// Every name that the tables of a series can show (for laying out the entries), sorted, without repetition.
[[nodiscard]] std::vector<std::string_view> declared_frame_names(Release series);

// How unwound frames and declared names become a Call Trace.
struct TraceComposition {
  Release series = Release::k6_1;
  FrameEvent event = FrameEvent::kNone;              // what happened inside the youngest border
  FrameContext context = FrameContext::kModuleInit;  // who called the outermost module function
  bool boot_cpu = true;
  std::function<std::string_view(u32)> export_name;  // by border's export index
  // The registers with which user space entered (system call contexts), where there are any.
  std::optional<SplatRegisters> user;
  // The registers of the idle task where the interrupt found it.
  std::optional<SplatRegisters> idle;
  // What the interrupt interrupted; empty: an idle CPU.
  std::vector<TraceItem> interrupted;
};
// The place of the event comes out as the composition's RIP: event_frames(...).place.
[[nodiscard]] std::vector<TraceItem> compose_trace(std::span<const Frame> frames,
                                                   const TraceComposition& composition,
                                                   const FrameAddress& addresses);

}  // namespace koi::runtime
