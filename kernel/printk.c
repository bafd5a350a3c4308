// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts of printk that look into kernel structures: messages about a device, rate limits with a state of their own,
 * the console lock. Formatting and the log itself are C++'s: vsnprintf, vprintk_emit.
 */

/* ---- formatted strings in memory of their own ---- */
char *kvasprintf(gfp_t gfp, const char *fmt, va_list ap)
{
	va_list again;
	unsigned int length, second;
	char *text;

	va_copy(again, ap);
	length = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	text = kmalloc_track_caller(length + 1, gfp);
	if (text) {
		second = vsnprintf(text, length + 1, fmt, ap);
#line KOI_LINE(30, 30) "lib/kasprintf.c"
		WARN(length != second, "different return values (%u and %u) from vsnprintf(\"%s\", ...)", length, second, fmt);
	}
	return text;
}

char *kasprintf(gfp_t gfp, const char *format, ...)
{
	va_list words;
	char *text;

	va_start(words, format);
	text = kvasprintf(gfp, format, words);
	va_end(words);
	return text;
}

/* Without conversions the format is the text, and "%s" is its argument: constant perhaps, so that no copy is needed. */
const char *kvasprintf_const(gfp_t gfp, const char *format, va_list words)
{
	const char *text = format;

	if (strchr(format, '%')) {
		if (strcmp(format, "%s"))
			return kvasprintf(gfp, format, words);
		text = va_arg(words, const char *);
	}
	return kstrdup_const(text, gfp);
}

/* ---- messages about a device ---- */
const char *dev_driver_string(const struct device *dev)
{
	struct device_driver *driver = READ_ONCE(dev->driver);	/* may go away meanwhile */

	return driver ? driver->name : dev_bus_name(dev);
}

/* SUBSYSTEM= and DEVICE= of the record: b8:0, c4:64, n2 or +subsystem:name. */
static void koi_device_info(const struct device *dev, struct dev_printk_info *info)
{
	const char *subsystem = dev->class ? dev->class->name : dev->bus ? dev->bus->name : NULL;

	memset(info, 0, sizeof(*info));
	if (!subsystem)
		return;
	snprintf(info->subsystem, sizeof(info->subsystem), "%s", subsystem);
	if (MAJOR(dev->devt))
		snprintf(info->device, sizeof(info->device), "%c%u:%u", strcmp(subsystem, "block") == 0 ? 'b' : 'c',
			 MAJOR(dev->devt), MINOR(dev->devt));
	else
		snprintf(info->device, sizeof(info->device), "+%s:%s", subsystem, dev_name(dev));
}

int dev_vprintk_emit(int level, const struct device *dev, const char *fmt, va_list args)
{
	struct dev_printk_info info;

	koi_device_info(dev, &info);
	return vprintk_emit(0, level, &info, fmt, args);
}

int dev_printk_emit(int level, const struct device *dev, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = dev_vprintk_emit(level, dev, fmt, args);
	va_end(args);
	return length;
}

static void koi_dev_message(const char *level, const struct device *dev, struct va_format *message)
{
	if (dev)
		dev_printk_emit(level[1] - '0', dev, "%s %s: %pV", dev_driver_string(dev), dev_name(dev), message);
	else
		_printk("%s(NULL device *): %pV", level, message);
}

#define KOI_DEV_MESSAGE(level, dev, fmt)				\
	do {								\
		struct va_format message = { .fmt = fmt };		\
		va_list args;						\
									\
		va_start(args, fmt);					\
		message.va = &args;					\
		koi_dev_message(level, dev, &message);			\
		va_end(args);						\
	} while (0)

void _dev_printk(const char *level, const struct device *dev, const char *fmt, ...)
{
	KOI_DEV_MESSAGE(level, dev, fmt);
}

#define KOI_DEV_FUNCTION(name, level)					\
	void name(const struct device *dev, const char *fmt, ...)	\
	{								\
		KOI_DEV_MESSAGE(level, dev, fmt);			\
	}

KOI_DEV_FUNCTION(_dev_emerg, KERN_EMERG)
KOI_DEV_FUNCTION(_dev_alert, KERN_ALERT)
KOI_DEV_FUNCTION(_dev_crit, KERN_CRIT)
KOI_DEV_FUNCTION(_dev_err, KERN_ERR)
KOI_DEV_FUNCTION(_dev_warn, KERN_WARNING)
KOI_DEV_FUNCTION(_dev_notice, KERN_NOTICE)
KOI_DEV_FUNCTION(_dev_info, KERN_INFO)

/* -EPROBE_DEFER is no error: a debug message, which is off. 6.12 says nothing of -ENOMEM, which was reported before. */
static void koi_probe_failed(const char *level, const struct device *dev, int err, struct va_format *message)
{
	if (err == -EPROBE_DEFER)
		return;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
	if (err == -ENOMEM)
		return;
#endif
	_dev_printk(level, dev, "error %pe: %pV", ERR_PTR(err), message);
}

#define KOI_PROBE_FUNCTION(name, level)							\
	int name(const struct device *dev, int err, const char *fmt, ...)		\
	{										\
		struct va_format message = { .fmt = fmt };				\
		va_list args;								\
											\
		va_start(args, fmt);							\
		message.va = &args;							\
		koi_probe_failed(level, dev, err, &message);				\
		va_end(args);								\
		return err;								\
	}

KOI_PROBE_FUNCTION(dev_err_probe, KERN_ERR)
KOI_PROBE_FUNCTION(dev_warn_probe, KERN_WARNING)

/* ---- dynamic debug: the sites call these when they are on ---- */
#ifdef CONFIG_DYNAMIC_DEBUG_CORE
/* Longer ones are cut, as in the kernel. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define KOI_DEBUG_PREFIX_BYTES 128
#else
#define KOI_DEBUG_PREFIX_BYTES 64
#endif

void __dynamic_pr_debug(struct _ddebug *descriptor, const char *fmt, ...)
{
	struct va_format message = { .fmt = fmt };
	char prefix[KOI_DEBUG_PREFIX_BYTES];
	va_list args;

#line KOI_LINE(867, 870) "lib/dynamic_debug.c"
	BUG_ON(!descriptor);
#line KOI_LINE(868, 871) "lib/dynamic_debug.c"
	BUG_ON(!fmt);
	koi_debug_prefix(descriptor, prefix, sizeof(prefix));
	va_start(args, fmt);
	message.va = &args;
	_printk(KERN_DEBUG "%s%pV", prefix, &message);
	va_end(args);
}

void __dynamic_dev_dbg(struct _ddebug *descriptor, const struct device *dev, const char *fmt, ...)
{
	struct va_format message = { .fmt = fmt };
	char prefix[KOI_DEBUG_PREFIX_BYTES];
	va_list args;

#line KOI_LINE(887, 890) "lib/dynamic_debug.c"
	BUG_ON(!descriptor);
#line KOI_LINE(888, 891) "lib/dynamic_debug.c"
	BUG_ON(!fmt);
	va_start(args, fmt);
	message.va = &args;
	if (dev) {
		koi_debug_prefix(descriptor, prefix, sizeof(prefix));
		dev_printk_emit(LOGLEVEL_DEBUG, dev, "%s%s %s: %pV", prefix, dev_driver_string(dev), dev_name(dev),
				&message);
	} else {
		_printk(KERN_DEBUG "(NULL device *): %pV", &message);
	}
	va_end(args);
}
#endif

/* ---- rate limits ---- */
static DEFINE_RATELIMIT_STATE(koi_printk_ratelimit, 5 * HZ, 10);
static DEFINE_RATELIMIT_STATE(koi_net_ratelimit, 5 * HZ, 10);

int __printk_ratelimit(const char *func)
{
	return ___ratelimit(&koi_printk_ratelimit, func);
}

int net_ratelimit(void)
{
	return ___ratelimit(&koi_net_ratelimit, "net_ratelimit");
}

bool printk_timed_ratelimit(unsigned long *caller_jiffies, unsigned int interval_msecs)
{
	unsigned long elapsed = jiffies - *caller_jiffies;

	if (*caller_jiffies && elapsed <= msecs_to_jiffies(interval_msecs))
		return false;
	*caller_jiffies = jiffies;
	return true;
}

/* ---- the console lock: no console of a module is driven under it, but it is a lock all the same ---- */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
static DEFINE_SEMAPHORE(koi_console_sem, 1);
#else
static DEFINE_SEMAPHORE(koi_console_sem);
#endif
static int koi_console_locked;

void console_lock(void)
{
	might_sleep();
	down(&koi_console_sem);
	koi_console_locked = 1;
}

int console_trylock(void)
{
	if (down_trylock(&koi_console_sem))
		return 0;
	koi_console_locked = 1;
	return 1;
}

void console_unlock(void)
{
	koi_console_locked = 0;
	up(&koi_console_sem);
}

int is_console_locked(void)
{
	return koi_console_locked;
}

void console_conditional_schedule(void)
{
}

void console_verbose(void)
{
	if (console_loglevel)
		console_loglevel = CONSOLE_LOGLEVEL_MOTORMOUTH;
}

/* The lock that keeps several CPUs' multi-line messages apart: nests on the CPU that holds it. */
static atomic_t koi_printk_cpu = ATOMIC_INIT(-1);
static unsigned int koi_printk_cpu_nested;

int __printk_cpu_sync_try_get(void)
{
	int cpu = smp_processor_id();
	int old = atomic_cmpxchg_acquire(&koi_printk_cpu, -1, cpu);

	if (old == cpu)
		koi_printk_cpu_nested++;
	return old == -1 || old == cpu;
}

void __printk_cpu_sync_wait(void)
{
	while (atomic_read(&koi_printk_cpu) != -1)
		koi_spin_wait(&koi_printk_cpu);
}

void __printk_cpu_sync_put(void)
{
	if (koi_printk_cpu_nested)
		koi_printk_cpu_nested--;
	else
		atomic_set_release(&koi_printk_cpu, -1);
}

/* ---- exported data ---- */
bool no_hash_pointers;	/* read by the formatter at each call */
atomic_t ignore_console_lock_warning = ATOMIC_INIT(0);
bool console_suspend_enabled = true;
int console_set_on_cmdline;
int console_blanked;
int (*console_blank_hook)(int blank);
long (*panic_blink)(int state);
