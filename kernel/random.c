// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random numbers: all of them follow from the run's seed, so that a run can be repeated. The generator is xoshiro256**
 * (D. Blackman, S. Vigna, "Scrambled linear pseudorandom number generators", 2021); it is no secret to anyone.
 */
#include <linux/random.h>
#include <linux/notifier.h>

static u64 koi_random_state[4];

static u64 koi_random_u64(void)
{
	u64 *s = koi_random_state;
	u64 result = rol64(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rol64(s[3], 45);
	return result;
}

/* Once, at the end of the boot. splitmix64 spreads the seed over the state, as the generator's authors advise. */
void koi_random_init(u64 seed)
{
	int i;

	for (i = 0; i < 4; i++) {
		u64 z = seed += 0x9e3779b97f4a7c15ULL;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
		koi_random_state[i] = z ^ z >> 31;
	}
}

void get_random_bytes(void *buf, size_t len)
{
	u8 *to = buf;

	koi_charge();
	while (len) {
		u64 value = koi_random_u64();
		size_t bytes = min_t(size_t, len, sizeof(value));

		memcpy(to, &value, bytes);
		to += bytes;
		len -= bytes;
	}
}

u64 get_random_u64(void)
{
	koi_charge();
	return koi_random_u64();
}

/* The upper bits are the better ones. */
u32 get_random_u32(void)
{
	return get_random_u64() >> 32;
}

u16 get_random_u16(void)
{
	return get_random_u64() >> 48;
}

u8 get_random_u8(void)
{
	return get_random_u64() >> 56;
}

/* Uniform: the products below `2^32 mod ceil` would favour some results. */
u32 __get_random_u32_below(u32 ceil)
{
	u64 product;

	if (unlikely(!ceil))
		return get_random_u32();
	do {
		product = (u64)ceil * get_random_u32();
	} while ((u32)product < -ceil % ceil);
	return product >> 32;
}

/* ---- what others know is stirred in, and changes what follows ---- */
void add_device_randomness(const void *buf, size_t len)
{
	const u8 *from = buf;

	while (len) {
		u64 value = 0;
		size_t bytes = min_t(size_t, len, sizeof(value));

		memcpy(&value, from, bytes);
		koi_random_state[0] ^= value | !value;
		koi_random_u64();
		from += bytes;
		len -= bytes;
	}
}

void add_hwgenerator_randomness(const void *buf, size_t len, size_t entropy
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
				, bool sleep_after
#endif
				)
{
	add_device_randomness(buf, len);
}

void add_input_randomness(unsigned int type, unsigned int code, unsigned int value)
{
	unsigned int seen[] = { type, code, value };

	add_device_randomness(seen, sizeof(seen));
}

void add_interrupt_randomness(int irq)
{
	u64 now = koi_clock_ns();

	add_device_randomness(&irq, sizeof(irq));
	add_device_randomness(&now, sizeof(now));
}

/* The generator is seeded from the start. */
bool rng_is_initialized(void)
{
	return true;
}

int wait_for_random_bytes(void)
{
	might_sleep();
	return 0;
}

unsigned long random_get_entropy_fallback(void)
{
	return koi_clock_ns();
}

#if IS_ENABLED(CONFIG_VMGENID)
/* Told when the virtual machine was copied, which never happens to koi's. */
static BLOCKING_NOTIFIER_HEAD(koi_vmfork_chain);

int register_random_vmfork_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&koi_vmfork_chain, nb);
}

int unregister_random_vmfork_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_unregister(&koi_vmfork_chain, nb);
}
#endif
