// SPDX-License-Identifier: GPL-2.0-only
/* Symmetric-key ciphers, the simple modes built on a block cipher, and authenticated encryption. */

static void koi_skcipher_need_key(struct crypto_skcipher *tfm)
{
	if (crypto_skcipher_max_keysize(tfm))
		crypto_skcipher_set_flags(tfm, CRYPTO_TFM_NEED_KEY);
}

/* A key that is not aligned as the algorithm wants is copied. */
static void *koi_crypto_aligned_key(const u8 *key, unsigned int keylen, unsigned long alignmask)
{
	return ((unsigned long)key & alignmask) ? kmemdup(key, keylen, GFP_ATOMIC) : (void *)key;
}

int crypto_skcipher_setkey(struct crypto_skcipher *tfm, const u8 *key, unsigned int keylen)
{
	struct skcipher_alg *alg = crypto_skcipher_alg(tfm);
	u8 *aligned;
	int error;

	if (keylen < alg->min_keysize || keylen > alg->max_keysize)
		return -EINVAL;
	aligned = koi_crypto_aligned_key(key, keylen, alg->base.cra_alignmask);
	if (!aligned)
		return -ENOMEM;
	error = alg->setkey(tfm, aligned, keylen);
	if (aligned != key)
		kfree_sensitive(aligned);
	if (error)
		koi_skcipher_need_key(tfm);
	else
		crypto_skcipher_clear_flags(tfm, CRYPTO_TFM_NEED_KEY);
	return error;
}

int crypto_skcipher_encrypt(struct skcipher_request *req)
{
	struct crypto_skcipher *tfm = crypto_skcipher_reqtfm(req);

	if (crypto_skcipher_get_flags(tfm) & CRYPTO_TFM_NEED_KEY)
		return -ENOKEY;
	return crypto_skcipher_alg(tfm)->encrypt(req);
}

int crypto_skcipher_decrypt(struct skcipher_request *req)
{
	struct crypto_skcipher *tfm = crypto_skcipher_reqtfm(req);

	if (crypto_skcipher_get_flags(tfm) & CRYPTO_TFM_NEED_KEY)
		return -ENOKEY;
	return crypto_skcipher_alg(tfm)->decrypt(req);
}

static void koi_skcipher_exit(struct crypto_tfm *tfm)
{
	struct crypto_skcipher *cipher = __crypto_skcipher_cast(tfm);

	crypto_skcipher_alg(cipher)->exit(cipher);
}

static int koi_skcipher_init_tfm(struct crypto_tfm *tfm)
{
	struct crypto_skcipher *cipher = __crypto_skcipher_cast(tfm);
	struct skcipher_alg *alg = crypto_skcipher_alg(cipher);

	koi_skcipher_need_key(cipher);
	if (alg->exit)
		tfm->exit = koi_skcipher_exit;
	return alg->init ? alg->init(cipher) : 0;
}

static void koi_skcipher_show(struct seq_file *m, struct crypto_alg *alg)
{
	struct skcipher_alg *c = container_of(alg, struct skcipher_alg, base);

	seq_printf(m, "type         : skcipher\nasync        : %s\nblocksize    : %u\nmin keysize  : %u\nmax keysize  : %u\n",
		   alg->cra_flags & CRYPTO_ALG_ASYNC ? "yes" : "no", alg->cra_blocksize, c->min_keysize, c->max_keysize);
	seq_printf(m, "ivsize       : %u\nchunksize    : %u\nwalksize     : %u\n", c->ivsize, c->chunksize, c->walksize);
}

static void koi_skcipher_free_instance(struct crypto_instance *inst)
{
	struct skcipher_instance *cipher = container_of(inst, struct skcipher_instance, s.base);

	cipher->free(cipher);
}

static const struct crypto_type koi_skcipher_type = {
	.extsize = koi_crypto_ctxsize,
	.init_tfm = koi_skcipher_init_tfm,
	.free = koi_skcipher_free_instance,
	.show = koi_skcipher_show,
	.maskclear = ~CRYPTO_ALG_TYPE_MASK,
	.maskset = CRYPTO_ALG_TYPE_MASK,
	.type = CRYPTO_ALG_TYPE_SKCIPHER,
	.tfmsize = offsetof(struct crypto_skcipher, base),
};

struct crypto_skcipher *crypto_alloc_skcipher(const char *name, u32 type, u32 mask)
{
	return crypto_alloc_tfm_node(name, &koi_skcipher_type, type, mask, NUMA_NO_NODE);
}

struct crypto_sync_skcipher *crypto_alloc_sync_skcipher(const char *name, u32 type, u32 mask)
{
	struct crypto_skcipher *tfm;

	/* Its requests live on the stack. */
	mask |= CRYPTO_ALG_ASYNC;
	type &= ~CRYPTO_ALG_ASYNC;
	tfm = crypto_alloc_tfm_node(name, &koi_skcipher_type, type, mask, NUMA_NO_NODE);
	if (!IS_ERR(tfm) && crypto_skcipher_reqsize(tfm) > MAX_SYNC_SKCIPHER_REQSIZE) {
		crypto_free_skcipher(tfm);
		return ERR_PTR(-EINVAL);
	}
	return (struct crypto_sync_skcipher *)tfm;
}

int crypto_has_skcipher(const char *name, u32 type, u32 mask)
{
	return koi_crypto_has(name, &koi_skcipher_type, type, mask);
}

static int koi_skcipher_complete(struct skcipher_alg *alg)
{
	if (alg->ivsize > PAGE_SIZE / 8 || alg->chunksize > PAGE_SIZE / 8 || alg->walksize > PAGE_SIZE / 8)
		return -EINVAL;
	alg->chunksize = alg->chunksize ?: alg->base.cra_blocksize;
	alg->walksize = alg->walksize ?: alg->chunksize;
	alg->base.cra_type = &koi_skcipher_type;
	alg->base.cra_flags = (alg->base.cra_flags & ~CRYPTO_ALG_TYPE_MASK) | CRYPTO_ALG_TYPE_SKCIPHER;
	return 0;
}

int crypto_register_skcipher(struct skcipher_alg *alg)
{
	int error = koi_skcipher_complete(alg);

	return error ?: crypto_register_alg(&alg->base);
}

void crypto_unregister_skcipher(struct skcipher_alg *alg)
{
	crypto_unregister_alg(&alg->base);
}

KOI_CRYPTO_MANY(struct skcipher_alg, crypto_register_skciphers, crypto_register_skcipher, crypto_unregister_skciphers,
		crypto_unregister_skcipher)

int skcipher_register_instance(struct crypto_template *tmpl, struct skcipher_instance *inst)
{
	int error = inst->free ? koi_skcipher_complete(&inst->alg) : -EINVAL;

	return error ?: crypto_register_instance(tmpl, skcipher_crypto_instance(inst));
}

int crypto_grab_skcipher(struct crypto_skcipher_spawn *spawn, struct crypto_instance *inst, const char *name, u32 type,
			 u32 mask)
{
	spawn->base.frontend = &koi_skcipher_type;
	return crypto_grab_spawn(&spawn->base, inst, name, type, mask);
}

/* ---- simple modes: a template over one block cipher ---- */
static int koi_simple_setkey(struct crypto_skcipher *tfm, const u8 *key, unsigned int keylen)
{
	struct crypto_cipher *cipher = skcipher_cipher_simple(tfm);

	crypto_cipher_clear_flags(cipher, CRYPTO_TFM_REQ_MASK);
	crypto_cipher_set_flags(cipher, crypto_skcipher_get_flags(tfm) & CRYPTO_TFM_REQ_MASK);
	return crypto_cipher_setkey(cipher, key, keylen);
}

static int koi_simple_init(struct crypto_skcipher *tfm)
{
	struct crypto_cipher_spawn *spawn = skcipher_instance_ctx(skcipher_alg_instance(tfm));
	struct skcipher_ctx_simple *ctx = crypto_skcipher_ctx(tfm);

	ctx->cipher = crypto_spawn_cipher(spawn);
	return PTR_ERR_OR_ZERO(ctx->cipher);
}

static void koi_simple_exit(struct crypto_skcipher *tfm)
{
	crypto_free_cipher(skcipher_cipher_simple(tfm));
}

static void koi_simple_free(struct skcipher_instance *inst)
{
	crypto_drop_cipher(skcipher_instance_ctx(inst));
	kfree(inst);
}

struct skcipher_instance *skcipher_alloc_instance_simple(struct crypto_template *tmpl, struct rtattr **tb)
{
	struct crypto_cipher_spawn *spawn;
	struct skcipher_instance *inst;
	struct crypto_alg *cipher;
	u32 mask;
	int error = crypto_check_attr_type(tb, CRYPTO_ALG_TYPE_SKCIPHER, &mask);

	if (error)
		return ERR_PTR(error);
	inst = kzalloc(sizeof(*inst) + sizeof(*spawn), GFP_KERNEL);
	if (!inst)
		return ERR_PTR(-ENOMEM);
	spawn = skcipher_instance_ctx(inst);
	error = crypto_grab_cipher(spawn, skcipher_crypto_instance(inst), crypto_attr_alg_name(tb[1]), 0, mask);
	if (!error) {
		cipher = crypto_spawn_cipher_alg(spawn);
		error = crypto_inst_setname(skcipher_crypto_instance(inst), tmpl->name, cipher);
	}
	if (error) {
		koi_simple_free(inst);
		return ERR_PTR(error);
	}
	inst->free = koi_simple_free;
	/* What the mode does not say otherwise is the cipher's. */
	inst->alg.base.cra_blocksize = inst->alg.ivsize = cipher->cra_blocksize;
	inst->alg.base.cra_alignmask = cipher->cra_alignmask;
	inst->alg.base.cra_priority = cipher->cra_priority;
	inst->alg.min_keysize = cipher->cra_cipher.cia_min_keysize;
	inst->alg.max_keysize = cipher->cra_cipher.cia_max_keysize;
	inst->alg.base.cra_ctxsize = sizeof(struct skcipher_ctx_simple);
	inst->alg.setkey = koi_simple_setkey;
	inst->alg.init = koi_simple_init;
	inst->alg.exit = koi_simple_exit;
	return inst;
}
