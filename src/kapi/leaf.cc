// SPDX-License-Identifier: GPL-2.0-only
// The allocators' common cases, on the module's own stack: an object from the CPU's current slab, an object back to a slab
// that moves nowhere by it, a page from or to the CPU's list. Here: which of them a machine can use.
//
// Each function first finds out whether all of the call is such a case, having changed nothing, and otherwise is left
// through koi_leaf_slow(). tests/system/leaf.sh looks at their machine code: a few pushes, no calls.
#include "kapi/leaf.h"

#include "kapi/checks.h"
#include "kapi/leaf_machine.h"
#include "runtime/memory/memcg.h"

namespace koi::kapi {

namespace leaf {
Machine machine;
}  // namespace leaf

namespace {

LeafFunction choose(const LeafVariants& variants, bool accounts, bool clears) {
  if (accounts) return clears ? variants.counted_clearing : variants.counted;
  return clears ? variants.clearing : variants.plain;
}

// What the leaves are to know of this machine.
void describe(runtime::Kernel& kernel, leaf::Machine& hot) {
  runtime::Memory& m = kernel.memory();
  mm::Buddy& pages = m.pages();
  hot = {};
  hot.first_page = host::kDirectMap + (pages.first_pfn() << mm::kPageShift);
  hot.page_count = pages.end_pfn() - pages.first_pfn();
  hot.first_pfn = pages.first_pfn();
  hot.first_struct_page = host::kVmemmap + hot.first_pfn * host::kStructPageSize;
  hot.slab_pages = m.slabs().slab_pages();
  hot.last_freed_to = m.slabs().last_freed_to();
  hot.pages = &pages.desc(Pfn{pages.first_pfn()});
  hot.buddy = &pages;
  hot.slabs = &m.slabs();
  hot.known = m.known_caches().slots();
  hot.special = m.kmalloc().special_gfp() | leaf::kWideGfp;
  hot.zero = pages.gfp().zero;
  hot.special_or_zero = hot.special | hot.zero;
  hot.wide_or_zero = leaf::kWideGfp | hot.zero;
  hot.watched = kernel.config().checks == runtime::Checks::kAll ? pages.gfp().direct_reclaim : 0;
  hot.special_block = pages.gfp().comp | pages.gfp().nofail;
  hot.clears_pages = m.slabs().config().init_on_alloc;
  hot.counters = m.accounting().sites().counters();
  hot.facts = m.facts();
  hot.lock_pages = kernel.locks().pages_place();
  for (u64 i = 0; i < leaf::kClasses; ++i) {
    hot.classes[i] = m.kmalloc().cache(mm::KmallocType::kNormal, mm::Kmalloc::index((i + 1) * 8));
  }
}

// Does the leaf know what it has to know about this machine?
bool is_usable(host::Leaf leaf, const runtime::MemoryFacts& facts) {
  using host::Leaf;
  switch (leaf) {
    case Leaf::kAllocPages:
      return pages_are_as_known(facts);
    case Leaf::kFreePages:
      return pages_are_as_known(facts) && !frees_matter();
    case Leaf::kKmalloc:
      return facts.random_kmalloc_caches == 0;
    case Leaf::kKfree:
    case Leaf::kCacheFree:
    case Leaf::kBulkFree:
      return !frees_matter();  // else somebody has to look at each
    default:
      return true;
  }
}

}  // namespace

void install_leaves(runtime::Kernel& kernel) {
  describe(kernel, leaf::machine);
  runtime::Memory& m = kernel.memory();
  const bool accounts = m.accounting().enabled();
  const bool clears = m.slabs().config().init_on_alloc;
  const bool on = !m.accounting().listened_to() && !kernel.config().no_leaves && kernel.guard() == nullptr &&
                  m.pages().node_count() == 1 && runtime::memcg() == nullptr &&
                  !kernel.config().boot.init_on_free;
  host::StubArea& stubs = kernel.stubs();
  stubs.open();
  for (const std::span<const LeafVariants> leaves : {slab_leaves(), bulk_leaves(), page_leaves()}) {
    for (const LeafVariants& variants : leaves) {
      const LeafFunction function = choose(variants, accounts, clears);
      const bool usable = on && is_usable(variants.leaf, m.facts());
      stubs.set_leaf(variants.leaf, usable ? reinterpret_cast<const void*>(function) : host::leaf_off());
    }
  }
  stubs.seal();
}

}  // namespace koi::kapi
