// SPDX-License-Identifier: GPL-2.0-only
/* User memory: the less usual ways in. */

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
long __copy_user_nocache(void *dst, const void __user *src, unsigned int size, int zerorest)
{
	unsigned long left = size;

	if (koi_user_range(src, size))
		left = koi_copy_all(dst, (__force const void *)src, size);
	if (left && zerorest)
		memset(dst + (size - left), 0, left);
	return left;
}
#endif

unsigned long copy_from_user_nmi(void *to, const void __user *from, unsigned long n)
{
	return koi_user_range(from, n) ? koi_copy_all(to, (__force const void *)from, n) : n;
}

/* The length with the NUL; -EFAULT. */
long strncpy_from_user_nofault(char *dst, const void __user *src, long count)
{
	long length = strncpy_from_user(dst, src, count);

	if (length < 0 || count <= 0)
		return length;
	if (length < count)
		return length + 1;
	dst[count - 1] = 0;
	return count;
}

long strncpy_from_kernel_nofault(char *dst, const void *unsafe, long count)
{
	long i;

	for (i = 0; i < count; i++) {
		long error = copy_from_kernel_nofault(dst + i, unsafe + i, 1);

		if (error) {
			dst[0] = 0;
			return error;
		}
		if (!dst[i])
			return i + 1;
	}
	if (count <= 0)
		return 0;
	dst[count - 1] = 0;
	return count;
}

unsigned long __must_check copy_mc_to_kernel(void *dst, const void *src, unsigned int size)
{
	return koi_copy_all(dst, src, size);
}

int copy_from_user_toio(volatile void __iomem *dst, const void __user *src, size_t count)
{
	return _copy_from_user((void __force *)dst, src, count) ? -EFAULT : 0;
}

int copy_to_user_fromio(void __user *dst, const volatile void __iomem *src, size_t count)
{
	return _copy_to_user(dst, (const void __force *)src, count) ? -EFAULT : 0;
}

/* 1: all zero; 0: not; -EFAULT. */
int check_zeroed_user(const void __user *from, size_t size)
{
	const char __user *at = from;
	size_t i;
	char c;

	for (i = 0; i < size; i++) {
		if (get_user(c, at + i))
			return -EFAULT;
		if (c)
			return 0;
	}
	return 1;
}

/* Bytes that cannot be reached, after a try in each page. */
size_t fault_in_readable(const char __user *uaddr, size_t size)
{
	size_t done = 0;
	char c;

	while (done < size) {
		if (get_user(c, uaddr + done))
			return size - done;
		done += PAGE_SIZE - offset_in_page((__force unsigned long)uaddr + done);
	}
	return 0;
}

size_t fault_in_writeable(char __user *uaddr, size_t size)
{
	return fault_in_readable(uaddr, size);
}
