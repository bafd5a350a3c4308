// SPDX-License-Identifier: GPL-2.0-only
/*
 * User memory: the copies and single accesses that check their pointers. User addresses are those of koi's user range;
 * kernel memory lies in the lower half as well, so that access_ok() in a module lets it pass, and these functions do not.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
unsigned long USER_PTR_MAX = ((1UL << 47) - PAGE_SIZE) - 1;
#endif

#define KOI_USER_BASE 0x260000000000
#define KOI_USER_END 0x260004000000
#define KOI_TEXT(number) __stringify(number)

static bool koi_user_range(const void __user *at, unsigned long n)
{
	unsigned long start = (__force unsigned long)at;

	return start >= KOI_USER_BASE && start <= KOI_USER_END && n <= KOI_USER_END - start;
}

/* to, from, count as arguments; what was not copied as the result. A fault on either side ends the copy. */
#define KOI_COPY(name)								\
	asm(".pushsection .text, \"ax\"\n"					\
	    ".globl " #name "\n\t.type " #name ", @function\n"			\
	    #name ":\n\tmov %edx, %ecx\n"					\
	    "1:\trep movsb\n"							\
	    "2:\tmov %ecx, %eax\n\tret\n\t.size " #name ", . - " #name "\n"	\
	    _ASM_EXTABLE_UA(1b, 2b)						\
	    ".popsection")
KOI_COPY(koi_copy_user);
/* Is the pointer in user memory? `scratch` changes. */
#define KOI_NOT_USER(pointer, scratch, target)					\
	"\tmovabs $-" KOI_TEXT(KOI_USER_BASE) ", " scratch "\n"		\
	"\tadd " pointer ", " scratch "\n"					\
	"\tcmp $0x4000000, " scratch "\n\tjae " target "\n"

/*
 * The stock inline functions call these with the counts in rcx: copies may change rax, rsi and rdi, clearing only rdi.
 * access_ok() lets kernel addresses of koi's pass, so one side must be the user's.
 */
asm(".pushsection .text, \"ax\"\n"
    ".globl rep_movs_alternative\n\t.type rep_movs_alternative, @function\n"
    "rep_movs_alternative:\n"
    KOI_NOT_USER("%rdi", "%rax", "3f")
    "1:\trep movsb\n2:\tret\n"
    "3:\n" KOI_NOT_USER("%rsi", "%rax", "2b")
    "\tjmp 1b\n"
    "\t.size rep_movs_alternative, . - rep_movs_alternative\n"
    _ASM_EXTABLE_UA(1b, 2b)
    ".globl rep_stos_alternative\n\t.type rep_stos_alternative, @function\n"
    ".globl clear_user_original\n\t.globl clear_user_rep_good\n\t.globl clear_user_erms\n"
    "rep_stos_alternative:\nclear_user_original:\nclear_user_rep_good:\nclear_user_erms:\n"
    "\tpush %rdx\n"
    KOI_NOT_USER("%rdi", "%rdx", "5f")
    "\txor %eax, %eax\n"
    "4:\trep stosb\n5:\tpop %rdx\n\tret\n\t.size rep_stos_alternative, . - rep_stos_alternative\n"
    _ASM_EXTABLE_UA(4b, 5b)
    ".popsection");
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 4, 0)
#define KOI_COPY_USER(name)							\
	asm(".pushsection .text, \"ax\"\n"					\
	    ".globl " #name "\n\t.type " #name ", @function\n"			\
	    #name ":\n\tmov %edx, %ecx\n\tcall rep_movs_alternative\n"	\
	    "\tmov %ecx, %eax\n\tret\n\t.size " #name ", . - " #name "\n"	\
	    ".popsection")
KOI_COPY_USER(copy_user_generic_unrolled);
KOI_COPY_USER(copy_user_generic_string);
KOI_COPY_USER(copy_user_enhanced_fast_string);
#endif
unsigned long koi_copy_user(void *to, const void *from, unsigned int count);

/* Copies of any length, in pieces that fit the 32-bit count. */
static unsigned long koi_copy_all(void *to, const void *from, unsigned long n)
{
	while (n) {
		unsigned int piece = min_t(unsigned long, n, 1UL << 30);
		unsigned int left = koi_copy_user(to, from, piece);

		n -= piece - left;
		if (left)
			break;
		to += piece;
		from += piece;
	}
	return n;
}

void __copy_overflow(int size, unsigned long count)
{
#line 228 "mm/maccess.c"
	WARN(1, "Buffer overflow detected (%d < %lu)!\n", size, count);
}

unsigned long _copy_to_user(void __user *to, const void *from, unsigned long n)
{
	might_fault();
	koi_charge();
	if (!koi_user_range(to, n))
		return n;
	return koi_copy_all((__force void *)to, from, n);
}

unsigned long _copy_from_user(void *to, const void __user *from, unsigned long n)
{
	unsigned long left = n;

	might_fault();
	koi_charge();
	if (koi_user_range(from, n))
		left = koi_copy_all(to, (__force const void *)from, n);
	if (unlikely(left))
		memset(to + (n - left), 0, left);
	return left;
}

long copy_from_user_nofault(void *dst, const void __user *src, size_t size)
{
	return koi_user_range(src, size) && !koi_copy_all(dst, (__force const void *)src, size) ? 0 : -EFAULT;
}

long copy_to_user_nofault(void __user *dst, const void *src, size_t size)
{
	return koi_user_range(dst, size) && !koi_copy_all((__force void *)dst, src, size) ? 0 : -EFAULT;
}

long copy_from_kernel_nofault(void *dst, const void *src, size_t size)
{
	return koi_user_range((__force const void __user *)src, size) ? -ERANGE :
	       koi_copy_all(dst, src, size)			      ? -EFAULT : 0;
}

/*
 * get_user(): the pointer in rax; the error in eax, the value in rdx. Nothing else changes.
 * put_user(): the value in rax, the pointer in rcx; the error in ecx. rbx may change.
 */
#define KOI_USER_CHECK(pointer, scratch, size)					\
	"\tmov $" KOI_TEXT(KOI_USER_BASE) ", " scratch "\n"			\
	"\tcmp " scratch ", " pointer "\n\tjb 3f\n"				\
	"\tmov $" KOI_TEXT(KOI_USER_END) " - " #size ", " scratch "\n"		\
	"\tcmp " scratch ", " pointer "\n\tja 3f\n"

#define KOI_GET_USER(size, load)						\
	asm(".pushsection .text, \"ax\"\n"					\
	    ".globl __get_user_" #size "\n\t.type __get_user_" #size ", @function\n" \
	    ".globl __get_user_nocheck_" #size "\n"				\
	    "__get_user_" #size ":\n__get_user_nocheck_" #size ":\n"		\
	    KOI_USER_CHECK("%rax", "%rdx", size)				\
	    "1:\t" load "\n\txor %eax, %eax\n\tret\n"				\
	    "3:\txor %edx, %edx\n\tmov $-14, %rax\n\tret\n"			\
	    "\t.size __get_user_" #size ", . - __get_user_" #size "\n"		\
	    _ASM_EXTABLE_UA(1b, 3b)						\
	    ".popsection")
KOI_GET_USER(1, "movzbl (%rax), %edx");
KOI_GET_USER(2, "movzwl (%rax), %edx");
KOI_GET_USER(4, "movl (%rax), %edx");
KOI_GET_USER(8, "movq (%rax), %rdx");

#define KOI_PUT_USER(size, store)						\
	asm(".pushsection .text, \"ax\"\n"					\
	    ".globl __put_user_" #size "\n\t.type __put_user_" #size ", @function\n" \
	    ".globl __put_user_nocheck_" #size "\n"				\
	    "__put_user_" #size ":\n__put_user_nocheck_" #size ":\n"		\
	    KOI_USER_CHECK("%rcx", "%rbx", size)				\
	    "1:\t" store "\n\txor %ecx, %ecx\n\tret\n"				\
	    "3:\tmov $-14, %ecx\n\tret\n"					\
	    "\t.size __put_user_" #size ", . - __put_user_" #size "\n"		\
	    _ASM_EXTABLE_UA(1b, 3b)						\
	    ".popsection")
KOI_PUT_USER(1, "movb %al, (%rcx)");
KOI_PUT_USER(2, "movw %ax, (%rcx)");
KOI_PUT_USER(4, "movl %eax, (%rcx)");
KOI_PUT_USER(8, "movq %rax, (%rcx)");

/* The length without the NUL; `count` when none was found; -EFAULT. */
long strncpy_from_user(char *dst, const char __user *src, long count)
{
	long n;

	for (n = 0; n < count; n++) {
		if (get_user(dst[n], src + n))
			return -EFAULT;
		if (!dst[n])
			return n;
	}
	return n > 0 ? n : 0;
}

/* The length with the NUL; more than `count` when none was found; 0: a bad pointer. */
long strnlen_user(const char __user *str, long count)
{
	long n;
	char c;

	for (n = 0; n < count; n++) {
		if (get_user(c, str + n))
			return 0;
		if (!c)
			return n + 1;
	}
	return count > 0 ? count + 1 : 0;
}

/* ---- iterators over one piece of memory ---- */
static const struct iovec *koi_first_iovec(const struct iov_iter *i)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	return iter_iov(i);
#else
	return i->iov;
#endif
}

/* Where the iterator stands, how much lies there at a stretch, and whether that is user memory. */
static void *koi_iter_piece(const struct iov_iter *i, size_t *bytes, bool *user)
{
	*user = true;
	if (iter_is_ubuf(i)) {
		*bytes = i->count;
		return (__force void *)i->ubuf + i->iov_offset;
	}
	if (iter_is_iovec(i)) {
		const struct iovec *v = koi_first_iovec(i);

		*bytes = min(i->count, v->iov_len - i->iov_offset);
		return (__force void *)v->iov_base + i->iov_offset;
	}
	if (!iov_iter_is_kvec(i))
		koi_unsupported("an iov_iter that is neither of user memory nor of kernel memory");
	*user = false;
	*bytes = min(i->count, i->kvec->iov_len - i->iov_offset);
	return i->kvec->iov_base + i->iov_offset;
}

static void koi_iter_skip(struct iov_iter *i, size_t bytes)
{
	i->count -= bytes;
	i->iov_offset += bytes;
	if (iter_is_ubuf(i))
		return;
	while (i->nr_segs && i->iov_offset >= (iter_is_iovec(i) ? koi_first_iovec(i)->iov_len : i->kvec->iov_len)) {
		i->iov_offset -= iter_is_iovec(i) ? koi_first_iovec(i)->iov_len : i->kvec->iov_len;
		i->nr_segs--;
		/* Both kinds of vector are one pointer. */
		if (iov_iter_is_kvec(i))
			i->kvec++;
		else
			*(const struct iovec **)&i->kvec += 1;
	}
}

void iov_iter_kvec(struct iov_iter *i, unsigned int direction, const struct kvec *parts, unsigned long count, size_t bytes)
{
	*i = (struct iov_iter){
		.iter_type = ITER_KVEC, .data_source = direction, .kvec = parts, .nr_segs = count, .count = bytes,
	};
}

void iov_iter_advance(struct iov_iter *i, size_t bytes)
{
	while (bytes && i->count) {
		size_t piece;
		bool user;

		koi_iter_piece(i, &piece, &user);
		piece = min(piece, bytes);
		koi_iter_skip(i, piece);
		bytes -= piece;
	}
}

size_t _copy_to_iter(const void *addr, size_t bytes, struct iov_iter *i)
{
	size_t done = 0;

	while (done < bytes && i->count) {
		size_t piece, left = 0;
		bool user;
		void *to = koi_iter_piece(i, &piece, &user);

		piece = min(piece, bytes - done);
		if (user)
			left = _copy_to_user((__force void __user *)to, addr + done, piece);
		else
			memcpy(to, addr + done, piece);
		koi_iter_skip(i, piece - left);
		done += piece - left;
		if (left)
			break;
	}
	return done;
}

size_t _copy_from_iter(void *addr, size_t bytes, struct iov_iter *i)
{
	size_t done = 0;

	while (done < bytes && i->count) {
		size_t piece, left = 0;
		bool user;
		void *from = koi_iter_piece(i, &piece, &user);

		piece = min(piece, bytes - done);
		if (user)
			left = _copy_from_user(addr + done, (__force void __user *)from, piece);
		else
			memcpy(addr + done, from, piece);
		koi_iter_skip(i, piece - left);
		done += piece - left;
		if (left)
			break;
	}
	return done;
}

size_t iov_iter_zero(size_t bytes, struct iov_iter *i)
{
	static const char zeroes[64];
	size_t done = 0;

	while (done < bytes) {
		size_t piece = min(bytes - done, sizeof(zeroes)), copied = _copy_to_iter(zeroes, piece, i);

		done += copied;
		if (copied != piece)
			break;
	}
	return done;
}
