// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who waits for a callback waits for every lock that the callback takes. For the validator a work, a work queue and a timer are
 * locks: their callbacks hold them, and whoever flushes, cancels or deletes them takes them for a moment.
 */
static __always_inline bool koi_calls_module(const void *function)
{
	return (unsigned long)function - koi_lockdep.modules_begin < koi_lockdep.modules_size;
}

static __always_inline void koi_map_acquire(const void *object)
{
	koi_lock_acquire(object, KOI_LOCK_MAP, _THIS_IP_);
}

static __always_inline void koi_map_release(const void *object)
{
	koi_lock_release(object, KOI_LOCK_MAP, _THIS_IP_);
}

/* `object` is waited for: nothing of its callback may be held here. */
static __always_inline void koi_map_touch(const void *object)
{
	koi_map_acquire(object);
	koi_map_release(object);
}
