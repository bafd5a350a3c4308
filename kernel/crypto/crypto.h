/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of the crypto API share. */
#include <linux/crypto.h>
#include <crypto/algapi.h>

extern struct list_head crypto_alg_list;
extern struct rw_semaphore crypto_alg_sem;

struct crypto_tfm *__crypto_alloc_tfm(struct crypto_alg *alg, u32 type, u32 mask);
void *crypto_create_tfm_node(struct crypto_alg *alg, const struct crypto_type *frontend, int node);
struct crypto_alg *crypto_alg_mod_lookup(const char *name, u32 type, u32 mask);

static void koi_crypto_proc_init(void);
static int koi_crypto_instantiate(const char *name, u32 type, u32 mask);
/* Under crypto_alg_sem: every instance that uses `alg` leaves the registry, by cra_list, for `gone`. */
static void koi_crypto_remove_users(struct crypto_alg *alg, struct list_head *gone);
/* Without it: drops the registry's reference to each. */
static void koi_crypto_put_all(struct list_head *gone);
static int koi_crypto_has(const char *name, const struct crypto_type *frontend, u32 type, u32 mask);

/* A context is what the algorithm asks for. */
static unsigned int koi_crypto_ctxsize(struct crypto_alg *alg)
{
	return alg->cra_ctxsize;
}

/* Registers or unregisters an array; a failure takes back what went before. */
#define KOI_CRYPTO_MANY(type, register_all, register_one, unregister_all, unregister_one)	\
int register_all(type *algs, int count)								\
{												\
	int i, error = 0;									\
												\
	for (i = 0; i < count && !error; i++)							\
		error = register_one(&algs[i]);							\
	if (error)										\
		for (i -= 2; i >= 0; i--)							\
			unregister_one(&algs[i]);						\
	return error;										\
}												\
												\
void unregister_all(type *algs, int count)							\
{												\
	while (count-- > 0)									\
		unregister_one(&algs[count]);							\
}
