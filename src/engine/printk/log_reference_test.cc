// SPDX-License-Identifier: GPL-2.0-only
// What a real kernel's log held after a module had printed its way through levels, continuations, long lines, hex
// dumps, device messages and rate limits. The module's calls are repeated here, at the times and sequence numbers
// of that boot, and all three renderings must be the same bytes.
#include <fmt/format.h>

#include <memory_resource>
#include <numeric>

#include "engine/printk/hex_dump.h"
#include "engine/printk/log_render.h"
#include "engine/printk/ratelimit.h"
#include "engine/printk/test_support.h"

namespace koi::printk::testing {
namespace {

#define INFO "\0016"
#define CONT "\001c"

struct Console : LogSubscriber {
  explicit Console(Release r) : release(r) {}
  void on_record(const Record& record, LogEvent event) override {
    if (event != LogEvent::kFinal || !filter.shows(record.info.level) || record.info.seq < first) return;
    append_text(text, record, release, LevelPrefix::kNo, Stamp::kYes);
  }
  Release release;
  ConsoleFilter filter;
  u64 first = 0;
  std::string text;
};

class LogReference : public ::testing::TestWithParam<Release> {
 protected:
  LogReference()
      : environment_(debian_environment(GetParam())),
        log_(std::pmr::get_default_resource(), {GetParam(), u64{1} << 17, 4}),
        console_(GetParam()) {
    for (const std::string& line : split(testdata(GetParam(), "dev_kmsg_records.txt"), '\n')) {
      if (line[0] == ' ') {
        expected_[last_] += line + "\n";
        continue;
      }
      const std::vector<std::string> fields = split(line.substr(0, line.find(';')), ',');
      last_ = std::stoull(fields[1]);
      if (expected_.empty()) first_ = last_;
      expected_[last_] = line + "\n";
      times_[last_] = std::stoull(fields[2]) * 1000;
    }
    while (log_.next_seq() < first_) log_.store({}, "before\n");
    console_.first = first_;
    log_.subscribe(&console_);
  }

  LogCall call() const {
    LogCall call;
    call.caller_id = 141;
    // The record about to be made, unless the call continues one; then its own time does not count.
    if (const auto known = times_.find(log_.next_seq()); known != times_.end()) call.ts_nsec = known->second;
    return call;
  }

  s32 print(const char* format, const std::vector<u64>& words = {}) {
    const GuestArguments arguments(words);
    VaList list(arguments.address());
    const Log::PrintResult result = log_.print(call(), word(format), list, environment_);
    EXPECT_FALSE(result.fault.has_value());
    log_.check_invariants();
    return result.length;
  }
  void section(const char* name) { print(INFO "ORC|section %s\n", {word(name)}); }

  void levels() {
    section("levels begin");
    EXPECT_EQ(print("\0010L pr_emerg\n"), 10);
    print("\0011L pr_alert\n");
    print("\0012L pr_crit\n");
    print("\0013L pr_err\n");
    print("\0014L pr_warn\n");
    print("\0015L pr_notice\n");
    print(INFO "L pr_info\n");
    print("L printk without a level\n");
    print("L KERN_DEFAULT\n");
    print("\0017L KERN_DEBUG\n");
    print("<6>L with a literal <6> prefix\n");
    print(INFO "L no newline at end");
    print(INFO "L next after missing newline\n");
    EXPECT_EQ(print(INFO "L cont a"), 8);
    EXPECT_EQ(print(CONT " cont b"), 7);
    print(CONT " cont c\n");
    print(CONT "L cont after newline\n");
    print(INFO "L cont then other level");
    print("\0013L other level\n");
    print(CONT " L late cont\n");
    print(INFO "L line one\nL line two\n\nL line four after an empty line\n");
    EXPECT_EQ(print(INFO "\n"), 0);
    EXPECT_EQ(print(INFO ""), 0);
    print(INFO "L after empty\n");
    print(INFO "L tab\there and bell\a and esc \x1b[1m and high \xc3\xa9 end\n");
    print(INFO "L trailing newlines\n\n\n");
    print(INFO "L after trailing newlines\n");
    print(INFO "L two levels \0013in one\n");
    section("levels end");
  }

  void long_lines() {
    section("long begin");
    std::string text(1023, 'a');
    const auto cut = [&](u64 size, const char* name) { return (name + text.substr(6)).substr(0, size); };
    print(INFO "%s\n", {word(cut(1023, "L1023:").c_str())});
    print(INFO "%s\n", {word(cut(1000, "L1000:").c_str())});
    print(INFO "%s\n", {word(cut(900, "L0900:").c_str())});
    print(INFO "%s%s\n", {word(cut(900, "L0900:").c_str()), word(cut(900, "L0900:").c_str())});
    const std::string piece = cut(100, "LCONT:");
    print(INFO "%s", {word(piece.c_str())});
    for (u64 i = 0; i < 12; ++i) print(CONT "[%02d]%s", {i, word(piece.c_str())});
    print(CONT "END\n");
    section("long end");
  }

  void prefixes() {
    section("pr_fmt begin");
    print(INFO "orc_printk: L with pr_fmt KBUILD_MODNAME\n");
    print(INFO "orc_printk: L cont with pr_fmt");
    print(CONT " tail\n");
    print(INFO "L printk ignores pr_fmt\n");
    section("pr_fmt end");
  }

  void hex(const char* prefix, DumpPrefix type, s32 row, s32 group, u64 size, Ascii ascii,
           const char* level = INFO) {
    u8 bytes[70];
    for (u64 i = 0; i < 70; ++i) bytes[i] = static_cast<u8>(i * 7 + 30);
    EXPECT_FALSE(print_hex_dump(level, prefix, type, {row, group, ascii}, word(bytes), size, environment_,
                                [&](std::string_view line) { log_.store(call(), line); }));
  }

  void dumps() {
    using enum DumpPrefix;
    section("hexdump begin");
    hex("H none16: ", kNone, 16, 1, 40, Ascii::kYes);
    hex("H off16: ", kOffset, 16, 1, 40, Ascii::kYes);
    hex("H off16 noascii: ", kOffset, 16, 1, 40, Ascii::kNo);
    hex("H off32: ", kOffset, 32, 1, 70, Ascii::kYes);
    hex("H g2: ", kOffset, 16, 2, 40, Ascii::kYes);
    hex("H g4: ", kOffset, 16, 4, 40, Ascii::kYes);
    hex("H g8: ", kOffset, 16, 8, 40, Ascii::kYes);
    hex("H g4 odd: ", kOffset, 16, 4, 37, Ascii::kYes);
    hex("H g3: ", kOffset, 16, 3, 20, Ascii::kYes);
    hex("H row20: ", kOffset, 20, 1, 20, Ascii::kYes);
    // print_hex_dump_bytes() is a pr_debug under dynamic debug: off.
    hex("", kNone, 16, 1, 3, Ascii::kNo);
    section("hexdump end");
  }

  void device(s32 level, const std::string& text) {
    DeviceInfo info{"platform", "+platform:orcdev.3"};
    LogCall device_call = call();
    device_call.level = level;
    device_call.device = &info;
    log_.store(device_call, "platform orcdev.3: " + text);
  }

  void devices() {
    section("dev begin");
    device(0, "L dev_emerg\n");
    device(3, "L dev_err\n");
    device(4, "L dev_warn\n");
    device(5, "L dev_notice\n");
    device(6, "L dev_info\n");
    print(INFO "(NULL device *): L dev_info(NULL)\n");
    const std::string error = format(environment_, "error %pe: L dev_err_probe\n", {word(-22)});
    device(3, error);
    fill_to("ORC|section dev end");
    section("dev end");
  }

  void limits() {
    section("once begin");
    print(INFO "L once, turn %d\n", {0});
    section("once end");
    section("ratelimit begin");
    RatelimitState common{5 * 250, 10, 0, 0, 0, 0};
    u64 jiffies = 4294893000;
    for (u64 i = 0; i < 15; ++i) {
      if (ratelimit(common, jiffies).allowed) print(INFO "L ratelimited %d\n", {i});
    }
    RatelimitState own{5 * 250, 3, 0, 0, 0, 0};
    for (u64 i = 0; i < 6; ++i) {
      if (ratelimit(own, jiffies).allowed) print(INFO "L own ratelimit state 3 per 5s: %d\n", {i});
    }
    jiffies += 6 * 250;
    for (u64 i = 15; i < 18; ++i) {
      const RatelimitVerdict verdict = ratelimit(own, jiffies);
      if (verdict.suppressed > 0) log_.store(call(), "\0014" + suppressed_line("misc", verdict.suppressed));
      if (verdict.allowed) print(INFO "L own ratelimit state after 6 s: %d\n", {i});
    }
    section("ratelimit end");
    section("dump_stack begin");
  }

  // Stands in for records of that boot which the reference leaves out.
  void fill_to(const std::string& text) {
    for (const auto& [seq, line] : expected_) {
      if (line.find(";" + text) == std::string::npos) continue;
      while (log_.next_seq() < seq) log_.store({}, "left out\n");
    }
  }

  void run() {
    levels();
    long_lines();
    prefixes();
    dumps();
    fill_to("ORC|section dev begin");
    devices();
    limits();
  }

  [[nodiscard]] bool is_expected(const Record& record) const { return expected_.count(record.info.seq) != 0; }

  FormatEnvironment environment_;
  Log log_;
  Console console_;
  std::map<u64, std::string> expected_;
  std::map<u64, u64> times_;
  u64 first_ = 0;
  u64 last_ = 0;
};

std::string without_left_out(const std::string& text) {
  std::string kept;
  for (const std::string& line : split(text, '\n')) {
    if (line.find("left out") == std::string::npos) kept += line + "\n";
  }
  return kept;
}

TEST_P(LogReference, dev_kmsg_records_are_the_same_bytes) {
  run();
  u64 checked = 0;
  for (auto record = log_.read(first_); record; record = log_.read(record->info.seq + 1)) {
    if (!is_expected(*record)) continue;
    std::string line;
    append_kmsg(line, *record, GetParam());
    EXPECT_EQ(line, expected_[record->info.seq]);
    ++checked;
  }
  EXPECT_EQ(checked, expected_.size());
  EXPECT_GT(checked, 100u);
}

TEST_P(LogReference, dmesg_raw_is_the_same_bytes) {
  run();
  std::string text;
  for (auto record = log_.read(first_); record; record = log_.read(record->info.seq + 1)) {
    append_text(text, *record, GetParam(), LevelPrefix::kYes, Stamp::kYes);
  }
  EXPECT_EQ(without_left_out(text), testdata(GetParam(), "log_raw.txt"));
}

TEST_P(LogReference, console_gets_what_its_loglevel_lets_through) {
  run();
  EXPECT_EQ(without_left_out(console_.text), testdata(GetParam(), "console_copy.txt"));
}

INSTANTIATE_TEST_SUITE_P(releases, LogReference, ::testing::Values(Release::k6_1, Release::k6_12), name_of);

TEST(HexDumpReference, every_row_of_hex_dump_to_buffer) {
  u8 bytes[70];
  for (u64 i = 0; i < 70; ++i) bytes[i] = static_cast<u8>(i * 7 + 30);
  for (const Release release : {Release::k6_1, Release::k6_12}) {
    u32 checked = 0;
    for (const auto& row : table(release, "hex_dump_to_buffer.tsv")) {
      int length = 0, row_size = 0, group = 0, size = 0, ascii = 0;
      ASSERT_EQ(std::sscanf(row[0].c_str(), "len=%d row=%d group=%d linebuf=%d ascii=%d", &length, &row_size,
                            &group, &size, &ascii),
                5);
      std::vector<char> buffer(1024, '\0');
      const s32 result = hex_dump_to_buffer({bytes, static_cast<u64>(length)},
                                            {row_size, group, ascii != 0 ? Ascii::kYes : Ascii::kNo},
                                            {buffer.data(), static_cast<u64>(size)});
      EXPECT_EQ(std::to_string(result), row[1]) << row[0];
      EXPECT_EQ(fmt::format("[{}]", buffer.data()), row[2]) << row[0];
      ++checked;
    }
    EXPECT_EQ(checked, 6u);
  }
}

}  // namespace
}  // namespace koi::printk::testing
