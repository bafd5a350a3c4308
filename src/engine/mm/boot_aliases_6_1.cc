// SPDX-License-Identifier: GPL-2.0-only
// Caches of a booted Debian 6.1 kernel (amd64) that share another's slabs as long as caches are merged.
#include "engine/mm/boot_caches.h"

namespace koi::mm {

using namespace slab_flag;

namespace {

// name, the id that it shares, object size, alignment, flags
constexpr BootAlias kAliases[] = {
    {"Acpi-Namespace", ":0000048", 48, 8, 0},
    {"Acpi-Parse", ":0000056", 56, 8, 0},
    {"Acpi-ParseExt", ":0000080", 80, 8, 0},
    {"UDP", ":A-0001152", 1152, 64, kHwcacheAlign | kAccount},
    {"UDP-Lite", ":A-0001152", 1152, 64, kHwcacheAlign | kAccount},
    {"UDPLITEv6", ":A-0001344", 1344, 64, kHwcacheAlign | kAccount},
    {"UNIX", ":A-0001024", 1024, 64, kHwcacheAlign | kAccount},
    {"UNIX-STREAM", ":A-0001024", 1024, 64, kHwcacheAlign | kAccount},
    {"aio_kiocb", ":0000192", 176, 64, kHwcacheAlign},
    {"audit_buffer", ":0000024", 24, 8, 0},
    {"audit_tree_mark", ":0000080", 80, 8, 0},
    {"bio_integrity_payload", ":0000192", 160, 64, kHwcacheAlign},
    {"biovec-16", ":0000256", 256, 64, kHwcacheAlign},
    {"blkdev_ioc", ":0000088", 88, 8, 0},
    {"btree_node", ":0000128", 128, 64, kHwcacheAlign},
    {"dio", ":0000640", 640, 64, 0},
    {"dmaengine-unmap-16", ":0000192", 160, 64, kHwcacheAlign},
    {"dmaengine-unmap-2", ":0000064", 48, 64, kHwcacheAlign},
    {"dnotify_mark", ":A-0000080", 80, 8, kAccount},
    {"eventpoll_epi", ":A-0000128", 120, 64, kHwcacheAlign | kAccount},
    {"eventpoll_pwq", ":A-0000064", 64, 8, kAccount},
    {"fanotify_fid_event", ":0000072", 72, 8, 0},
    {"fanotify_path_event", ":0000064", 64, 8, 0},
    {"fanotify_perm_event", ":0000072", 72, 8, 0},
    {"fasync_cache", ":A-0000048", 48, 8, kAccount},
    {"fib6_nodes", ":A-0000128", 72, 64, kHwcacheAlign | kAccount},
    {"file_lock_ctx", ":0000056", 56, 8, 0},
    {"fs_cache", ":A-0000064", 56, 64, kHwcacheAlign | kAccount},
    {"fsnotify_mark", ":A-0000072", 72, 8, kAccount},
    {"fsnotify_mark_connector", ":0000032", 32, 8, 0},
    {"inet_peer_cache", ":0000192", 160, 64, kHwcacheAlign},
    {"inotify_inode_mark", ":A-0000080", 80, 8, kAccount},
    {"io_kiocb", ":A-0000256", 216, 64, kHwcacheAlign | kAccount},
    {"iommu_iova", ":0000064", 40, 64, kHwcacheAlign},
    {"ip6_dst_cache", ":A-0000256", 232, 64, kHwcacheAlign | kAccount},
    {"ip6_mrt_cache", ":A-0000192", 184, 64, kHwcacheAlign | kAccount},
    {"ip_dst_cache", ":0000192", 176, 64, kHwcacheAlign},
    {"ip_mrt_cache", ":A-0000192", 160, 64, kHwcacheAlign | kAccount},
    {"key_jar", ":0000256", 232, 64, kHwcacheAlign},
    {"ksm_mm_slot", ":0000048", 48, 8, 0},
    {"ksm_rmap_item", ":0000064", 64, 8, 0},
    {"ksm_stable_node", ":0000064", 64, 8, 0},
    {"pool_workqueue", ":0000256", 256, 256, 0},
    {"posix_timers_cache", ":A-0000256", 256, 8, kAccount},
    {"sgpool-128", ":0004096", 4096, 64, kHwcacheAlign},
    {"sgpool-16", ":0000512", 512, 64, kHwcacheAlign},
    {"sgpool-32", ":0001024", 1024, 64, kHwcacheAlign},
    {"sgpool-64", ":0002048", 2048, 64, kHwcacheAlign},
    {"sgpool-8", ":0000256", 256, 64, kHwcacheAlign},
    {"task_delay_info", ":A-0000128", 128, 8, kAccount},
    {"tcp_bind2_bucket", ":A-0000064", 64, 64, kHwcacheAlign | kAccount},
    {"tcp_bind_bucket", ":A-0000128", 72, 64, kHwcacheAlign | kAccount},
    {"uid_cache", ":0000192", 144, 64, kHwcacheAlign},
    {"zswap_entry", ":0000064", 64, 8, 0},
};

// Of those that others share, the sizes that their creators asked for, where a sharer asked for more.
constexpr BootOwnSize kOwnSizes[] = {
    {"PING", 992},
    {"cred_jar", 176},
    {"filp", 232},
    {"pid", 112},
    {"signal_cache", 1112},
    {"skbuff_ext_cache", 160},
    {"skbuff_fclone_cache", 472},
};

}  // namespace

std::span<const BootAlias> boot_aliases_6_1() { return kAliases; }
std::span<const BootOwnSize> boot_own_sizes_6_1() { return kOwnSizes; }

}  // namespace koi::mm
