// SPDX-License-Identifier: GPL-2.0-only
/* Deferred static keys: the last user's leaving takes effect later. The keys themselves are C++'s. */

bool static_key_initialized = true;

#ifdef CONFIG_JUMP_LABEL
#include <linux/jump_label_ratelimit.h>

void jump_label_update_timeout(struct work_struct *work)
{
	static_key_slow_dec(&container_of(work, struct static_key_deferred, work.work)->key);
}

void __static_key_slow_dec_deferred(struct static_key *key, struct delayed_work *work, unsigned long timeout)
{
	if (atomic_read(&key->enabled) > 1)
		static_key_slow_dec(key);
	else
		schedule_delayed_work(work, timeout);
}

void __static_key_deferred_flush(void *key, struct delayed_work *work)
{
	flush_delayed_work(work);
}

void jump_label_rate_limit(struct static_key_deferred *key, unsigned long rl)
{
	key->timeout = rl;
	INIT_DELAYED_WORK(&key->work, jump_label_update_timeout);
}
#endif
