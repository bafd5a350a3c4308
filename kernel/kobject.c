// SPDX-License-Identifier: GPL-2.0-only
/* kobjects and ksets: reference counts, names, places in sysfs; and the kernel's words about misuse. */

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#define KOI_KOBJECT_DUMP() dump_stack_lvl(KERN_ERR)
#define KOI_KOBJECT_PREFIX "kobject: "
#else
#define KOI_KOBJECT_DUMP() dump_stack()
#define KOI_KOBJECT_PREFIX
#endif

/* ---- the objects that are there from the start ---- */
#define KOI_STATIC_KOBJECT(what, text, place)					\
	static struct kernfs_node what##_node = { .count = ATOMIC_INIT(1), .name = text, .flags = KERNFS_DIR, .id = place }; \
	static struct kobject what##_object = {					\
		.name = text,							\
		.sd = &what##_node,						\
		.kref = KREF_INIT(1000),					\
		.entry = LIST_HEAD_INIT(what##_object.entry),			\
		.state_initialized = 1,						\
		.state_in_sysfs = 1,						\
	}
KOI_STATIC_KOBJECT(koi_kernel, "kernel", KOI_VFS_SYS_KERNEL);
KOI_STATIC_KOBJECT(koi_mm, "mm", KOI_VFS_SYS_KERNEL_MM);
KOI_STATIC_KOBJECT(koi_fs, "fs", KOI_VFS_SYS_FS);
KOI_STATIC_KOBJECT(koi_firmware, "firmware", KOI_VFS_SYS_FIRMWARE);
KOI_STATIC_KOBJECT(koi_hypervisor, "hypervisor", KOI_VFS_SYS_HYPERVISOR);
KOI_STATIC_KOBJECT(koi_power, "power", KOI_VFS_SYS_POWER);
struct kobject *kernel_kobj = &koi_kernel_object;
struct kobject *mm_kobj = &koi_mm_object;
struct kobject *fs_kobj = &koi_fs_object;
struct kobject *firmware_kobj = &koi_firmware_object;
struct kobject *hypervisor_kobj = &koi_hypervisor_object;
struct kobject *power_kobj = &koi_power_object;

/* ---- show and store of struct kobj_attribute ---- */
static ssize_t kobj_attr_show(struct kobject *kobj, struct attribute *attr, char *buf)
{
	struct kobj_attribute *a = container_of(attr, struct kobj_attribute, attr);

	return a->show ? a->show(kobj, a, buf) : -EIO;
}

static ssize_t kobj_attr_store(struct kobject *kobj, struct attribute *attr, const char *buf, size_t count)
{
	struct kobj_attribute *a = container_of(attr, struct kobj_attribute, attr);

	return a->store ? a->store(kobj, a, buf, count) : -EIO;
}

const struct sysfs_ops kobj_sysfs_ops = {
	.show = kobj_attr_show,
	.store = kobj_attr_store,
};

/* ---- names ---- */
int kobject_set_name_vargs(struct kobject *kobj, const char *fmt, va_list args)
{
	char *name;

	if (kobj->name && !fmt)
		return 0;
	name = kvasprintf(GFP_KERNEL, fmt, args);
	if (!name)
		return -ENOMEM;
	strreplace(name, '/', '!');
	kfree_const(kobj->name);
	kobj->name = name;
	return 0;
}

int kobject_set_name(struct kobject *kobj, const char *fmt, ...)
{
	va_list args;
	int error;

	va_start(args, fmt);
	error = kobject_set_name_vargs(kobj, fmt, args);
	va_end(args);
	return error;
}

/* "/kernel/a": the names from the top. */
char *kobject_get_path(const struct kobject *kobj, gfp_t gfp)
{
	const struct kobject *at;
	size_t len = 1;
	char *path, *end;

	for (at = kobj; at; at = at->parent) {
		if (!kobject_name(at))
			return NULL;
		len += strlen(kobject_name(at)) + 1;
	}
	path = kzalloc(len, gfp);
	if (!path)
		return NULL;
	end = path + len - 1;
	for (at = kobj; at; at = at->parent) {
		size_t bytes = strlen(kobject_name(at));

		end -= bytes;
		memcpy(end, kobject_name(at), bytes);
		*--end = '/';
	}
	return path;
}

/* ---- life ---- */
void kobject_init(struct kobject *kobj, const struct kobj_type *ktype)
{
	const char *mistake = !kobj ? "invalid kobject pointer!" : "must have a ktype to be initialized properly!\n";

	if (!kobj || !ktype) {
		pr_err(KOI_KOBJECT_PREFIX "kobject (%p): %s\n", kobj, mistake);
		KOI_KOBJECT_DUMP();
		return;
	}
	if (kobj->state_initialized) {
		pr_err(KOI_KOBJECT_PREFIX
		       "kobject (%p): tried to init an initialized object, something is seriously wrong.\n", kobj);
		KOI_KOBJECT_DUMP();
	}
	kref_init(&kobj->kref);
	INIT_LIST_HEAD(&kobj->entry);
	kobj->state_in_sysfs = 0;
	kobj->state_add_uevent_sent = 0;
	kobj->state_remove_uevent_sent = 0;
	kobj->state_initialized = 1;
	kobj->ktype = ktype;
}

static void koi_kset_leave(struct kobject *kobj)
{
	if (!kobj->kset)
		return;
	spin_lock(&kobj->kset->list_lock);
	list_del_init(&kobj->entry);
	spin_unlock(&kobj->kset->list_lock);
	kset_put(kobj->kset);
}

static int koi_kobject_populate(struct kobject *kobj)
{
	const struct kobj_type *type = kobj->ktype;
	int error = sysfs_create_dir_ns(kobj, NULL);

	if (!error && type && type->default_groups) {
		error = sysfs_create_groups(kobj, type->default_groups);
		if (error)
			sysfs_remove_dir(kobj);
	}
	return error;
}

static noinline int kobject_add_internal(struct kobject *kobj)
{
	struct kobject *parent;
	int error;

	if (!kobj)
		return -ENOENT;
	if (!kobj->name || !kobj->name[0]) {
#line KOI_LINE(210, 219) "lib/kobject.c"
		WARN(1, "kobject: (%p): attempted to be registered with empty name!\n", kobj);
		return -EINVAL;
	}
	parent = kobject_get(kobj->parent);
	if (kobj->kset) {
		if (!parent)
			parent = kobject_get(&kobj->kset->kobj);
		kset_get(kobj->kset);
		spin_lock(&kobj->kset->list_lock);
		list_add_tail(&kobj->entry, &kobj->kset->list);
		spin_unlock(&kobj->kset->list_lock);
		kobj->parent = parent;
	}
	error = koi_kobject_populate(kobj);
	if (!error) {
		kobj->state_in_sysfs = 1;
		return 0;
	}
	koi_kset_leave(kobj);
	kobject_put(parent);
	kobj->parent = NULL;
	if (error == -EEXIST)
		pr_err(KOI_KOBJECT_PREFIX "%s failed for %s with -EEXIST, don't try to register things with the same name in the same directory.\n",
		       __func__, kobject_name(kobj));
	else
		pr_err(KOI_KOBJECT_PREFIX "%s failed for %s (error: %d parent: %s)\n", __func__, kobject_name(kobj), error,
		       parent ? kobject_name(parent) : "'none'");
	return error;
}

static __always_inline int koi_kobject_add(struct kobject *kobj, struct kobject *parent, const char *fmt, va_list args)
{
	int error = kobject_set_name_vargs(kobj, fmt, args);

	if (error) {
		pr_err("kobject: can not set name properly!\n");
		return error;
	}
	kobj->parent = parent;
	return kobject_add_internal(kobj);
}

int kobject_add(struct kobject *kobj, struct kobject *parent, const char *fmt, ...)
{
	va_list args;
	int error;

	if (!kobj)
		return -EINVAL;
	if (!kobj->state_initialized) {
		pr_err(KOI_KOBJECT_PREFIX
		       "kobject '%s' (%p): tried to add an uninitialized object, something is seriously wrong.\n",
		       kobject_name(kobj), kobj);
		KOI_KOBJECT_DUMP();
		return -EINVAL;
	}
	va_start(args, fmt);
	error = koi_kobject_add(kobj, parent, fmt, args);
	va_end(args);
	return error;
}

int kobject_init_and_add(struct kobject *kobj, const struct kobj_type *ktype, struct kobject *parent, const char *fmt, ...)
{
	va_list args;
	int error;

	kobject_init(kobj, ktype);
	va_start(args, fmt);
	error = koi_kobject_add(kobj, parent, fmt, args);
	va_end(args);
	return error;
}

static void koi_kobject_unlink(struct kobject *kobj)
{
	if (kobj->ktype)
		sysfs_remove_groups(kobj, kobj->ktype->default_groups);
	if (kobj->state_add_uevent_sent && !kobj->state_remove_uevent_sent)
		kobject_uevent(kobj, KOBJ_REMOVE);
	sysfs_remove_dir(kobj);
	kobj->state_in_sysfs = 0;
	koi_kset_leave(kobj);
	kobj->parent = NULL;
}

void kobject_del(struct kobject *kobj)
{
	struct kobject *parent;

	if (!kobj)
		return;
	parent = kobj->parent;
	koi_kobject_unlink(kobj);
	kobject_put(parent);
}

struct kobject *kobject_get(struct kobject *kobj)
{
	if (!kobj)
		return NULL;
	if (!kobj->state_initialized)
#line KOI_LINE(632, 640) "lib/kobject.c"
		WARN(1, KERN_WARNING "kobject: '%s' (%p): is not initialized, yet kobject_get() is being called.\n",
		     kobject_name(kobj), kobj);
	kref_get(&kobj->kref);
	return kobj;
}

struct kobject *kobject_get_unless_zero(struct kobject *kobj)
{
	return kobj && kref_get_unless_zero(&kobj->kref) ? kobj : NULL;
}

/* A missing release function is a word of pr_debug() only. */
static void kobject_release(struct kref *kref)
{
	struct kobject *kobj = container_of(kref, struct kobject, kref), *parent = NULL;
	const struct kobj_type *type = kobj->ktype;
	const char *name = kobj->name;

	if (kobj->state_in_sysfs) {
		parent = kobj->parent;
		koi_kobject_unlink(kobj);
	}
	if (type && type->release)
		type->release(kobj);
	kfree_const(name);
	kobject_put(parent);
}

void kobject_put(struct kobject *kobj)
{
	if (!kobj)
		return;
	if (!kobj->state_initialized)
#line KOI_LINE(726, 734) "lib/kobject.c"
		WARN(1, KERN_WARNING "kobject: '%s' (%p): is not initialized, yet kobject_put() is being called.\n",
		     kobject_name(kobj), kobj);
	kref_put(&kobj->kref, kobject_release);
}

static void koi_dynamic_release(struct kobject *kobj)
{
	kfree(kobj);
}

static const struct kobj_type koi_dynamic_type = {
	.release = koi_dynamic_release,
	.sysfs_ops = &kobj_sysfs_ops,
};

struct kobject *kobject_create_and_add(const char *name, struct kobject *parent)
{
	struct kobject *kobj = kzalloc(sizeof(*kobj), GFP_KERNEL);
	int error;

	if (!kobj)
		return NULL;
	kobject_init(kobj, &koi_dynamic_type);
	error = kobject_add(kobj, parent, "%s", name);
	if (error) {
		pr_warn(KOI_KOBJECT_PREFIX "%s: kobject_add error: %d\n", __func__, error);
		kobject_put(kobj);
		kobj = NULL;
	}
	return kobj;
}

/* ---- sets ---- */
static void koi_kset_release(struct kobject *kobj)
{
	kfree(container_of(kobj, struct kset, kobj));
}

static const struct kobj_type koi_kset_type = {
	.sysfs_ops = &kobj_sysfs_ops,
	.release = koi_kset_release,
};

int kset_register(struct kset *k)
{
	int error;

	if (!k)
		return -EINVAL;
	if (!k->kobj.ktype) {
		pr_err(KOI_KOBJECT_PREFIX "must have a ktype to be initialized properly!\n");
		return -EINVAL;
	}
	kobject_init(&k->kobj, k->kobj.ktype);
	INIT_LIST_HEAD(&k->list);
	spin_lock_init(&k->list_lock);
	error = kobject_add_internal(&k->kobj);
	if (error) {
		kfree_const(k->kobj.name);
		k->kobj.name = NULL;
		return error;
	}
	kobject_uevent(&k->kobj, KOBJ_ADD);
	return 0;
}

void kset_unregister(struct kset *k)
{
	if (!k)
		return;
	kobject_del(&k->kobj);
	kobject_put(&k->kobj);
}

struct kset *kset_create_and_add(const char *name, const struct kset_uevent_ops *uevent_ops, struct kobject *parent)
{
	struct kset *k = kzalloc(sizeof(*k), GFP_KERNEL);

	if (!k)
		return NULL;
	if (kobject_set_name(&k->kobj, "%s", name)) {
		kfree(k);
		return NULL;
	}
	k->uevent_ops = uevent_ops;
	k->kobj.parent = parent;
	k->kobj.ktype = &koi_kset_type;
	if (kset_register(k)) {
		kfree(k);
		return NULL;
	}
	return k;
}

struct kobject *kset_find_obj(struct kset *kset, const char *name)
{
	struct kobject *k, *found = NULL;

	spin_lock(&kset->list_lock);
	list_for_each_entry(k, &kset->list, entry) {
		if (kobject_name(k) && !strcmp(kobject_name(k), name)) {
			found = kobject_get_unless_zero(k);
			break;
		}
	}
	spin_unlock(&kset->list_lock);
	return found;
}

/* ---- events: nobody listens, but the set's own functions are asked ---- */
int add_uevent_var(struct kobj_uevent_env *env, const char *format, ...)
{
	size_t room = sizeof(env->buf) - env->buflen;
	va_list args;
	int len;

	if (env->envp_idx >= ARRAY_SIZE(env->envp)) {
#line KOI_LINE(675, 674) "lib/kobject_uevent.c"
		WARN(1, KERN_ERR "add_uevent_var: too many keys\n");
		return -ENOMEM;
	}
	va_start(args, format);
	len = vsnprintf(&env->buf[env->buflen], room, format, args);
	va_end(args);
	if (len >= room) {
#line KOI_LINE(686, 685) "lib/kobject_uevent.c"
		WARN(1, KERN_ERR "add_uevent_var: buffer size too small\n");
		return -ENOMEM;
	}
	env->envp[env->envp_idx++] = &env->buf[env->buflen];
	env->buflen += len + 1;
	return 0;
}

int kobject_uevent_env(struct kobject *kobj, enum kobject_action action, char *extra[])
{
	static const char *const actions[] = { "add", "remove", "change", "move", "online", "offline", "bind", "unbind" };
	const struct kset_uevent_ops *ops;
	struct kobject *top = kobj;
	struct kobj_uevent_env *env;
	const char *subsystem;
	char *path;
	int error = 0;

	if (action == KOBJ_REMOVE)
		kobj->state_remove_uevent_sent = 1;
	while (!top->kset && top->parent)
		top = top->parent;
	if (!top->kset)
		return -EINVAL;
	ops = top->kset->uevent_ops;
	if (kobj->uevent_suppress || (ops && ops->filter && !ops->filter(kobj)))
		return 0;
	subsystem = ops && ops->name ? ops->name(kobj) : kobject_name(&top->kset->kobj);
	if (!subsystem)
		return 0;
	env = kzalloc(sizeof(*env), GFP_KERNEL);
	path = kobject_get_path(kobj, GFP_KERNEL);
	if (!env || !path)
		error = -ENOMEM;
	if (!error)
		error = add_uevent_var(env, "ACTION=%s", actions[action]);
	if (!error)
		error = add_uevent_var(env, "DEVPATH=%s", path);
	if (!error)
		error = add_uevent_var(env, "SUBSYSTEM=%s", subsystem);
	for (; !error && extra && *extra; extra++)
		error = add_uevent_var(env, "%s", *extra);
	if (!error && ops && ops->uevent)
		error = ops->uevent(kobj, env);
	if (!error && action == KOBJ_ADD)
		kobj->state_add_uevent_sent = 1;
	kfree(path);
	kfree(env);
	return error;
}

int kobject_uevent(struct kobject *kobj, enum kobject_action action)
{
	return kobject_uevent_env(kobj, action, NULL);
}
