// SPDX-License-Identifier: GPL-2.0-only
// Parameters against what real kernels did with the module lm_param: testdata/params_<release>.txt holds, for
// each command line, the system call's result, the kernel's lines and the values that the module saw; then
// the contents of its files in sysfs and the effect of writing to them.
#include "module/params.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>

#include "host/guest_memory.h"

namespace koi::module {
namespace {

// The variables of the module and its parameter table, in host memory.
class LmParam : public ParamHost {
 public:
  struct Variables {
    s32 i_int = -1;
    u32 i_uint = 1;
    s64 i_long = 0;
    u64 i_ulong = 0, i_ullong = 0;
    s16 i_short = 0;
    u16 i_ushort = 0;
    u8 i_byte = 0;
    u32 i_hexint = 0;
    u8 i_bool = 0, i_invbool = 0;
    s32 i_bint = 0;
    u8 i_boolen = 0;
    const char* i_charp = "default";
    char i_str[8] = "dflt";
    s32 i_arr[4] = {1, 2, 3, 4};
    u32 i_arr_n = 0;
    const char* i_sarr[3] = {nullptr, nullptr, nullptr};
    u32 i_sarr_n = 0;
    s32 hidden = 5, real_name = 6, dash_name = 0, unsafe_p = 0;
  };

  explicit LmParam(CollectedLog& log) : log_(log) {
    add("i_int", ParamKind::kInt, &v.i_int);
    add("i_uint", ParamKind::kUint, &v.i_uint);
    add("i_long", ParamKind::kLong, &v.i_long);
    add("i_ulong", ParamKind::kUlong, &v.i_ulong);
    add("i_ullong", ParamKind::kUllong, &v.i_ullong);
    add("i_short", ParamKind::kShort, &v.i_short);
    add("i_ushort", ParamKind::kUshort, &v.i_ushort);
    add("i_byte", ParamKind::kByte, &v.i_byte);
    add("i_hexint", ParamKind::kHexint, &v.i_hexint);
    add("i_bool", ParamKind::kBool, &v.i_bool);
    add("i_invbool", ParamKind::kInvbool, &v.i_invbool);
    add("i_bint", ParamKind::kBint, &v.i_bint);
    add("i_boolen", ParamKind::kBoolEnableOnly, &v.i_boolen);
    add("i_charp", ParamKind::kCharp, &v.i_charp);
    string_ = {sizeof(v.i_str), 0, guest::address_of(v.i_str)};
    add("i_str", ParamKind::kString, &string_);
    arrays_[0] = {4, 4, guest::address_of(&v.i_arr_n), ops_of(ParamKind::kInt), guest::address_of(v.i_arr)};
    add("i_arr", ParamKind::kArray, &arrays_[0]);
    arrays_[1] = {3, 8, guest::address_of(&v.i_sarr_n), ops_of(ParamKind::kCharp),
                  guest::address_of(v.i_sarr)};
    add("i_sarr", ParamKind::kArray, &arrays_[1]);
    add("hidden", ParamKind::kInt, &v.hidden);
    add("pub_name", ParamKind::kInt, &v.real_name);
    add("dash_name", ParamKind::kInt, &v.dash_name);
    add("unsafe_p", ParamKind::kInt, &v.unsafe_p).flags = kParamUnsafe;
    add("cb", ParamKind::kCustom, nullptr).ops = guest::address_of(&custom_ops_[0]);
    custom_ops_[1].flags = kParamOpsNoArg;
    add("cbna", ParamKind::kCustom, nullptr).ops = guest::address_of(&custom_ops_[1]);
  }

  ParamKind kind_of(u64 ops) override {
    const u64 first = guest::address_of(standard_ops_);
    return ops >= first && ops < first + sizeof(standard_ops_) ? static_cast<ParamKind>(ops - first)
                                                               : ParamKind::kCustom;
  }
  u64 keep_string(std::string_view text) override {
    auto copy = std::make_unique<char[]>(text.size() + 1);
    std::memcpy(copy.get(), text.data(), text.size());
    copy[text.size()] = 0;
    const u64 address = guest::address_of(copy.get());
    strings_[address] = std::move(copy);
    return address;
  }
  void drop_string(u64 address) override { strings_.erase(address); }
  int custom_set(const Param& param, std::optional<std::string>& value) override {
    log_.line(6, "ORC|param_cb|set|{}|{}", param.name, value ? *value : "(NULL)");
    return value == "bad" ? -ERANGE : 0;
  }
  std::string custom_get(const Param&, int&) override { return "cb value\n"; }
  void dyndbg(std::string_view query) override {
    if (query != "bad") return;
    log_.line(kLogErr, "dyndbg: bad flag-op b, at start of bad");
    log_.line(kLogErr, "dyndbg: flags parse failed");
  }

  [[nodiscard]] const Param* find(std::string_view name) const {
    for (const Param& param : params) {
      if (param.name == name) return &param;
    }
    return nullptr;
  }
  [[nodiscard]] std::string init_line() const {
    const auto text = [](const char* s) { return s == nullptr ? "(null)" : s; };
    return fmt::format(
        "ORC|params|int={} uint={} long={} ulong={} ullong={} short={} ushort={} byte={} hexint={:#x} "
        "bool={} invbool={} "
        "bint={} boolen={} charp=[{}] str=[{}] arr={},{},{},{}/{} sarr=[{}],[{}],[{}]/{} hidden={} pub={} "
        "dash={} unsafe={}",
        v.i_int, v.i_uint, v.i_long, v.i_ulong, v.i_ullong, v.i_short, v.i_ushort, v.i_byte, v.i_hexint,
        v.i_bool, v.i_invbool, v.i_bint, v.i_boolen, text(v.i_charp), v.i_str, v.i_arr[0], v.i_arr[1],
        v.i_arr[2], v.i_arr[3], v.i_arr_n, text(v.i_sarr[0]), text(v.i_sarr[1]), text(v.i_sarr[2]),
        v.i_sarr_n, v.hidden, v.real_name, v.dash_name, v.unsafe_p);
  }

  Variables v;
  std::vector<Param> params;

 private:
  u64 ops_of(ParamKind kind) { return guest::address_of(standard_ops_) + static_cast<u64>(kind); }
  Param& add(const char* name, ParamKind kind, const void* arg) {
    Param param;
    param.name = name;
    param.ops = ops_of(kind);
    param.arg = guest::address_of(arg);
    params.push_back(param);
    return params.back();
  }

  CollectedLog& log_;
  char standard_ops_[static_cast<std::size_t>(ParamKind::kCustom)] = {};
  KernelParamOpsRecord custom_ops_[2] = {};
  KparamStringRecord string_{};
  KparamArrayRecord arrays_[2] = {};
  std::map<u64, std::unique_ptr<char[]>> strings_;
};

// One "## title" paragraph.
struct Paragraph {
  std::string title;
  std::vector<std::string> lines;
};

std::vector<Paragraph> read_reference(const std::string& release) {
  std::ifstream file(std::string(KOI_MODULE_TESTDATA) + "/params_" + release + ".txt");
  std::vector<Paragraph> paragraphs;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) {
      paragraphs.push_back({line.substr(3), {}});
    } else if (!paragraphs.empty()) {
      paragraphs.back().lines.push_back(line);
    }
  }
  return paragraphs;
}

// "SYSCALL|finit_module|lm_param.ko|ARGS|ret=..|errno=N|NAME|text": its ARGS and N. ARGS may hold '|' in
// principle only.
struct Attempt {
  std::string args;
  int error = 0;
};
std::optional<Attempt> parse_attempt(const std::string& line) {
  const std::string prefix = "SYSCALL|finit_module|lm_param.ko|";
  const std::size_t ret = line.find("|ret=");
  const std::size_t error = line.find("|errno=");
  if (!line.starts_with(prefix) || ret == std::string::npos || error == std::string::npos)
    return std::nullopt;
  return Attempt{line.substr(prefix.size(), ret - prefix.size()), std::stoi(line.substr(error + 7))};
}

class ParamReference : public ::testing::TestWithParam<const char*> {};

TEST_P(ParamReference, EveryCommandLineDoesWhatTheKernelDid) {
  int rows = 0;
  for (const Paragraph& paragraph : read_reference(GetParam())) {
    if (!paragraph.title.starts_with("params: ") && !paragraph.title.starts_with("param of")) continue;
    const auto attempt = parse_attempt(paragraph.lines.at(0));
    ASSERT_TRUE(attempt) << paragraph.lines.at(0);
    CollectedLog log;
    KernelTaint taint;
    LmParam module(log);
    const ParsedArgs parsed = parse_module_args("lm_param", attempt->args, module.params, module, taint, log);
    EXPECT_EQ(-parsed.error, attempt->error) << paragraph.title;
    if (parsed.error == 0) log.line(6, "{}", module.init_line());
    // The reference's record of the second line of the overlong charp was cut by the log; the first one
    // tells.
    const std::size_t compared = paragraph.title.starts_with("param of") ? 1 : log.lines.size();
    std::vector<std::string> expected(paragraph.lines.begin() + 1, paragraph.lines.end());
    std::erase(expected, "");
    ASSERT_EQ(expected.size(), compared) << paragraph.title << "\n" << log.raw();
    for (std::size_t i = 0; i < compared; ++i) {
      EXPECT_EQ(fmt::format("<{}>{}", log.lines[i].level, log.lines[i].text), expected[i]) << paragraph.title;
    }
    EXPECT_EQ(taint.has(Taint::kUser), attempt->args.find("unsafe_p") != std::string::npos);
    ++rows;
  }
  EXPECT_GT(rows, 80);
}

TEST_P(ParamReference, SysfsShowsAndStoresWhatTheKernelDid) {
  const auto paragraphs = read_reference(GetParam());
  const auto runtime = std::find_if(paragraphs.begin(), paragraphs.end(),
                                    [](const Paragraph& p) { return p.title == "runtime writes"; });
  ASSERT_NE(runtime, paragraphs.end());
  CollectedLog log;
  KernelTaint taint;
  LmParam module(log);
  EXPECT_EQ(parse_module_args("lm_param", "i_charp=start", module.params, module, taint, log).error, 0);
  const auto show = [&](const std::string& name) {
    int error = 0;
    std::string text = get_param(*module.find(name), module, error);
    EXPECT_EQ(error, 0);
    while (text.ends_with('\n')) text.pop_back();  // the shell's $(...) does
    return text;
  };
  int shown = 0;
  int written = 0;
  for (std::size_t i = 0; i < runtime->lines.size(); ++i) {
    const std::string& line = runtime->lines[i];
    if (const std::size_t at = line.find(" = ["); at != std::string::npos) {
      EXPECT_EQ("[" + show(line.substr(0, at)) + "]", line.substr(at + 3)) << line;
      ++shown;
      continue;
    }
    if (!line.starts_with("write [")) continue;
    const std::size_t close = line.rfind("] to ");
    const std::string text = line.substr(7, close - 7);
    const std::string name = line.substr(close + 5);
    log.lines.clear();
    // i_uint has no write permission; writing nothing calls nothing.
    const int error = name == "i_uint" ? -EACCES
                      : text.empty()   ? 0
                                       : store_param(*module.find(name), text, module, taint, log);
    EXPECT_EQ(fmt::format("exit {} value [{}]", error == 0 ? 0 : 1, show(name)), runtime->lines[i + 1])
        << line;
    std::string expected_log;
    for (std::size_t k = i + 2; k < runtime->lines.size() && runtime->lines[k].starts_with('<'); ++k) {
      expected_log += runtime->lines[k] + "\n";
    }
    EXPECT_EQ(log.raw(), expected_log) << line;
    ++written;
  }
  EXPECT_GE(shown, 22);
  EXPECT_GE(written, 15);
  EXPECT_EQ(store_param(*module.find("i_int"), "12\n", module, taint, log), 0);
  EXPECT_EQ(show("i_int"), "12");
  EXPECT_EQ(store_param(*module.find("i_charp"), "text\n", module, taint, log), 0);
  EXPECT_EQ(show("i_charp"), "text");
}

INSTANTIATE_TEST_SUITE_P(Releases, ParamReference, ::testing::Values("6.1", "6.12"), [](const auto& info) {
  return std::string(info.param) == "6.1" ? "v6_1" : "v6_12";
});

std::string cut(std::string_view line) {
  std::string out;
  while (!line.empty()) {
    const Argument argument = next_argument(line);
    out += "<" + argument.name + ">";
    if (argument.value) out += "=<" + *argument.value + ">";
  }
  return out;
}

TEST(NextArgument, QuotesAndBlanks) {
  EXPECT_EQ(cut("a=1 b"), "<a>=<1><b>");
  EXPECT_EQ(cut("a=\"two words\" b=2"), "<a>=<two words><b>=<2>");
  EXPECT_EQ(cut("\"a=two words\" b=2"), "<a>=<two words><b>=<2>");
  EXPECT_EQ(cut("a=\"unfinished word"), "<a>=<unfinished word>");
  EXPECT_EQ(cut("a=\""), "<a>=<>");
  EXPECT_EQ(cut("a=x\"y z\"w b"), "<a>=<x\"y z\"w><b>");
  EXPECT_EQ(cut("\"bare words\" b"), "<bare words><b>");
  EXPECT_EQ(cut("\""), "<>");
  EXPECT_EQ(cut("=4"), "<=4>");
  EXPECT_EQ(cut("==4"), "<=>=<4>");
  EXPECT_EQ(cut("a=b=c\t\n d"), "<a>=<b=c><d>");
}

TEST(ParamValues, NumbersAtTheirLimits) {
  EXPECT_EQ(parse_unsigned("18446744073709551615").value, ~u64{0});
  EXPECT_EQ(parse_unsigned("18446744073709551616").error, ERANGE);
  EXPECT_EQ(parse_unsigned("99999999999999999999x").error, ERANGE);
  EXPECT_EQ(parse_unsigned("-1").error, EINVAL);
  EXPECT_EQ(parse_unsigned("+7").value, 7U);
  EXPECT_EQ(parse_unsigned("++7").error, EINVAL);
  EXPECT_EQ(parse_unsigned("0x").error, EINVAL);
  EXPECT_EQ(parse_unsigned("0xfF\n").value, 0xffU);
  EXPECT_EQ(parse_unsigned("0").value, 0U);
  EXPECT_EQ(parse_unsigned("09").error, EINVAL);
  EXPECT_EQ(parse_signed("-9223372036854775808").value, INT64_MIN);
  EXPECT_EQ(parse_signed("-9223372036854775809").error, ERANGE);
  EXPECT_EQ(parse_signed("9223372036854775808").error, ERANGE);
  EXPECT_EQ(parse_signed("-+1").error, EINVAL);
  EXPECT_EQ(parse_signed("-0").value, 0);
}

TEST(ParamValues, ByteIsNoSignedChar) {
  EXPECT_EQ(parse_scalar(ParamKind::kByte, "255", 0).value, 255U);
  EXPECT_EQ(parse_scalar(ParamKind::kByte, "256", 0).error, ERANGE);
  EXPECT_EQ(format_scalar(ParamKind::kByte, 255), "255\n");
  EXPECT_EQ(format_scalar(ParamKind::kHexint, 0xff), "0x0000ff\n");
  EXPECT_EQ(format_scalar(ParamKind::kHexint, 0xffffffff), "0xffffffff\n");
}

TEST(ParamValues, EveryStandardNameIsKnown) {
  EXPECT_EQ(standard_param_kind("param_ops_int"), ParamKind::kInt);
  EXPECT_EQ(standard_param_kind("param_array_ops"), ParamKind::kArray);
  EXPECT_EQ(standard_param_kind("param_ops_something"), std::nullopt);
}

TEST(ParamTable, IsReadFromMemory) {
  const char name[] = "size";
  KernelParamRecord records[1] = {{guest::address_of(name), 0, 0x1234, 0644, -1, kParamUnsafe, 0, 0x5678}};
  const auto params = read_params({guest::address_of(records), sizeof(records)});
  ASSERT_TRUE(params.ok());
  ASSERT_EQ(params->size(), 1U);
  EXPECT_EQ((*params)[0].name, "size");
  EXPECT_EQ((*params)[0].ops, 0x1234U);
  EXPECT_EQ((*params)[0].arg, 0x5678U);
  EXPECT_EQ((*params)[0].perm, 0644);
  EXPECT_FALSE(read_params({guest::address_of(records), 39}).ok());
}

}  // namespace
}  // namespace koi::module
