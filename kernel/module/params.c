// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parameter operations. The loader knows the standard ones by the addresses of these tables and does their work in C++;
 * modules with operations of their own call the functions, which lead there too.
 */

#define KOI_PARAM_SETTER(function, table)					\
	int function(const char *text, const struct kernel_param *param) { return koi_param_set(#table, text, param); }
#define KOI_PARAM_GETTER(function, table)					\
	int function(char *page, const struct kernel_param *param) { return koi_param_get(#table, page, param); }
/* What stands behind the functions are options of the table. */
#define KOI_PARAM_TABLE(table, setter, getter, ...)				\
	const struct kernel_param_ops table = { .get = getter, .set = setter, __VA_ARGS__ }
#define KOI_PARAM_OPS(type, ...)						\
	KOI_PARAM_SETTER(param_set_##type, param_ops_##type)			\
	KOI_PARAM_GETTER(param_get_##type, param_ops_##type)			\
	KOI_PARAM_TABLE(param_ops_##type, param_set_##type, param_get_##type, __VA_ARGS__)
#define KOI_PARAM_WITHOUT_VALUE .flags = KERNEL_PARAM_OPS_FL_NOARG

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
KOI_PARAM_OPS(bool, KOI_PARAM_WITHOUT_VALUE);

/* Those that share a function with another, or have names of their own. */
KOI_PARAM_SETTER(param_set_bool_enable_only, param_ops_bool_enable_only)
KOI_PARAM_TABLE(param_ops_bool_enable_only, param_set_bool_enable_only, param_get_bool, KOI_PARAM_WITHOUT_VALUE);
KOI_PARAM_SETTER(param_set_bint, param_ops_bint)
KOI_PARAM_TABLE(param_ops_bint, param_set_bint, param_get_int, KOI_PARAM_WITHOUT_VALUE);
KOI_PARAM_SETTER(param_set_copystring, param_ops_string)
KOI_PARAM_GETTER(param_get_string, param_ops_string)
KOI_PARAM_TABLE(param_ops_string, param_set_copystring, param_get_string);
static KOI_PARAM_SETTER(koi_param_array_set, param_array_ops)
static KOI_PARAM_GETTER(koi_param_array_get, param_array_ops)
KOI_PARAM_TABLE(param_array_ops, koi_param_array_set, koi_param_array_get);

int param_set_uint_minmax(const char *text, const struct kernel_param *param, unsigned int min, unsigned int max)
{
	unsigned int number = 0;
	int error = text ? kstrtouint(text, 0, &number) : -EINVAL;

	if (!error && (number > max || number < min))
		error = -EINVAL;
	if (!error)
		*(unsigned int *)param->arg = number;
	return error;
}

void kernel_param_lock(struct module *mod)
{
}

void kernel_param_unlock(struct module *mod)
{
}
