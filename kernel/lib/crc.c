// SPDX-License-Identifier: GPL-2.0-only
/*
 * Cyclic redundancy checks that the kernel image itself exports: CRC-32 (Ethernet and big-endian), CRC-32C, CRC-CCITT,
 * the byte-reversal table, and later CRC-64 and T10. The others (crc16, crc7, crc8 ...) are modules and load as such.
 *
 * Tables are computed by the compiler: a CRC is linear, so entry i is the sum of the entries of i's bits.
 */
#include "lib.h"

#include <linux/bitrev.h>
#include <linux/crc-ccitt.h>
#include <linux/crc32.h>
#include <linux/crc64.h>
#if __has_include(<linux/crc-t10dif.h>)
#include <linux/crc-t10dif.h>
#endif

/* One bit of a reflected (LSB first) or plain (MSB first) CRC. */
#define CRC_R1(p, x) (((x) >> 1) ^ ((x) & 1 ? (p) : 0))
#define CRC_F1(p, top, x) (((x) << 1) ^ ((x) & (top) ? (p) : 0))

/* The entries of the eight single bits, each from its neighbour: reflected ones grow from bit 7 down. */
#define CRC_BITS_R(name, p)           \
  name##_7 = (p),                     \
  name##_6 = CRC_R1((p), name##_7),   \
  name##_5 = CRC_R1((p), name##_6),   \
  name##_4 = CRC_R1((p), name##_5),   \
  name##_3 = CRC_R1((p), name##_4),   \
  name##_2 = CRC_R1((p), name##_3),   \
  name##_1 = CRC_R1((p), name##_2),   \
  name##_0 = CRC_R1((p), name##_1)
#define CRC_BITS_F(name, p, top, mask)                   \
  name##_0 = (p),                                        \
  name##_1 = CRC_F1((p), top, name##_0) & (mask),        \
  name##_2 = CRC_F1((p), top, name##_1) & (mask),        \
  name##_3 = CRC_F1((p), top, name##_2) & (mask),        \
  name##_4 = CRC_F1((p), top, name##_3) & (mask),        \
  name##_5 = CRC_F1((p), top, name##_4) & (mask),        \
  name##_6 = CRC_F1((p), top, name##_5) & (mask),        \
  name##_7 = CRC_F1((p), top, name##_6) & (mask)

enum { CRC_BITS_R(CRC_LE, 0xedb88320LL) };
enum { CRC_BITS_R(CRC_C, 0x82f63b78LL) };
enum { CRC_BITS_R(CRC_CCITT, 0x8408) };
enum { CRC_BITS_F(CRC_CCITT_FALSE, 0x1021, 0x8000, 0xffff) };
enum { CRC_BITS_F(CRC_BE, 0x04c11db7LL, 0x80000000LL, 0xffffffffLL) };

#define CRC_BIT(name, i, bit) ((i) & (1 << (bit)) ? name##_##bit : 0)
#define CRC_1(name, i)                                                                                       \
  CRC_BIT(name, i, 0) ^ CRC_BIT(name, i, 1) ^ CRC_BIT(name, i, 2) ^ CRC_BIT(name, i, 3) ^ CRC_BIT(name, i, 4) ^ \
      CRC_BIT(name, i, 5) ^ CRC_BIT(name, i, 6) ^ CRC_BIT(name, i, 7)
#define CRC_4(name, i) CRC_1(name, i), CRC_1(name, (i) + 1), CRC_1(name, (i) + 2), CRC_1(name, (i) + 3)
#define CRC_16(name, i) CRC_4(name, i), CRC_4(name, (i) + 4), CRC_4(name, (i) + 8), CRC_4(name, (i) + 12)
#define CRC_64(name, i) CRC_16(name, i), CRC_16(name, (i) + 16), CRC_16(name, (i) + 32), CRC_16(name, (i) + 48)
#define CRC_256(name) CRC_64(name, 0), CRC_64(name, 64), CRC_64(name, 128), CRC_64(name, 192)

static const u32 crc_le_table[256] = {CRC_256(CRC_LE)};
static const u32 crc_c_table[256] = {CRC_256(CRC_C)};
static const u32 crc_be_table[256] = {CRC_256(CRC_BE)};

static __always_inline u32 crc_reflected(const u32 table[256], u32 crc, const u8 *p, size_t size) {
  for (; size; size--) crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
  return crc;
}

u32 crc32_le(u32 crc, const unsigned char *p, size_t size) { return crc_reflected(crc_le_table, crc, p, size); }
u32 __crc32c_le(u32 crc, const unsigned char *p, size_t size) { return crc_reflected(crc_c_table, crc, p, size); }

u32 crc32_be(u32 crc, const unsigned char *p, size_t size) {
  for (; size; size--) crc = crc << 8 ^ crc_be_table[(crc >> 24 ^ *p++) & 0xff];
  return crc;
}

/* x * y modulo the polynomial, both reflected: the coefficient of x^0 is the top bit. */
static u32 crc_multiply(u32 x, u32 y, u32 polynomial) {
  u32 product = 0;
  int bit;

  for (bit = 0; bit < 32; bit++) {
    product = product >> 1 ^ (product & 1 ? polynomial : 0);
    if (x >> bit & 1) product ^= y;
  }
  return product;
}

/* The CRC after `size` zero bytes: a multiplication by x^(8*size), by repeated squaring. */
static u32 crc_shift(u32 crc, size_t size, u32 polynomial) {
  u32 power = 1U << (31 - 8); /* x^8 */

  for (; size; size >>= 1) {
    if (size & 1) crc = crc_multiply(crc, power, polynomial);
    power = crc_multiply(power, power, polynomial);
  }
  return crc;
}

u32 crc32_le_shift(u32 crc, size_t size) { return crc_shift(crc, size, 0xedb88320); }
u32 __crc32c_le_shift(u32 crc, size_t size) { return crc_shift(crc, size, 0x82f63b78); }

/* ---- CRC-CCITT ---- */

u16 const crc_ccitt_table[256] = {CRC_256(CRC_CCITT)};

u16 crc_ccitt(u16 crc, const u8 *p, size_t size) {
  for (; size; size--) crc = crc_ccitt_byte(crc, *p++);
  return crc;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 10, 0)
u16 const crc_ccitt_false_table[256] = {CRC_256(CRC_CCITT_FALSE)};

u16 crc_ccitt_false(u16 crc, const u8 *p, size_t size) {
  for (; size; size--) crc = crc_ccitt_false_byte(crc, *p++);
  return crc;
}
#endif

/* ---- CRC-64 (ECMA-182, and NVMe's) and the T10 data integrity field: modules in 6.1, in the image later ---- */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
enum { CRC_BITS_R(CRC_NVME, 0x9a6c9329ac4bc9b5ULL) };
enum { CRC_BITS_F(CRC_ECMA, 0x42f0e1eba9ea3693ULL, 1ULL << 63, ~0ULL) };
enum { CRC_BITS_F(CRC_T10, 0x8bb7, 0x8000, 0xffff) };

static const u64 crc_nvme_table[256] = {CRC_256(CRC_NVME)};
static const u64 crc_ecma_table[256] = {CRC_256(CRC_ECMA)};
static const u16 crc_t10_table[256] = {CRC_256(CRC_T10)};

u64 crc64_be(u64 crc, const void *buffer, size_t size) {
  const u8 *p = buffer;

  for (; size; size--) crc = crc << 8 ^ crc_ecma_table[(crc >> 56 ^ *p++) & 0xff];
  return crc;
}

u64 crc64_rocksoft_generic(u64 crc, const void *buffer, size_t size) {
  const u8 *p = buffer;

  for (crc = ~crc; size; size--) crc = crc >> 8 ^ crc_nvme_table[(crc ^ *p++) & 0xff];
  return ~crc;
}

u64 crc64_rocksoft_update(u64 crc, const unsigned char *buffer, size_t size) {
  return crc64_rocksoft_generic(crc, buffer, size);
}

u64 crc64_rocksoft(const unsigned char *buffer, size_t size) { return crc64_rocksoft_generic(0, buffer, size); }

u16 crc_t10dif_generic(u16 crc, const u8 *p, size_t size) {
  for (; size; size--) crc = crc << 8 ^ crc_t10_table[(crc >> 8 ^ *p++) & 0xff];
  return crc;
}

u16 crc_t10dif_update(u16 crc, const u8 *p, size_t size) { return crc_t10dif_generic(crc, p, size); }
u16 crc_t10dif(const u8 *buffer, size_t size) { return crc_t10dif_update(0, buffer, size); }
#endif

/* ---- bytes with their bits in the other order ---- */

#define CRC_REV_1(i)                                                                                                 \
  ((i) & 1 ? 128 : 0) | ((i) & 2 ? 64 : 0) | ((i) & 4 ? 32 : 0) | ((i) & 8 ? 16 : 0) | ((i) & 16 ? 8 : 0) |          \
      ((i) & 32 ? 4 : 0) | ((i) & 64 ? 2 : 0) | ((i) & 128 ? 1 : 0)
#define CRC_REV_4(i) CRC_REV_1(i), CRC_REV_1((i) + 1), CRC_REV_1((i) + 2), CRC_REV_1((i) + 3)
#define CRC_REV_16(i) CRC_REV_4(i), CRC_REV_4((i) + 4), CRC_REV_4((i) + 8), CRC_REV_4((i) + 12)
#define CRC_REV_64(i) CRC_REV_16(i), CRC_REV_16((i) + 16), CRC_REV_16((i) + 32), CRC_REV_16((i) + 48)

const u8 byte_rev_table[256] = {CRC_REV_64(0), CRC_REV_64(64), CRC_REV_64(128), CRC_REV_64(192)};
