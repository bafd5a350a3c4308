// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kinds of algorithms besides hashes and single-block ciphers. Each has a frontend: how its transforms are made, what
 * /proc/crypto says, which algorithms are refused.
 */
#include <crypto/internal/rng.h>
#include <crypto/internal/kpp.h>
#include <crypto/internal/akcipher.h>
#include <crypto/internal/scompress.h>

static int koi_crypto_has(const char *name, const struct crypto_type *frontend, u32 type, u32 mask)
{
	return crypto_has_alg(name, (type & frontend->maskclear) | frontend->type,
			      (mask & frontend->maskclear) | frontend->maskset);
}

static int koi_crypto_register_kind(struct crypto_alg *alg, const struct crypto_type *frontend, u32 type)
{
	alg->cra_type = frontend;
	alg->cra_flags = (alg->cra_flags & ~CRYPTO_ALG_TYPE_MASK) | type;
	return crypto_register_alg(alg);
}

/* Nothing to add to the algorithm's own context. */
static int koi_crypto_plain_tfm(struct crypto_tfm *tfm)
{
	return 0;
}

/* ---- random number generators ---- */
static void koi_rng_show(struct seq_file *m, struct crypto_alg *alg)
{
	seq_printf(m, "type         : rng\nseedsize     : %u\n", container_of(alg, struct rng_alg, base)->seedsize);
}

static const struct crypto_type koi_rng_type = {
	.extsize = koi_crypto_ctxsize,
	.init_tfm = koi_crypto_plain_tfm,
	.show = koi_rng_show,
	.maskclear = ~CRYPTO_ALG_TYPE_MASK,
	.maskset = CRYPTO_ALG_TYPE_MASK,
	.type = CRYPTO_ALG_TYPE_RNG,
	.tfmsize = offsetof(struct crypto_rng, base),
};

struct crypto_rng *crypto_alloc_rng(const char *name, u32 type, u32 mask)
{
	return crypto_alloc_tfm_node(name, &koi_rng_type, type, mask, NUMA_NO_NODE);
}

/* Without a seed the generator gets one of random bytes. */
int crypto_rng_reset(struct crypto_rng *tfm, const u8 *seed, unsigned int slen)
{
	u8 *made = NULL;
	int error;

	if (!seed && slen) {
		made = kmalloc(slen, GFP_KERNEL);
		if (!made)
			return -ENOMEM;
		get_random_bytes(made, slen);
		seed = made;
	}
	error = crypto_rng_alg(tfm)->seed(tfm, seed, slen);
	kfree_sensitive(made);
	return error;
}

int crypto_register_rng(struct rng_alg *alg)
{
	if (alg->seedsize > PAGE_SIZE / 8)
		return -EINVAL;
	return koi_crypto_register_kind(&alg->base, &koi_rng_type, CRYPTO_ALG_TYPE_RNG);
}

void crypto_unregister_rng(struct rng_alg *alg)
{
	crypto_unregister_alg(&alg->base);
}

KOI_CRYPTO_MANY(struct rng_alg, crypto_register_rngs, crypto_register_rng, crypto_unregister_rngs, crypto_unregister_rng)

/* The generator that others share while somebody holds it. */
struct crypto_rng *crypto_default_rng;
static DEFINE_MUTEX(koi_default_rng_lock);
static int koi_default_rng_users;

int crypto_get_default_rng(void)
{
	struct crypto_rng *rng;
	int error = 0;

	mutex_lock(&koi_default_rng_lock);
	if (!crypto_default_rng) {
		rng = crypto_alloc_rng("stdrng", 0, 0);
		error = PTR_ERR_OR_ZERO(rng);
		if (!error) {
			error = crypto_rng_reset(rng, NULL, crypto_rng_seedsize(rng));
			if (error)
				crypto_free_rng(rng);
			else
				crypto_default_rng = rng;
		}
	}
	if (!error)
		koi_default_rng_users++;
	mutex_unlock(&koi_default_rng_lock);
	return error;
}

void crypto_put_default_rng(void)
{
	mutex_lock(&koi_default_rng_lock);
	koi_default_rng_users--;
	mutex_unlock(&koi_default_rng_lock);
}

int crypto_del_default_rng(void)
{
	int error = -EBUSY;

	mutex_lock(&koi_default_rng_lock);
	if (!koi_default_rng_users) {
		crypto_free_rng(crypto_default_rng);
		crypto_default_rng = NULL;
		error = 0;
	}
	mutex_unlock(&koi_default_rng_lock);
	return error;
}

/* ---- key agreement ---- */
static void koi_kpp_exit(struct crypto_tfm *tfm)
{
	struct crypto_kpp *kpp = __crypto_kpp_tfm(tfm);

	crypto_kpp_alg(kpp)->exit(kpp);
}

static int koi_kpp_init_tfm(struct crypto_tfm *tfm)
{
	struct crypto_kpp *kpp = __crypto_kpp_tfm(tfm);
	struct kpp_alg *alg = crypto_kpp_alg(kpp);

	if (alg->exit)
		tfm->exit = koi_kpp_exit;
	return alg->init ? alg->init(kpp) : 0;
}

static void koi_kpp_show(struct seq_file *m, struct crypto_alg *alg)
{
	seq_puts(m, "type         : kpp\n");
}

static const struct crypto_type koi_kpp_type = {
	.extsize = koi_crypto_ctxsize,
	.init_tfm = koi_kpp_init_tfm,
	.show = koi_kpp_show,
	.maskclear = ~CRYPTO_ALG_TYPE_MASK,
	.maskset = CRYPTO_ALG_TYPE_MASK,
	.type = CRYPTO_ALG_TYPE_KPP,
	.tfmsize = offsetof(struct crypto_kpp, base),
};

struct crypto_kpp *crypto_alloc_kpp(const char *name, u32 type, u32 mask)
{
	return crypto_alloc_tfm_node(name, &koi_kpp_type, type, mask, NUMA_NO_NODE);
}

int crypto_has_kpp(const char *name, u32 type, u32 mask)
{
	return koi_crypto_has(name, &koi_kpp_type, type, mask);
}

int crypto_register_kpp(struct kpp_alg *alg)
{
	return koi_crypto_register_kind(&alg->base, &koi_kpp_type, CRYPTO_ALG_TYPE_KPP);
}

void crypto_unregister_kpp(struct kpp_alg *alg)
{
	crypto_unregister_alg(&alg->base);
}

/* ---- public keys ---- */
static int koi_akcipher_cannot(struct akcipher_request *req)
{
	return -ENOSYS;
}

static int koi_akcipher_no_private_key(struct crypto_akcipher *tfm, const void *key, unsigned int keylen)
{
	return -ENOSYS;
}

static void koi_akcipher_exit(struct crypto_tfm *tfm)
{
	struct crypto_akcipher *cipher = __crypto_akcipher_tfm(tfm);

	crypto_akcipher_alg(cipher)->exit(cipher);
}

static int koi_akcipher_init_tfm(struct crypto_tfm *tfm)
{
	struct crypto_akcipher *cipher = __crypto_akcipher_tfm(tfm);
	struct akcipher_alg *alg = crypto_akcipher_alg(cipher);

	if (alg->exit)
		tfm->exit = koi_akcipher_exit;
	return alg->init ? alg->init(cipher) : 0;
}

static void koi_akcipher_show(struct seq_file *m, struct crypto_alg *alg)
{
	seq_puts(m, "type         : akcipher\n");
}

static const struct crypto_type koi_akcipher_type = {
	.extsize = koi_crypto_ctxsize,
	.init_tfm = koi_akcipher_init_tfm,
	.show = koi_akcipher_show,
	.maskclear = ~CRYPTO_ALG_TYPE_MASK,
	.maskset = CRYPTO_ALG_TYPE_MASK,
	.type = CRYPTO_ALG_TYPE_AKCIPHER,
	.tfmsize = offsetof(struct crypto_akcipher, base),
};

struct crypto_akcipher *crypto_alloc_akcipher(const char *name, u32 type, u32 mask)
{
	return crypto_alloc_tfm_node(name, &koi_akcipher_type, type, mask, NUMA_NO_NODE);
}

int crypto_register_akcipher(struct akcipher_alg *alg)
{
	alg->sign = alg->sign ?: koi_akcipher_cannot;
	alg->verify = alg->verify ?: koi_akcipher_cannot;
	alg->encrypt = alg->encrypt ?: koi_akcipher_cannot;
	alg->decrypt = alg->decrypt ?: koi_akcipher_cannot;
	alg->set_priv_key = alg->set_priv_key ?: koi_akcipher_no_private_key;
	return koi_crypto_register_kind(&alg->base, &koi_akcipher_type, CRYPTO_ALG_TYPE_AKCIPHER);
}

void crypto_unregister_akcipher(struct akcipher_alg *alg)
{
	crypto_unregister_alg(&alg->base);
}

/* ---- synchronous compression ---- */
static void koi_scomp_show(struct seq_file *m, struct crypto_alg *alg)
{
	seq_puts(m, "type         : scomp\n");
}

static const struct crypto_type koi_scomp_type = {
	.extsize = koi_crypto_ctxsize,
	.init_tfm = koi_crypto_plain_tfm,
	.show = koi_scomp_show,
	.maskclear = ~CRYPTO_ALG_TYPE_MASK,
	.maskset = CRYPTO_ALG_TYPE_MASK,
	.type = CRYPTO_ALG_TYPE_SCOMPRESS,
	.tfmsize = offsetof(struct crypto_scomp, base),
};

int crypto_register_scomp(struct scomp_alg *alg)
{
	return koi_crypto_register_kind(&alg->base, &koi_scomp_type, CRYPTO_ALG_TYPE_SCOMPRESS);
}

void crypto_unregister_scomp(struct scomp_alg *alg)
{
	crypto_unregister_alg(&alg->base);
}

KOI_CRYPTO_MANY(struct scomp_alg, crypto_register_scomps, crypto_register_scomp, crypto_unregister_scomps,
		crypto_unregister_scomp)
