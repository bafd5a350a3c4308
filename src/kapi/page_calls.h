// SPDX-License-Identifier: GPL-2.0-only
// What the memory files of kapi/ share: the machine's memory, reclaim before giving up, and the kernel's complaints.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "host/address_map.h"
#include "host/crossing.h"
#include "host/guest_memory.h"
#include "kapi/fault.h"
#include "kapi/kernel_ref.h"
#include "kapi/page_slowpath.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/console.h"
#include "runtime/memory/accounting.h"
#include "runtime/memory/memory.h"
#include "runtime/splat/traps.h"

namespace koi::kapi {

inline runtime::Memory& memory() { return current().memory(); }
inline runtime::Accounting& accounting() { return memory().accounting(); }
inline VcpuId this_cpu() { return current().sched().running_vcpu(); }
// The locks in memory that is about to be freed go with it.
inline void forget_locks(u64 address, u64 bytes) {
  runtime::LockChecks& locks = current().locks();
  if (locks.may_hold_locks(address) || locks.may_hold_locks(address + bytes - 1)) [[unlikely]]
    locks.memory_freed(address, bytes);
}
inline u64 to_address(const void* p) { return reinterpret_cast<u64>(p); }
inline void* to_pointer(u64 address) { return reinterpret_cast<void*>(address); }

inline constexpr u64 kKbPerPage = host::kPageSize / 1024;
// A line of the memory code's own in the log, at the kernel's level.
inline void print(int level, std::string_view line) { current().console().print(level, line); }
// The return address into the module that made the call under way, for "when called from"; 0 if none did.
inline u64 caller() {
  const auto record = guest::load<host::BorderRecord>(host::gs_area()->border);
  return record ? record->return_rip : 0;
}

// WARN_ON_ONCE of the page allocator about an order that it never serves.
void warn_order_too_large(mm::Gfp gfp);
// "insmod: page allocation failure: order:1, mode:...", a dump of the stack and Mem-Info; rate-limited.
void report_page_failure(Order order, mm::Gfp gfp);
// warn_alloc(): the same with another beginning: "vmalloc error: size 8192, failed to allocate pages".
void report_allocation_failure(runtime::FrameEvent event, mm::Gfp gfp, std::string_view what);

// "Mem-Info:" and what follows.
void show_memory();
[[nodiscard]] u64 unreclaimable_slab_pages();

// A pointer that the kernel takes for one into the direct map: reading its struct page faults.
[[noreturn]] void page_pointer_fault(runtime::FrameEvent event, u64 address);

// What asking a node that there is not for pages gives.
[[noreturn]] void node_fault(s32 node);

// What the kernel's printk would make of `format`, a string of koi's with integer arguments: "%p" is hashed, "%pS" names.
[[nodiscard]] std::string kernel_text(const char* format, std::initializer_list<u64> arguments);

// printk() of such a format, with its level or KERN_CONT ("\001c") in front.
void kernel_print(const char* format, std::initializer_list<u64> arguments);

// A bug that the kernel would not notice here: a line of koi's own, and a finding of the run.
void koi_finding(std::string_view text);

// struct page pointers. nullopt: no page frame's; then the oops was raised, or is pending at the border.
[[nodiscard]] std::optional<Pfn> pfn_of_page(u64 page);
[[nodiscard]] u64 page_of(Pfn pfn);
// put_page_testzero(): true when the last reference went.
bool drop_page_reference(Pfn pfn);
// Frees the block at `pfn` whatever the reference count.
void free_block(Pfn pfn, Order order);

// What the engines report goes to the log of this machine.
void install_memory_reports(runtime::Kernel& kernel);

// The node that an exported function was given, as the engines take it. A number that is no node's: reading its
// pglist_data faults.
[[nodiscard]] inline s32 page_node(s32 node) {
  if (node >= 0 && static_cast<u32>(node) >= memory().pages().node_count()) node_fault(node);
  return node;
}
// The slab allocator takes such a number for NUMA_NO_NODE.
[[nodiscard]] inline s32 slab_node(s32 node) {
  return node >= 0 && static_cast<u32>(node) < memory().pages().node_count() ? node : mm::kNoNode;
}
// "0", "0-1": every node of the machine.
[[nodiscard]] std::string all_nodes();

// kmalloc and kfree for the other files.
u64 kmalloc_bytes(u64 size, mm::Gfp gfp, s32 node = mm::kNoNode);
u64 kmalloc_bytes(u64 size, u64 bucket, mm::Gfp gfp, s32 node);
void kfree_bytes(u64 address);
u64 krealloc_bytes(u64 old, u64 size, mm::Gfp gfp);

inline constexpr u64 kZeroSizePointer = 16;

}  // namespace koi::kapi
