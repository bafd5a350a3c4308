// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/frames_table.h"

namespace koi::runtime::frames_table {
namespace {

using enum FrameEvent;
using enum FrameContext;

constexpr bool kMeasured = true;
constexpr bool kFromSources = false;

constexpr EventRow kEvents61[] = {
    {kOrderTooLarge, "__kmalloc", "__alloc_pages", "__kmalloc_large_node __kmalloc", kMeasured},
    {kOrderTooLarge, "kmalloc_large", "__alloc_pages", "__kmalloc_large_node kmalloc_large", kMeasured},
    {kOrderTooLarge, "alloc_pages_exact", "__alloc_pages", "alloc_pages_exact", kMeasured},
    {kOrderTooLarge, "__kmalloc_node", "__alloc_pages", "__kmalloc_large_node __kmalloc_node", kFromSources},
    {kOrderTooLarge, "kmalloc_large_node", "__alloc_pages", "__kmalloc_large_node kmalloc_large_node",
     kFromSources},
    {kOrderTooLarge, "__kmalloc_node_track_caller", "__alloc_pages",
     "__kmalloc_large_node __kmalloc_node_track_caller", kFromSources},
    {kOrderTooLarge, "krealloc", "__alloc_pages", "__kmalloc_large_node __kmalloc_node_track_caller krealloc",
     kFromSources},
    {kOrderTooLarge, "alloc_pages", "__alloc_pages", "", kFromSources},
    {kOrderTooLarge, "__alloc_pages", "__alloc_pages", "", kFromSources},
    {kOrderTooLarge, "*", "__alloc_pages", "{export}", kFromSources},
    {kAllocationFailure, "kmalloc_large", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __kmalloc_large_node "
     "kmalloc_large",
     kMeasured},
    {kAllocationFailure, "__kmalloc", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages allocate_slab ___slab_alloc "
     "__kmem_cache_alloc_node __kmalloc",
     kMeasured},
    {kAllocationFailure, "kmalloc_trace", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages allocate_slab ___slab_alloc "
     "__kmem_cache_alloc_node kmalloc_trace",
     kFromSources},
    {kAllocationFailure, "kmem_cache_alloc", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages allocate_slab ___slab_alloc "
     "kmem_cache_alloc",
     kFromSources},
    {kAllocationFailure, "alloc_pages", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages", kFromSources},
    {kAllocationFailure, "__alloc_pages", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages", kFromSources},
    {kAllocationFailure, "vmalloc", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "__vmalloc_node",
     kMeasured},
    {kAllocationFailure, "vzalloc", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "__vmalloc_node",
     kFromSources},
    {kAllocationFailure, "__vmalloc", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "__vmalloc_node",
     kFromSources},
    {kAllocationFailure, "vmalloc_user", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "vmalloc_user",
     kFromSources},
    {kAllocationFailure, "vmalloc_32", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "__vmalloc_node",
     kFromSources},
    {kAllocationFailure, "vmalloc_32_user", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "vmalloc_32_user",
     kFromSources},
    {kAllocationFailure, "__vmalloc_array", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "__vmalloc_node",
     kFromSources},
    {kAllocationFailure, "vmalloc_array", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "__vmalloc_node",
     kFromSources},
    {kAllocationFailure, "__vcalloc", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "__vmalloc_node",
     kFromSources},
    {kAllocationFailure, "vcalloc", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "__vmalloc_node",
     kFromSources},
    {kAllocationFailure, "vmalloc_node", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "__vmalloc_node",
     kFromSources},
    {kAllocationFailure, "vzalloc_node", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "__vmalloc_node",
     kFromSources},
    {kAllocationFailure, "kvmalloc_node", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages __vmalloc_node_range "
     "kvmalloc_node",
     kFromSources},
    {kAllocationFailure, "*", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages {export}", kMeasured},
    {kFaultInside, "*", "{export}", "", kFromSources},
    {kZeroedConstructor, "*", "___slab_alloc", "{export}", kMeasured},
    {kKvmallocTooLarge, "*", "kvmalloc_node", "", kMeasured},
    {kVmallocZeroSize, "*", "__vmalloc_node_range", "__vmalloc_node", kMeasured},
    {kVmallocInInterrupt, "vmap", "__get_vm_area_node", "get_vm_area_caller vmap", kFromSources},
    {kVmallocInInterrupt, "*", "__get_vm_area_node", "__vmalloc_node_range __vmalloc_node", kFromSources},
    {kVunmapInInterrupt, "*", "vunmap", "", kFromSources},
    {kVmallocTooLarge, "*", "", "dump_stack_lvl warn_alloc __vmalloc_node_range __vmalloc_node", kMeasured},
    {kVfreeBadAddress, "*", "__vunmap", "", kMeasured},
    {kDoubleFree, "*", "__kmem_cache_free", "", kMeasured},
    {kFreeOfBadPointer, "*", "kfree", "", kMeasured},
    {kUnexpectedGfp, "__kmalloc", "", "dump_stack_lvl kmalloc_fix_flags __kmalloc_large_node.cold __kmalloc",
     kMeasured},
    {kUnexpectedGfp, "kmalloc_large", "",
     "dump_stack_lvl kmalloc_fix_flags __kmalloc_large_node.cold kmalloc_large", kFromSources},
    {kUnexpectedGfp, "*", "", "dump_stack_lvl kmalloc_fix_flags ___slab_alloc {export}", kFromSources},
    {kNofailLargeOrder, "__kmalloc", "get_page_from_freelist", "__alloc_pages __kmalloc_large_node __kmalloc",
     kMeasured},
    {kNofailLargeOrder, "kmalloc_large", "get_page_from_freelist",
     "__alloc_pages __kmalloc_large_node kmalloc_large", kFromSources},
    {kNofailLargeOrder, "alloc_pages", "get_page_from_freelist", "__alloc_pages", kFromSources},
    {kNofailLargeOrder, "*", "get_page_from_freelist", "__alloc_pages {export}", kFromSources},
    {kFreeOfPages, "*", "free_large_kmalloc", "", kFromSources},
    {kFreeToWrongCache, "*", "kmem_cache_free", "", kFromSources},
    {kFreeOfNonSlab, "*", "kmem_cache_free", "", kFromSources},
    {kUsercopyRegion, "*", "kmem_cache_create_usercopy", "", kFromSources},
    {kVmallocNoPages, "*", "", "dump_stack_lvl warn_alloc __vmalloc_node_range __vmalloc_node", kFromSources},
    {kPercpuIllegal, "*", "pcpu_alloc", "", kFromSources},
    {kCacheBadArguments, "kmem_cache_create", "",
     "dump_stack_lvl kmem_cache_create_usercopy.cold kmem_cache_create", kMeasured},
    {kCacheBadArguments, "*", "", "dump_stack_lvl kmem_cache_create_usercopy.cold", kFromSources},
    {kCacheSizeZero, "kmem_cache_create", "reciprocal_value",
     "calculate_sizes __kmem_cache_create kmem_cache_create_usercopy kmem_cache_create", kMeasured},
    {kCacheSizeZero, "*", "reciprocal_value",
     "calculate_sizes __kmem_cache_create kmem_cache_create_usercopy", kFromSources},
    {kCacheNullName, "kmem_cache_create", "strlen",
     "kmem_cache_flags find_mergeable __kmem_cache_alias kmem_cache_create_usercopy kmem_cache_create",
     kMeasured},
    {kCacheNullName, "*", "strlen",
     "kmem_cache_flags find_mergeable __kmem_cache_alias kmem_cache_create_usercopy", kFromSources},
    {kCacheObjectsRemaining, "*", "", "dump_stack_lvl slab_err __kmem_cache_shutdown.cold kmem_cache_destroy",
     kMeasured},
    {kCacheStillBusy, "*", "kmem_cache_destroy", "", kMeasured},
    {kSlabDamage, "kfree", "", "dump_stack_lvl check_bytes_and_report.cold check_object free_to_partial_list",
     kMeasured},
    {kSlabDamage, "kmem_cache_free", "",
     "dump_stack_lvl check_bytes_and_report.cold check_object free_to_partial_list", kFromSources},
    {kSlabDamage, "kmem_cache_alloc", "",
     "dump_stack_lvl check_bytes_and_report.cold check_object alloc_debug_processing get_partial_node.part.0 "
     "___slab_alloc kmem_cache_alloc",
     kFromSources},
    {kSlabDamage, "*", "",
     "dump_stack_lvl check_bytes_and_report.cold check_object alloc_debug_processing get_partial_node.part.0 "
     "___slab_alloc __kmem_cache_alloc_node {export}",
     kMeasured},
    {kSlabObjectError, "*", "", "dump_stack_lvl object_err free_to_partial_list.cold", kMeasured},
    {kSlabError, "*", "", "dump_stack_lvl slab_err free_to_partial_list.cold", kMeasured},
    {kSlabDisabled, "*", "", "dump_stack_lvl slab_err check_slab.cold free_to_partial_list", kMeasured},
    {kSlabWrongCount, "*", "", "dump_stack_lvl slab_err on_freelist.cold free_to_partial_list", kMeasured},
    {kSlabEmptyFreelist, "kmem_cache_alloc", "get_partial_node.part.0", "___slab_alloc kmem_cache_alloc",
     kFromSources},
    {kSlabEmptyFreelist, "*", "get_partial_node.part.0", "___slab_alloc __kmem_cache_alloc_node {export}",
     kMeasured},
    {kUsercopyAbort, "*", "usercopy_abort", "__check_heap_object __check_object_size", kMeasured},
    {kUsercopyAbortEarly, "*", "usercopy_abort", "__check_object_size", kFromSources},
    {kFortifyReport, "*", "fortify_panic", "", kFromSources},
    {kFortifyPanic, "*", "fortify_panic", "", kMeasured},
    {kListAddCorruption, "*", "__list_add_valid.cold", "", kMeasured},
    {kListDelCorruption, "*", "__list_del_entry_valid.cold", "", kMeasured},
    {kRefcount, "*", "refcount_warn_saturate", "", kMeasured},
    {kQueueUninitializedWork, "*", "__queue_work", "queue_work_on", kMeasured},
    {kProcDuplicate, "*", "proc_register", "", kMeasured},
    {kLockFault, "complete", "_raw_spin_lock_irqsave", "complete", kMeasured},
    {kLockFault, "wake_up_process", "_raw_spin_lock_irqsave", "try_to_wake_up", kMeasured},
    {kLockFault, "*", "{export}", "", kFromSources},
    {kSpinDeadlock, "koi_spin_wait", "native_queued_spin_lock_slowpath", "", kMeasured},
    {kSpinDeadlock, "_raw_spin_lock", "native_queued_spin_lock_slowpath", "_raw_spin_lock", kMeasured},
    {kSpinDeadlock, "koi_spin_wait", "native_queued_spin_lock_slowpath", "", kMeasured},
    {kSpinDeadlock, "*", "native_queued_spin_lock_slowpath", "{export}", kFromSources},
    {kFormatWarning, "vsnprintf", "format_decode", "vsnprintf", kMeasured},
    {kFormatWarning, "_printk", "format_decode", "vsnprintf vprintk_store vprintk_emit _printk",
     kFromSources},
    {kFormatWarning, "*", "format_decode", "vsnprintf {export}", kFromSources},
    {kVsnprintfWarning, "vsnprintf", "vsnprintf", "", kFromSources},
    {kVsnprintfWarning, "_printk", "vsnprintf", "vprintk_store vprintk_emit _printk", kFromSources},
    {kVsnprintfWarning, "*", "vsnprintf", "{export}", kFromSources},
    {kDumpStack, "*", "", "dump_stack_lvl", kMeasured},
    {kPanic, "*", "", "dump_stack_lvl panic", kMeasured},
    {kPanicOnWarn, "*", "",
     "dump_stack_lvl panic check_panic_on_warn.cold __warn report_bug handle_bug exc_invalid_op "
     "asm_exc_invalid_op",
     kMeasured},
    {kPanicWhileAtomic, "*", "", "dump_stack_lvl panic check_panic_on_warn.cold", kFromSources},
    {kStackProtector, "*", "", "dump_stack_lvl panic __stack_chk_fail", kMeasured},
    {kScheduleWhileAtomic, "koi_scheduling_while_atomic", "", "dump_stack_lvl __schedule_bug.cold",
     kMeasured},
    {kScheduleWhileAtomic, "*", "", "dump_stack_lvl __schedule_bug.cold __schedule schedule {sleep}",
     kMeasured},
    {kRcuContextSwitch, "*", "rcu_note_context_switch", "__schedule schedule {sleep}", kMeasured},
    {kBlocked, "koi_task_switch", "", "", kMeasured},
    {kBlocked, "*", "", "__schedule schedule {sleep}", kMeasured},
    {kLock, "kfree", "", "__kmem_cache_free", kMeasured},
    {kLock, "vfree", "", "__vunmap", kMeasured},
    {kLock, "*", "", "", kMeasured},
    {kLockUninitialised, "*", "__mutex_lock", "", kMeasured},
};

constexpr EventRow kEvents612[] = {
    {kOrderTooLarge, "__kmalloc_noprof", "__alloc_pages_noprof",
     "alloc_pages_mpol_noprof ___kmalloc_large_node __kmalloc_large_node_noprof __kmalloc_noprof", kMeasured},
    {kOrderTooLarge, "__kmalloc_large_noprof", "__alloc_pages_noprof",
     "alloc_pages_mpol_noprof ___kmalloc_large_node __kmalloc_large_noprof", kMeasured},
    {kOrderTooLarge, "alloc_pages_exact_noprof", "__alloc_pages_noprof",
     "alloc_pages_mpol_noprof alloc_pages_exact_noprof", kMeasured},
    {kOrderTooLarge, "__kmalloc_node_noprof", "__alloc_pages_noprof",
     "alloc_pages_mpol_noprof ___kmalloc_large_node __kmalloc_large_node_noprof __kmalloc_node_noprof",
     kFromSources},
    {kOrderTooLarge, "__kmalloc_large_node_noprof", "__alloc_pages_noprof",
     "alloc_pages_mpol_noprof ___kmalloc_large_node __kmalloc_large_node_noprof", kFromSources},
    {kOrderTooLarge, "__kmalloc_node_track_caller_noprof", "__alloc_pages_noprof",
     "alloc_pages_mpol_noprof ___kmalloc_large_node __kmalloc_large_node_noprof "
     "__kmalloc_node_track_caller_noprof",
     kFromSources},
    {kOrderTooLarge, "krealloc_noprof", "__alloc_pages_noprof",
     "alloc_pages_mpol_noprof ___kmalloc_large_node __kmalloc_large_node_noprof "
     "__kmalloc_node_track_caller_noprof "
     "krealloc_noprof",
     kFromSources},
    {kOrderTooLarge, "alloc_pages_noprof", "__alloc_pages_noprof", "alloc_pages_mpol_noprof", kFromSources},
    {kOrderTooLarge, "__alloc_pages_noprof", "__alloc_pages_noprof", "", kFromSources},
    {kOrderTooLarge, "*", "__alloc_pages_noprof", "alloc_pages_mpol_noprof {export}", kFromSources},
    {kAllocationFailure, "__kmalloc_large_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_mpol_noprof "
     "___kmalloc_large_node __kmalloc_large_noprof",
     kMeasured},
    {kAllocationFailure, "__kmalloc_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_mpol_noprof "
     "allocate_slab ___slab_alloc __kmalloc_noprof",
     kMeasured},
    {kAllocationFailure, "__kmalloc_cache_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_mpol_noprof "
     "allocate_slab ___slab_alloc __kmalloc_cache_noprof",
     kFromSources},
    {kAllocationFailure, "kmem_cache_alloc_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_mpol_noprof "
     "allocate_slab ___slab_alloc kmem_cache_alloc_noprof",
     kFromSources},
    {kAllocationFailure, "alloc_pages_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_mpol_noprof",
     kFromSources},
    {kAllocationFailure, "__alloc_pages_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof", kFromSources},
    {kAllocationFailure, "vmalloc_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kMeasured},
    {kAllocationFailure, "vzalloc_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kFromSources},
    {kAllocationFailure, "__vmalloc_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kFromSources},
    {kAllocationFailure, "vmalloc_user_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof vmalloc_user_noprof",
     kFromSources},
    {kAllocationFailure, "vmalloc_32_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kFromSources},
    {kAllocationFailure, "vmalloc_32_user_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof vmalloc_32_user_noprof",
     kFromSources},
    {kAllocationFailure, "__vmalloc_array_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kFromSources},
    {kAllocationFailure, "vmalloc_array_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kFromSources},
    {kAllocationFailure, "__vcalloc_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kFromSources},
    {kAllocationFailure, "vcalloc_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kFromSources},
    {kAllocationFailure, "vmalloc_node_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kFromSources},
    {kAllocationFailure, "vzalloc_node_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kFromSources},
    {kAllocationFailure, "__kvmalloc_node_noprof", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_bulk_noprof __vmalloc_node_range_noprof __kvmalloc_node_noprof",
     kFromSources},
    {kAllocationFailure, "*", "",
     "dump_stack_lvl warn_alloc __alloc_pages_slowpath.constprop.0 __alloc_pages_noprof "
     "alloc_pages_mpol_noprof "
     "{export}",
     kFromSources},
    {kFaultInside, "*", "{export}", "", kFromSources},
    {kZeroedConstructor, "*", "___slab_alloc", "{export}", kMeasured},
    {kKvmallocTooLarge, "*", "__kvmalloc_node_noprof", "", kMeasured},
    {kVmallocZeroSize, "*", "__vmalloc_node_range_noprof", "__vmalloc_node_noprof", kMeasured},
    {kVmallocInInterrupt, "vmap", "__get_vm_area_node", "get_vm_area_caller vmap", kFromSources},
    {kVmallocInInterrupt, "*", "__get_vm_area_node", "__vmalloc_node_range_noprof __vmalloc_node_noprof",
     kFromSources},
    {kVunmapInInterrupt, "*", "vunmap", "", kFromSources},
    {kVmallocTooLarge, "*", "", "dump_stack_lvl warn_alloc __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kMeasured},
    {kVfreeBadAddress, "*", "remove_vm_area", "vfree.part.0", kMeasured},
    {kVfreeNotMapped, "*", "vfree.part.0", "", kMeasured},
    {kDoubleFree, "*", "kfree", "", kMeasured},
    {kFreeOfBadPointer, "*", "kfree", "", kMeasured},
    {kUnexpectedGfp, "__kmalloc_noprof", "",
     "dump_stack_lvl kmalloc_fix_flags ___kmalloc_large_node __kmalloc_large_node_noprof __kmalloc_noprof",
     kMeasured},
    {kUnexpectedGfp, "__kmalloc_large_noprof", "",
     "dump_stack_lvl kmalloc_fix_flags ___kmalloc_large_node __kmalloc_large_noprof", kFromSources},
    {kUnexpectedGfp, "*", "", "dump_stack_lvl kmalloc_fix_flags ___slab_alloc {export}", kFromSources},
    {kNofailLargeOrder, "*", "get_page_from_freelist",
     "__alloc_pages_noprof alloc_pages_mpol_noprof {export}", kFromSources},
    {kFreeOfPages, "*", "free_large_kmalloc", "", kFromSources},
    {kFreeToWrongCache, "*", "kmem_cache_free", "", kFromSources},
    {kFreeOfNonSlab, "*", "kmem_cache_free", "", kFromSources},
    {kUsercopyRegion, "*", "__kmem_cache_create_args", "", kFromSources},
    {kVmallocNoPages, "*", "", "dump_stack_lvl warn_alloc __vmalloc_node_range_noprof __vmalloc_node_noprof",
     kFromSources},
    {kPercpuIllegal, "*", "pcpu_alloc_noprof", "", kFromSources},
    {kCacheBadArguments, "*", "", "dump_stack_lvl __kmem_cache_create_args", kMeasured},
    {kCacheSizeZero, "*", "reciprocal_value", "calculate_sizes do_kmem_cache_create __kmem_cache_create_args",
     kMeasured},
    {kCacheNullName, "*", "strlen", "kmem_cache_flags __kmem_cache_create_args", kMeasured},
    {kCacheObjectsRemaining, "*", "__kmem_cache_shutdown", "kmem_cache_destroy", kMeasured},
    {kCacheStillBusy, "*", "kmem_cache_destroy", "", kMeasured},
    {kSlabDamage, "kfree", "object_err", "check_bytes_and_report check_object free_to_partial_list kfree",
     kMeasured},
    {kSlabDamage, "kmem_cache_free", "object_err",
     "check_bytes_and_report check_object free_to_partial_list kmem_cache_free", kFromSources},
    {kSlabDamage, "*", "object_err",
     "check_bytes_and_report check_object alloc_debug_processing get_partial_node.part.0 ___slab_alloc "
     "{export}",
     kMeasured},
    {kSlabObjectError, "*", "object_err", "free_to_partial_list {export}", kMeasured},
    {kSlabError, "*", "slab_err", "free_to_partial_list {export}", kMeasured},
    {kSlabDisabled, "*", "slab_err", "check_slab free_to_partial_list {export}", kMeasured},
    {kSlabWrongCount, "*", "slab_err", "on_freelist free_to_partial_list {export}", kFromSources},
    {kSlabEmptyFreelist, "*", "get_partial_node.part.0", "___slab_alloc {export}", kFromSources},
    {kUsercopyAbort, "*", "usercopy_abort", "__check_heap_object __check_object_size", kMeasured},
    {kUsercopyAbortEarly, "*", "usercopy_abort", "__check_object_size", kFromSources},
    {kFortifyReport, "*", "__fortify_report", "__fortify_panic", kMeasured},
    {kFortifyPanic, "*", "__fortify_panic", "", kMeasured},
    {kListAddCorruption, "*", "__list_add_valid_or_report", "", kMeasured},
    {kListDelCorruption, "*", "__list_del_entry_valid_or_report", "", kMeasured},
    {kRefcount, "*", "refcount_warn_saturate", "", kMeasured},
    {kQueueUninitializedWork, "*", "__queue_work", "queue_work_on", kMeasured},
    {kProcDuplicate, "*", "proc_register", "", kMeasured},
    {kLockFault, "complete", "_raw_spin_lock_irqsave", "complete", kMeasured},
    {kLockFault, "wake_up_process", "_raw_spin_lock_irqsave", "try_to_wake_up", kMeasured},
    {kLockFault, "*", "{export}", "", kFromSources},
    {kSpinDeadlock, "koi_spin_wait", "native_queued_spin_lock_slowpath", "", kMeasured},
    {kSpinDeadlock, "_raw_spin_lock", "native_queued_spin_lock_slowpath", "_raw_spin_lock", kMeasured},
    {kSpinDeadlock, "koi_spin_wait", "native_queued_spin_lock_slowpath", "", kMeasured},
    {kSpinDeadlock, "*", "native_queued_spin_lock_slowpath", "{export}", kFromSources},
    {kFormatWarning, "vsnprintf", "format_decode", "vsnprintf", kMeasured},
    {kFormatWarning, "_printk", "format_decode", "vsnprintf vprintk_store vprintk_emit _printk",
     kFromSources},
    {kFormatWarning, "*", "format_decode", "vsnprintf {export}", kFromSources},
    {kVsnprintfWarning, "vsnprintf", "vsnprintf", "", kFromSources},
    {kVsnprintfWarning, "_printk", "vsnprintf", "vprintk_store vprintk_emit _printk", kFromSources},
    {kVsnprintfWarning, "*", "vsnprintf", "{export}", kFromSources},
    {kDumpStack, "*", "", "dump_stack_lvl", kMeasured},
    {kPanic, "*", "", "panic", kMeasured},
    {kPanicOnWarn, "*", "",
     "panic check_panic_on_warn __warn report_bug handle_bug exc_invalid_op asm_exc_invalid_op", kMeasured},
    {kPanicWhileAtomic, "*", "", "panic check_panic_on_warn", kFromSources},
    {kStackProtector, "*", "", "panic __stack_chk_fail", kMeasured},
    {kScheduleWhileAtomic, "koi_scheduling_while_atomic", "", "dump_stack_lvl __schedule_bug", kMeasured},
    {kScheduleWhileAtomic, "*", "", "dump_stack_lvl __schedule_bug __schedule schedule {sleep}", kMeasured},
    {kRcuContextSwitch, "*", "rcu_note_context_switch", "__schedule schedule {sleep}", kMeasured},
    {kBlocked, "koi_task_switch", "", "", kMeasured},
    {kBlocked, "*", "", "__schedule schedule {sleep}", kMeasured},
    {kLock, "kfree", "", "kfree", kMeasured},
    {kLock, "vfree", "", "vfree.part.0", kMeasured},
    {kLock, "*", "", "", kMeasured},
    {kLockUninitialised, "*", "__mutex_lock", "", kMeasured},
};

// Exports that put the caller to sleep: what stands between schedule() and the module. An export that
// tail-calls its worker has no frame.
constexpr SleepRow kSleeps[] = {
    {"schedule", "", kMeasured},
    {"msleep", "schedule_timeout msleep", kMeasured},
    {"schedule_timeout", "schedule_timeout", kFromSources},
    {"schedule_timeout_interruptible", "schedule_timeout", kMeasured},
    {"schedule_timeout_uninterruptible", "schedule_timeout", kFromSources},
    {"schedule_timeout_killable", "schedule_timeout", kFromSources},
    {"msleep_interruptible", "schedule_timeout msleep_interruptible", kFromSources},
    {"usleep_range_state", "schedule_hrtimeout_range_clock usleep_range_state", kFromSources},
    {"wait_for_completion", "schedule_timeout __wait_for_common", kFromSources},
    {"wait_for_completion_timeout", "schedule_timeout __wait_for_common", kFromSources},
    {"wait_for_completion_interruptible",
     "schedule_timeout __wait_for_common wait_for_completion_interruptible", kFromSources},
    {"wait_for_completion_interruptible_timeout", "schedule_timeout __wait_for_common", kFromSources},
    {"mutex_lock", "schedule_preempt_disabled __mutex_lock.constprop.0", kFromSources},
    {"mutex_lock_interruptible", "schedule_preempt_disabled __mutex_lock.constprop.0", kFromSources},
    {"mutex_lock_killable", "schedule_preempt_disabled __mutex_lock.constprop.0", kFromSources},
    {"down_read", "schedule_preempt_disabled rwsem_down_read_slowpath down_read", kFromSources},
    {"down_write", "schedule_preempt_disabled rwsem_down_write_slowpath down_write", kFromSources},
    {"down", "schedule_timeout ___down_common __down_common down", kFromSources},
    {"kthread_stop", "schedule_timeout __wait_for_common kthread_stop", kFromSources},
    {"flush_work", "schedule_timeout __wait_for_common __flush_work.isra.0", kFromSources},
    {"synchronize_rcu", "schedule_timeout __wait_for_common __wait_rcu_gp synchronize_rcu", kFromSources},
};

#define KOI_SYSCALL " do_syscall_64 entry_SYSCALL_64_after_hwframe"
#define KOI_SOFTIRQ " handle_softirqs __irq_exit_rcu sysvec_apic_timer_interrupt"
constexpr std::string_view kTimerEntry = "asm_sysvec_apic_timer_interrupt";

constexpr ContextRow kContexts61[] = {
    {kModuleInit, "do_one_initcall do_init_module __do_sys_finit_module" KOI_SYSCALL, "", kMeasured},
    {kModuleExit, "__do_sys_delete_module" KOI_SYSCALL, "", kMeasured},
    {kKthread, "kthread ret_from_fork", "", kMeasured},
    {kWork, "process_one_work worker_thread kthread ret_from_fork", "", kMeasured},
    {kTimer, "call_timer_fn __run_timers run_timer_softirq" KOI_SOFTIRQ, kTimerEntry, kMeasured},
    {kHrtimer,
     "__hrtimer_run_queues hrtimer_interrupt __sysvec_apic_timer_interrupt sysvec_apic_timer_interrupt",
     kTimerEntry, kMeasured},
    {kHrtimerSoft, "__hrtimer_run_queues hrtimer_run_softirq" KOI_SOFTIRQ, kTimerEntry, kFromSources},
    {kIrqHandler,
     "__handle_irq_event_percpu handle_irq_event handle_edge_irq __common_interrupt common_interrupt",
     "asm_common_interrupt", kFromSources},
    {kTasklet, "tasklet_action_common.constprop.0" KOI_SOFTIRQ, kTimerEntry, kFromSources},
    {kRcuCallback, "rcu_do_batch rcu_core" KOI_SOFTIRQ, kTimerEntry, kFromSources},
    {kIrqWork, "irq_work_single irq_work_run_list irq_work_run __sysvec_irq_work sysvec_irq_work",
     "asm_sysvec_irq_work", kFromSources},
    {kSmpCall, "__flush_smp_call_function_queue __sysvec_call_function_single sysvec_call_function_single",
     "asm_sysvec_call_function_single", kFromSources},
    {kModuleNotifier, "do_init_module __do_sys_finit_module" KOI_SYSCALL, "", kMeasured},
    {kFileRead, "vfs_read ksys_read" KOI_SYSCALL, "", kFromSources},
    {kFileWrite, "vfs_write ksys_write" KOI_SYSCALL, "", kFromSources},
    {kFileIoctl, "__x64_sys_ioctl" KOI_SYSCALL, "", kFromSources},
    {kFileOpen,
     "chrdev_open do_dentry_open path_openat do_filp_open do_sys_openat2 __x64_sys_openat" KOI_SYSCALL, "",
     kFromSources},
    {kParameterStore,
     "param_attr_store module_attr_store kernfs_fop_write_iter vfs_write ksys_write" KOI_SYSCALL, "",
     kFromSources},
};

constexpr ContextRow kContexts612[] = {
    {kModuleInit,
     "do_one_initcall do_init_module init_module_from_file idempotent_init_module "
     "__x64_sys_finit_module" KOI_SYSCALL,
     "", kMeasured},
    {kModuleExit, "__do_sys_delete_module" KOI_SYSCALL, "", kMeasured},
    {kKthread, "kthread ret_from_fork ret_from_fork_asm", "", kMeasured},
    {kWork, "process_one_work worker_thread kthread ret_from_fork ret_from_fork_asm", "", kFromSources},
    {kTimer, "call_timer_fn __run_timers run_timer_softirq" KOI_SOFTIRQ, kTimerEntry, kMeasured},
    {kHrtimer,
     "__hrtimer_run_queues hrtimer_interrupt __sysvec_apic_timer_interrupt sysvec_apic_timer_interrupt",
     kTimerEntry, kFromSources},
    {kHrtimerSoft, "__hrtimer_run_queues hrtimer_run_softirq" KOI_SOFTIRQ, kTimerEntry, kFromSources},
    {kIrqHandler,
     "__handle_irq_event_percpu handle_irq_event handle_edge_irq __common_interrupt common_interrupt",
     "asm_common_interrupt", kFromSources},
    {kTasklet, "tasklet_action_common" KOI_SOFTIRQ, kTimerEntry, kFromSources},
    {kRcuCallback, "rcu_do_batch rcu_core" KOI_SOFTIRQ, kTimerEntry, kFromSources},
    {kIrqWork, "irq_work_single irq_work_run_list irq_work_run __sysvec_irq_work sysvec_irq_work",
     "asm_sysvec_irq_work", kFromSources},
    {kSmpCall, "__flush_smp_call_function_queue __sysvec_call_function_single sysvec_call_function_single",
     "asm_sysvec_call_function_single", kFromSources},
    {kModuleNotifier,
     "do_init_module init_module_from_file idempotent_init_module __x64_sys_finit_module" KOI_SYSCALL, "",
     kFromSources},
    {kFileRead, "vfs_read ksys_read" KOI_SYSCALL, "", kFromSources},
    {kFileWrite, "vfs_write ksys_write" KOI_SYSCALL, "", kFromSources},
    {kFileIoctl, "__x64_sys_ioctl" KOI_SYSCALL, "", kFromSources},
    {kFileOpen,
     "chrdev_open do_dentry_open vfs_open path_openat do_filp_open do_sys_openat2 "
     "__x64_sys_openat" KOI_SYSCALL,
     "", kFromSources},
    {kParameterStore,
     "param_attr_store module_attr_store kernfs_fop_write_iter vfs_write ksys_write" KOI_SYSCALL, "",
     kFromSources},
};

}  // namespace

std::span<const EventRow> event_rows(Release series) {
  if (series == Release::k6_1) return kEvents61;
  return kEvents612;
}
std::span<const SleepRow> sleep_rows(Release) { return kSleeps; }
std::span<const ContextRow> context_rows(Release series) {
  if (series == Release::k6_1) return kContexts61;
  return kContexts612;
}

std::string_view idle_row(Release series, bool boot_cpu) {
  if (series == Release::k6_1) {
    return boot_cpu
               ? "amd_e400_idle default_idle_call do_idle cpu_startup_entry rest_init arch_call_rest_init "
                 "start_kernel secondary_startup_64_no_verify"
               : "amd_e400_idle default_idle_call do_idle cpu_startup_entry start_secondary "
                 "secondary_startup_64_no_verify";
  }
  return boot_cpu
             ? "default_idle default_idle_call do_idle cpu_startup_entry rest_init start_kernel "
               "x86_64_start_reservations x86_64_start_kernel common_startup_64"
             : "default_idle default_idle_call do_idle cpu_startup_entry start_secondary common_startup_64";
}

}  // namespace koi::runtime::frames_table
