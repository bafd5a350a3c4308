// SPDX-License-Identifier: GPL-2.0-only
/* Oopses in what the crypto API and textsearch call of the algorithms that a module registers. */
#include <linux/textsearch.h>
#include <linux/scatterlist.h>
#include <crypto/algapi.h>
#include <crypto/hash.h>
#include <crypto/internal/aead.h>
#include <crypto/internal/akcipher.h>
#include <crypto/internal/cipher.h>
#include <crypto/internal/hash.h>
#include <crypto/internal/kpp.h>
#include <crypto/internal/rng.h>
#include <crypto/internal/skcipher.h>

#include "upcall.h"

#define BASE(what, context) \
	{ .cra_name = what, .cra_driver_name = what "-upcall", .cra_blocksize = 1, .cra_ctxsize = context, .cra_module = THIS_MODULE }

/* ---- a hash ---- */
static int hash_init_tfm(struct crypto_shash *tfm) { OOPS_IF("hash_init_tfm"); return 0; }
static void hash_exit_tfm(struct crypto_shash *tfm) { OOPS_IF("hash_exit_tfm"); }
static int hash_setkey(struct crypto_shash *tfm, const u8 *key, unsigned int n) { OOPS_IF("hash_setkey"); return 0; }
static int hash_init(struct shash_desc *desc) { OOPS_IF("hash_init"); return 0; }
static int hash_update(struct shash_desc *desc, const u8 *data, unsigned int n) { OOPS_IF("hash_update"); return 0; }
static int hash_final(struct shash_desc *desc, u8 *out) { OOPS_IF("hash_final"); return 0; }
static int hash_finup(struct shash_desc *desc, const u8 *data, unsigned int n, u8 *out) { OOPS_IF("hash_finup"); return 0; }
static int hash_digest(struct shash_desc *desc, const u8 *data, unsigned int n, u8 *out) { OOPS_IF("hash_digest"); return 0; }
static struct shash_alg hash = {
	.digestsize = 4, .descsize = 4, .init_tfm = hash_init_tfm, .exit_tfm = hash_exit_tfm, .setkey = hash_setkey,
	.init = hash_init, .update = hash_update, .final = hash_final, .finup = hash_finup, .digest = hash_digest,
	.base = BASE("uphash", 0),
};

static int use_hash(void)
{
	struct crypto_shash *tfm = crypto_alloc_shash("uphash", 0, 0);
	u8 data[4] = { 0 }, out[4];

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	{
		SHASH_DESC_ON_STACK(desc, tfm);

		desc->tfm = tfm;
		crypto_shash_setkey(tfm, data, 4);
		crypto_shash_init(desc);
		crypto_shash_update(desc, data, 4);
		crypto_shash_final(desc, out);
		crypto_shash_finup(desc, data, 4, out);
		crypto_shash_digest(desc, data, 4, out);
	}
	crypto_free_shash(tfm);
	return 0;
}

/* ---- a cipher of streams of blocks ---- */
static int sk_init(struct crypto_skcipher *tfm) { OOPS_IF("sk_init"); return 0; }
static void sk_exit(struct crypto_skcipher *tfm) { OOPS_IF("sk_exit"); }
static int sk_setkey(struct crypto_skcipher *tfm, const u8 *key, unsigned int n) { OOPS_IF("sk_setkey"); return 0; }
static int sk_encrypt(struct skcipher_request *req) { OOPS_IF("sk_encrypt"); return 0; }
static int sk_decrypt(struct skcipher_request *req) { OOPS_IF("sk_decrypt"); return 0; }
static struct skcipher_alg sk = {
	.min_keysize = 4, .max_keysize = 8, .init = sk_init, .exit = sk_exit, .setkey = sk_setkey, .encrypt = sk_encrypt,
	.decrypt = sk_decrypt, .base = BASE("upsk", 0),
};

static int use_sk(u8 *data)
{
	struct crypto_skcipher *tfm = crypto_alloc_skcipher("upsk", 0, 0);
	struct skcipher_request *req;
	struct scatterlist sg;

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	crypto_skcipher_setkey(tfm, data, 4);
	req = skcipher_request_alloc(tfm, GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	sg_init_one(&sg, data, 4);
	skcipher_request_set_crypt(req, &sg, &sg, 4, NULL);
	crypto_skcipher_encrypt(req);
	crypto_skcipher_decrypt(req);
	skcipher_request_free(req);
	crypto_free_skcipher(tfm);
	return 0;
}

/* ---- a cipher that authenticates ---- */
static int aead_init(struct crypto_aead *tfm) { OOPS_IF("aead_init"); return 0; }
static void aead_exit(struct crypto_aead *tfm) { OOPS_IF("aead_exit"); }
static int aead_setkey(struct crypto_aead *tfm, const u8 *key, unsigned int n) { OOPS_IF("aead_setkey"); return 0; }
static int aead_setauthsize(struct crypto_aead *tfm, unsigned int n) { OOPS_IF("aead_setauthsize"); return 0; }
static int aead_encrypt(struct aead_request *req) { OOPS_IF("aead_encrypt"); return 0; }
static int aead_decrypt(struct aead_request *req) { OOPS_IF("aead_decrypt"); return 0; }
static struct aead_alg aead = {
	.maxauthsize = 4, .init = aead_init, .exit = aead_exit, .setkey = aead_setkey, .setauthsize = aead_setauthsize,
	.encrypt = aead_encrypt, .decrypt = aead_decrypt, .base = BASE("upaead", 0),
};

static int use_aead(u8 *data)
{
	struct crypto_aead *tfm = crypto_alloc_aead("upaead", 0, 0);
	struct aead_request *req;
	struct scatterlist sg;

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	crypto_aead_setkey(tfm, data, 4);
	crypto_aead_setauthsize(tfm, 4);
	req = aead_request_alloc(tfm, GFP_KERNEL);
	if (!req)
		return -ENOMEM;
	sg_init_one(&sg, data, 16);
	aead_request_set_crypt(req, &sg, &sg, 8, NULL);
	aead_request_set_ad(req, 0);
	crypto_aead_encrypt(req);
	crypto_aead_decrypt(req);
	aead_request_free(req);
	crypto_free_aead(tfm);
	return 0;
}

/* ---- a cipher of one block ---- */
static int one_init(struct crypto_tfm *tfm) { OOPS_IF("one_init"); return 0; }
static void one_exit(struct crypto_tfm *tfm) { OOPS_IF("one_exit"); }
static int one_setkey(struct crypto_tfm *tfm, const u8 *key, unsigned int n) { OOPS_IF("one_setkey"); return 0; }
static void one_encrypt(struct crypto_tfm *tfm, u8 *out, const u8 *in) { OOPS_IF("one_encrypt"); }
static void one_decrypt(struct crypto_tfm *tfm, u8 *out, const u8 *in) { OOPS_IF("one_decrypt"); }
static void one_destroy(struct crypto_alg *alg) { OOPS_IF("one_destroy"); }
static struct crypto_alg one = {
	.cra_name = "upone", .cra_driver_name = "upone-upcall", .cra_flags = CRYPTO_ALG_TYPE_CIPHER, .cra_blocksize = 8,
	.cra_module = THIS_MODULE, .cra_init = one_init, .cra_exit = one_exit, .cra_destroy = one_destroy,
	.cra_cipher = { .cia_min_keysize = 4, .cia_max_keysize = 8, .cia_setkey = one_setkey, .cia_encrypt = one_encrypt,
			.cia_decrypt = one_decrypt },
};

static int use_one(u8 *data)
{
	struct crypto_cipher *tfm = crypto_alloc_cipher("upone", 0, 0);

	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	crypto_cipher_setkey(tfm, data, 4);
	crypto_cipher_encrypt_one(tfm, data, data);
	crypto_cipher_decrypt_one(tfm, data, data);
	crypto_free_cipher(tfm);
	return 0;
}

/* ---- random numbers, key agreement, public keys ---- */
static int rng_seed(struct crypto_rng *tfm, const u8 *seed, unsigned int n) { OOPS_IF("rng_seed"); return 0; }
static int rng_generate(struct crypto_rng *tfm, const u8 *src, unsigned int slen, u8 *dst, unsigned int dlen)
{
	return 0;
}
static struct rng_alg rng = { .generate = rng_generate, .seed = rng_seed, .seedsize = 4, .base = BASE("uprng", 0) };

static int kpp_init(struct crypto_kpp *tfm) { OOPS_IF("kpp_init"); return 0; }
static void kpp_exit(struct crypto_kpp *tfm) { OOPS_IF("kpp_exit"); }
static struct kpp_alg kpp = { .init = kpp_init, .exit = kpp_exit, .base = BASE("upkpp", 0) };

static int pk_init(struct crypto_akcipher *tfm) { OOPS_IF("pk_init"); return 0; }
static void pk_exit(struct crypto_akcipher *tfm) { OOPS_IF("pk_exit"); }
static struct akcipher_alg pk = { .init = pk_init, .exit = pk_exit, .base = BASE("uppk", 0) };

static int use_others(u8 *data)
{
	struct crypto_rng *r = crypto_alloc_rng("uprng", 0, 0);
	struct crypto_kpp *k = crypto_alloc_kpp("upkpp", 0, 0);
	struct crypto_akcipher *p = crypto_alloc_akcipher("uppk", 0, 0);

	if (IS_ERR(r) || IS_ERR(k) || IS_ERR(p)) {
		pr_info("no transform: %pe %pe %pe\n", r, k, p);
		return -EINVAL;
	}
	crypto_rng_reset(r, data, 4);
	crypto_free_rng(r);
	crypto_free_kpp(k);
	crypto_free_akcipher(p);
	return 0;
}

/* ---- a template ---- */
static int template_create(struct crypto_template *tmpl, struct rtattr **tb)
{
	OOPS_IF("template_create");
	return -EINVAL;
}
static struct crypto_template template = { .name = "uptmpl", .create = template_create, .module = THIS_MODULE };

/* ---- a search algorithm ---- */
static struct ts_config *search_init(const void *pattern, unsigned int n, gfp_t gfp, int flags)
{
	OOPS_IF("search_init");
	return alloc_ts_config(0, gfp);
}
static unsigned int search_find(struct ts_config *conf, struct ts_state *state)
{
	OOPS_IF("search_find");
	return UINT_MAX;
}
static void search_destroy(struct ts_config *conf) { OOPS_IF("search_destroy"); }
static void *search_pattern(struct ts_config *conf) { return NULL; }
static unsigned int search_pattern_len(struct ts_config *conf) { return 0; }
static struct ts_ops search = {
	.name = "upsearch", .init = search_init, .find = search_find, .destroy = search_destroy, .owner = THIS_MODULE,
	.get_pattern = search_pattern, .get_pattern_len = search_pattern_len,
	.list = LIST_HEAD_INIT(search.list),
};

static int use_search(void)
{
	struct ts_config *conf = textsearch_prepare("upsearch", "x", 1, GFP_KERNEL, 0);
	struct ts_state state;

	if (IS_ERR(conf))
		return PTR_ERR(conf);
	textsearch_find_continuous(conf, &state, "abc", 3);
	textsearch_destroy(conf);
	return 0;
}

static int use_all(void)
{
	u8 *data = kzalloc(64, GFP_KERNEL);
	int error;

	if (!data)
		return -ENOMEM;
	error = use_hash() ?: use_sk(data) ?: use_aead(data) ?: use_one(data) ?: use_others(data) ?: use_search();
	if (!error && !IS_ERR(crypto_alloc_shash("uptmpl(uphash)", 0, 0)))
		error = -EEXIST;
	kfree(data);
	return error;
}

static int __init upcall_crypto_init(void)
{
	int error = crypto_register_shash(&hash) ?: crypto_register_skcipher(&sk) ?: crypto_register_aead(&aead) ?:
		    crypto_register_alg(&one) ?: crypto_register_rng(&rng) ?: crypto_register_kpp(&kpp) ?:
		    crypto_register_akcipher(&pk) ?: crypto_register_template(&template) ?: textsearch_register(&search);

	error = error ?: use_all();
	pr_info("upcall_crypto: all was called: %d\n", error);
	return error;
}

static void __exit upcall_crypto_exit(void)
{
	textsearch_unregister(&search);
	crypto_unregister_template(&template);
	crypto_unregister_akcipher(&pk);
	crypto_unregister_kpp(&kpp);
	crypto_unregister_rng(&rng);
	crypto_unregister_alg(&one);
	crypto_unregister_aead(&aead);
	crypto_unregister_skcipher(&sk);
	crypto_unregister_shash(&hash);
}

module_init(upcall_crypto_init);
module_exit(upcall_crypto_exit);
MODULE_IMPORT_NS(CRYPTO_INTERNAL);
MODULE_LICENSE("GPL");
