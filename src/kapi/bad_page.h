// SPDX-License-Identifier: GPL-2.0-only
// "BUG: Bad page state": pages that change hands although their struct page says that somebody uses them.
#pragma once

#include "engine/mm/buddy.h"

namespace koi::kapi {

// Reports the pages of a block that is about to be given back, with no reference left. true: one of them is not fit to be
// given out again; the kernel keeps such a block from everybody, too.
[[nodiscard]] bool report_bad_pages(Pfn pfn, Order order);
// Reports a page that was handed out while somebody counted on it still. true: it is one of this block, which nobody is to use.
[[nodiscard]] bool report_held_page(Pfn pfn, Order order);

}  // namespace koi::kapi
