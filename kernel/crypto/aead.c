// SPDX-License-Identifier: GPL-2.0-only
/* Authenticated encryption with associated data. */

int crypto_aead_setkey(struct crypto_aead *tfm, const u8 *key, unsigned int keylen)
{
	u8 *aligned = koi_crypto_aligned_key(key, keylen, crypto_aead_alignmask(tfm));
	int error;

	if (!aligned)
		return -ENOMEM;
	error = crypto_aead_alg(tfm)->setkey(tfm, aligned, keylen);
	if (aligned != key)
		kfree_sensitive(aligned);
	if (error)
		crypto_aead_set_flags(tfm, CRYPTO_TFM_NEED_KEY);
	else
		crypto_aead_clear_flags(tfm, CRYPTO_TFM_NEED_KEY);
	return error;
}

int crypto_aead_setauthsize(struct crypto_aead *tfm, unsigned int authsize)
{
	struct aead_alg *alg = crypto_aead_alg(tfm);
	int error = 0;

	if ((!authsize && crypto_aead_maxauthsize(tfm)) || authsize > crypto_aead_maxauthsize(tfm))
		return -EINVAL;
	if (alg->setauthsize)
		error = alg->setauthsize(tfm, authsize);
	if (!error)
		tfm->authsize = authsize;
	return error;
}

int crypto_aead_encrypt(struct aead_request *req)
{
	struct crypto_aead *tfm = crypto_aead_reqtfm(req);

	if (crypto_aead_get_flags(tfm) & CRYPTO_TFM_NEED_KEY)
		return -ENOKEY;
	return crypto_aead_alg(tfm)->encrypt(req);
}

int crypto_aead_decrypt(struct aead_request *req)
{
	struct crypto_aead *tfm = crypto_aead_reqtfm(req);

	if (crypto_aead_get_flags(tfm) & CRYPTO_TFM_NEED_KEY)
		return -ENOKEY;
	if (req->cryptlen < crypto_aead_authsize(tfm))
		return -EINVAL;
	return crypto_aead_alg(tfm)->decrypt(req);
}

static struct crypto_aead *koi_aead_of(struct crypto_tfm *tfm)
{
	return container_of(tfm, struct crypto_aead, base);
}

static void koi_aead_exit(struct crypto_tfm *tfm)
{
	crypto_aead_alg(koi_aead_of(tfm))->exit(koi_aead_of(tfm));
}

static int koi_aead_init_tfm(struct crypto_tfm *tfm)
{
	struct crypto_aead *aead = koi_aead_of(tfm);
	struct aead_alg *alg = crypto_aead_alg(aead);

	crypto_aead_set_flags(aead, CRYPTO_TFM_NEED_KEY);
	aead->authsize = alg->maxauthsize;
	if (alg->exit)
		tfm->exit = koi_aead_exit;
	return alg->init ? alg->init(aead) : 0;
}

static void koi_aead_show(struct seq_file *m, struct crypto_alg *alg)
{
	struct aead_alg *a = container_of(alg, struct aead_alg, base);

	seq_printf(m, "type         : aead\nasync        : %s\nblocksize    : %u\nivsize       : %u\nmaxauthsize  : %u\ngeniv        : <none>\n",
		   alg->cra_flags & CRYPTO_ALG_ASYNC ? "yes" : "no", alg->cra_blocksize, a->ivsize, a->maxauthsize);
}

static void koi_aead_free_instance(struct crypto_instance *inst)
{
	struct aead_instance *aead = aead_instance(inst);

	aead->free(aead);
}

static const struct crypto_type koi_aead_type = {
	.extsize = koi_crypto_ctxsize,
	.init_tfm = koi_aead_init_tfm,
	.free = koi_aead_free_instance,
	.show = koi_aead_show,
	.maskclear = ~CRYPTO_ALG_TYPE_MASK,
	.maskset = CRYPTO_ALG_TYPE_MASK,
	.type = CRYPTO_ALG_TYPE_AEAD,
	.tfmsize = offsetof(struct crypto_aead, base),
};

struct crypto_aead *crypto_alloc_aead(const char *name, u32 type, u32 mask)
{
	return crypto_alloc_tfm_node(name, &koi_aead_type, type, mask, NUMA_NO_NODE);
}

static int koi_aead_complete(struct aead_alg *alg)
{
	if (max3(alg->maxauthsize, alg->ivsize, alg->chunksize) > PAGE_SIZE / 8)
		return -EINVAL;
	alg->chunksize = alg->chunksize ?: alg->base.cra_blocksize;
	alg->base.cra_type = &koi_aead_type;
	alg->base.cra_flags = (alg->base.cra_flags & ~CRYPTO_ALG_TYPE_MASK) | CRYPTO_ALG_TYPE_AEAD;
	return 0;
}

int crypto_register_aead(struct aead_alg *alg)
{
	int error = koi_aead_complete(alg);

	return error ?: crypto_register_alg(&alg->base);
}

void crypto_unregister_aead(struct aead_alg *alg)
{
	crypto_unregister_alg(&alg->base);
}

KOI_CRYPTO_MANY(struct aead_alg, crypto_register_aeads, crypto_register_aead, crypto_unregister_aeads,
		crypto_unregister_aead)

int aead_register_instance(struct crypto_template *tmpl, struct aead_instance *inst)
{
	int error = inst->free ? koi_aead_complete(&inst->alg) : -EINVAL;

	return error ?: crypto_register_instance(tmpl, aead_crypto_instance(inst));
}

int crypto_grab_aead(struct crypto_aead_spawn *spawn, struct crypto_instance *inst, const char *name, u32 type, u32 mask)
{
	spawn->base.frontend = &koi_aead_type;
	return crypto_grab_spawn(&spawn->base, inst, name, type, mask);
}

/* ---- requests that wait ---- */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
void crypto_req_done(void *data, int err)
{
	struct crypto_wait *wait = data;
#else
void crypto_req_done(struct crypto_async_request *req, int err)
{
	struct crypto_wait *wait = req->data;
#endif

	if (err == -EINPROGRESS)
		return;
	wait->err = err;
	complete(&wait->completion);
}

void crypto_init_queue(struct crypto_queue *queue, unsigned int max_qlen)
{
	INIT_LIST_HEAD(&queue->list);
	queue->backlog = &queue->list;
	queue->qlen = 0;
	queue->max_qlen = max_qlen;
}

/* A full queue takes a request only as backlog, and says that it is busy. */
int crypto_enqueue_request(struct crypto_queue *queue, struct crypto_async_request *request)
{
	int result = -EINPROGRESS;

	if (queue->qlen >= queue->max_qlen) {
		if (!(request->flags & CRYPTO_TFM_REQ_MAY_BACKLOG))
			return -ENOSPC;
		result = -EBUSY;
		if (queue->backlog == &queue->list)
			queue->backlog = &request->list;
	}
	queue->qlen++;
	list_add_tail(&request->list, &queue->list);
	return result;
}

void crypto_enqueue_request_head(struct crypto_queue *queue, struct crypto_async_request *request)
{
	if (queue->qlen >= queue->max_qlen)
		queue->backlog = queue->backlog->prev;
	queue->qlen++;
	list_add(&request->list, &queue->list);
}

struct crypto_async_request *crypto_dequeue_request(struct crypto_queue *queue)
{
	struct list_head *first;

	if (!queue->qlen)
		return NULL;
	queue->qlen--;
	if (queue->backlog != &queue->list)
		queue->backlog = queue->backlog->next;
	first = queue->list.next;
	list_del(first);
	return list_entry(first, struct crypto_async_request, list);
}
