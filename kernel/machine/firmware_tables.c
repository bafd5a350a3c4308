// SPDX-License-Identifier: GPL-2.0-only
/* What firmware tells about the machine: koi's has no DMI tables; and the processor as drivers look for it. */
#include <linux/dmi.h>
#include <linux/cc_platform.h>
#include <asm/cpu_device_id.h>

int dmi_available;
struct kobject *dmi_kobj;

int dmi_check_system(const struct dmi_system_id *list)
{
	return 0;
}

const struct dmi_system_id *dmi_first_match(const struct dmi_system_id *list)
{
	return NULL;
}

const char *dmi_get_system_info(int field)
{
	return NULL;
}

int dmi_name_in_vendors(const char *name)
{
	return 0;
}

const struct dmi_device *dmi_find_device(int type, const char *name, const struct dmi_device *from)
{
	return NULL;
}

bool dmi_get_date(int field, int *year, int *month, int *day)
{
	if (year)
		*year = 0;
	if (month)
		*month = 0;
	if (day)
		*day = 0;
	return false;
}

int dmi_get_bios_year(void)
{
	return -ENXIO;
}

int dmi_walk(void (*decode)(const struct dmi_header *header, void *data), void *data)
{
	return -ENXIO;
}

bool dmi_match(enum dmi_field field, const char *text)
{
	return !text;
}

/* A plain machine, encrypted in no way. */
bool cc_platform_has(enum cc_attr attr)
{
	return false;
}

const struct x86_cpu_id *x86_match_cpu(const struct x86_cpu_id *match)
{
	const struct cpuinfo_x86 *c = &boot_cpu_data;

#ifdef X86_CPU_ID_FLAG_ENTRY_VALID
	for (; match->flags & X86_CPU_ID_FLAG_ENTRY_VALID; match++) {
#else
	for (; match->vendor || match->family || match->model || match->steppings || match->feature; match++) {
#endif
		if ((match->vendor == X86_VENDOR_ANY || match->vendor == c->x86_vendor) &&
		    (match->family == X86_FAMILY_ANY || match->family == c->x86) &&
		    (match->model == X86_MODEL_ANY || match->model == c->x86_model) &&
		    (match->steppings == X86_STEPPING_ANY || (match->steppings & BIT(c->x86_stepping))) &&
		    (match->feature == X86_FEATURE_ANY || cpu_has(c, match->feature)))
			return match;
	}
	return NULL;
}
