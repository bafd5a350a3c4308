// SPDX-License-Identifier: GPL-2.0-only
/*
 * Templates: "cbc(aes)" is made from the template cbc and the algorithm aes when it is first asked for. A spawn ties an
 * instance to an algorithm below it: when that one is unregistered, the instance goes, too.
 */
#include <linux/rtnetlink.h>

enum { KOI_CRYPTOA_ALG = 1, KOI_CRYPTOA_TYPE = 2 };

LIST_HEAD(crypto_template_list);

int crypto_register_template(struct crypto_template *tmpl)
{
	struct crypto_template *other;
	int error = 0;

	down_write(&crypto_alg_sem);
	list_for_each_entry(other, &crypto_template_list, list)
		if (other == tmpl)
			error = -EEXIST;
	if (!error)
		list_add(&tmpl->list, &crypto_template_list);
	up_write(&crypto_alg_sem);
	return error;
}

static void koi_instance_leave(struct crypto_instance *inst, struct list_head *gone)
{
	inst->alg.cra_flags |= CRYPTO_ALG_DEAD;
	hlist_del_init(&inst->list);
	list_move_tail(&inst->alg.cra_list, gone);
	koi_crypto_remove_users(&inst->alg, gone);
}

void crypto_unregister_template(struct crypto_template *tmpl)
{
	struct crypto_instance *inst;
	struct hlist_node *next;
	LIST_HEAD(gone);

	down_write(&crypto_alg_sem);
#line KOI_LINE(575, 555) "crypto/algapi.c"
	BUG_ON(list_empty(&tmpl->list));
	list_del_init(&tmpl->list);
	hlist_for_each_entry_safe(inst, next, &tmpl->instances, list)
		koi_instance_leave(inst, &gone);
	up_write(&crypto_alg_sem);
	koi_crypto_put_all(&gone);
}

KOI_CRYPTO_MANY(struct crypto_template, crypto_register_templates, crypto_register_template, crypto_unregister_templates,
		crypto_unregister_template)

struct crypto_template *crypto_lookup_template(const char *name)
{
	struct crypto_template *tmpl, *found = NULL;

	down_read(&crypto_alg_sem);
	list_for_each_entry(tmpl, &crypto_template_list, list) {
		if (strcmp(tmpl->name, name))
			continue;
		found = try_module_get(tmpl->module) ? tmpl : NULL;
		break;
	}
	up_read(&crypto_alg_sem);
	return found;
}

/* ---- instances ---- */
static void koi_instance_destroy(struct crypto_alg *alg)
{
	struct crypto_instance *inst = container_of(alg, struct crypto_instance, alg);

	alg->cra_type->free(inst);
}

int crypto_register_instance(struct crypto_template *tmpl, struct crypto_instance *inst)
{
	struct crypto_spawn *spawn, *next;
	int error;

	inst->alg.cra_module = tmpl->module;
	inst->alg.cra_flags |= CRYPTO_ALG_INSTANCE;
	inst->alg.cra_destroy = koi_instance_destroy;
	error = koi_crypto_prepare(&inst->alg);
	if (error)
		return error;
	down_write(&crypto_alg_sem);
	for (spawn = inst->spawns; spawn && !error; spawn = spawn->next)
		if (spawn->dead)
			error = -EAGAIN;
	if (!error)
		error = koi_crypto_add(&inst->alg);
	for (spawn = error ? NULL : inst->spawns; spawn; spawn = next) {
		next = spawn->next;
		spawn->inst = inst;
		spawn->registered = true;
		crypto_mod_put(spawn->alg);
	}
	if (!error) {
		hlist_add_head(&inst->list, &tmpl->instances);
		inst->tmpl = tmpl;
	}
	up_write(&crypto_alg_sem);
	return error;
}

void crypto_unregister_instance(struct crypto_instance *inst)
{
	LIST_HEAD(gone);

	down_write(&crypto_alg_sem);
	koi_instance_leave(inst, &gone);
	up_write(&crypto_alg_sem);
	koi_crypto_put_all(&gone);
}

static void koi_crypto_remove_users(struct crypto_alg *alg, struct list_head *gone)
{
	struct crypto_spawn *spawn;

	while (!list_empty(&alg->cra_users)) {
		spawn = list_first_entry(&alg->cra_users, struct crypto_spawn, list);
		list_del_init(&spawn->list);
		spawn->dead = true;
		if (spawn->registered && !koi_crypto_gone(&spawn->inst->alg))
			koi_instance_leave(spawn->inst, gone);
	}
}

static void koi_crypto_put_all(struct list_head *gone)
{
	struct crypto_alg *alg, *next;

	list_for_each_entry_safe(alg, next, gone, cra_list) {
		list_del_init(&alg->cra_list);
		koi_crypto_alg_put(alg);
	}
}

/* ---- spawns ---- */
int crypto_grab_spawn(struct crypto_spawn *spawn, struct crypto_instance *inst, const char *name, u32 type, u32 mask)
{
	struct crypto_alg *alg;
	int error = -EAGAIN;

#line KOI_LINE(712, 690) "crypto/algapi.c"
	if (WARN_ON_ONCE(inst == NULL))
		return -EINVAL;
	/* The name may be the error of what found it. */
	if (IS_ERR(name))
		return PTR_ERR(name);
	if (spawn->frontend) {
		type = (type & spawn->frontend->maskclear) | spawn->frontend->type;
		mask = (mask & spawn->frontend->maskclear) | spawn->frontend->maskset;
	}
	alg = crypto_alg_mod_lookup(name, type, mask);
	if (IS_ERR(alg))
		return PTR_ERR(alg);
	down_write(&crypto_alg_sem);
	if (!koi_crypto_gone(alg)) {
		list_add(&spawn->list, &alg->cra_users);
		spawn->alg = alg;
		spawn->mask = mask;
		spawn->next = inst->spawns;
		inst->spawns = spawn;
		inst->alg.cra_flags |= alg->cra_flags & CRYPTO_ALG_INHERITED_FLAGS;
		error = 0;
	}
	up_write(&crypto_alg_sem);
	if (error)
		crypto_mod_put(alg);
	return error;
}

void crypto_drop_spawn(struct crypto_spawn *spawn)
{
	if (!spawn->alg)	/* never grabbed */
		return;
	down_write(&crypto_alg_sem);
	if (!spawn->dead)
		list_del(&spawn->list);
	up_write(&crypto_alg_sem);
	if (!spawn->registered)
		crypto_mod_put(spawn->alg);
}

static struct crypto_alg *koi_spawn_alg(struct crypto_spawn *spawn)
{
	struct crypto_alg *alg = NULL;

	down_read(&crypto_alg_sem);
	if (!spawn->dead)
		alg = crypto_mod_get(spawn->alg);
	up_read(&crypto_alg_sem);
	return alg ?: ERR_PTR(-EAGAIN);
}

struct crypto_tfm *crypto_spawn_tfm(struct crypto_spawn *spawn, u32 type, u32 mask)
{
	struct crypto_alg *alg = koi_spawn_alg(spawn);
	struct crypto_tfm *tfm = ERR_PTR(-EINVAL);

	if (IS_ERR(alg))
		return ERR_CAST(alg);
	if (!((alg->cra_flags ^ type) & mask))
		tfm = __crypto_alloc_tfm(alg, type, mask);
	if (IS_ERR(tfm))
		crypto_mod_put(alg);
	return tfm;
}

void *crypto_spawn_tfm2(struct crypto_spawn *spawn)
{
	struct crypto_alg *alg = koi_spawn_alg(spawn);
	void *tfm;

	if (IS_ERR(alg))
		return alg;
	tfm = crypto_create_tfm_node(alg, spawn->frontend, NUMA_NO_NODE);
	if (IS_ERR(tfm))
		crypto_mod_put(alg);
	return tfm;
}

/* ---- what a template's create() is told ---- */
struct koi_crypto_request {
	struct {
		struct rtattr attr;
		struct crypto_attr_type data;
	} type;
	struct {
		struct rtattr attr;
		struct crypto_attr_alg data;
	} algs[4];
	struct rtattr *tb[6];	/* the type, the algorithms, NULL */
	char template[CRYPTO_MAX_ALG_NAME];
};

struct crypto_attr_type *crypto_get_attr_type(struct rtattr **tb)
{
	struct rtattr *rta = tb[0];

	if (!rta)
		return ERR_PTR(-ENOENT);
	if (RTA_PAYLOAD(rta) < sizeof(struct crypto_attr_type) || rta->rta_type != KOI_CRYPTOA_TYPE)
		return ERR_PTR(-EINVAL);
	return RTA_DATA(rta);
}

int crypto_check_attr_type(struct rtattr **tb, u32 type, u32 *mask_ret)
{
	struct crypto_attr_type *algt = crypto_get_attr_type(tb);

	if (IS_ERR(algt))
		return PTR_ERR(algt);
	if ((algt->type ^ type) & algt->mask)
		return -EINVAL;
	*mask_ret = crypto_algt_inherited_mask(algt);
	return 0;
}

const char *crypto_attr_alg_name(struct rtattr *rta)
{
	struct crypto_attr_alg *alga;

	if (!rta)
		return ERR_PTR(-ENOENT);
	if (RTA_PAYLOAD(rta) < sizeof(*alga) || rta->rta_type != KOI_CRYPTOA_ALG)
		return ERR_PTR(-EINVAL);
	alga = RTA_DATA(rta);
	alga->name[CRYPTO_MAX_ALG_NAME - 1] = 0;
	return alga->name;
}

int crypto_inst_setname(struct crypto_instance *inst, const char *name, struct crypto_alg *alg)
{
	struct crypto_alg *made = &inst->alg;

	if (snprintf(made->cra_name, CRYPTO_MAX_ALG_NAME, "%s(%s)", name, alg->cra_name) >= CRYPTO_MAX_ALG_NAME)
		return -ENAMETOOLONG;
	if (snprintf(made->cra_driver_name, CRYPTO_MAX_ALG_NAME, "%s(%s)", name, alg->cra_driver_name) >= CRYPTO_MAX_ALG_NAME)
		return -ENAMETOOLONG;
	return 0;
}

/* "cbc(aes)", "authenc(hmac(sha1),cbc(aes))": a name, then arguments between commas outside inner brackets. */
static int koi_crypto_parse(const char *name, struct koi_crypto_request *r)
{
	const char *at = strchr(name, '('), *start;
	unsigned int count = 0, depth = 0;

	if (!at || at == name || at - name >= CRYPTO_MAX_ALG_NAME)
		return -ENOENT;
	memcpy(r->template, name, at - name);
	r->tb[0] = &r->type.attr;
	for (start = ++at; ; at++) {
		if (!*at)
			return -ENOENT;
		if (*at == '(')
			depth++;
		if (*at == ')' && depth) {
			depth--;
			continue;
		}
		if (depth || (*at != ',' && *at != ')'))
			continue;
		if (at == start || at - start >= CRYPTO_MAX_ALG_NAME || count == ARRAY_SIZE(r->algs))
			return -ENOENT;
		memcpy(r->algs[count].data.name, start, at - start);
		r->algs[count].attr.rta_len = sizeof(r->algs[count]);
		r->algs[count].attr.rta_type = KOI_CRYPTOA_ALG;
		r->tb[count + 1] = &r->algs[count].attr;
		count++;
		if (*at == ')')
			return at[1] ? -ENOENT : 0;
		start = at + 1;
	}
}

static int koi_crypto_instantiate(const char *name, u32 type, u32 mask)
{
	struct koi_crypto_request *r = kzalloc(sizeof(*r), GFP_KERNEL);
	struct crypto_template *tmpl = NULL;
	int error, tries = 10;

	if (!r)
		return -ENOMEM;
	error = koi_crypto_parse(name, r);
	if (!error) {
		tmpl = crypto_lookup_template(r->template);
		error = tmpl ? 0 : -ENOENT;
	}
	if (tmpl) {
		r->type.attr.rta_len = sizeof(r->type);
		r->type.attr.rta_type = KOI_CRYPTOA_TYPE;
		r->type.data.type = type & ~CRYPTO_ALG_TESTED;
		r->type.data.mask = mask & ~CRYPTO_ALG_TESTED;
		do
			error = tmpl->create(tmpl, r->tb);
		while (error == -EAGAIN && --tries);
		module_put(tmpl->module);
	}
	kfree(r);
	return error;
}
