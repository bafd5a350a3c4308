// SPDX-License-Identifier: GPL-2.0-only
/*
 * Programs that the kernel starts: there is no user space, so that no file can be executed, and who waits for it learns
 * that (-ENOENT). request_module() asks for such a program, modprobe.
 */

struct subprocess_info *call_usermodehelper_setup(const char *path, char **argv, char **envp, gfp_t gfp,
						  int (*init)(struct subprocess_info *info, struct cred *new),
						  void (*cleanup)(struct subprocess_info *info), void *data)
{
	struct subprocess_info *info = kmalloc(sizeof(*info), gfp);

	if (info)
		*info = (struct subprocess_info){
			.path = path, .argv = argv, .envp = envp, .data = data, .init = init, .cleanup = cleanup,
		};
	return info;
}

static noinline int koi_umh_prepare(struct subprocess_info *info)
{
	struct cred *new = prepare_kernel_cred(current);
	int answer;

	if (!new)
		return -ENOMEM;
	answer = info->init ? info->init(info, new) : 0;
	abort_creds(new);
	return answer ?: -ENOENT;
}

static noinline void koi_umh_free(struct subprocess_info *info)
{
	if (info->cleanup)
		info->cleanup(info);
	kfree(info);
}

static void call_usermodehelper_exec_work(struct work_struct *work)
{
	struct subprocess_info *info = container_of(work, struct subprocess_info, work);
	struct completion *waits = info->complete;

	info->retval = koi_umh_prepare(info);
	if (waits)
		complete(waits);
	else
		koi_umh_free(info);
}

int call_usermodehelper_exec(struct subprocess_info *info, int wait)
{
	DECLARE_COMPLETION_ONSTACK(done);
	int answer;

	if (!info->path) {
		koi_umh_free(info);
		return -EINVAL;
	}
	/* That is how a helper is switched off. */
	if (!*info->path) {
		koi_umh_free(info);
		return 0;
	}
	info->complete = wait == UMH_NO_WAIT ? NULL : &done;
	info->wait = wait;
	INIT_WORK(&info->work, call_usermodehelper_exec_work);
	queue_work(system_unbound_wq, &info->work);
	if (wait == UMH_NO_WAIT)
		return 0;
	wait_for_completion(&done);
	answer = info->retval;
	koi_umh_free(info);
	return answer;
}

int call_usermodehelper(const char *path, char **argv, char **envp, int wait)
{
	gfp_t gfp = wait == UMH_NO_WAIT ? GFP_ATOMIC : GFP_KERNEL;
	struct subprocess_info *info = call_usermodehelper_setup(path, argv, envp, gfp, NULL, NULL, NULL);

	return info ? call_usermodehelper_exec(info, wait) : -ENOMEM;
}

int usermodehelper_read_trylock(void)
{
	return 0;
}

long usermodehelper_read_lock_wait(long timeout)
{
	return timeout < 0 ? -EINVAL : timeout;
}

void usermodehelper_read_unlock(void)
{
}

static void koi_modprobe_free(struct subprocess_info *info)
{
	kfree(info->argv[3]);
	kfree(info->argv);
}

int __request_module(bool wait, const char *fmt, ...)
{
	static char *no_environment[] = { "HOME=/", "TERM=linux", "PATH=/sbin:/usr/sbin:/bin:/usr/bin", NULL };
	static const char program[] = "/sbin/modprobe";
	struct subprocess_info *info;
	char name[MODULE_NAME_LEN];
	char **argv;
	va_list args;
	int length;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#line 143 "kernel/module/kmod.c"
	WARN_ON_ONCE(wait && current_is_async());
#else
#line 136 "kernel/kmod.c"
	WARN_ON_ONCE(wait && current_is_async());
#endif
	va_start(args, fmt);
	length = vsnprintf(name, sizeof(name), fmt, args);
	va_end(args);
	if (length >= sizeof(name))
		return -ENAMETOOLONG;
	argv = kcalloc(5, sizeof(*argv), GFP_KERNEL);
	if (!argv)
		return -ENOMEM;
	argv[0] = (char *)program;
	argv[1] = "-q";
	argv[2] = "--";
	argv[3] = kstrdup(name, GFP_KERNEL);
	info = argv[3] ? call_usermodehelper_setup(program, argv, no_environment, GFP_KERNEL, NULL, koi_modprobe_free, NULL)
		       : NULL;
	if (!info) {
		kfree(argv[3]);
		kfree(argv);
		return -ENOMEM;
	}
	return call_usermodehelper_exec(info, wait ? UMH_WAIT_PROC : UMH_WAIT_EXEC);
}
