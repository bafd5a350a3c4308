// SPDX-License-Identifier: GPL-2.0-only
/*
 * Transforms: an algorithm with a context of its own. A frontend (struct crypto_type) puts its structure before the
 * crypto_tfm; ciphers and old compressors have none.
 */
#include <crypto/internal/cipher.h>

static struct crypto_tfm *koi_crypto_made(void *mem, struct crypto_tfm *tfm, int error)
{
	if (!error && !tfm->exit && tfm->__crt_alg->cra_init)
		error = tfm->__crt_alg->cra_init(tfm);
	if (!error)
		return tfm;
	if (tfm->exit)
		tfm->exit(tfm);
	kfree_sensitive(mem);
	return ERR_PTR(error);
}

void *crypto_create_tfm_node(struct crypto_alg *alg, const struct crypto_type *frontend, int node)
{
	unsigned int front = frontend->tfmsize;
	struct crypto_tfm *tfm;
	char *mem = kzalloc_node(front + sizeof(*tfm) + frontend->extsize(alg), GFP_KERNEL, node);
	int error;

	if (!mem)
		return ERR_PTR(-ENOMEM);
	tfm = (struct crypto_tfm *)(mem + front);
	tfm->__crt_alg = alg;
	tfm->node = node;
	refcount_set(&tfm->refcnt, 1);
	error = frontend->init_tfm(tfm);
	tfm = koi_crypto_made(mem, tfm, error);
	return IS_ERR(tfm) ? (void *)tfm : mem;
}

void *crypto_alloc_tfm_node(const char *name, const struct crypto_type *frontend, u32 type, u32 mask, int node)
{
	struct crypto_alg *alg;
	void *tfm;

	type = (type & frontend->maskclear) | frontend->type;
	mask = (mask & frontend->maskclear) | frontend->maskset;
	alg = crypto_alg_mod_lookup(name, type, mask);
	if (IS_ERR(alg))
		return alg;
	tfm = crypto_create_tfm_node(alg, frontend, node);
	if (IS_ERR(tfm))
		crypto_mod_put(alg);
	return tfm;
}

struct crypto_tfm *__crypto_alloc_tfm(struct crypto_alg *alg, u32 type, u32 mask)
{
	unsigned int slack = alg->cra_alignmask & ~(crypto_tfm_ctx_alignment() - 1);
	struct crypto_tfm *tfm = kzalloc(sizeof(*tfm) + alg->cra_ctxsize + slack, GFP_KERNEL);

	if (!tfm)
		return ERR_PTR(-ENOMEM);
	tfm->__crt_alg = alg;
	refcount_set(&tfm->refcnt, 1);
	return koi_crypto_made(tfm, tfm, 0);
}

struct crypto_tfm *crypto_alloc_base(const char *name, u32 type, u32 mask)
{
	struct crypto_alg *alg = crypto_alg_mod_lookup(name, type, mask);
	struct crypto_tfm *tfm;

	if (IS_ERR(alg))
		return ERR_CAST(alg);
	tfm = __crypto_alloc_tfm(alg, type, mask);
	if (IS_ERR(tfm))
		crypto_mod_put(alg);
	return tfm;
}

/* `mem` is where the frontend's structure starts. */
void crypto_destroy_tfm(void *mem, struct crypto_tfm *tfm)
{
	struct crypto_alg *alg;

	if (IS_ERR_OR_NULL(mem) || !refcount_dec_and_test(&tfm->refcnt))
		return;
	alg = tfm->__crt_alg;
	if (tfm->exit)
		tfm->exit(tfm);
	else if (alg->cra_exit)
		alg->cra_exit(tfm);
	crypto_mod_put(alg);
	kfree_sensitive(mem);
}

/* ---- single blocks ---- */
int crypto_cipher_setkey(struct crypto_cipher *tfm, const u8 *key, unsigned int keylen)
{
	struct crypto_alg *alg = crypto_cipher_tfm(tfm)->__crt_alg;
	u8 *copy;
	int error;

	if (keylen < alg->cra_cipher.cia_min_keysize || keylen > alg->cra_cipher.cia_max_keysize)
		return -EINVAL;
	if (IS_ALIGNED((unsigned long)key, alg->cra_alignmask + 1))
		return alg->cra_cipher.cia_setkey(crypto_cipher_tfm(tfm), key, keylen);
	/* kmalloc() aligns as much as any cipher may ask for. */
	copy = kmemdup(key, keylen, GFP_ATOMIC);
	if (!copy)
		return -ENOMEM;
	error = alg->cra_cipher.cia_setkey(crypto_cipher_tfm(tfm), copy, keylen);
	kfree_sensitive(copy);
	return error;
}

static void koi_cipher_one(struct crypto_cipher *tfm, void (*work)(struct crypto_tfm *, u8 *, const u8 *), u8 *dst,
			   const u8 *src)
{
	unsigned long mask = crypto_cipher_alignmask(tfm);
	unsigned int size = crypto_cipher_blocksize(tfm);
	u8 block[MAX_CIPHER_BLOCKSIZE] __aligned(MAX_CIPHER_ALIGNMASK + 1);

	if (!(((unsigned long)dst | (unsigned long)src) & mask)) {
		work(crypto_cipher_tfm(tfm), dst, src);
		return;
	}
	memcpy(block, src, size);
	work(crypto_cipher_tfm(tfm), block, block);
	memcpy(dst, block, size);
	memzero_explicit(block, sizeof(block));
}

void crypto_cipher_encrypt_one(struct crypto_cipher *tfm, u8 *dst, const u8 *src)
{
	koi_cipher_one(tfm, crypto_cipher_tfm(tfm)->__crt_alg->cra_cipher.cia_encrypt, dst, src);
}

void crypto_cipher_decrypt_one(struct crypto_cipher *tfm, u8 *dst, const u8 *src)
{
	koi_cipher_one(tfm, crypto_cipher_tfm(tfm)->__crt_alg->cra_cipher.cia_decrypt, dst, src);
}
