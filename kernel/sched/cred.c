// SPDX-License-Identifier: GPL-2.0-only
/* User and group numbers: there is one user namespace, and it maps every number to itself. */

kuid_t make_kuid(struct user_namespace *ns, uid_t uid)
{
	return KUIDT_INIT(uid);
}

kgid_t make_kgid(struct user_namespace *ns, gid_t gid)
{
	return KGIDT_INIT(gid);
}

uid_t from_kuid(struct user_namespace *ns, kuid_t uid)
{
	return uid.val;
}

uid_t from_kuid_munged(struct user_namespace *ns, kuid_t uid)
{
	return uid.val == (uid_t)-1 ? DEFAULT_OVERFLOWUID : uid.val;
}

gid_t from_kgid(struct user_namespace *ns, kgid_t gid)
{
	return gid.val;
}

gid_t from_kgid_munged(struct user_namespace *ns, kgid_t gid)
{
	return gid.val == (gid_t)-1 ? DEFAULT_OVERFLOWGID : gid.val;
}

/* ---- capabilities: everybody is root ---- */
bool ns_capable(struct user_namespace *ns, int cap)
{
	if (unlikely(!cap_valid(cap)))
		koi_unsupported("capable() of a number that is no capability");
	if (!cap_raised(current_cred()->cap_effective, cap))
		return false;
	current->flags |= PF_SUPERPRIV;
	return true;
}

bool capable(int cap)
{
	return ns_capable(&init_user_ns, cap);
}

bool has_capability_noaudit(struct task_struct *t, int cap)
{
	return cap_raised(t->cred->cap_effective, cap);
}
