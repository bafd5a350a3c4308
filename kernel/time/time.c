// SPDX-License-Identifier: GPL-2.0-only
/* Clocks, all from the one virtual clock, and delays. */

/* The wall clock at boot: a fixed date, so that runs are alike. 2026-01-01 00:00:00 UTC. */
#define KOI_BOOT_EPOCH 1767225600LL
#define KOI_BOOT_EPOCH_NS (KOI_BOOT_EPOCH * NSEC_PER_SEC)
/* TAI - UTC before a daemon has told the kernel: none. */

struct timezone sys_tz;
unsigned int hrtimer_resolution = 1;

ktime_t ktime_get(void)
{
	return koi_clock_ns();
}

ktime_t ktime_get_raw(void)
{
	return koi_clock_ns();
}

static ktime_t koi_offset(enum tk_offsets which)
{
	return which == TK_OFFS_BOOT ? 0 : KOI_BOOT_EPOCH_NS;
}

ktime_t ktime_get_with_offset(enum tk_offsets which)
{
	return koi_clock_ns() + koi_offset(which);
}

ktime_t ktime_mono_to_any(ktime_t mono, enum tk_offsets which)
{
	return mono + koi_offset(which);
}

/* The coarse clocks stand still between ticks. */
static u64 koi_tick_ns(void)
{
	return (get_jiffies_64() - INITIAL_JIFFIES) * TICK_NSEC;
}

ktime_t ktime_get_coarse_with_offset(enum tk_offsets which)
{
	return koi_tick_ns() + koi_offset(which);
}

time64_t ktime_get_seconds(void)
{
	return div_u64(koi_tick_ns(), NSEC_PER_SEC);
}

time64_t ktime_get_real_seconds(void)
{
	return KOI_BOOT_EPOCH + ktime_get_seconds();
}

u64 ktime_get_mono_fast_ns(void)
{
	return koi_clock_ns();
}

u64 ktime_get_raw_fast_ns(void)
{
	return koi_clock_ns();
}

u64 ktime_get_boot_fast_ns(void)
{
	return koi_clock_ns();
}

u64 ktime_get_tai_fast_ns(void)
{
	return koi_clock_ns() + KOI_BOOT_EPOCH_NS;
}

u64 ktime_get_real_fast_ns(void)
{
	return koi_clock_ns() + KOI_BOOT_EPOCH_NS;
}

u32 ktime_get_resolution_ns(void)
{
	return 1;
}

void ktime_get_ts64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(koi_clock_ns());
}

void ktime_get_raw_ts64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(koi_clock_ns());
}

void ktime_get_real_ts64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(koi_clock_ns() + KOI_BOOT_EPOCH_NS);
}

void ktime_get_coarse_ts64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(koi_tick_ns());
}

void ktime_get_coarse_real_ts64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(koi_tick_ns() + KOI_BOOT_EPOCH_NS);
}

void getboottime64(struct timespec64 *ts)
{
	*ts = ns_to_timespec64(KOI_BOOT_EPOCH_NS);
}

unsigned long long notrace sched_clock(void)
{
	return koi_clock_ns();
}

u64 notrace sched_clock_cpu(int cpu)
{
	return koi_clock_ns();
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)
u64 notrace local_clock(void)
{
	return koi_clock_ns();
}
#endif

/* ---- rounding to whole seconds, a little apart on each CPU ---- */
static unsigned long koi_round(unsigned long j, int cpu, bool up)
{
	unsigned long original = j;
	unsigned long rest;

	j += cpu * 3;
	rest = j % HZ;
	j = rest < HZ / 4 && !up ? j - rest : j - rest + HZ;
	j -= cpu * 3;
	return time_is_after_jiffies(j) ? j : original;
}

unsigned long __round_jiffies(unsigned long j, int cpu)
{
	return koi_round(j, cpu, false);
}

unsigned long __round_jiffies_relative(unsigned long j, int cpu)
{
	unsigned long now = jiffies;

	return koi_round(j + now, cpu, false) - now;
}

unsigned long __round_jiffies_up(unsigned long j, int cpu)
{
	return koi_round(j, cpu, true);
}

unsigned long __round_jiffies_up_relative(unsigned long j, int cpu)
{
	unsigned long now = jiffies;

	return koi_round(j + now, cpu, true) - now;
}

unsigned long round_jiffies(unsigned long j)
{
	return koi_round(j, raw_smp_processor_id(), false);
}

unsigned long round_jiffies_relative(unsigned long j)
{
	return __round_jiffies_relative(j, raw_smp_processor_id());
}

unsigned long round_jiffies_up(unsigned long j)
{
	return koi_round(j, raw_smp_processor_id(), true);
}

unsigned long round_jiffies_up_relative(unsigned long j)
{
	return __round_jiffies_up_relative(j, raw_smp_processor_id());
}

/* ---- busy waiting ---- */
void __ndelay(unsigned long ns)
{
	koi_delay_ns(ns);
}

void __udelay(unsigned long us)
{
	koi_delay_ns(us * NSEC_PER_USEC);
}

/* The argument is a part of 2^32 seconds: what the macros make of constants. */
void __const_udelay(unsigned long parts)
{
	koi_delay_ns(mul_u64_u64_shr(parts, NSEC_PER_SEC, 32));
}

void __delay(unsigned long loops)
{
	koi_delay_ns(loops / 2);
}

/* ---- the clocks of tracing: all the same here ---- */
u64 notrace trace_clock_local(void)
{
	return sched_clock();
}

u64 notrace trace_clock(void)
{
	return sched_clock();
}

u64 notrace trace_clock_global(void)
{
	return sched_clock();
}

u64 notrace trace_clock_jiffies(void)
{
	return jiffies_64_to_clock_t(get_jiffies_64() - INITIAL_JIFFIES);
}

/* One moment on every clock. The cycle counter is that of rdtsc. */
void ktime_get_snapshot(struct system_time_snapshot *snapshot)
{
	ktime_t now = ktime_get();

	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->raw = now;
	snapshot->real = ktime_mono_to_any(now, TK_OFFS_REAL);
	snapshot->cycles = div_u64(ktime_to_ns(now) * (u64)(tsc_khz / 1000), NSEC_PER_USEC);
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	snapshot->cs_id = CSID_X86_TSC;
#endif
}
