// SPDX-License-Identifier: GPL-2.0-only
// Every row that real kernels printed for the format language. The module that printed them is described by
// the values below: the variables of its functions, under their own names.
#include <climits>
#include <memory>

#include <fmt/format.h>

#include "engine/printk/test_support.h"

namespace koi::printk::testing {
namespace {

// Laid out as in the module: the row that dumps 64 bytes from `mac` reads what follows it.
struct ModuleBytes {
  u8 mac[6] = {0x00, 0x1b, 0x21, 0xab, 0xcd, 0xef};
  u8 gap_1[10 + 10] = {};
  u8 ip6m_tail[6] = {0xff, 0xff, 10, 0, 0, 1};
  u8 gap_2[16] = {};
  u8 ip4[4] = {192, 168, 1, 20};
  u8 gap_3[12] = {};
};
static_assert(sizeof(ModuleBytes) == 64);

struct Resource {
  u64 start, end, name, flags, rest[4];
};

struct ModuleData {
  ModuleBytes bytes;
  u8 ip6[16] = {0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  u8 ip6z[16] = {};
  u8 ip6m[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1};
  u8 buf[20] = {1, 2,    3,    0xa, 0xff, 'h', 'i',  '\n', '"', '\\',
                0, 0x7f, 0x80, ' ', '%',  't', '\t', 27,   'x', 'y'};
  u8 guid[16] = {0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66,
                 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
  u8 uuid[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
  Resource rm{0x1000, 0x10ff, 0, 0x200, {}};
  Resource ri{0x60, 0x60, 0, 0x100, {}};
  Resource rq{11, 11, 0, 0x400, {}};
  Resource rd{0, 0, 0, 0x200 | 0x10000000, {}};
  Resource ru{0, 0xff, 0, 0x200 | 0x20000000, {}};
  Resource rp{0x100000000, 0x10fffffff, 0, 0x200 | 0x2000 | 0x100000, {}};
  u64 bitmap[2] = {0x27, 0x3ff};
  u64 pa = 0x12345678;
  u64 da = 0x9abc;
  u8 sa[16] = {2, 0, 0, 80, 127, 0, 0, 1};
  u8 sa6[28] = {10, 0, 1, 187, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8};
  s32 tm[9] = {5, 4, 3, 2, 0, 101, 0, 0, 0};
  s64 t64 = 1000000000;
  u32 gfp = 0xcc0;
  u32 gfp2 = 0;
  u64 vmf = 0x13;
  u32 fourcc = 0x34325241;
};

std::string bracketed(std::string_view text) { return fmt::format("[{}]", text); }

class FormatReference : public ::testing::TestWithParam<Release> {
 protected:
  FormatReference() : environment_(debian_environment(GetParam())) {
    data_.sa6[23] = 1;
    data_.gfp2 = (GetParam() == Release::k6_1 ? 0xa20 : 0x820) | 0x100;
    environment_.host = &host_;
    set_symbols(GetParam() == Release::k6_1 ? 0xffffffffc033f4c0 : 0xffffffffc0269640);
  }

  void set_symbols(u64 afunc) {
    const bool old = GetParam() == Release::k6_1;
    afunc_ = afunc;
    ptrs_ = 0xffffffffc0100000;
    host_.symbols = {{ptrs_, old ? u64{0x2172} : u64{0x2180}, "ptrs", "orc_printk"},
                     {0xffffffff81300000, 0x100, "kfree", ""},
                     {afunc_, 0x20, "afunc", "orc_printk"}};
  }

  std::map<std::string, u64> values() const {
    const ModuleData& d = data_;
    return {
        {"NULL", 0},
        {"(char *)NULL", 0},
        {"(char *)8", 8},
        {"(char *)ERR_PTR(-14)", word(-14)},
        {"(void *)0x10", 0x10},
        {"INT_MIN", word(INT_MIN)},
        {"LONG_MIN", word(LONG_MIN)},
        {"LLONG_MIN", word(LLONG_MIN)},
        {"ULONG_MAX", ULONG_MAX},
        {"ULLONG_MAX", ULLONG_MAX},
        {"SIZE_MAX", SIZE_MAX},
        {"(ssize_t)-1", word(-1)},
        {"(ptrdiff_t)-7", word(-7)},
        {"mac", word(&d.bytes.mac)},
        {"ip4", word(&d.bytes.ip4)},
        {"ip6", word(&d.ip6)},
        {"ip6z", word(&d.ip6z)},
        {"ip6m", word(&d.ip6m)},
        {"buf", word(&d.buf)},
        {"&g", word(&d.guid)},
        {"&u", word(&d.uuid)},
        {"&rm", word(&d.rm)},
        {"&ri", word(&d.ri)},
        {"&rq", word(&d.rq)},
        {"&rd", word(&d.rd)},
        {"&ru", word(&d.ru)},
        {"&rp", word(&d.rp)},
        {"bm", word(&d.bitmap)},
        {"bm + 1", word(&d.bitmap[1])},
        {"&pa", word(&d.pa)},
        {"&da", word(&d.da)},
        {"&sa", word(&d.sa)},
        {"&sa6", word(&d.sa6)},
        {"&tm", word(&d.tm)},
        {"&t64", word(&d.t64)},
        {"&gfp", word(&d.gfp)},
        {"&gfp2", word(&d.gfp2)},
        {"&vmf", word(&d.vmf)},
        {"&fourcc", word(&d.fourcc)},
        {"&afunc", afunc_},
        {"ptrs", ptrs_},
        {"(char *)&afunc + 1", afunc_ + 1},
        {"(char *)ptrs + 4", ptrs_ + 4},
        {"kfree", 0xffffffff81300000},
    };
  }

  u64 value_of(const std::string& expression) {
    const std::map<std::string, u64> known = values();
    if (const auto found = known.find(expression); found != known.end()) return found->second;
    if (expression.front() == '\'') return static_cast<u64>(expression[1]);
    if (expression.front() == '"') {
      strings_.push_back(std::make_unique<std::string>(expression.substr(1, expression.size() - 2)));
      return word(strings_.back()->c_str());
    }
    if (expression.rfind("ERR_PTR(", 0) == 0) return word(std::stoll(expression.substr(8)));
    std::size_t used = 0;
    const u64 value = expression.front() == '-' ? word(std::stoll(expression, &used, 0))
                                                : std::stoull(expression, &used, 0);
    EXPECT_EQ(expression.find_first_not_of("ULl", used), std::string::npos)
        << "unknown argument " << expression;
    return value;
  }

  std::vector<u64> arguments_of(const std::string& text) {
    std::vector<u64> words;
    for (std::size_t at = 0; at < text.size();) {
      std::size_t comma = text.find(", ", at);
      if (comma == std::string::npos) comma = text.size();
      words.push_back(value_of(text.substr(at, comma - at)));
      at = comma + 2;
    }
    return words;
  }

  // How the module shows control bytes, backslashes and what is not ASCII.
  static std::string shown(const std::string& text) {
    std::string out;
    for (const char c : text) {
      const u8 byte = static_cast<u8>(c);
      if (byte < 0x20 || byte >= 0x7f || c == '\\') {
        out += fmt::format("\\x{:02x}", byte);
      } else {
        out.push_back(c);
      }
    }
    return out;
  }

  // One row, with its arguments passed in 0 to 6 registers.
  void check_row(const std::vector<std::string>& row, const std::string& expected) {
    const std::string literal = row[1].substr(1, row[1].size() - 2);
    for (u32 in_registers = 0; in_registers <= 6; ++in_registers) {
      const std::vector<u64> words = arguments_of(row[2]);
      const GuestArguments arguments(words, in_registers);
      VaList list(arguments.address());
      char buffer[1024];
      const FormatResult result =
          format_into(buffer, sizeof(buffer), word(literal.c_str()), list, environment_);
      EXPECT_FALSE(result.fault.has_value());
      EXPECT_EQ(bracketed(shown(buffer)), expected) << "row " << row[0] << ": " << row[1];
      EXPECT_EQ(std::to_string(result.length), row[3]) << "row " << row[0] << ": " << row[1];
    }
  }

  ModuleData data_;
  FakeHost host_;
  FormatEnvironment environment_;
  u64 afunc_ = 0;
  u64 ptrs_ = 0;
  std::vector<std::unique_ptr<std::string>> strings_;
};

TEST_P(FormatReference, every_row_before_the_hash_key_is_ready) {
  u32 checked = 0;
  for (const auto& row : table(GetParam(), "formats.tsv")) {
    ASSERT_EQ(row.size(), 5u) << row[0];
    if (row[1] == "\"<%pV>\"") {
      const std::string inner = "%d and %s";
      const std::string x = "x";
      const GuestArguments inner_arguments({7, word(x.c_str())});
      const std::array<u64, 2> va_format{word(inner.c_str()), inner_arguments.address()};
      EXPECT_EQ(bracketed(format(environment_, "<%pV>", {word(&va_format)})), row[4]);
      EXPECT_EQ(inner_arguments.gp_offset(), 0u) << "%pV must leave the inner position alone";
    } else {
      check_row(row, row[4]);
    }
    ++checked;
  }
  EXPECT_GT(checked, 130u);
  EXPECT_TRUE(host_.refused.empty());
  // Nine formats are bad; the kernel warns once, about the first.
  ASSERT_EQ(host_.warnings.size(), 1u);
  EXPECT_EQ(host_.warnings[0].substr(0, 27), "Please remove unsupported %");
}

// The hashes of that boot belong to its key; ours are put in their place.
TEST_P(FormatReference, every_row_with_hashed_pointers) {
  environment_.ptr_key_ready = true;
  environment_.ptr_key = {0x0123456789abcdef, 0xfedcba9876543210};
  const auto rows = table(GetParam(), "formats_with_addresses_crng_ready.tsv");
  std::string their_hash;
  for (const auto& row : rows) {
    if (row[1] == "\"%p\"") their_hash = row[4].substr(9, 8);
    if (row[1] == "\"%px\"") set_symbols(std::stoull(row[4].substr(1), nullptr, 16));
  }
  const std::string our_hash = format(environment_, "%p", {afunc_}).substr(8);
  for (const auto& row : rows) {
    std::string expected = row[4];
    if (const auto at = expected.find(their_hash); at != std::string::npos) expected.replace(at, 8, our_hash);
    // One symbol of that boot had a size that its own kernel miscounted; its row is printed from that size.
    if (row[4].find("ffffffffcb40") != std::string::npos) host_.symbols.back().size = 0xffffffffffffcb40;
    if (row[4].find("afunc+0x1/0x20") != std::string::npos) host_.symbols.back().size = 0x20;
    check_row(row, expected);
  }
  EXPECT_GE(rows.size(), 18u);
}

TEST_P(FormatReference, return_values_of_snprintf_and_scnprintf) {
  struct Call {
    const char* name;
    u64 size;
    const char* format;
    std::vector<u64> words;
    bool counts_written;
  };
  const char* abc = "abc";
  const char* alphabet = "abcdefghijk";
  const std::vector<Call> calls = {
      {"snprintf(b, 8, \"%s\", \"abc\")", 8, "%s", {word(abc)}, false},
      {"snprintf(b, 8, \"%s\", \"abcdefghijk\")", 8, "%s", {word(alphabet)}, false},
      {"snprintf(b, 1, \"%s\", \"abc\")", 1, "%s", {word(abc)}, false},
      {"scnprintf(b, 8, \"%s\", \"abcdefghijk\")", 8, "%s", {word(alphabet)}, true},
      {"scnprintf(b, 8, \"%s\", \"abc\")", 8, "%s", {word(abc)}, true},
      {"scnprintf(b, 1, \"%s\", \"abc\")", 1, "%s", {word(abc)}, true},
      {"snprintf(NULL, 0, \"%s-%d\", \"abcdefghijk\", 12345)", 0, "%s-%d", {word(alphabet), 12345}, false},
      {"snprintf(b, 4, \"%d\", 123456)", 4, "%d", {123456}, false},
      {"snprintf(b, 8, \"%5.2s|\", \"abc\")", 8, "%5.2s|", {word(abc)}, false},
      {"snprintf(b, 4, \"%c%c%c%c\", 'a', 'b', 'c', 'd')", 4, "%c%c%c%c", {'a', 'b', 'c', 'd'}, false},
      {"sprintf(b, \"%s\", \"abc\")", INT_MAX, "%s", {word(abc)}, false},
      {"scnprintf(b, 0, \"%s\", \"abc\")", 0, "%s", {word(abc)}, true},
      {"snprintf(b, 0, \"%s\", \"abc\")", 0, "%s", {word(abc)}, false},
  };
  u32 checked = 0;
  for (const auto& row : table(GetParam(), "snprintf_return_values.tsv")) {
    for (const Call& call : calls) {
      if (row[0] != call.name) continue;
      std::string buffer(8, '#');
      const GuestArguments arguments(call.words);
      VaList list(arguments.address());
      const FormatResult result =
          format_into(buffer.data(), call.size, word(call.format), list, environment_);
      const s32 returned = call.counts_written ? scnprintf_value(result, call.size) : result.length;
      EXPECT_EQ(std::to_string(returned), row[1]) << row[0];
      EXPECT_EQ(bracketed(std::string(buffer.data(), strnlen(buffer.data(), 8))), row[2]) << row[0];
      ++checked;
    }
  }
  EXPECT_EQ(checked, 11u);
}

INSTANTIATE_TEST_SUITE_P(releases, FormatReference, ::testing::Values(Release::k6_1, Release::k6_12),
                         name_of);

}  // namespace
}  // namespace koi::printk::testing
