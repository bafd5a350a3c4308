// SPDX-License-Identifier: GPL-2.0-only
/*
 * The crypto API's registry (Documentation/crypto): algorithms by name and by driver name, with priorities. What is found
 * in it was registered by a module: koi has no built-in algorithms, and nothing loads a module by itself.
 */
#include <linux/crypto.h>
#include <crypto/algapi.h>

LIST_HEAD(crypto_alg_list);
DECLARE_RWSEM(crypto_alg_sem);
BLOCKING_NOTIFIER_HEAD(crypto_chain);

int crypto_register_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_register(&crypto_chain, nb);
}

int crypto_unregister_notifier(struct notifier_block *nb)
{
	return blocking_notifier_chain_unregister(&crypto_chain, nb);
}

int crypto_probing_notify(unsigned long val, void *v)
{
	return blocking_notifier_call_chain(&crypto_chain, val, v);
}

static bool koi_crypto_gone(const struct crypto_alg *alg)
{
	return alg->cra_flags & (CRYPTO_ALG_DEAD | CRYPTO_ALG_DYING);
}

struct crypto_alg *crypto_mod_get(struct crypto_alg *alg)
{
	if (!try_module_get(alg->cra_module))
		return NULL;
	refcount_inc(&alg->cra_refcnt);
	return alg;
}

static void koi_crypto_alg_put(struct crypto_alg *alg)
{
	if (refcount_dec_and_test(&alg->cra_refcnt) && alg->cra_destroy)
		alg->cra_destroy(alg);
}

void crypto_mod_put(struct crypto_alg *alg)
{
	struct module *module = alg->cra_module;

	koi_crypto_alg_put(alg);
	module_put(module);
}

/* ---- registering ---- */
static bool koi_crypto_is_sane(const struct crypto_alg *alg)
{
	bool cipher = !alg->cra_type && (alg->cra_flags & CRYPTO_ALG_TYPE_MASK) == CRYPTO_ALG_TYPE_CIPHER;

	if (!alg->cra_name[0] || alg->cra_priority < 0)
		return false;
	/* An alignment mask is one less than a power of two. */
	if (alg->cra_alignmask & (alg->cra_alignmask + 1))
		return false;
	if (alg->cra_alignmask > MAX_ALGAPI_ALIGNMASK || alg->cra_blocksize > MAX_ALGAPI_BLOCKSIZE)
		return false;
	return !cipher || (alg->cra_alignmask <= MAX_CIPHER_ALIGNMASK && alg->cra_blocksize <= MAX_CIPHER_BLOCKSIZE);
}

/* A driver's name must be nobody's driver name, nor be confused with the name of an algorithm. */
static bool koi_crypto_clashes(const struct crypto_alg *a, const struct crypto_alg *b)
{
	return a == b || !strcmp(a->cra_driver_name, b->cra_driver_name) ||
	       !strcmp(a->cra_driver_name, b->cra_name) || !strcmp(a->cra_name, b->cra_driver_name);
}

/* Under crypto_alg_sem. */
static int koi_crypto_add(struct crypto_alg *alg)
{
	struct crypto_alg *other;

	list_for_each_entry(other, &crypto_alg_list, cra_list) {
		if (!koi_crypto_gone(other) && koi_crypto_clashes(alg, other))
			return -EEXIST;
	}
	INIT_LIST_HEAD(&alg->cra_users);
	/* CONFIG_CRYPTO_MANAGER_DISABLE_TESTS: nobody tests, so everything counts as tested. */
	alg->cra_flags |= CRYPTO_ALG_TESTED;
	list_add(&alg->cra_list, &crypto_alg_list);
	return 0;
}

/* Names it, looks at it, makes it countable. */
static int koi_crypto_prepare(struct crypto_alg *alg)
{
	alg->cra_flags &= ~CRYPTO_ALG_DEAD;
	if (!alg->cra_driver_name[0] &&
	    snprintf(alg->cra_driver_name, sizeof(alg->cra_driver_name), "%s-generic", alg->cra_name) >=
	    sizeof(alg->cra_driver_name))
		return -EINVAL;
	if (!koi_crypto_is_sane(alg))
		return -EINVAL;
	koi_crypto_proc_init();
	refcount_set(&alg->cra_refcnt, 1);
	return 0;
}

int crypto_register_alg(struct crypto_alg *alg)
{
	int error = koi_crypto_prepare(alg);

	if (error)
		return error;
	down_write(&crypto_alg_sem);
	error = koi_crypto_add(alg);
	up_write(&crypto_alg_sem);
	if (!error)
		crypto_probing_notify(CRYPTO_MSG_ALG_LOADED, alg);
	return error;
}

void crypto_unregister_alg(struct crypto_alg *alg)
{
	int error = -ENOENT;
	LIST_HEAD(gone);

	down_write(&crypto_alg_sem);
	alg->cra_flags |= CRYPTO_ALG_DEAD;
	if (!list_empty(&alg->cra_list)) {
		list_del_init(&alg->cra_list);
		koi_crypto_remove_users(alg, &gone);
		error = 0;
	}
	up_write(&crypto_alg_sem);
	koi_crypto_put_all(&gone);
#line KOI_LINE(484, 464) "crypto/algapi.c"
	if (WARN(error, "Algorithm %s is not registered", alg->cra_driver_name))
		return;
#line KOI_LINE(487, 467) "crypto/algapi.c"
	if (WARN_ON(refcount_read(&alg->cra_refcnt) != 1))
		return;
	if (alg->cra_destroy)
		alg->cra_destroy(alg);
}

int crypto_register_algs(struct crypto_alg *algs, int count)
{
	int i, error = 0;

	for (i = 0; i < count && !error; i++)
		error = crypto_register_alg(&algs[i]);
	if (error)
		for (i -= 2; i >= 0; i--)
			crypto_unregister_alg(&algs[i]);
	return error;
}

void crypto_unregister_algs(struct crypto_alg *algs, int count)
{
	while (count-- > 0)
		crypto_unregister_alg(&algs[count]);
}

/* ---- looking up ---- */
/* A driver's own name decides at once; among those of the same name the highest priority does. */
static struct crypto_alg *koi_crypto_find(const char *name, u32 type, u32 mask)
{
	struct crypto_alg *alg, *best = NULL;

	list_for_each_entry(alg, &crypto_alg_list, cra_list) {
		bool driver = !strcmp(alg->cra_driver_name, name);

		if (koi_crypto_gone(alg) || ((alg->cra_flags ^ type) & mask))
			continue;
		if (!driver && (strcmp(alg->cra_name, name) || (best && alg->cra_priority <= best->cra_priority)))
			continue;
		best = alg;
		if (driver)
			break;
	}
	return best && crypto_mod_get(best) ? best : NULL;
}

struct crypto_alg *crypto_alg_mod_lookup(const char *name, u32 type, u32 mask)
{
	struct crypto_alg *alg;

	if (!name)
		return ERR_PTR(-ENOENT);
	/* Internal ones are only for those who ask for them. */
	if (!((type | mask) & CRYPTO_ALG_INTERNAL))
		mask |= CRYPTO_ALG_INTERNAL;
	down_read(&crypto_alg_sem);
	alg = koi_crypto_find(name, type, mask);
	up_read(&crypto_alg_sem);
	if (alg || koi_crypto_instantiate(name, type, mask))
		return alg ?: ERR_PTR(-ENOENT);
	down_read(&crypto_alg_sem);
	alg = koi_crypto_find(name, type, mask);
	up_read(&crypto_alg_sem);
	return alg ?: ERR_PTR(-ENOENT);
}

int crypto_has_alg(const char *name, u32 type, u32 mask)
{
	struct crypto_alg *alg = crypto_alg_mod_lookup(name, type, mask);

	if (IS_ERR(alg))
		return 0;
	crypto_mod_put(alg);
	return 1;
}
