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
#define KOI_KOBJ_ATTRIBUTE(member) container_of(member, struct kobj_attribute, attr)

static ssize_t kobj_attr_show(struct kobject *of, struct attribute *member, char *page)
{
	struct kobj_attribute *whole = KOI_KOBJ_ATTRIBUTE(member);

	return whole->show ? whole->show(of, whole, page) : -EIO;
}

static ssize_t kobj_attr_store(struct kobject *of, struct attribute *member, const char *text, size_t bytes)
{
	struct kobj_attribute *whole = KOI_KOBJ_ATTRIBUTE(member);

	return whole->store ? whole->store(of, whole, text, bytes) : -EIO;
}

const struct sysfs_ops kobj_sysfs_ops = { .store = kobj_attr_store, .show = kobj_attr_show };

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

int kobject_set_name(struct kobject *kobj, const char *format, ...)
{
	va_list words;
	int error;

	va_start(words, format);
	error = kobject_set_name_vargs(kobj, format, words);
	va_end(words);
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
	kobj->state_in_sysfs = kobj->state_add_uevent_sent = kobj->state_remove_uevent_sent = 0;
	INIT_LIST_HEAD(&kobj->entry);
	kref_init(&kobj->kref);
	kobj->ktype = ktype;
	kobj->state_initialized = 1;
}

/* Into the list of its set or out of it. The set is referred to as long as the object is in. */
static void koi_kset_member(struct kobject *kobj, bool in)
{
	struct kset *set = kobj->kset;

	if (set) {
		if (in)
			kset_get(set);
		spin_lock(&set->list_lock);
		if (in)
			list_add_tail(&kobj->entry, &set->list);
		else
			list_del_init(&kobj->entry);
		spin_unlock(&set->list_lock);
		if (!in)
			kset_put(set);
	}
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

/* Why an object got no place; the kernel says so in the name of kobject_add_internal(). */
static void koi_kobject_refused(const struct kobject *kobj, int error)
{
	const char *under = kobj->parent ? kobject_name(kobj->parent) : "'none'";

	if (error == -EEXIST)
		pr_err(KOI_KOBJECT_PREFIX "kobject_add_internal failed for %s with -EEXIST, don't try to register things with the same name in the same directory.\n",
		       kobject_name(kobj));
	else
		pr_err(KOI_KOBJECT_PREFIX "kobject_add_internal failed for %s (error: %d parent: %s)\n", kobject_name(kobj), error, under);
}

/* An object without a parent of its own is under its set. The parent is referred to until the object leaves. */
static noinline int kobject_add_internal(struct kobject *kobj)
{
	struct kobject *above;
	int error;

	if (kobj == NULL)
		return -ENOENT;
	if (!kobj->name || kobj->name[0] == '\0') {
#line KOI_LINE(210, 219) "lib/kobject.c"
		WARN(1, "kobject: (%p): attempted to be registered with empty name!\n", kobj);
		return -EINVAL;
	}
	above = kobj->parent;
	if (!above && kobj->kset)
		above = &kobj->kset->kobj;
	kobj->parent = kobject_get(above);
	koi_kset_member(kobj, true);
	error = koi_kobject_populate(kobj);
	if (error) {
		koi_kobject_refused(kobj, error);
		koi_kset_member(kobj, false);
		kobj->parent = NULL;
		kobject_put(above);
	} else {
		kobj->state_in_sysfs = 1;
	}
	return error;
}

static __always_inline int koi_kobject_add(struct kobject *kobj, struct kobject *parent, const char *format, va_list words)
{
	int error = kobject_set_name_vargs(kobj, format, words);

	if (error)
		pr_err("kobject: can not set name properly!\n");
	else
		kobj->parent = parent;
	return error ? error : kobject_add_internal(kobj);
}

int kobject_add(struct kobject *kobj, struct kobject *parent, const char *format, ...)
{
	va_list words;
	int error = -EINVAL;

	if (kobj && kobj->state_initialized) {
		va_start(words, format);
		error = koi_kobject_add(kobj, parent, format, words);
		va_end(words);
	} else if (kobj) {
		pr_err(KOI_KOBJECT_PREFIX
		       "kobject '%s' (%p): tried to add an uninitialized object, something is seriously wrong.\n",
		       kobject_name(kobj), kobj);
		KOI_KOBJECT_DUMP();
	}
	return error;
}

int kobject_init_and_add(struct kobject *kobj, const struct kobj_type *type, struct kobject *parent, const char *format, ...)
{
	va_list words;
	int error;

	va_start(words, format);
	kobject_init(kobj, type);
	error = koi_kobject_add(kobj, parent, format, words);
	va_end(words);
	return error;
}

/* Out of its place and out of its set. Returns the parent that it was under, which is still referred to. */
static struct kobject *koi_kobject_unlink(struct kobject *kobj)
{
	struct kobject *above = kobj->parent;

	if (kobj->ktype)
		sysfs_remove_groups(kobj, kobj->ktype->default_groups);
	/* Who heard that it came hears that it goes. */
	if (!kobj->state_remove_uevent_sent && kobj->state_add_uevent_sent)
		kobject_uevent(kobj, KOBJ_REMOVE);
	sysfs_remove_dir(kobj);
	kobj->state_in_sysfs = 0;
	koi_kset_member(kobj, false);
	kobj->parent = NULL;
	return above;
}

void kobject_del(struct kobject *kobj)
{
	if (kobj)
		kobject_put(koi_kobject_unlink(kobj));
}

struct kobject *kobject_get(struct kobject *kobj)
{
	if (kobj) {
		if (!kobj->state_initialized)
#line KOI_LINE(632, 640) "lib/kobject.c"
			WARN(1, KERN_WARNING "kobject: '%s' (%p): is not initialized, yet kobject_get() is being called.\n",
			     kobject_name(kobj), kobj);
		kref_get(&kobj->kref);
	}
	return kobj;
}

struct kobject *kobject_get_unless_zero(struct kobject *kobj)
{
	return kobj && kref_get_unless_zero(&kobj->kref) ? kobj : NULL;
}

/* A missing release function is a word of pr_debug() only. The name outlives the object, the parent its children. */
static void kobject_release(struct kref *last)
{
	struct kobject *kobj = container_of(last, struct kobject, kref);
	const struct kobj_type *type = kobj->ktype;
	struct kobject *above = kobj->state_in_sysfs ? koi_kobject_unlink(kobj) : NULL;
	const char *name = kobj->name;

	if (type && type->release)
		type->release(kobj);
	kfree_const(name);
	kobject_put(above);
}

void kobject_put(struct kobject *kobj)
{
	if (kobj) {
		if (!kobj->state_initialized)
#line KOI_LINE(726, 734) "lib/kobject.c"
			WARN(1, KERN_WARNING "kobject: '%s' (%p): is not initialized, yet kobject_put() is being called.\n",
			     kobject_name(kobj), kobj);
		kref_put(&kobj->kref, kobject_release);
	}
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
	struct kobject *made = kzalloc(sizeof(*made), GFP_KERNEL);
	int error;

	if (!made)
		return NULL;
	kobject_init(made, &koi_dynamic_type);
	error = kobject_add(made, parent, "%s", name);
	if (!error)
		return made;
	pr_warn(KOI_KOBJECT_PREFIX "%s: kobject_add error: %d\n", __func__, error);
	kobject_put(made);
	return NULL;
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

int kset_register(struct kset *set)
{
	int error;

	if (!set)
		return -EINVAL;
	if (set->kobj.ktype == NULL) {
		pr_err(KOI_KOBJECT_PREFIX "must have a ktype to be initialized properly!\n");
		return -EINVAL;
	}
	kobject_init(&set->kobj, set->kobj.ktype);
	spin_lock_init(&set->list_lock);
	INIT_LIST_HEAD(&set->list);
	error = kobject_add_internal(&set->kobj);
	if (!error) {
		kobject_uevent(&set->kobj, KOBJ_ADD);
	} else {
		const char *name = set->kobj.name;

		set->kobj.name = NULL;
		kfree_const(name);
	}
	return error;
}

void kset_unregister(struct kset *set)
{
	struct kobject *kobj = set ? &set->kobj : NULL;

	kobject_del(kobj);
	kobject_put(kobj);
}

struct kset *kset_create_and_add(const char *name, const struct kset_uevent_ops *ops, struct kobject *parent)
{
	struct kset *made = kzalloc(sizeof(*made), GFP_KERNEL);

	if (!made)
		return NULL;
	made->kobj.ktype = &koi_kset_type;
	made->kobj.parent = parent;
	made->uevent_ops = ops;
	if (!kobject_set_name(&made->kobj, "%s", name) && !kset_register(made))
		return made;
	kfree(made);
	return NULL;
}

static bool koi_kobject_is_named(const struct kobject *kobj, const char *name)
{
	return kobject_name(kobj) && strcmp(kobject_name(kobj), name) == 0;
}

/* One whose last reference has just gone is not to be had any more. */
struct kobject *kset_find_obj(struct kset *set, const char *name)
{
	struct kobject *member, *found = NULL;

	spin_lock(&set->list_lock);
	list_for_each_entry(member, &set->list, entry)
		if (koi_kobject_is_named(member, name)) {
			found = kobject_get_unless_zero(member);
			break;
		}
	spin_unlock(&set->list_lock);
	return found;
}

/* ---- events: nobody listens, but the set's own functions are asked ---- */
int add_uevent_var(struct kobj_uevent_env *env, const char *format, ...)
{
	const int room = sizeof(env->buf) - env->buflen;
	char *variable = env->buf + env->buflen;
	va_list words;
	int len;

	if (env->envp_idx >= ARRAY_SIZE(env->envp)) {
#line KOI_LINE(675, 674) "lib/kobject_uevent.c"
		WARN(1, KERN_ERR "add_uevent_var: too many keys\n");
		return -ENOMEM;
	}
	va_start(words, format);
	len = vsnprintf(variable, room, format, words);
	va_end(words);
	if (len < room) {
		env->buflen += len + 1;
		env->envp[env->envp_idx++] = variable;
		return 0;
	}
#line KOI_LINE(686, 685) "lib/kobject_uevent.c"
	WARN(1, KERN_ERR "add_uevent_var: buffer size too small\n");
	return -ENOMEM;
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
