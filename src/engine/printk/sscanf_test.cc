// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/sscanf.h"

#include <fmt/format.h>

#include <climits>
#include <random>

#include "engine/printk/test_support.h"

namespace koi::printk::testing {
namespace {

ScanResult scan_with(const char* text, const char* format, const std::vector<u64>& words) {
  const GuestArguments arguments(words);
  VaList list(arguments.address());
  return scan(word(text), word(format), list);
}

struct Scanned {
  s32 count;
  std::vector<s32> values;
};
// Into as many ints as are asked for, each -1 at first.
Scanned ints(const char* text, const char* format, u64 wanted = 3) {
  std::vector<s32> values(wanted, -1);
  std::vector<u64> words;
  words.reserve(wanted);
  for (s32& value : values) words.push_back(word(&value));
  const ScanResult result = scan_with(text, format, words);
  EXPECT_FALSE(result.fault.has_value());
  return {result.count, values};
}
#define EXPECT_INTS(text, format, count_, ...)                 \
  do {                                                         \
    const std::vector<s32> wanted{__VA_ARGS__};                \
    const Scanned got = ints(text, format, wanted.size());     \
    EXPECT_EQ(got.count, count_) << text << " by " << format;  \
    EXPECT_EQ(got.values, wanted) << text << " by " << format; \
  } while (0)

TEST(Sscanf, integers) {
  EXPECT_INTS("12 -34 56", "%d %d %d", 3, 12, -34, 56);
  EXPECT_INTS("12,34", "%d,%d", 2, 12, 34);
  EXPECT_INTS("0x1f 0X2e ff", "%x %x %x", 3, 0x1f, 0x2e, 0xff);
  EXPECT_INTS("017 17 8", "%o %i %o", 2, 15, 17, -1);
  EXPECT_INTS("0x10 010 10", "%i %i %i", 3, 16, 8, 10);
  EXPECT_INTS("4294967295", "%u", 1, -1);
  EXPECT_INTS("abc", "%d", 0, -1);
  EXPECT_INTS("+5", "%d", 0, -1);  // no plus sign
  EXPECT_INTS("-5", "%u", 0, -1);
  EXPECT_INTS("", "%d", 0, -1);
  EXPECT_INTS("  7", "%d", 1, 7);
  EXPECT_INTS("\t\xa0 7", "%d", 1, 7);  // a Latin-1 space is a space
  EXPECT_INTS("0xg", "%x%n", 1, 0, 2);  // 0x alone is swallowed
  EXPECT_INTS("0xg", "%i%n", 1, 0, 1);
}

TEST(Sscanf, widths) {
  EXPECT_INTS("123456", "%2d%3d%d", 3, 12, 345, 6);
  EXPECT_INTS("-123", "%2d%d", 2, -1, 23);
  EXPECT_INTS("-1", "%1d", 0, -1);         // no room for a digit after the sign
  EXPECT_INTS("0x12", "%2x%d", 2, 0, 12);  // the prefix fills the field
  EXPECT_INTS("0x12", "%3x%d", 2, 1, 2);
  EXPECT_INTS("12", "%0d", 0, -1);
  EXPECT_INTS("12", "%65537d%d", 2, 1, 2);  // 16 bits hold the width
}

TEST(Sscanf, literals_and_white_space) {
  EXPECT_INTS("a=1 b=2", "a=%d b=%d", 2, 1, 2);
  EXPECT_INTS("a=1b=2", "a=%d b=%d", 2, 1, 2);
  EXPECT_INTS("a:1 c=2", "a=%d b=%d", 0, -1, -1);
  EXPECT_INTS("5%6", "%d%%%d", 2, 5, 6);
  EXPECT_INTS("5 6", "%d%%%d", 1, 5, -1);
  EXPECT_INTS("1 2 3", "%d %*d %d", 2, 1, 3);
  EXPECT_INTS("1 xyz!3 4", "%d %*dabc %d", 2, 1, 4);
  EXPECT_INTS("1 [ 3", "%d %*[ %d", 1, 1, -1);
  EXPECT_INTS("5 6", "%d %q %d", 1, 5, -1);
}

TEST(Sscanf, n_counts_characters_and_not_itself) {
  EXPECT_INTS("12 ab", "%d%n", 1, 12, 2);
  EXPECT_INTS("12", "%d %n", 1, 12, 2);
  EXPECT_INTS("", "%n", 0, 0);
}

TEST(Sscanf, lengths_store_what_they_say) {
  struct {
    s8 a = 0;
    s8 guard_a = 9;
    s16 b = 0;
    s16 guard_b = 9;
    s64 c = 0, d = 0, e = 0;
  } v;
  const ScanResult result = scan_with("-1 300 -5 123456789012 18446744073709551615", "%hhd %hu %ld %lld %zu",
                                      {word(&v.a), word(&v.b), word(&v.c), word(&v.d), word(&v.e)});
  EXPECT_EQ(result.count, 5);
  EXPECT_EQ(v.a, -1);
  EXPECT_EQ(v.guard_a, 9);
  EXPECT_EQ(v.b, 300);
  EXPECT_EQ(v.guard_b, 9);
  EXPECT_EQ(v.c, -5);
  EXPECT_EQ(v.d, 123456789012);
  EXPECT_EQ(v.e, -1);
}

TEST(Sscanf, strings_characters_and_sets) {
  char a[16] = "##########", b[16] = "##########", c[16] = "##########";
  const std::vector<u64> words = {word(a), word(b), word(c)};
  EXPECT_EQ(scan_with("  one two", "%s %2s%s", words).count, 3);
  EXPECT_STREQ(a, "one");
  EXPECT_STREQ(b, "tw");
  EXPECT_STREQ(c, "o");
  std::memset(a, '#', sizeof(a));
  EXPECT_EQ(scan_with("xyz", "%c%2c", words).count, 2);
  EXPECT_EQ(a[0], 'x');
  EXPECT_EQ(a[1], '#') << "%c ends nothing with a NUL";
  EXPECT_EQ(scan_with("00:0a:95", "%2[^:]:%2[^:]:%2[^:]", words).count, 3);
  EXPECT_STREQ(a, "00");
  EXPECT_STREQ(b, "0a");
  EXPECT_STREQ(c, "95");
  EXPECT_EQ(scan_with("abc", "%[abc]", words).count, 0) << "a width is required";
  EXPECT_EQ(scan_with("a-c", "%5[a-c]", words).count, 1);
  EXPECT_STREQ(a, "a-c") << "no ranges";
  EXPECT_EQ(scan_with("b", "%5[a-c]", words).count, 0);
  EXPECT_EQ(scan_with("x", "%5[]", words).count, 0);
  EXPECT_EQ(scan_with("x", "%5[x", words).count, 0);
}

TEST(Sscanf, random_numbers_come_back) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 5000; ++i) {
    const s64 value = static_cast<s64>(random() >> random() % 64) * (random() % 2 != 0 ? 1 : -1);
    const u64 hex = random() >> random() % 64;
    const std::string text = fmt::format("{}:{:x}:{:o}", value, hex, hex);
    s64 a = 0;
    u64 b = 0, c = 0;
    EXPECT_EQ(scan_with(text.c_str(), "%lld:%lx:%lo", {word(&a), word(&b), word(&c)}).count, 3) << text;
    EXPECT_EQ(a, value);
    EXPECT_EQ(b, hex);
    EXPECT_EQ(c, hex);
  }
}

TEST(Sscanf, faults_are_values) {
  host::install_fault_signals({});
  GuardedPage page;
  s32 value = 0;
  const ScanResult store = scan_with("1 2", "%d %d", {word(&value), word(page.end())});
  ASSERT_TRUE(store.fault.has_value());
  EXPECT_TRUE(store.fault->write);
  EXPECT_EQ(store.fault->address, word(page.end()));
  EXPECT_EQ(value, 1);
  EXPECT_TRUE(scan_with(page.end(), "%d", {word(&value)}).fault.has_value());
  std::memcpy(page.end() - 3, "42 ", 3);
  EXPECT_FALSE(scan_with(page.end() - 3, "%d", {word(&value)}).fault.has_value()) << "no more is looked at";
  EXPECT_EQ(value, 42);
  EXPECT_TRUE(scan_with(page.end() - 3, "%d %d", {word(&value), word(&value)}).fault.has_value());
  EXPECT_TRUE(scan_with("1", page.end(), {}).fault.has_value());
}

TEST(Sscanf, simple_strtoull_stops_where_the_digits_do) {
  u64 used = 0;
  EXPECT_EQ(simple_strtoull("123abc", 10, INT_MAX, used), 123u);
  EXPECT_EQ(used, 3u);
  EXPECT_EQ(simple_strtoull("0x1F;", 0, INT_MAX, used), 0x1fu);
  EXPECT_EQ(used, 4u);
  EXPECT_EQ(simple_strtoull("", 0, INT_MAX, used), 0u);
  EXPECT_EQ(used, 0u);
  EXPECT_EQ(simple_strtoull("18446744073709551617", 10, INT_MAX, used), 1u) << "wraps";
}

}  // namespace
}  // namespace koi::printk::testing
