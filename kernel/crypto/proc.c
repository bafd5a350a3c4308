// SPDX-License-Identifier: GPL-2.0-only
/* /proc/crypto: what is registered, the newest first. */

static void *koi_crypto_seq_start(struct seq_file *m, loff_t *pos)
{
	down_read(&crypto_alg_sem);
	return seq_list_start(&crypto_alg_list, *pos);
}

static void *koi_crypto_seq_next(struct seq_file *m, void *p, loff_t *pos)
{
	return seq_list_next(p, &crypto_alg_list, pos);
}

static void koi_crypto_seq_stop(struct seq_file *m, void *p)
{
	up_read(&crypto_alg_sem);
}

static void koi_crypto_show_old_type(struct seq_file *m, struct crypto_alg *alg)
{
	switch (alg->cra_flags & CRYPTO_ALG_TYPE_MASK) {
	case CRYPTO_ALG_TYPE_CIPHER:
		seq_printf(m, "type         : cipher\nblocksize    : %u\nmin keysize  : %u\nmax keysize  : %u\n",
			   alg->cra_blocksize, alg->cra_cipher.cia_min_keysize, alg->cra_cipher.cia_max_keysize);
		break;
	case CRYPTO_ALG_TYPE_COMPRESS:
		seq_puts(m, "type         : compression\n");
		break;
	default:
		seq_puts(m, "type         : unknown\n");
	}
}

static int koi_crypto_seq_show(struct seq_file *m, void *p)
{
	struct crypto_alg *alg = list_entry(p, struct crypto_alg, cra_list);

	seq_printf(m, "name         : %s\ndriver       : %s\nmodule       : %s\npriority     : %d\nrefcnt       : %u\n",
		   alg->cra_name, alg->cra_driver_name, module_name(alg->cra_module), alg->cra_priority,
		   refcount_read(&alg->cra_refcnt));
	seq_printf(m, "selftest     : %s\ninternal     : %s\n", alg->cra_flags & CRYPTO_ALG_TESTED ? "passed" : "unknown",
		   alg->cra_flags & CRYPTO_ALG_INTERNAL ? "yes" : "no");
	if (alg->cra_type && alg->cra_type->show)
		alg->cra_type->show(m, alg);
	else
		koi_crypto_show_old_type(m, alg);
	seq_putc(m, '\n');
	return 0;
}

static const struct seq_operations koi_crypto_seq_ops = {
	.start = koi_crypto_seq_start,
	.next = koi_crypto_seq_next,
	.stop = koi_crypto_seq_stop,
	.show = koi_crypto_seq_show,
};

/* The file comes with the first algorithm. */
static void koi_crypto_proc_init(void)
{
	static struct proc_dir_entry *made;

	if (made)
		return;
	made = proc_create_seq("crypto", 0444, NULL, &koi_crypto_seq_ops);
	if (made)
		koi_vfs_disown(made->v.node);
}
