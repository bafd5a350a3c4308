// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walking over scatterlists. koi's pages are all mapped, so that a piece is a pointer; where a block lies across pieces, or
 * not aligned as the cipher wants, the step goes through a page of its own.
 */
#include <crypto/scatterwalk.h>
#include <crypto/internal/skcipher.h>
#include <crypto/internal/aead.h>

static u8 *koi_walk_address(struct scatter_walk *walk)
{
	return (u8 *)page_address(sg_page(walk->sg)) + walk->offset;
}

static unsigned int koi_walk_left(struct scatter_walk *walk)
{
	return walk->sg->offset + walk->sg->length - walk->offset;
}

static void koi_walk_skip(struct scatter_walk *walk, unsigned int n)
{
	while (n >= koi_walk_left(walk) && sg_next(walk->sg)) {
		n -= koi_walk_left(walk);
		scatterwalk_start(walk, sg_next(walk->sg));
	}
	scatterwalk_advance(walk, n);
}

/* `out`: 0 from the list to the buffer, 1 the other way, 2 only on. */
void scatterwalk_copychunks(void *buf, struct scatter_walk *walk, size_t nbytes, int out)
{
	while (nbytes) {
		unsigned int n = min_t(size_t, nbytes, koi_walk_left(walk));

		if (out == 0)
			memcpy(buf, koi_walk_address(walk), n);
		else if (out == 1)
			memcpy(koi_walk_address(walk), buf, n);
		buf += out == 2 ? 0 : n;
		nbytes -= n;
		koi_walk_skip(walk, n);
		if (nbytes && !koi_walk_left(walk))
			return;	/* the list is shorter than was said */
	}
}

void scatterwalk_map_and_copy(void *buf, struct scatterlist *sg, unsigned int start, unsigned int nbytes, int out)
{
	struct scatter_walk walk;

	if (!nbytes)
		return;
	scatterwalk_start(&walk, sg);
	koi_walk_skip(&walk, start);
	scatterwalk_copychunks(buf, &walk, nbytes, out);
}

/* The list from `len` bytes on; `dst` becomes its first entry where that lies inside one of `src`. */
struct scatterlist *scatterwalk_ffwd(struct scatterlist dst[2], struct scatterlist *src, unsigned int len)
{
	while (len && len >= src->length) {
		len -= src->length;
		src = sg_next(src);
	}
	if (!len)
		return src;
	sg_init_table(dst, 2);
	sg_set_page(dst, sg_page(src), src->length - len, src->offset + len);
	scatterwalk_crypto_chain(dst, sg_next(src), 2);
	return dst;
}

/* ---- steps of a cipher ---- */
#define KOI_WALK_COPIED 1	/* this step's result lies in walk->page */

static void koi_walk_end(struct skcipher_walk *walk)
{
	walk->nbytes = 0;
	if (walk->iv != walk->oiv)
		memcpy(walk->oiv, walk->iv, walk->ivsize);
	kfree(walk->page);
	kfree(walk->buffer);
	walk->page = walk->buffer = NULL;
}

static int koi_walk_fail(struct skcipher_walk *walk, int error)
{
	koi_walk_end(walk);
	return error;
}

static bool koi_walk_unaligned(struct skcipher_walk *walk)
{
	return ((unsigned long)koi_walk_address(&walk->in) | (unsigned long)koi_walk_address(&walk->out)) & walk->alignmask;
}

/* The step's bytes are copied to walk->page. */
static int koi_walk_copy(struct skcipher_walk *walk, unsigned int n)
{
	struct scatter_walk in = walk->in;

	if (!walk->page)
		walk->page = kmalloc(PAGE_SIZE, GFP_ATOMIC);
	if (!walk->page)
		return koi_walk_fail(walk, -ENOMEM);
	scatterwalk_copychunks(walk->page, &in, n, 0);
	walk->src.virt.addr = walk->dst.virt.addr = walk->page;
	walk->flags |= KOI_WALK_COPIED;
	walk->nbytes = n;
	return 0;
}

static int koi_walk_step(struct skcipher_walk *walk)
{
	unsigned int block = min(walk->stride, max(walk->total, walk->blocksize));
	unsigned int n = scatterwalk_clamp(&walk->in, walk->total);

	n = scatterwalk_clamp(&walk->out, n);
	walk->flags &= ~KOI_WALK_COPIED;
	if (n < block) {
		if (walk->total < walk->blocksize)
			return koi_walk_fail(walk, -EINVAL);
		return koi_walk_copy(walk, block);
	}
	if (koi_walk_unaligned(walk))
		return koi_walk_copy(walk, n);
	walk->src.virt.addr = koi_walk_address(&walk->in);
	walk->dst.virt.addr = koi_walk_address(&walk->out);
	walk->nbytes = n;
	return 0;
}

/* `left`: bytes of the step that were not worked on, or an error that ends the walk. */
int skcipher_walk_done(struct skcipher_walk *walk, int left)
{
	unsigned int done = walk->nbytes - left;
	struct scatter_walk out = walk->out;

	if (left < 0)
		return koi_walk_fail(walk, left);
	if (!walk->nbytes)
		return 0;
	/* A step that was made of one block cannot leave part of it. */
	if ((walk->flags & KOI_WALK_COPIED) && left && walk->nbytes < walk->stride)
		return koi_walk_fail(walk, -EINVAL);
	if (walk->flags & KOI_WALK_COPIED)
		scatterwalk_copychunks(walk->page, &out, done, 1);
	walk->total -= done;
	if (!walk->total) {
		koi_walk_end(walk);
		return 0;
	}
	koi_walk_skip(&walk->in, done);
	koi_walk_skip(&walk->out, done);
	return koi_walk_step(walk);
}

static int koi_walk_start(struct skcipher_walk *walk, struct crypto_tfm *tfm, unsigned int ivsize, unsigned int stride,
			  struct scatterlist *src, struct scatterlist *dst, unsigned int skip)
{
	walk->blocksize = crypto_tfm_alg_blocksize(tfm);
	walk->alignmask = crypto_tfm_alg_alignmask(tfm);
	walk->stride = stride;
	walk->ivsize = ivsize;
	walk->flags = 0;
	walk->nbytes = 0;
	walk->page = walk->buffer = NULL;
	walk->iv = walk->oiv;
	if (!walk->total)
		return 0;
	if (((unsigned long)walk->iv & walk->alignmask) && ivsize) {
		walk->buffer = kmemdup(walk->oiv, ivsize, GFP_ATOMIC);
		if (!walk->buffer)
			return -ENOMEM;
		walk->iv = walk->buffer;
	}
	scatterwalk_start(&walk->in, src);
	scatterwalk_start(&walk->out, dst);
	koi_walk_skip(&walk->in, skip);
	koi_walk_skip(&walk->out, skip);
	return koi_walk_step(walk);
}

int skcipher_walk_virt(struct skcipher_walk *walk, struct skcipher_request *req, bool atomic)
{
	struct crypto_skcipher *tfm = crypto_skcipher_reqtfm(req);

	walk->total = req->cryptlen;
	walk->oiv = req->iv;
	return koi_walk_start(walk, crypto_skcipher_tfm(tfm), crypto_skcipher_ivsize(tfm), crypto_skcipher_alg(tfm)->walksize,
			      req->src, req->dst, 0);
}

static int koi_walk_aead(struct skcipher_walk *walk, struct aead_request *req, unsigned int bytes)
{
	struct crypto_aead *tfm = crypto_aead_reqtfm(req);

	walk->total = bytes;
	walk->oiv = req->iv;
	return koi_walk_start(walk, crypto_aead_tfm(tfm), crypto_aead_ivsize(tfm), crypto_aead_chunksize(tfm), req->src,
			      req->dst, req->assoclen);
}

int skcipher_walk_aead_encrypt(struct skcipher_walk *walk, struct aead_request *req, bool atomic)
{
	return koi_walk_aead(walk, req, req->cryptlen);
}

int skcipher_walk_aead_decrypt(struct skcipher_walk *walk, struct aead_request *req, bool atomic)
{
	return koi_walk_aead(walk, req, req->cryptlen - crypto_aead_authsize(crypto_aead_reqtfm(req)));
}
