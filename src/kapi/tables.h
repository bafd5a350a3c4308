// SPDX-License-Identifier: GPL-2.0-only
// The table of each kapi file; exports.cc puts them together.
#pragma once

#include "runtime/export.h"

namespace koi::kapi {

runtime::ExportTable core_exports();         // what the C core calls
runtime::ExportTable slab_exports();         // <linux/slab.h>: kmalloc
runtime::ExportTable slab_cache_exports();   // kmem_cache_*
runtime::ExportTable slab_report_exports();  // kmem_dump_obj, hardened usercopy
runtime::ExportTable uaccess_exports();      // vm_mmap
runtime::ExportTable page_exports();         // <linux/gfp.h>
runtime::ExportTable vmalloc_exports();      // <linux/vmalloc.h>, kvmalloc
runtime::ExportTable percpu_exports();       // <linux/percpu.h>
runtime::ExportTable sched_exports();        // what the C core's scheduling parts call
runtime::ExportTable tsan_exports();         // --sanitize=thread
runtime::ExportTable asan_exports();         // --sanitize=address
runtime::ExportTable lockdep_exports();      // what the C core's lock functions call
runtime::ExportTable vfs_exports();          // what the C core's file systems call
runtime::ExportTable printk_exports();       // <linux/printk.h>
runtime::ExportTable format_exports();       // <linux/sprintf.h>: the vsnprintf family
runtime::ExportTable dyndbg_exports();       // <linux/dynamic_debug.h>
runtime::ExportTable check_exports();        // what the C core's checks call
runtime::ExportTable static_key_exports();   // <linux/jump_label.h>

// For table entries: the address of a function, whatever its type.
template <class R, class... A>
const void* address(R (*function)(A...)) {
  return reinterpret_cast<const void*>(function);
}

}  // namespace koi::kapi
