// SPDX-License-Identifier: GPL-2.0-only
/* Waiting for a bit or a variable: the waiters share a table of queues by address. */

#define KOI_WAIT_TABLE_BITS 8
/* What a waited-for word is to the functions' prototypes. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
typedef unsigned long koi_bit_word;
#else
typedef void koi_bit_word;
#endif
static wait_queue_head_t koi_bit_wait_table[1 << KOI_WAIT_TABLE_BITS];

static void koi_wait_bit_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(koi_bit_wait_table); i++)
		init_waitqueue_head(&koi_bit_wait_table[i]);
}

wait_queue_head_t *bit_waitqueue(koi_bit_word *word, int bit)
{
	return &koi_bit_wait_table[hash_long((unsigned long)word << 6 | bit, KOI_WAIT_TABLE_BITS)];
}

wait_queue_head_t *__var_waitqueue(void *p)
{
	return &koi_bit_wait_table[hash_ptr(p, KOI_WAIT_TABLE_BITS)];
}

int wake_bit_function(struct wait_queue_entry *entry, unsigned int mode, int sync, void *arg)
{
	struct wait_bit_queue_entry *mine = container_of(entry, struct wait_bit_queue_entry, wq_entry);
	struct wait_bit_key *key = arg;

	if (mine->key.flags != key->flags || mine->key.bit_nr != key->bit_nr || test_bit(key->bit_nr, key->flags))
		return 0;
	return autoremove_wake_function(entry, mode, sync, key);
}

int __wait_on_bit(struct wait_queue_head *wq, struct wait_bit_queue_entry *entry, wait_bit_action_f *action,
			  unsigned int mode)
{
	int answer = 0;

	do {
		prepare_to_wait(wq, &entry->wq_entry, mode);
		if (test_bit(entry->key.bit_nr, entry->key.flags))
			answer = action(&entry->key, mode);
	} while (test_bit(entry->key.bit_nr, entry->key.flags) && !answer);
	finish_wait(wq, &entry->wq_entry);
	return answer;
}

int out_of_line_wait_on_bit(koi_bit_word *word, int bit, wait_bit_action_f *action, unsigned int mode)
{
	DEFINE_WAIT_BIT(entry, word, bit);

	return __wait_on_bit(bit_waitqueue(word, bit), &entry, action, mode);
}

int out_of_line_wait_on_bit_timeout(koi_bit_word *word, int bit, wait_bit_action_f *action, unsigned int mode,
					    unsigned long timeout)
{
	DEFINE_WAIT_BIT(entry, word, bit);

	entry.key.timeout = jiffies + timeout;
	return __wait_on_bit(bit_waitqueue(word, bit), &entry, action, mode);
}

int __wait_on_bit_lock(struct wait_queue_head *wq, struct wait_bit_queue_entry *entry, wait_bit_action_f *action,
			       unsigned int mode)
{
	int answer = 0;

	for (;;) {
		prepare_to_wait_exclusive(wq, &entry->wq_entry, mode);
		if (test_bit(entry->key.bit_nr, entry->key.flags)) {
			answer = action(&entry->key, mode);
			if (answer)
				finish_wait(wq, &entry->wq_entry);
		}
		if (!test_and_set_bit(entry->key.bit_nr, entry->key.flags)) {
			if (!answer)
				finish_wait(wq, &entry->wq_entry);
			return 0;
		}
		if (answer)
			return answer;
	}
}

int out_of_line_wait_on_bit_lock(koi_bit_word *word, int bit, wait_bit_action_f *action, unsigned int mode)
{
	DEFINE_WAIT_BIT(entry, word, bit);

	return __wait_on_bit_lock(bit_waitqueue(word, bit), &entry, action, mode);
}

void __wake_up_bit(struct wait_queue_head *wq, koi_bit_word *word, int bit)
{
	struct wait_bit_key key = __WAIT_BIT_KEY_INITIALIZER(word, bit);

	if (waitqueue_active(wq))
		__wake_up(wq, TASK_NORMAL, 1, &key);
}

void wake_up_bit(koi_bit_word *word, int bit)
{
	__wake_up_bit(bit_waitqueue(word, bit), word, bit);
}

static int koi_var_wake_function(struct wait_queue_entry *entry, unsigned int mode, int sync, void *arg)
{
	struct wait_bit_queue_entry *mine = container_of(entry, struct wait_bit_queue_entry, wq_entry);
	struct wait_bit_key *key = arg;

	if (mine->key.flags != key->flags || mine->key.bit_nr != key->bit_nr)
		return 0;
	return autoremove_wake_function(entry, mode, sync, key);
}

void init_wait_var_entry(struct wait_bit_queue_entry *entry, void *var, int flags)
{
	*entry = (struct wait_bit_queue_entry){
		.key = { .flags = var, .bit_nr = -1 },
		.wq_entry = {
			.flags = flags,
			.private = current,
			.func = koi_var_wake_function,
			.entry = LIST_HEAD_INIT(entry->wq_entry.entry),
		},
	};
}

void wake_up_var(void *var)
{
	__wake_up_bit(__var_waitqueue(var), var, -1);
}

static int koi_signal_answer(int mode)
{
	return signal_pending_state(mode, current) ? -EINTR : 0;
}

int bit_wait(struct wait_bit_key *word, int mode)
{
	schedule();
	return koi_signal_answer(mode);
}

int bit_wait_io(struct wait_bit_key *word, int mode)
{
	io_schedule();
	return koi_signal_answer(mode);
}

int bit_wait_timeout(struct wait_bit_key *word, int mode)
{
	unsigned long now = READ_ONCE(jiffies);

	if (time_after_eq(now, word->timeout))
		return -EAGAIN;
	schedule_timeout(word->timeout - now);
	return koi_signal_answer(mode);
}

int bit_wait_io_timeout(struct wait_bit_key *word, int mode)
{
	return bit_wait_timeout(word, mode);
}
