// SPDX-License-Identifier: GPL-2.0-only
// The format language beyond the reference rows: structures, faults, clamps, and a comparison with glibc where
// C and the kernel agree.
#include <fmt/format.h>

#include <climits>
#include <random>

#include "engine/printk/siphash.h"
#include "engine/printk/test_support.h"

namespace koi::printk::testing {
namespace {

class Format : public ::testing::Test {
 protected:
  Format() : env_(debian_environment(Release::k6_1)) { env_.host = &host_; }
  static void SetUpTestSuite() { host::install_fault_signals({}); }

  std::string f(const char* format, const std::vector<u64>& words = {}) {
    return testing::format(env_, format, words);
  }
  // The fault that formatting ends with.
  FormatResult run(u64 format, const std::vector<u64>& words, std::string* text = nullptr) {
    const GuestArguments arguments(words);
    VaList list(arguments.address());
    std::string own;
    return format_string(text == nullptr ? own : *text, 4096, format, list, env_);
  }

  FakeHost host_;
  FormatEnvironment env_;
};

TEST_F(Format, siphash_is_the_published_one) {
  // Key 00..0f, input 00..07: the ninth vector of the reference implementation.
  EXPECT_EQ(siphash_u64(0x0706050403020100, {0x0706050403020100, 0x0f0e0d0c0b0a0908}), 0x93f5f5799a932462u);
}

TEST_F(Format, hashed_pointers_depend_on_key_and_switch) {
  EXPECT_EQ(f("%p", {0xffff888000001000}), "(____ptrval____)");
  env_.ptr_key_ready = true;
  const std::string hashed = f("%p", {0xffff888000001000});
  EXPECT_EQ(hashed.size(), 16u);
  EXPECT_EQ(hashed.substr(0, 8), "00000000");
  EXPECT_EQ(f("%p", {0xffff888000001000}), hashed);
  EXPECT_NE(f("%p", {0xffff888000001001}), hashed);
  env_.ptr_key[0] = 1;
  EXPECT_NE(f("%p", {0xffff888000001000}), hashed);
  env_.no_hash_pointers = true;
  EXPECT_EQ(f("%p", {0xffff888000001000}), "ffff888000001000");
  EXPECT_EQ(f("%pK", {0xffff888000001000}), "ffff888000001000");
}

TEST_F(Format, restricted_pointers) {
  env_.kptr_restrict = 1;
  EXPECT_EQ(f("%pK", {0x1234567}), "0000000001234567");
  env_.may_see_pointers = false;
  EXPECT_EQ(f("%pK", {0x1234567}), "0000000000000000");
  env_.in_interrupt = true;
  EXPECT_EQ(f("%pK", {0x1234567}), "        pK-error");
  env_.kptr_restrict = 2;
  EXPECT_EQ(f("%pK", {0x1234567}), "0000000000000000");
}

TEST_F(Format, symbols) {
  host_.symbols = {{0x1000, 0x100, "core", ""}, {0x2000, 0x40, "init", "mod"}};
  for (u64 i = 0; i < 20; ++i) host_.build_id[i] = static_cast<u8>(i * 13);
  EXPECT_EQ(f("%pS %ps %pB", {0x1010, 0x1010, 0x1100}), "core+0x10/0x100 core core+0x100/0x100");
  EXPECT_EQ(f("%pB", {0x2000}), "0x2000") << "the byte before is no one's";
  EXPECT_EQ(f("%pB", {0x2040}), "init+0x40/0x40 [mod]");
  EXPECT_EQ(f("%pSb", {0x2001}), "init+0x1/0x40 [mod]");
  env_.stacktrace_build_id = true;
  EXPECT_EQ(f("%pSb", {0x2001}), "init+0x1/0x40 [mod 000d1a2734414e5b6875828f9ca9b6c3d0ddeaf7]");
  EXPECT_EQ(f("%pBb", {0x1001}), "core+0x1/0x100");
  EXPECT_EQ(f("%10ps|%-8ps|%.2ps", {0x1000, 0x1000, 0x1000}), "      core|core    |co");
}

TEST_F(Format, error_pointers) {
  EXPECT_EQ(f("%pe %pe", {word(-517), word(-524)}), "-EPROBE_DEFER -ENOTSUPP");
  EXPECT_EQ(f("%pe %pe %pe", {word(-41), word(-520), word(-4095)}), "-41 -520 -4095");
  EXPECT_EQ(f("%pe", {0}), "0000000000000000");
  EXPECT_EQ(f("%10pe|%-10pe|", {word(-22), word(-22)}), "   -EINVAL|-EINVAL   |");
  EXPECT_EQ(f("%pe", {0xffff888000000000}), "(____ptrval____)");
}

TEST_F(Format, dentries_and_files) {
  struct Dentry {
    u8 before[24];
    const Dentry* parent;
    u64 hash_and_length;
    const char* name;
  };
  Dentry root{{}, nullptr, 0, "/"}, usr{{}, &root, 0, "usr"}, bin{{}, &usr, 0, "bin"}, ls{{}, &bin, 0, "ls"};
  root.parent = &root;
  EXPECT_EQ(f("%pd %pd2 %pd3 %pd4", {word(&ls), word(&ls), word(&ls), word(&ls)}),
            "ls bin/ls usr/bin/ls /usr/bin/ls");
  EXPECT_EQ(f("%pd4 %pd", {word(&usr), word(&root)}), "/usr /");
  EXPECT_EQ(f("%10pd2|%-10pd2|%.4pd2", {word(&ls), word(&ls), word(&ls)}), "    bin/ls|bin/ls    |bin/");
  EXPECT_EQ(f("%pd %pd2", {0, 16}), "(null) (efault)");
  u64 file[32] = {};
  file[3] = word(&ls);
  EXPECT_EQ(f("%pD %pD2", {word(file), word(file)}), "ls bin/ls");
  env_.offsets = debian_offsets(Release::k6_12);
  file[9] = word(&bin);
  EXPECT_EQ(f("%pD", {word(file)}), "bin");
}

TEST_F(Format, block_devices) {
  struct {
    u8 before[12];
    char name[32];
  } disk{{}, "nvme0n1"};
  alignas(8) u8 device[1024] = {};
  const u64 disk_address = word(&disk);
  std::memcpy(device + env_.offsets.block_device_disk, &disk_address, 8);
  EXPECT_EQ(f("%pg", {word(device)}), "nvme0n1");
  device[env_.offsets.block_device_partno] = 12;
  EXPECT_EQ(f("%pg", {word(device)}), "nvme0n1p12");
  std::strcpy(disk.name, "sda");
  EXPECT_EQ(f("%pg", {word(device)}), "sda12");
}

TEST_F(Format, times) {
  const auto at = [&](s64 seconds) { return f("%ptT", {word(&seconds)}); };
  EXPECT_EQ(at(0), "1970-01-01T00:00:00");
  EXPECT_EQ(at(951782400), "2000-02-29T00:00:00");
  EXPECT_EQ(at(-1), "1969-12-31T23:59:59");
  EXPECT_EQ(at(253402300800), "10000-01-01T00:00:00");
  EXPECT_EQ(at(-62135596801), "0000-12-31T23:59:59");
  const s64 seconds = 86399;
  EXPECT_EQ(f("%ptTs|%ptTdr|%ptTt", {word(&seconds), word(&seconds), word(&seconds)}),
            "1970-01-01 23:59:59|0070-00-01|23:59:59");
  EXPECT_EQ(f("%pt %ptX", {word(&seconds), word(&seconds)}), "(%pt?) (%pt?)");
}

TEST_F(Format, times_of_all_months_against_gmtime) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    const s64 seconds = static_cast<s64>(random() % 8'000'000'000) - 2'000'000'000;
    std::tm tm{};
    gmtime_r(&seconds, &tm);
    char expected[64];
    std::strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &tm);
    EXPECT_EQ(f("%ptT", {word(&seconds)}), expected);
  }
}

TEST_F(Format, flags) {
  u64 page = 0x17ffffc0000200;
  EXPECT_EQ(f("%pGp", {word(&page)}), "0x17ffffc0000200(slab|node=0|zone=2|lastcpupid=0x1fffff)");
  page = 0;
  EXPECT_EQ(f("%pGp", {word(&page)}), "0x0(node=0|zone=0|lastcpupid=0x0)");
  u32 gfp = 0xcc0 | 0x2000 | 0x8000000;
  EXPECT_EQ(f("%pGg", {word(&gfp)}), "GFP_KERNEL|__GFP_NOWARN|0x8000000");
  gfp = 0x800;
  EXPECT_EQ(f("%pGg", {word(&gfp)}), "GFP_NOWAIT");
  env_.flags = debian_flag_tables(Release::k6_12);
  EXPECT_EQ(f("%pGg", {word(&gfp)}), "__GFP_KSWAPD_RECLAIM");
  const u64 vma = 0x8000075;
  EXPECT_EQ(f("%pGv %pGx", {word(&vma), word(&vma)}), "read|exec|mayread|maywrite|mayexec|softdirty (%pG?)");
}

TEST_F(Format, network) {
  const u8 isatap[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0x5e, 0xfe, 192, 0, 2, 1};
  const u8 runs[16] = {0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3};
  const u8 single[16] = {0, 1, 0, 0, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0x0a, 0xbc};
  EXPECT_EQ(f("%pI6c %pI6c %pI6c", {word(isatap), word(runs), word(single)}),
            "fe80::200:5efe:192.0.2.1 1:0:0:2::3 1:0:2:3:4:5:6:abc");
  u8 sa6[28] = {10, 0, 1, 187, 0x12, 0x34, 0x56, 0x78, 0x20, 1, 0x0d, 0xb8};
  sa6[23] = 1;
  sa6[24] = 9;
  EXPECT_EQ(f("%pISpfsc", {word(sa6)}), "[2001:db8::1]:443/36984440%9");
  EXPECT_EQ(f("%piS %pIS", {word(sa6), word(sa6)}),
            "20010db8000000000000000000000001 2001:0db8:0000:0000:0000:0000:0000:0001");
  u8 sa[16] = {2, 0, 0, 80, 127, 0, 0, 1};
  EXPECT_EQ(f("%pISpl %pISh", {word(sa), word(sa)}), "1.0.0.127:80 1.0.0.127");
  sa[0] = 99;
  EXPECT_EQ(f("%pIS %pI5 %pi7", {word(sa), word(sa), word(sa)}), "(einval) (%pI?) (%pi?)");
  const u64 features = 0x123456789a;
  EXPECT_EQ(f("%pNF %pNx", {word(&features), word(&features)}), "0x000000123456789a (%pN?)");
}

TEST_F(Format, what_is_refused_is_named) {
  u64 thing = 0;
  EXPECT_EQ(f("%pfw %pfwP %pf %pC %pOF %pO %p4x", std::vector<u64>(7, word(&thing))),
            "(%pfw?) (%pfw?) (%pf?) (%pC?) (%pOF?) (%pO?) (%p4?)");
  EXPECT_EQ(host_.refused, (std::vector<std::string>{"%pfw", "%pfw", "%pC"}));
  EXPECT_EQ(f("%pA %pA", {1, 2}), "(%pA?) (%pA?)");
  EXPECT_EQ(host_.warnings, std::vector<std::string>{"Please remove %pA from non-Rust code\n"});
  EXPECT_EQ(f("%pus %pks %pux", {word("x"), 0, word("y")}), "x (null) (einval)");
}

TEST_F(Format, bad_conversions_end_the_text) {
  EXPECT_EQ(f("a %d %n b %d", {1, 2}), "a 1 ");
  EXPECT_EQ(f("100%"), "100");
  EXPECT_EQ(f("%lld %q", {5, 6}), "5 ");
  ASSERT_EQ(host_.warnings.size(), 1u) << "once";
  EXPECT_EQ(host_.warnings[0], "Please remove unsupported %n in format string\n");
  env_.warned = 0;
  (void)f("100%");
  EXPECT_EQ(host_.warnings[1], (std::string("Please remove unsupported %\0 in format string\n", 46)));
}

TEST_F(Format, widths_and_precisions_are_clamped) {
  const GuestArguments arguments({word(INT_MAX), 5, word(40000), word("x")});
  VaList list(arguments.address());
  char buffer[16];
  const FormatResult result = format_into(buffer, sizeof(buffer), "%*d%.*s", list, env_);
  EXPECT_EQ(result.length, (1 << 23) - 1 + 1);
  EXPECT_EQ(result.written, 15u);
  EXPECT_EQ(host_.warnings,
            (std::vector<std::string>{"field width 2147483647 too large", "precision 40000 too large"}));
  EXPECT_EQ(f("[%.*s][%.-3d]", {word(-1), word("abc"), 5}), "[][");
  EXPECT_EQ(f("[%.65537s]", {word("abc")}), "[a]") << "16 bits hold the precision";
}

TEST_F(Format, absurd_sizes_are_refused) {
  const GuestArguments arguments({1});
  VaList list(arguments.address());
  char buffer[4] = "abc";
  const FormatResult result = format_into(buffer, u64{1} << 31, "%d", list, env_);
  EXPECT_EQ(result.length, 0);
  EXPECT_STREQ(buffer, "abc");
  EXPECT_EQ(host_.warnings, std::vector<std::string>{""});
}

TEST_F(Format, extensions_eat_letters_and_digits) {
  EXPECT_EQ(f("%pxyz9-%pI4abc", {0x10, word("\1\2\3\4")}), "0000000000000010-1.2.3.4");
  EXPECT_EQ(f("%px\xc3\xa9", {0x10}), "0000000000000010\xa9") << "Latin-1 letters are letters";
}

TEST_F(Format, va_format_nests_to_a_limit) {
  std::array<u64, 2> vaf{};
  const GuestArguments arguments({word(&vaf)});
  vaf = {word("<%pV>"), arguments.address()};
  const std::string text = f("%pV", {word(&vaf)});
  EXPECT_EQ(text, std::string(32, '<') + "(%pV?)" + std::string(32, '>'));
  EXPECT_EQ(host_.refused.size(), 1u);
}

TEST_F(Format, the_position_is_written_back) {
  const GuestArguments arguments({1, 2, 3}, 2);
  VaList list(arguments.address());
  char buffer[16];
  (void)format_into(buffer, sizeof(buffer), "%d %d", list, env_);
  EXPECT_TRUE(list.write_back());
  EXPECT_EQ(arguments.gp_offset(), 48u);
  VaList rest(arguments.address());
  EXPECT_EQ(rest.next_int(), 3);
}

TEST_F(Format, strings_end_where_they_end) {
  GuardedPage page;
  std::memcpy(page.end() - 4, "abc", 4);
  EXPECT_EQ(f("%s", {word(page.end() - 4)}), "abc");
  std::memset(page.end() - 100, 'x', 100);
  EXPECT_EQ(f("%.100s", {word(page.end() - 100)}), std::string(100, 'x'));
  std::string text;
  const FormatResult result = run(word("before %s after"), {word(page.end() - 100)}, &text);
  ASSERT_TRUE(result.fault.has_value());
  EXPECT_EQ(result.fault->address, word(page.end()));
  EXPECT_FALSE(result.fault->write);
  EXPECT_EQ(text, "before " + std::string(100, 'x'));
}

TEST_F(Format, every_family_returns_its_fault) {
  GuardedPage page;
  const u64 bad = word(page.end());
  for (const char* format :
       {"%s",  "%pM", "%pI4", "%pI6", "%pIS", "%pU",  "%4ph", "%64pb", "%64pbl", "%8pE", "%p4cc",
        "%pa", "%pR", "%pd",  "%pD",  "%pg",  "%ptR", "%ptT", "%pGp",  "%pGg",   "%pNF", "%pV"}) {
    const FormatResult result = run(word(format), {bad});
    EXPECT_TRUE(result.fault.has_value()) << format;
  }
  EXPECT_TRUE(run(bad, {}).fault.has_value());
  VaList list(bad);
  char buffer[8];
  EXPECT_TRUE(format_into(buffer, sizeof(buffer), "%d", list, env_).fault.has_value());
  std::array<u64, 2> vaf{bad, bad};
  EXPECT_TRUE(run(word("%pV"), {word(&vaf)}).fault.has_value());
}

TEST_F(Format, against_glibc_where_both_agree) {
  std::mt19937_64 random(20221122);
  const auto pick = [&](const char* from) { return from[random() % std::strlen(from)]; };
  for (int i = 0; i < 20000; ++i) {
    std::string spec = "<%";
    bool zero = false;
    for (u64 n = random() % 3; n != 0; --n) {
      const char flag = pick("-+ #0");
      if (flag == '0' && zero) continue;
      zero |= flag == '0';
      spec.push_back(flag);
    }
    if (random() % 2 != 0) spec += std::to_string(random() % 30 + 1);
    // In C a precision turns zero padding off, and 0 with precision 0 vanishes; %#x of 0 has no prefix there.
    const bool precision = !zero && random() % 2 != 0;
    if (precision) spec += fmt::format(".{}", random() % 25 + 1);
    const char* lengths[] = {"hh", "h", "", "l", "ll", "z", "t"};
    spec += lengths[random() % 7];
    spec.push_back(pick("diuxXo"));
    spec += ">";
    // In C an octal's prefix counts as one of the precision's digits.
    if (spec.find('#') != std::string::npos && spec[spec.size() - 2] == 'o' && precision) continue;
    // "%+u" and "% u" are undefined in C.
    const bool is_signed = spec[spec.size() - 2] == 'd' || spec[spec.size() - 2] == 'i';
    if (!is_signed && spec.find_first_of("+ ") != std::string::npos) continue;
    if (is_signed && spec.find('#') != std::string::npos) continue;
    // Nonzero in its lowest byte, so that no length makes it 0.
    const u64 value = (random() >> random() % 64) | 1;
    char expected[128];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    std::snprintf(expected, sizeof(expected), spec.c_str(), value);
#pragma GCC diagnostic pop
    EXPECT_EQ(f(spec.c_str(), {value}), expected) << spec << " of " << value;
  }
}

TEST_F(Format, strings_and_sizes_against_glibc) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 5000; ++i) {
    std::string spec = random() % 2 != 0 ? "a%" : "a%-";
    if (random() % 2 != 0) spec += std::to_string(random() % 20 + 1);
    if (random() % 2 != 0) spec += fmt::format(".{}", random() % 20);
    spec += "s%c%d";
    const std::string text(random() % 24, 'q');
    const u64 size = random() % 40;
    char expected[64], actual[64];
    std::memset(expected, '#', sizeof(expected));
    std::memset(actual, '#', sizeof(actual));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    const int length = std::snprintf(expected, size, spec.c_str(), text.c_str(), 'x', -17);
#pragma GCC diagnostic pop
    const GuestArguments arguments({word(text.c_str()), 'x', word(-17)});
    VaList list(arguments.address());
    const FormatResult result = format_into(actual, size, word(spec.c_str()), list, env_);
    EXPECT_EQ(result.length, length);
    if (size != 0) {
      EXPECT_STREQ(actual, expected) << spec << " size " << size;
    }
    for (u64 at = size; at < sizeof(actual); ++at) ASSERT_EQ(actual[at], '#');
  }
}

TEST_F(Format, growing_and_fixed_buffers_agree) {
  std::mt19937_64 random(3);
  const std::string long_text(5000, 'z');
  for (u64 size : {u64{0}, u64{1}, u64{2}, u64{255}, u64{256}, u64{257}, u64{5000}, u64{6000}, u64{10000}}) {
    const std::vector<u64> words = {word(long_text.c_str()), 77};
    const GuestArguments first(words), second(words);
    VaList a(first.address()), b(second.address());
    std::string grown, fixed(size, '#');
    const FormatResult r1 = format_string(grown, size, "%5500s|%d", a, env_);
    const FormatResult r2 = format_into(fixed.data(), size, "%5500s|%d", b, env_);
    EXPECT_EQ(r1.length, 5503);
    EXPECT_EQ(r2.length, 5503);
    EXPECT_EQ(grown, size == 0 ? "" : fixed.substr(0, std::min<u64>(size - 1, 5503)));
  }
}

// Whatever the format and the arguments, a call ends with text or with a fault, and keeps within its buffer.
TEST_F(Format, random_formats_end_well) {
  GuardedPage page;
  char* const block = page.end() - 4096;
  for (u64 i = 0; i < 4096; ++i) block[i] = static_cast<char>(i * 37 + i / 256);
  std::mt19937_64 random(99);
  const std::string letters = "%%%%%%pppp0123456789.*-+ #hlLztdiuxXoscnSsBRrbMmIiEUVKN4adtDgGOfAxeukCwWPTFv%";
  for (int i = 0; i < 30000; ++i) {
    std::string text_format;
    for (u64 n = random() % 24; n != 0; --n) text_format.push_back(letters[random() % letters.size()]);
    std::vector<u64> words(8);
    for (u64& value : words) {
      switch (random() % 6) {
        case 0:
          value = random() % 64;
          break;
        case 1:
          value = random();
          break;
        case 2:
          value = word(page.end());
          break;
        case 3:
          value = ~(random() % 5000);
          break;
        default:
          value = word(block + random() % 4096);
          break;
      }
    }
    const GuestArguments arguments(words, static_cast<u32>(random() % 7));
    VaList list(arguments.address());
    char buffer[72];
    std::memset(buffer, '#', sizeof(buffer));
    const u64 size = random() % 65;
    const FormatResult result = format_into(buffer, size, word(text_format.c_str()), list, env_);
    EXPECT_LE(result.written, size) << text_format;
    for (u64 at = size; at < sizeof(buffer); ++at) ASSERT_EQ(buffer[at], '#') << text_format;
  }
}

}  // namespace
}  // namespace koi::printk::testing
