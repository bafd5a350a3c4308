// SPDX-License-Identifier: GPL-2.0-only
// The flag names and structure offsets of Debian's amd64 kernels, for callers that have not asked the headers.
// Compiled out of the tables of trace/events/mmflags.h with each kernel's own headers and configuration.
#include "engine/printk/environment.h"

namespace koi::printk {
namespace {

constexpr FlagName kPage6_1[] = {
    {0x1, "locked"},       {0x80, "waiters"},       {0x100, "error"},
    {0x2, "referenced"},   {0x4, "uptodate"},       {0x8, "dirty"},
    {0x10, "lru"},         {0x20, "active"},        {0x40, "workingset"},
    {0x200, "slab"},       {0x400, "owner_priv_1"}, {0x800, "arch_1"},
    {0x1000, "reserved"},  {0x2000, "private"},     {0x4000, "private_2"},
    {0x8000, "writeback"}, {0x10000, "head"},       {0x20000, "mappedtodisk"},
    {0x40000, "reclaim"},  {0x80000, "swapbacked"}, {0x100000, "unevictable"},
    {0x200000, "mlocked"}, {0x400000, "uncached"},  {0x800000, "hwpoison"},
    {0x1000000, "arch_2"},
};

constexpr FlagName kVma6_1[] = {
    {0x1, "read"},
    {0x2, "write"},
    {0x4, "exec"},
    {0x8, "shared"},
    {0x10, "mayread"},
    {0x20, "maywrite"},
    {0x40, "mayexec"},
    {0x80, "mayshare"},
    {0x100, "growsdown"},
    {0x200, "uffd_missing"},
    {0x2000000000, "uffd_minor"},
    {0x400, "pfnmap"},
    {0x1000, "uffd_wp"},
    {0x2000, "locked"},
    {0x4000, "io"},
    {0x8000, "seqread"},
    {0x10000, "randread"},
    {0x20000, "dontcopy"},
    {0x40000, "dontexpand"},
    {0x80000, "lockonfault"},
    {0x100000, "account"},
    {0x200000, "noreserve"},
    {0x400000, "hugetlb"},
    {0x800000, "sync"},
    {0x1000000, "pat"},
    {0x2000000, "wipeonfork"},
    {0x4000000, "dontdump"},
    {0x8000000, "softdirty"},
    {0x10000000, "mixedmap"},
    {0x20000000, "hugepage"},
    {0x40000000, "nohugepage"},
    {0x80000000, "mergeable"},
};

constexpr FlagName kGfp6_1[] = {
    {0x1c24ca, "GFP_TRANSHUGE"},
    {0x1c20ca, "GFP_TRANSHUGE_LIGHT"},
    {0x100cca, "GFP_HIGHUSER_MOVABLE"},
    {0x100cc2, "GFP_HIGHUSER"},
    {0x100cc0, "GFP_USER"},
    {0x400cc0, "GFP_KERNEL_ACCOUNT"},
    {0xcc0, "GFP_KERNEL"},
    {0xc40, "GFP_NOFS"},
    {0xa20, "GFP_ATOMIC"},
    {0xc00, "GFP_NOIO"},
    {0x800, "GFP_NOWAIT"},
    {0x1, "GFP_DMA"},
    {0x2, "__GFP_HIGHMEM"},
    {0x4, "GFP_DMA32"},
    {0x20, "__GFP_HIGH"},
    {0x200, "__GFP_ATOMIC"},
    {0x40, "__GFP_IO"},
    {0x80, "__GFP_FS"},
    {0x2000, "__GFP_NOWARN"},
    {0x4000, "__GFP_RETRY_MAYFAIL"},
    {0x8000, "__GFP_NOFAIL"},
    {0x10000, "__GFP_NORETRY"},
    {0x40000, "__GFP_COMP"},
    {0x100, "__GFP_ZERO"},
    {0x80000, "__GFP_NOMEMALLOC"},
    {0x20000, "__GFP_MEMALLOC"},
    {0x100000, "__GFP_HARDWALL"},
    {0x200000, "__GFP_THISNODE"},
    {0x10, "__GFP_RECLAIMABLE"},
    {0x8, "__GFP_MOVABLE"},
    {0x400000, "__GFP_ACCOUNT"},
    {0x1000, "__GFP_WRITE"},
    {0xc00, "__GFP_RECLAIM"},
    {0x400, "__GFP_DIRECT_RECLAIM"},
    {0x800, "__GFP_KSWAPD_RECLAIM"},
    {0x800000, "__GFP_ZEROTAGS"},
};

constexpr FlagName kPage6_12[] = {
    {0x1, "locked"},         {0x80, "waiters"},       {0x4, "referenced"},      {0x8, "uptodate"},
    {0x10, "dirty"},         {0x20, "lru"},           {0x100, "active"},        {0x200, "workingset"},
    {0x400, "owner_priv_1"}, {0x800, "owner_2"},      {0x1000, "arch_1"},       {0x2000, "reserved"},
    {0x4000, "private"},     {0x8000, "private_2"},   {0x2, "writeback"},       {0x40, "head"},
    {0x10000, "reclaim"},    {0x20000, "swapbacked"}, {0x40000, "unevictable"}, {0x80000, "mlocked"},
    {0x100000, "hwpoison"},  {0x400000, "idle"},      {0x200000, "young"},      {0x800000, "arch_2"},
};

constexpr FlagName kVma6_12[] = {
    {0x1, "read"},
    {0x2, "write"},
    {0x4, "exec"},
    {0x8, "shared"},
    {0x10, "mayread"},
    {0x20, "maywrite"},
    {0x40, "mayexec"},
    {0x80, "mayshare"},
    {0x100, "growsdown"},
    {0x200, "uffd_missing"},
    {0x4000000000, "uffd_minor"},
    {0x400, "pfnmap"},
    {0x1000, "uffd_wp"},
    {0x2000, "locked"},
    {0x4000, "io"},
    {0x8000, "seqread"},
    {0x10000, "randread"},
    {0x20000, "dontcopy"},
    {0x40000, "dontexpand"},
    {0x80000, "lockonfault"},
    {0x100000, "account"},
    {0x200000, "noreserve"},
    {0x400000, "hugetlb"},
    {0x800000, "sync"},
    {0x1000000, "pat"},
    {0x2000000, "wipeonfork"},
    {0x4000000, "dontdump"},
    {0x8000000, "softdirty"},
    {0x10000000, "mixedmap"},
    {0x20000000, "hugepage"},
    {0x40000000, "nohugepage"},
    {0x10000000000, "droppable"},
    {0x80000000, "mergeable"},
};

constexpr FlagName kGfp6_12[] = {
    {0x1c24ca, "GFP_TRANSHUGE"},
    {0x1c20ca, "GFP_TRANSHUGE_LIGHT"},
    {0x100cca, "GFP_HIGHUSER_MOVABLE"},
    {0x100cc2, "GFP_HIGHUSER"},
    {0x100cc0, "GFP_USER"},
    {0x400cc0, "GFP_KERNEL_ACCOUNT"},
    {0xcc0, "GFP_KERNEL"},
    {0xc40, "GFP_NOFS"},
    {0x820, "GFP_ATOMIC"},
    {0xc00, "GFP_NOIO"},
    {0x2800, "GFP_NOWAIT"},
    {0x1, "GFP_DMA"},
    {0x2, "__GFP_HIGHMEM"},
    {0x4, "GFP_DMA32"},
    {0x20, "__GFP_HIGH"},
    {0x40, "__GFP_IO"},
    {0x80, "__GFP_FS"},
    {0x2000, "__GFP_NOWARN"},
    {0x4000, "__GFP_RETRY_MAYFAIL"},
    {0x8000, "__GFP_NOFAIL"},
    {0x10000, "__GFP_NORETRY"},
    {0x40000, "__GFP_COMP"},
    {0x100, "__GFP_ZERO"},
    {0x80000, "__GFP_NOMEMALLOC"},
    {0x20000, "__GFP_MEMALLOC"},
    {0x100000, "__GFP_HARDWALL"},
    {0x200000, "__GFP_THISNODE"},
    {0x10, "__GFP_RECLAIMABLE"},
    {0x8, "__GFP_MOVABLE"},
    {0x400000, "__GFP_ACCOUNT"},
    {0x1000, "__GFP_WRITE"},
    {0xc00, "__GFP_RECLAIM"},
    {0x400, "__GFP_DIRECT_RECLAIM"},
    {0x800, "__GFP_KSWAPD_RECLAIM"},
    {0x800000, "__GFP_ZEROTAGS"},
};

constexpr PageFlagField kPageFields[] = {
    {"node", 54, 0x3ff, false},
    {"zone", 51, 0x7, false},
    {"lastcpupid", 30, 0x1fffff, true},
};

}  // namespace

FlagTables debian_flag_tables(Release release) {
  if (release == Release::k6_1) return {kPage6_1, 0x1ffffff, kPageFields, kVma6_1, kGfp6_1};
  return {kPage6_12, 0xffffff, kPageFields, kVma6_12, kGfp6_12};
}

StructOffsets debian_offsets(Release release) {
  StructOffsets offsets;
  if (release == Release::k6_12) {
    offsets.file_dentry = 72;
    offsets.block_device_disk = 16;
    offsets.block_device_partno = 48;
  }
  return offsets;
}

FormatEnvironment debian_environment(Release release) {
  FormatEnvironment environment;
  environment.release = release;
  environment.offsets = debian_offsets(release);
  environment.flags = debian_flag_tables(release);
  return environment;
}

}  // namespace koi::printk
