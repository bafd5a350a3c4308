// SPDX-License-Identifier: GPL-2.0-only
/* What the files of /proc/sys hold: strings, and numbers separated by blanks. */

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
typedef const struct ctl_table koi_ctl_table;
#else
typedef struct ctl_table koi_ctl_table;
#endif

const int sysctl_vals[] = { 0, 1, 2, 3, 4, 100, 200, 1000, 3000, INT_MAX, 65535, -1 };
const unsigned long sysctl_long_vals[] = { 0, 1, LONG_MAX };

/* One kind of number: how it lies in memory, and what it is in the file. */
struct koi_sysctl_kind {
	size_t size;
	/* Negative numbers are left out, not refused. */
	bool skips_negative;
	int (*store)(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude);
	void (*load)(koi_ctl_table *table, const void *at, bool *negative, unsigned long *magnitude);
};

/* One number of the text: 0, -EINVAL, or 1 if there is none. */
static int koi_sysctl_parse(const char **text, const char *end, bool *negative, unsigned long *magnitude)
{
	char digits[24];
	char *after;
	size_t length;

	while (*text < end && isspace(**text))
		++*text;
	if (*text == end)
		return 1;
	length = min_t(size_t, end - *text, sizeof(digits) - 1);
	memcpy(digits, *text, length);
	digits[length] = '\0';
	*negative = digits[0] == '-' && length > 1;
	if (!isdigit(digits[*negative]))
		return -EINVAL;
	*magnitude = simple_strtoul(digits + *negative, &after, 0);
	length = after - digits;
	if (length == sizeof(digits) - 1)
		return -EINVAL;
	*text += length;
	if (*text < end && **text != ' ' && **text != '\t' && **text != '\n' && **text != '\0')
		return -EINVAL;
	return 0;
}

/* In *size: how much of the text was used. */
static int koi_sysctl_write_numbers(koi_ctl_table *table, const struct koi_sysctl_kind *kind, const char *text, size_t *size)
{
	const char *start = text, *end = text + strnlen(text, *size);
	char *at = table->data;
	bool first = true;

	for (; at + kind->size <= (char *)table->data + table->maxlen; at += kind->size) {
		unsigned long magnitude;
		bool negative;
		int error = koi_sysctl_parse(&text, end, &negative, &magnitude);

		if (error > 0)
			break;
		if (error)
			return error;
		if (!negative || !kind->skips_negative)
			error = kind->store(table, at, negative, magnitude);
		if (error)
			return error;
		first = false;
	}
	if (first)
		return -EINVAL;
	while (text < end && isspace(*text))
		text++;
	*size = text - start;
	return 0;
}

static void koi_sysctl_read_numbers(koi_ctl_table *table, const struct koi_sysctl_kind *kind, char *buffer, size_t *length)
{
	const char *at = table->data;
	size_t used = 0;

	for (; at + kind->size <= (const char *)table->data + table->maxlen && used < *length; at += kind->size) {
		unsigned long magnitude;
		bool negative;

		kind->load(table, at, &negative, &magnitude);
		used += scnprintf(buffer + used, *length - used + 1, "%s%s%lu", at == table->data ? "" : "\t",
				  negative ? "-" : "", magnitude);
	}
	if (used && used < *length)
		buffer[used++] = '\n';
	*length = used;
}

static int koi_sysctl_numbers(koi_ctl_table *table, int write, char *buffer, size_t *length, loff_t *pos,
			      const struct koi_sysctl_kind *kind)
{
	int error = 0;

	if (!table->data || !table->maxlen || !*length || (*pos && !write)) {
		*length = 0;
		return 0;
	}
	/* What is not written at the start is ignored. */
	if (!write)
		koi_sysctl_read_numbers(table, kind, buffer, length);
	else if (!*pos)
		error = koi_sysctl_write_numbers(table, kind, buffer, length);
	*pos += *length;
	return error;
}

/* ---- int ---- */
static int koi_store_int(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude)
{
	if (magnitude > (unsigned long)INT_MAX + negative)
		return -EINVAL;
	WRITE_ONCE(*(int *)at, negative ? -(long)magnitude : (long)magnitude);
	return 0;
}

static void koi_load_int(koi_ctl_table *table, const void *at, bool *negative, unsigned long *magnitude)
{
	long value = READ_ONCE(*(const int *)at);

	*negative = value < 0;
	*magnitude = value < 0 ? -value : value;
}

static int koi_store_int_minmax(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude)
{
	const int *least = table->extra1, *most = table->extra2;
	int value, error = koi_store_int(table, &value, negative, magnitude);

	if (error || (least && value < *least) || (most && value > *most))
		return -EINVAL;
	WRITE_ONCE(*(int *)at, value);
	return 0;
}

/* ---- unsigned int, u8, bool ---- */
static int koi_store_uint(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude)
{
	const unsigned int *least = table->extra1, *most = table->extra2;

	if (negative || magnitude > UINT_MAX || (least && magnitude < *least) || (most && magnitude > *most))
		return -EINVAL;
	WRITE_ONCE(*(unsigned int *)at, magnitude);
	return 0;
}

static int koi_store_any_uint(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude)
{
	if (negative || magnitude > UINT_MAX)
		return -EINVAL;
	WRITE_ONCE(*(unsigned int *)at, magnitude);
	return 0;
}

static void koi_load_uint(koi_ctl_table *table, const void *at, bool *negative, unsigned long *magnitude)
{
	*negative = false;
	*magnitude = READ_ONCE(*(const unsigned int *)at);
}

static int koi_store_u8(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude)
{
	const int *least = table->extra1, *most = table->extra2;

	if (negative || magnitude > (most ? (unsigned int)*most : U8_MAX) || magnitude < (least ? (unsigned int)*least : 0))
		return -EINVAL;
	WRITE_ONCE(*(u8 *)at, magnitude);
	return 0;
}

static void koi_load_u8(koi_ctl_table *table, const void *at, bool *negative, unsigned long *magnitude)
{
	*negative = false;
	*magnitude = READ_ONCE(*(const u8 *)at);
}

/* An older kernel counts ints, and finds none in a table for a bool. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
typedef bool koi_sysctl_bool;
#else
typedef int koi_sysctl_bool;
#endif

static int koi_store_bool(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude)
{
	WRITE_ONCE(*(bool *)at, magnitude != 0);
	return 0;
}

/* ---- unsigned long ---- */
static int koi_store_ulong(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude)
{
	const unsigned long *least = table->extra1, *most = table->extra2;

	if ((least && magnitude < *least) || (most && magnitude > *most))
		return -EINVAL;
	WRITE_ONCE(*(unsigned long *)at, magnitude);
	return 0;
}

static void koi_load_ulong(koi_ctl_table *table, const void *at, bool *negative, unsigned long *magnitude)
{
	*negative = false;
	*magnitude = READ_ONCE(*(const unsigned long *)at);
}

static int koi_store_ulong_ms(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude)
{
	return koi_store_ulong(table, at, negative, HZ * magnitude / 1000);
}

static void koi_load_ulong_ms(koi_ctl_table *table, const void *at, bool *negative, unsigned long *magnitude)
{
	koi_load_ulong(table, at, negative, magnitude);
	*magnitude = *magnitude * 1000 / HZ;
}

/* ---- jiffies behind an int: seconds, clock ticks of user space, milliseconds ---- */
static int koi_store_seconds(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude)
{
	return magnitude > INT_MAX / HZ ? -EINVAL : koi_store_int(table, at, negative, magnitude * HZ);
}

static void koi_load_seconds(koi_ctl_table *table, const void *at, bool *negative, unsigned long *magnitude)
{
	koi_load_int(table, at, negative, magnitude);
	*magnitude /= HZ;
}

static int koi_store_ticks(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude)
{
	return koi_store_int(table, at, negative, clock_t_to_jiffies(magnitude));
}

static void koi_load_ticks(koi_ctl_table *table, const void *at, bool *negative, unsigned long *magnitude)
{
	koi_load_int(table, at, negative, magnitude);
	*magnitude = jiffies_to_clock_t(*magnitude);
}

static int koi_store_ms(koi_ctl_table *table, void *at, bool negative, unsigned long magnitude)
{
	return koi_store_int(table, at, negative, msecs_to_jiffies(magnitude));
}

static void koi_load_ms(koi_ctl_table *table, const void *at, bool *negative, unsigned long *magnitude)
{
	koi_load_int(table, at, negative, magnitude);
	*magnitude = jiffies_to_msecs(*magnitude);
}

#define KOI_SYSCTL_HANDLER(name, type, skips, store_fn, load_fn)						\
int name(koi_ctl_table *table, int write, void *buffer, size_t *length, loff_t *pos)				\
{														\
	static const struct koi_sysctl_kind kind = {								\
		.size = sizeof(type), .skips_negative = skips, .store = store_fn, .load = load_fn,		\
	};													\
														\
	return koi_sysctl_numbers(table, write, buffer, length, pos, &kind);					\
}

KOI_SYSCTL_HANDLER(proc_dointvec, int, false, koi_store_int, koi_load_int)
KOI_SYSCTL_HANDLER(proc_dointvec_minmax, int, false, koi_store_int_minmax, koi_load_int)
KOI_SYSCTL_HANDLER(proc_douintvec, unsigned int, false, koi_store_any_uint, koi_load_uint)
KOI_SYSCTL_HANDLER(proc_douintvec_minmax, unsigned int, false, koi_store_uint, koi_load_uint)
KOI_SYSCTL_HANDLER(proc_dou8vec_minmax, u8, false, koi_store_u8, koi_load_u8)
KOI_SYSCTL_HANDLER(proc_dobool, koi_sysctl_bool, false, koi_store_bool, koi_load_u8)
KOI_SYSCTL_HANDLER(proc_doulongvec_minmax, unsigned long, true, koi_store_ulong, koi_load_ulong)
KOI_SYSCTL_HANDLER(proc_doulongvec_ms_jiffies_minmax, unsigned long, true, koi_store_ulong_ms, koi_load_ulong_ms)
KOI_SYSCTL_HANDLER(proc_dointvec_jiffies, int, false, koi_store_seconds, koi_load_seconds)
KOI_SYSCTL_HANDLER(proc_dointvec_userhz_jiffies, int, false, koi_store_ticks, koi_load_ticks)
KOI_SYSCTL_HANDLER(proc_dointvec_ms_jiffies, int, false, koi_store_ms, koi_load_ms)

int proc_dostring(koi_ctl_table *table, int write, void *buffer, size_t *length, loff_t *pos)
{
	char *data = table->data;

	if (!data || !table->maxlen || !*length || (*pos && !write)) {
		*length = 0;
		return 0;
	}
	if (write) {
		size_t size = strcspn(buffer, "\n");

		if (!*pos) {
			size = min3(size, *length, (size_t)table->maxlen - 1);
			memcpy(data, buffer, size);
			data[size] = '\0';
		}
	} else {
		size_t size = min_t(size_t, strnlen(data, table->maxlen), *length);

		memcpy(buffer, data, size);
		if (size < *length)
			((char *)buffer)[size++] = '\n';
		*length = size;
	}
	*pos += *length;
	return 0;
}
