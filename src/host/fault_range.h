// SPDX-License-Identifier: GPL-2.0-only
// Instructions that may touch memory of the guest's that is not there, and where they go on then (guest_fault_landing()).
#pragma once

// For inline assembly: an entry (first byte, one past the last byte, landing place) of a table that the linker collects.
// Each field is relative to the start of the entry, so that the table needs no relocations.
#define KOI_EX_RANGE(from, to, landing)           \
  ".pushsection koi_ex_table, \"a\"\n\t"          \
  ".balign 8\n\t"                                 \
  "9: .quad " from " - 9b, " to " - 9b, " landing \
  " - 9b\n\t"                                     \
  ".popsection\n\t"
