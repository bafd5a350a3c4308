// SPDX-License-Identifier: GPL-2.0-only
/* Character sets: registered, found, UTF-8 and UTF-16. */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/dmi.h>
#include <linux/init.h>
#include <linux/interrupt.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/nls.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/srcu.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define P(format, ...) pr_info(format "\n", ##__VA_ARGS__)

static int u2c(wchar_t u, unsigned char *o, int n)
{
	return -EINVAL;
}
static int c2u(const unsigned char *r, int n, wchar_t *u)
{
	*u = 'x';
	return 1;
}
static struct nls_table t = {.charset = "koi-test", .alias = "koi-alias", .uni2char = u2c, .char2uni = c2u};
static void test(void)
{
	struct nls_table *n;
	u8 b[16];
	wchar_t w[8];
	unicode_t u = 0;
	int i;
	P("reg %d again %d", register_nls(&t), 0);
	P("two %d", register_nls(&t));
	n = load_nls("koi-alias");
	P("found %d", n == &t);
	unload_nls(n);
	n = load_nls("no-such-set");
	P("none %d", n == NULL);
	P("un %d", unregister_nls(&t));
	P("un %d", unregister_nls(&t));
	n = load_nls_default();
	P("%s %d %x", n->charset, n->char2uni("\xe4", 1, w), w[0]);
	P("%d %d %d", n->uni2char(0xe4, b, 1), b[0], n->uni2char(0x20ac, b, 1));
	unload_nls(n);
	P("%d %x", utf8_to_utf32("\xe2\x82\xac", 3, &u), u);
	P("%d %d %d %d", utf8_to_utf32("\xe2\x82", 2, &u), utf8_to_utf32("\xc0\x80", 2, &u),
	  utf8_to_utf32("\xed\xa0\x80", 3, &u), utf8_to_utf32("\x80", 1, &u));
	P("%d %d", utf8_to_utf32("\xf0\x9f\x98\x80", 4, &u), u == 0x1f600);
	i = utf32_to_utf8(0x20ac, b, 16);
	P("%d %*ph", i, i, b);
	P("%d %d", utf32_to_utf8(0x20ac, b, 2), utf32_to_utf8(0xd800, b, 6));
	i = utf8s_to_utf16s("a\xe2\x82\xac\xf0\x9f\x98\x80", 8, UTF16_HOST_ENDIAN, w, 8);
	P("%d %x %x %x %x", i, w[0], w[1], w[2], w[3]);
	i = utf16s_to_utf8s(w, 4, UTF16_HOST_ENDIAN, b, 16);
	P("%d %*ph", i, i, b);
	i = utf8s_to_utf16s("a\xff", 2, UTF16_BIG_ENDIAN, w, 8);
	P("%d", i);
}

static int __init character_sets_init(void)
{
	test();
	return 0;
}

static void __exit character_sets_exit(void)
{
}

module_init(character_sets_init);
module_exit(character_sets_exit);
MODULE_LICENSE("GPL");
