// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parameter operations. The loader knows the standard ones by the addresses of these tables and does their work in C++;
 * modules with operations of their own call the functions, which lead there too.
 */

#define KOI_PARAM_SET(name)							\
	int param_set_##name(const char *val, const struct kernel_param *kp)	\
	{									\
		return koi_param_set("param_ops_" #name, val, kp);		\
	}
#define KOI_PARAM_GET(name)							\
	int param_get_##name(char *buffer, const struct kernel_param *kp)	\
	{									\
		return koi_param_get("param_ops_" #name, buffer, kp);		\
	}
#define KOI_PARAM_OPS(name)							\
	KOI_PARAM_SET(name)							\
	KOI_PARAM_GET(name)							\
	const struct kernel_param_ops param_ops_##name = {			\
		.set = param_set_##name,					\
		.get = param_get_##name,					\
	}

KOI_PARAM_OPS(byte);
KOI_PARAM_OPS(short);
KOI_PARAM_OPS(ushort);
KOI_PARAM_OPS(int);
KOI_PARAM_OPS(uint);
KOI_PARAM_OPS(long);
KOI_PARAM_OPS(ulong);
KOI_PARAM_OPS(ullong);
KOI_PARAM_OPS(hexint);
KOI_PARAM_OPS(charp);
KOI_PARAM_OPS(invbool);

KOI_PARAM_SET(bool)
KOI_PARAM_GET(bool)
const struct kernel_param_ops param_ops_bool = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = param_set_bool,
	.get = param_get_bool,
};

KOI_PARAM_SET(bool_enable_only)
const struct kernel_param_ops param_ops_bool_enable_only = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = param_set_bool_enable_only,
	.get = param_get_bool,
};

KOI_PARAM_SET(bint)
const struct kernel_param_ops param_ops_bint = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = param_set_bint,
	.get = param_get_int,
};

int param_set_copystring(const char *val, const struct kernel_param *kp)
{
	return koi_param_set("param_ops_string", val, kp);
}

KOI_PARAM_GET(string)
const struct kernel_param_ops param_ops_string = {
	.set = param_set_copystring,
	.get = param_get_string,
};

static int koi_param_array_set(const char *val, const struct kernel_param *kp)
{
	return koi_param_set("param_array_ops", val, kp);
}

static int koi_param_array_get(char *buffer, const struct kernel_param *kp)
{
	return koi_param_get("param_array_ops", buffer, kp);
}

const struct kernel_param_ops param_array_ops = {
	.set = koi_param_array_set,
	.get = koi_param_array_get,
};

int param_set_uint_minmax(const char *val, const struct kernel_param *kp, unsigned int min, unsigned int max)
{
	unsigned int num;
	int ret;

	if (!val)
		return -EINVAL;
	ret = kstrtouint(val, 0, &num);
	if (ret)
		return ret;
	if (num < min || num > max)
		return -EINVAL;
	*((unsigned int *)kp->arg) = num;
	return 0;
}

void kernel_param_lock(struct module *mod)
{
}

void kernel_param_unlock(struct module *mod)
{
}
