// SPDX-License-Identifier: GPL-2.0-only
/* Uses algorithms that other modules registered, on data that lies as badly as it may. */
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <crypto/hash.h>
#include <crypto/skcipher.h>

static int digest(const char *name, const char *text)
{
	struct crypto_shash *tfm = crypto_alloc_shash(name, 0, 0);
	u8 *data, out[HASH_MAX_DIGESTSIZE];
	unsigned int i, n = strlen(text);
	int error;

	if (IS_ERR(tfm)) {
		pr_info("%s: %ld\n", name, PTR_ERR(tfm));
		return 0;
	}
	data = kmalloc(n + 1, GFP_KERNEL);
	if (!data)
		return -ENOMEM;
	memcpy(data + 1, text, n);	/* not aligned */
	error = crypto_shash_tfm_digest(tfm, data + 1, n, out);
	pr_info("%s: %d %*phN\n", crypto_shash_driver_name(tfm), error, (int)crypto_shash_digestsize(tfm), out);
	{
		SHASH_DESC_ON_STACK(desc, tfm);

		desc->tfm = tfm;
		error = crypto_shash_init(desc);
		for (i = 0; i < n && !error; i++)
			error = crypto_shash_update(desc, data + 1 + i, 1);
		error = error ?: crypto_shash_final(desc, out);
		pr_info("%s, byte by byte: %d %*phN\n", name, error, (int)crypto_shash_digestsize(tfm), out);
	}
	kfree(data);
	crypto_free_shash(tfm);
	return 0;
}

/* Three blocks in pieces of 5, 6 and 13 bytes, and back. */
static int encrypt(const char *name)
{
	static const u8 key[8] = { 0x13, 0x34, 0x57, 0x79, 0x9b, 0xbc, 0xdf, 0xf1 };
	static const u8 plain[8] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
	struct crypto_skcipher *tfm = crypto_alloc_skcipher(name, 0, CRYPTO_ALG_ASYNC);
	struct skcipher_request *req;
	struct scatterlist sg[3];
	u8 iv[8] = { 0 };
	u8 *data;
	int i, error;

	if (IS_ERR(tfm)) {
		pr_info("%s: %ld\n", name, PTR_ERR(tfm));
		return 0;
	}
	pr_info("%s: a short key: %d\n", name, crypto_skcipher_setkey(tfm, key, 7));
	data = kmalloc(24, GFP_KERNEL);
	req = skcipher_request_alloc(tfm, GFP_KERNEL);
	if (!data || !req)
		return -ENOMEM;
	for (i = 0; i < 3; i++)
		memcpy(data + 8 * i, plain, 8);
	sg_init_table(sg, 3);
	sg_set_buf(&sg[0], data, 5);
	sg_set_buf(&sg[1], data + 5, 6);
	sg_set_buf(&sg[2], data + 11, 13);
	skcipher_request_set_callback(req, 0, NULL, NULL);
	skcipher_request_set_crypt(req, sg, sg, 24, iv);
	pr_info("%s: without a key: %d\n", name, crypto_skcipher_encrypt(req));
	error = crypto_skcipher_setkey(tfm, key, 8) ?: crypto_skcipher_encrypt(req);
	pr_info("%s: %d %*phN\n", name, error, 24, data);
	skcipher_request_set_crypt(req, sg, sg, 24, iv);
	error = crypto_skcipher_decrypt(req);
	pr_info("%s: back: %d %*phN\n", name, error, 24, data);
	skcipher_request_set_crypt(req, sg, sg, 23, iv);
	pr_info("%s: 23 bytes: %d\n", name, crypto_skcipher_encrypt(req));
	skcipher_request_free(req);
	kfree(data);
	crypto_free_skcipher(tfm);
	return 0;
}

static int __init crypto_user_init(void)
{
	return digest("md4", "abc") ?: digest("sha512", "abc") ?: digest("nosuch", "") ?: encrypt("ecb(des)") ?: encrypt("ecb(nosuch)");
}

static void __exit crypto_user_exit(void)
{
}

module_init(crypto_user_init);
module_exit(crypto_user_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Hashes and encrypts with other modules' algorithms");
