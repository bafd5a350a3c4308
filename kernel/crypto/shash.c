// SPDX-License-Identifier: GPL-2.0-only
/* Synchronous hashes: what an algorithm leaves out is made of what it has. */
#include <crypto/internal/hash.h>

#ifndef HASH_MAX_STATESIZE
#define HASH_MAX_STATESIZE 512	/* no longer in the header */
#endif

int shash_no_setkey(struct crypto_shash *tfm, const u8 *key, unsigned int keylen)
{
	return -ENOSYS;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 6, 0)	/* from then on it is inline */
bool crypto_shash_alg_has_setkey(struct shash_alg *alg)
{
	return alg->setkey != shash_no_setkey;
}
#endif

static void koi_shash_need_key(struct crypto_shash *tfm)
{
	if (crypto_shash_alg_needs_key(crypto_shash_alg(tfm)))
		crypto_shash_set_flags(tfm, CRYPTO_TFM_NEED_KEY);
}

int crypto_shash_setkey(struct crypto_shash *tfm, const u8 *key, unsigned int keylen)
{
	int error = crypto_shash_alg(tfm)->setkey(tfm, key, keylen);

	if (error)
		koi_shash_need_key(tfm);
	else
		crypto_shash_clear_flags(tfm, CRYPTO_TFM_NEED_KEY);
	return error;
}

#define KOI_SHASH_PIECE 128

/* Data that is not aligned as the algorithm wants goes through a buffer that is. */
static int koi_shash_feed(struct shash_desc *desc, const u8 *data, unsigned int len)
{
	struct shash_alg *alg = crypto_shash_alg(desc->tfm);
	u8 piece[KOI_SHASH_PIECE] __aligned(MAX_ALGAPI_ALIGNMASK + 1);
	int error = 0;

	if (!((unsigned long)data & alg->base.cra_alignmask))
		return alg->update(desc, data, len);
	while (len && !error) {
		unsigned int n = min_t(unsigned int, len, sizeof(piece));

		memcpy(piece, data, n);
		error = alg->update(desc, piece, n);
		data += n;
		len -= n;
	}
	memzero_explicit(piece, sizeof(piece));
	return error;
}

static int koi_shash_finish(struct shash_desc *desc, u8 *out)
{
	struct shash_alg *alg = crypto_shash_alg(desc->tfm);
	u8 digest[HASH_MAX_DIGESTSIZE] __aligned(MAX_ALGAPI_ALIGNMASK + 1);
	int error;

	if (!((unsigned long)out & alg->base.cra_alignmask))
		return alg->final(desc, out);
	error = alg->final(desc, digest);
	if (!error)
		memcpy(out, digest, alg->digestsize);
	memzero_explicit(digest, sizeof(digest));
	return error;
}

int crypto_shash_update(struct shash_desc *desc, const u8 *data, unsigned int len)
{
	return koi_shash_feed(desc, data, len);
}

int crypto_shash_final(struct shash_desc *desc, u8 *out)
{
	return koi_shash_finish(desc, out);
}

static int koi_shash_update_final(struct shash_desc *desc, const u8 *data, unsigned int len, u8 *out)
{
	int error = koi_shash_feed(desc, data, len);

	return error ?: koi_shash_finish(desc, out);
}

int crypto_shash_finup(struct shash_desc *desc, const u8 *data, unsigned int len, u8 *out)
{
	struct shash_alg *alg = crypto_shash_alg(desc->tfm);

	if (((unsigned long)data | (unsigned long)out) & alg->base.cra_alignmask)
		return koi_shash_update_final(desc, data, len, out);
	return alg->finup(desc, data, len, out);
}

static int koi_shash_init_finup(struct shash_desc *desc, const u8 *data, unsigned int len, u8 *out)
{
	int error = crypto_shash_alg(desc->tfm)->init(desc);

	return error ?: crypto_shash_finup(desc, data, len, out);
}

int crypto_shash_digest(struct shash_desc *desc, const u8 *data, unsigned int len, u8 *out)
{
	struct crypto_shash *tfm = desc->tfm;
	struct shash_alg *alg = crypto_shash_alg(tfm);

	if (crypto_shash_get_flags(tfm) & CRYPTO_TFM_NEED_KEY)
		return -ENOKEY;
	if (((unsigned long)data | (unsigned long)out) & alg->base.cra_alignmask)
		return koi_shash_init_finup(desc, data, len, out);
	return alg->digest(desc, data, len, out);
}

int crypto_shash_tfm_digest(struct crypto_shash *tfm, const u8 *data, unsigned int len, u8 *out)
{
	SHASH_DESC_ON_STACK(desc, tfm);
	int error;

	desc->tfm = tfm;
	error = crypto_shash_digest(desc, data, len, out);
	shash_desc_zero(desc);
	return error;
}

static int koi_shash_export(struct shash_desc *desc, void *out)
{
	memcpy(out, shash_desc_ctx(desc), crypto_shash_descsize(desc->tfm));
	return 0;
}

static int koi_shash_import(struct shash_desc *desc, const void *in)
{
	memcpy(shash_desc_ctx(desc), in, crypto_shash_descsize(desc->tfm));
	return 0;
}

/* ---- the frontend ---- */
static void koi_shash_exit(struct crypto_tfm *tfm)
{
	struct crypto_shash *hash = __crypto_shash_cast(tfm);
	struct shash_alg *alg = crypto_shash_alg(hash);

	if (alg->exit_tfm)
		alg->exit_tfm(hash);
	else if (alg->base.cra_exit)
		alg->base.cra_exit(tfm);
}

static int koi_shash_init_tfm(struct crypto_tfm *tfm)
{
	struct crypto_shash *hash = __crypto_shash_cast(tfm);
	struct shash_alg *alg = crypto_shash_alg(hash);
	int error = 0;

	hash->descsize = alg->descsize;
	koi_shash_need_key(hash);
	if (alg->init_tfm)
		error = alg->init_tfm(hash);
	else if (alg->base.cra_init)
		error = alg->base.cra_init(tfm);
	if (!error && hash->descsize > HASH_MAX_DESCSIZE)
		error = -EINVAL;
	if (!error)
		tfm->exit = koi_shash_exit;
	return error;
}

static void koi_shash_show(struct seq_file *m, struct crypto_alg *alg)
{
	seq_printf(m, "type         : shash\nblocksize    : %u\ndigestsize   : %u\n", alg->cra_blocksize,
		   __crypto_shash_alg(alg)->digestsize);
}

static void koi_shash_free_instance(struct crypto_instance *inst)
{
	struct shash_instance *shash = shash_instance(inst);

	shash->free(shash);
}

static const struct crypto_type koi_shash_type = {
	.extsize = koi_crypto_ctxsize,
	.init_tfm = koi_shash_init_tfm,
	.free = koi_shash_free_instance,
	.show = koi_shash_show,
	.maskclear = ~CRYPTO_ALG_TYPE_MASK,
	.maskset = CRYPTO_ALG_TYPE_MASK,
	.type = CRYPTO_ALG_TYPE_SHASH,
	.tfmsize = offsetof(struct crypto_shash, base),
};

struct crypto_shash *crypto_alloc_shash(const char *name, u32 type, u32 mask)
{
	return crypto_alloc_tfm_node(name, &koi_shash_type, type, mask, NUMA_NO_NODE);
}

int crypto_has_shash(const char *name, u32 type, u32 mask)
{
	return koi_crypto_has(name, &koi_shash_type, type, mask);
}

/* Every operation is there, in the algorithm's own structure. */
static int koi_shash_complete(struct shash_alg *alg)
{
	if (alg->digestsize > HASH_MAX_DIGESTSIZE || alg->descsize > HASH_MAX_DESCSIZE ||
	    alg->statesize > HASH_MAX_STATESIZE || !alg->export != !alg->import)
		return -EINVAL;
	alg->base.cra_type = &koi_shash_type;
	alg->base.cra_flags = (alg->base.cra_flags & ~CRYPTO_ALG_TYPE_MASK) | CRYPTO_ALG_TYPE_SHASH;
	alg->finup = alg->finup ?: koi_shash_update_final;
	alg->digest = alg->digest ?: koi_shash_init_finup;
	if (!alg->export) {
		alg->export = koi_shash_export;
		alg->import = koi_shash_import;
		alg->statesize = alg->descsize;
	}
	alg->setkey = alg->setkey ?: shash_no_setkey;
	return 0;
}

int crypto_register_shash(struct shash_alg *alg)
{
	int error = koi_shash_complete(alg);

	return error ?: crypto_register_alg(&alg->base);
}

void crypto_unregister_shash(struct shash_alg *alg)
{
	crypto_unregister_alg(&alg->base);
}

KOI_CRYPTO_MANY(struct shash_alg, crypto_register_shashes, crypto_register_shash, crypto_unregister_shashes,
		crypto_unregister_shash)

int shash_register_instance(struct crypto_template *tmpl, struct shash_instance *inst)
{
	int error = inst->free ? koi_shash_complete(&inst->alg) : -EINVAL;

	return error ?: crypto_register_instance(tmpl, shash_crypto_instance(inst));
}

void shash_free_singlespawn_instance(struct shash_instance *inst)
{
	crypto_drop_spawn(shash_instance_ctx(inst));
	kfree(inst);
}

int crypto_grab_shash(struct crypto_shash_spawn *spawn, struct crypto_instance *inst, const char *name, u32 type, u32 mask)
{
	spawn->base.frontend = &koi_shash_type;
	return crypto_grab_spawn(&spawn->base, inst, name, type, mask);
}
