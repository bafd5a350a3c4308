// SPDX-License-Identifier: GPL-2.0-only
/* struct module: what the loader writes into the image's own copy, and the calls that modules make about modules. */

/* Facts of one load, in the loader's words; the layout of struct module stays here. */
struct koi_module_facts {
	u64 text_base, text_size;	/* the whole core part: text, rodata, data */
	u64 init_base, init_size;
	u64 percpu, percpu_size;
	u64 kp, num_kp;
	u64 syms, num_syms, gpl_syms, num_gpl_syms;
	u64 extable, num_exentries;
	u64 bug_table, num_bugs;
	u64 jump_entries, num_jump_entries;
	u64 taints;
	u64 args;
};

void koi_module_init(struct module *m, const struct koi_module_facts *f)
{
	m->state = MODULE_STATE_UNFORMED;
	INIT_LIST_HEAD(&m->list);
#ifdef CONFIG_MODULE_UNLOAD
	INIT_LIST_HEAD(&m->source_list);
	INIT_LIST_HEAD(&m->target_list);
	atomic_set(&m->refcnt, 2);
#endif
	mutex_init(&m->param_lock);
	m->kp = (void *)f->kp;
	m->num_kp = f->num_kp;
	m->syms = (void *)f->syms;
	m->num_syms = f->num_syms;
	m->gpl_syms = (void *)f->gpl_syms;
	m->num_gpl_syms = f->num_gpl_syms;
	m->extable = (void *)f->extable;
	m->num_exentries = f->num_exentries;
	m->bug_table = (void *)f->bug_table;
	m->num_bugs = f->num_bugs;
#ifdef CONFIG_JUMP_LABEL
	m->jump_entries = (void *)f->jump_entries;
	m->num_jump_entries = f->num_jump_entries;
#endif
	m->percpu = (void __percpu *)f->percpu;
	m->percpu_size = f->percpu_size;
	m->taints = f->taints;
	m->args = (char *)f->args;
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	m->mem[MOD_TEXT].base = (void *)f->text_base;
	m->mem[MOD_TEXT].size = f->text_size;
	m->mem[MOD_INIT_TEXT].base = (void *)f->init_base;
	m->mem[MOD_INIT_TEXT].size = f->init_size;
#else
	m->core_layout.base = (void *)f->text_base;
	m->core_layout.size = f->text_size;
	m->init_layout.base = (void *)f->init_base;
	m->init_layout.size = f->init_size;
#endif
}

void koi_module_set_state(struct module *m, int state)
{
	m->state = state;
}

/* The initial reference that the loader holds is 1 (MODULE_REF_BASE); init runs with one more. */
int koi_module_refcount(struct module *m)
{
#ifdef CONFIG_MODULE_UNLOAD
	return atomic_read(&m->refcnt) - 1;
#else
	return -1;
#endif
}

/* try_release_module_ref(): drops the loader's reference. 0: it was the last; else nothing changed. */
int koi_module_try_release(struct module *m)
{
#ifdef CONFIG_MODULE_UNLOAD
	int left = atomic_dec_return(&m->refcnt);

	if (left != 0)
		atomic_inc(&m->refcnt);
	return left;
#else
	return 1;
#endif
}

void koi_module_count(struct module *m, int change)
{
#ifdef CONFIG_MODULE_UNLOAD
	atomic_add(change, &m->refcnt);
#endif
}

void koi_module_drop(struct module *m)
{
#ifdef CONFIG_MODULE_UNLOAD
	atomic_dec(&m->refcnt);
#endif
}

#ifdef CONFIG_MODULE_UNLOAD
int module_refcount(struct module *m)
{
	return koi_module_refcount(m);
}

bool try_module_get(struct module *m)
{
	if (!m)
		return true;
	return m->state != MODULE_STATE_GOING && atomic_inc_not_zero(&m->refcnt) != 0;
}

void __module_get(struct module *m)
{
	if (m)
		atomic_inc(&m->refcnt);
}

void module_put(struct module *m)
{
	if (m)
#line KOI_LINE(857, 887) "kernel/module/main.c"
		WARN_ON(atomic_dec_if_positive(&m->refcnt) < 0);
}
#endif
