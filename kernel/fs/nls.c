// SPDX-License-Identifier: GPL-2.0-only
/* Character sets of file systems: those that modules register, and Latin-1 as the one that is always there; UTF-8 and UTF-16. */
#include <linux/nls.h>

static DEFINE_SPINLOCK(koi_nls_lock);
static struct nls_table *koi_nls_tables;

static int koi_latin1_to_unicode(const unsigned char *raw, int bound, wchar_t *unicode)
{
	*unicode = *raw;
	return *raw ? 1 : -EINVAL;
}

static int koi_latin1_from_unicode(wchar_t unicode, unsigned char *out, int bound)
{
	if (bound <= 0)
		return -ENAMETOOLONG;
	if (!unicode || unicode > 0xff)
		return -EINVAL;
	out[0] = unicode;
	return 1;
}

static unsigned char koi_ascii_lower[256], koi_ascii_upper[256];
static struct nls_table koi_nls_default = {
	.charset = "default",
	.uni2char = koi_latin1_from_unicode,
	.char2uni = koi_latin1_to_unicode,
	.charset2lower = koi_ascii_lower,
	.charset2upper = koi_ascii_upper,
};

int __register_nls(struct nls_table *nls, struct module *owner)
{
	struct nls_table **at = &koi_nls_tables;
	int error = 0;

	if (nls->next)
		return -EBUSY;
	nls->owner = owner;
	spin_lock(&koi_nls_lock);
	while (*at && *at != nls)
		at = &(*at)->next;
	if (*at) {
		error = -EBUSY;
	} else {
		nls->next = koi_nls_tables;
		koi_nls_tables = nls;
	}
	spin_unlock(&koi_nls_lock);
	return error;
}

int unregister_nls(struct nls_table *nls)
{
	struct nls_table **at = &koi_nls_tables;
	int error = -EINVAL;

	spin_lock(&koi_nls_lock);
	while (*at && *at != nls)
		at = &(*at)->next;
	if (*at) {
		*at = nls->next;
		error = 0;
	}
	spin_unlock(&koi_nls_lock);
	return error;
}

static struct nls_table *koi_find_nls(const char *charset)
{
	struct nls_table *nls;

	spin_lock(&koi_nls_lock);
	for (nls = koi_nls_tables; nls; nls = nls->next) {
		if (!strcmp(nls->charset, charset) || (nls->alias && !strcmp(nls->alias, charset)))
			break;
	}
	if (nls && !try_module_get(nls->owner))
		nls = NULL;
	spin_unlock(&koi_nls_lock);
	return nls;
}

struct nls_table *load_nls(const char *charset)
{
	return try_then_request_module(koi_find_nls(charset), "nls_%s", charset);
}

struct nls_table *load_nls_default(void)
{
	struct nls_table *nls = load_nls(CONFIG_NLS_DEFAULT);
	int i;

	if (nls)
		return nls;
	for (i = 0; i < 256; i++) {
		koi_ascii_lower[i] = i < 128 ? tolower(i) : i;
		koi_ascii_upper[i] = i < 128 ? toupper(i) : i;
	}
	return &koi_nls_default;
}

void unload_nls(struct nls_table *nls)
{
	if (nls)
		module_put(nls->owner);
}

/* ---- UTF-8: how many bytes; -EILSEQ; -EOVERFLOW: there are too few ---- */
int utf8_to_utf32(const u8 *s, int length, unicode_t *unicode)
{
	static const unicode_t least[] = { 0, 0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000 };
	/* The ones at the top of the first byte; a single one is no beginning, which only the end of the loop tells. */
	int ones = __builtin_clz((~s[0] & 0xffU) << 24 | 1), bytes = ones == 0 ? 1 : ones == 1 ? 7 : ones;
	unicode_t u = s[0] & (bytes == 1 ? 0x7f : 0x7f >> ones);
	int i;

	for (i = 1; i < bytes; i++) {
		if (i == 6)
			return -EILSEQ;
		if (i >= length)
			return -EOVERFLOW;
		if ((s[i] & 0xc0) != 0x80)
			return -EILSEQ;
		u = u << 6 | (s[i] & 0x3f);
	}
	if (u < least[bytes] || u > 0x10ffff || (u >= 0xd800 && u < 0xe000))
		return -EILSEQ;
	*unicode = u;
	return bytes;
}

int utf32_to_utf8(unicode_t u, u8 *s, int room)
{
	int bytes = u < 0x80 ? 1 : u < 0x800 ? 2 : u < 0x10000 ? 3 : 4, i;

	if (!s)
		return 0;
	if (u > 0x10ffff || (u >= 0xd800 && u < 0xe000))
		return -EILSEQ;
	if (bytes > room)
		return -EOVERFLOW;
	for (i = bytes - 1; i > 0; i--, u >>= 6)
		s[i] = 0x80 | (u & 0x3f);
	s[0] = bytes == 1 ? u : (0xf00 >> bytes & 0xff) | u;
	return bytes;
}

/* ---- UTF-16 ---- */
static wchar_t koi_utf16(wchar_t c, enum utf16_endian endian)
{
	return endian == UTF16_BIG_ENDIAN ? (__force wchar_t)cpu_to_be16(c) : c;
}

/* How many 16-bit characters, or -EINVAL. */
int utf8s_to_utf16s(const u8 *s, int length, enum utf16_endian endian, wchar_t *out, int room)
{
	wchar_t *at = out;

	while (length > 0 && room > 0 && *s) {
		unicode_t u;
		int bytes = utf8_to_utf32(s, length, &u);

		if (bytes < 0)
			return -EINVAL;
		s += bytes;
		length -= bytes;
		if (u < 0x10000) {
			*at++ = koi_utf16(u, endian);
			room--;
			continue;
		}
		if (room < 2)
			break;
		u -= 0x10000;
		*at++ = koi_utf16(0xd800 | u >> 10, endian);
		*at++ = koi_utf16(0xdc00 | (u & 0x3ff), endian);
		room -= 2;
	}
	return at - out;
}

/* How many bytes; what cannot be said is left out. */
int utf16s_to_utf8s(const wchar_t *in, int length, enum utf16_endian endian, u8 *s, int room)
{
	u8 *at = s;

	for (; length > 0 && room > 0; length--) {
		unicode_t u = koi_utf16(*in++, endian);
		int bytes;

		if (!u)
			break;
		if (u >= 0xd800 && u < 0xdc00 && length > 1) {
			unicode_t low = koi_utf16(*in, endian);

			if (low < 0xdc00 || low >= 0xe000)
				continue;
			in++;
			length--;
			u = 0x10000 + ((u & 0x3ff) << 10) + (low & 0x3ff);
		}
		bytes = utf32_to_utf8(u, at, room);
		if (bytes > 0) {
			at += bytes;
			room -= bytes;
		} else if (room < 4) {
			break;
		}
	}
	return at - s;
}
