// SPDX-License-Identifier: GPL-2.0-only
// Caches of a booted Debian 6.12 kernel (amd64) that share another's slabs as long as caches are merged.
#include "engine/mm/boot_caches.h"

namespace koi::mm {

using namespace slab_flag;

namespace {

// name, the id that it shares, object size, alignment, flags
constexpr BootAlias kAliases[] = {
    {"Acpi-Namespace", 48, 8, 0},
    {"Acpi-Operand", 72, 8, 0},
    {"Acpi-Parse", 56, 8, 0},
    {"Acpi-ParseExt", 80, 8, 0},
    {"UDP", 1152, 64, kHwcacheAlign | kAccount},
    {"UDP-Lite", 1152, 64, kHwcacheAlign | kAccount},
    {"UDPLITEv6", 1344, 64, kHwcacheAlign | kAccount},
    {"UNIX", 1024, 64, kHwcacheAlign | kAccount},
    {"UNIX-STREAM", 1024, 64, kHwcacheAlign | kAccount},
    {"aio_kiocb", 176, 64, kHwcacheAlign},
    {"audit_buffer", 24, 8, 0},
    {"audit_tree_mark", 80, 8, 0},
    {"bio_integrity_payload", 160, 64, kHwcacheAlign},
    {"biovec-16", 256, 64, kHwcacheAlign},
    {"biovec-64", 1024, 64, kHwcacheAlign},
    {"blkdev_ioc", 88, 8, 0},
    {"btree_node", 128, 64, kHwcacheAlign},
    {"damon_region", 56, 8, 0},
    {"dio", 640, 64, 0},
    {"dmaengine-unmap-16", 160, 64, kHwcacheAlign},
    {"dnotify_mark", 80, 8, kAccount},
    {"eventpoll_epi", 120, 64, kHwcacheAlign | kAccount},
    {"eventpoll_pwq", 64, 8, kAccount},
    {"fanotify_fid_event", 72, 8, 0},
    {"fanotify_mark", 80, 8, kAccount},
    {"fanotify_path_event", 64, 8, 0},
    {"fanotify_perm_event", 96, 8, 0},
    {"fasync_cache", 48, 8, kAccount},
    {"fib6_node", 72, 64, kHwcacheAlign | kAccount},
    {"file_lock_ctx", 56, 8, 0},
    {"fs_cache", 56, 64, kHwcacheAlign | kAccount},
    {"gpu_buddy_block", 80, 8, 0},
    {"inet_peer", 160, 64, kHwcacheAlign},
    {"inotify_inode_mark", 80, 8, kAccount},
    {"iommu_iova", 40, 64, kHwcacheAlign},
    {"ip6_dst_cache", 224, 64, kHwcacheAlign | kAccount},
    {"kernfs_iattrs_cache", 80, 8, 0},
    {"key_jar", 232, 64, kHwcacheAlign},
    {"ksm_mm_slot", 48, 8, 0},
    {"ksm_rmap_item", 64, 8, 0},
    {"ksm_stable_node", 64, 8, 0},
    {"lsm_file_cache", 48, 8, 0},
    {"mfc6_cache", 184, 64, kHwcacheAlign | kAccount},
    {"mfc_cache", 160, 64, kHwcacheAlign | kAccount},
    {"pde_opener", 40, 8, kAccount},
    {"pid_namespace", 144, 8, kAccount},
    {"rtable", 176, 64, kHwcacheAlign},
    {"sgpool-128", 4096, 64, kHwcacheAlign},
    {"sgpool-16", 512, 64, kHwcacheAlign},
    {"sgpool-32", 1024, 64, kHwcacheAlign},
    {"sgpool-64", 2048, 64, kHwcacheAlign},
    {"sgpool-8", 256, 64, kHwcacheAlign},
    {"skbuff_ext_cache", 160, 64, kHwcacheAlign},
    {"skbuff_fclone_cache", 472, 64, kHwcacheAlign},
    {"tcp_bind2_bucket", 72, 64, kHwcacheAlign | kAccount},
    {"tcp_bind_bucket", 72, 64, kHwcacheAlign | kAccount},
    {"uid_cache", 136, 64, kHwcacheAlign},
};

// Of those that others share, the sizes that their creators asked for, where a sharer asked for more.
constexpr BootOwnSize kOwnSizes[] = {
    {"PING", 1000},
    {"backing_aio", 112},
    {"dmaengine-unmap-2", 48},
    {"signal_cache", 1104},
};

}  // namespace

std::span<const BootAlias> boot_aliases_6_12() { return kAliases; }
std::span<const BootOwnSize> boot_own_sizes_6_12() { return kOwnSizes; }

}  // namespace koi::mm
