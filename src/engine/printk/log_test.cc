// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/log.h"

#include <fmt/format.h>

#include <memory_resource>
#include <random>

#include "engine/printk/log_render.h"
#include "engine/printk/test_support.h"

namespace koi::printk::testing {
namespace {

struct Events : LogSubscriber {
  void on_record(const Record& record, LogEvent event) override {
    const char* names[] = {"new", "extended", "final"};
    seen.push_back(fmt::format("{} {} {}", names[static_cast<u32>(event)], record.info.seq, record.text));
  }
  std::vector<std::string> seen;
};

LogCall by(u32 caller) {
  LogCall call;
  call.caller_id = caller;
  return call;
}

TEST(Log, continuations_belong_to_their_caller) {
  Log log(std::pmr::get_default_resource(), {});
  log.store(by(1), "\0016one");
  log.store(by(2), "\001c two\n");
  log.store(by(1), "\001c three");
  log.store(by(1), "\001c four\n");
  EXPECT_EQ(dev_kmsg(log), "6,0,0,-;one\n4,1,0,c; two\n4,2,0,c; three four\n");
}

TEST(Log, open_records_are_not_visible_until_the_next) {
  Log log(std::pmr::get_default_resource(), {});
  log.store(by(1), "\0016open");
  EXPECT_FALSE(log.read(0).has_value());
  log.store(by(1), "\0016next");
  EXPECT_EQ(log.read(0)->text, "open");
  EXPECT_FALSE(log.read(1).has_value());
  log.finalize_open();
  EXPECT_EQ(log.read(1)->text, "next");
  log.store(by(1), "\001clate\n");
  EXPECT_EQ(log.read(2)->text, "late") << "what is final stays as it is";
}

TEST(Log, subscribers_see_beginnings_additions_and_ends) {
  Log log(std::pmr::get_default_resource(), {});
  Events events;
  log.subscribe(&events);
  log.store(by(1), "\0016a");
  log.store(by(1), "\001cb");
  log.store(by(1), "\0016c\n");
  log.unsubscribe(&events);
  log.store(by(1), "\0016d\n");
  EXPECT_EQ(events.seen,
            (std::vector<std::string>{"new 0 a", "extended 0 ab", "final 0 ab", "new 1 c", "final 1 c"}));
}

TEST(Log, levels_come_from_the_call_or_the_text_or_the_default) {
  Log log(std::pmr::get_default_resource(), {Release::k6_12, u64{1} << 17, 5});
  LogCall call;
  log.store(call, "\0011\0016first counts\n");
  log.store(call, "none\n");
  call.level = 3;
  log.store(call, "\0016the call's\n");
  call.facility = kFacilityUser;
  log.store(call, "\0016kept\n");
  log.store({}, "\001d default\n");
  EXPECT_EQ(dev_kmsg(log),
            "1,0,0,-;first counts\n5,1,0,-;none\n3,2,0,-;the call's\n11,3,0,-;\\x016kept\n5,4,0,-;\\x01d "
            "default\n");
}

TEST(Log, kmsg_writes) {
  const KmsgWrite plain = parse_kmsg_write("text");
  EXPECT_EQ(plain.facility, 1u);
  EXPECT_EQ(plain.level, kLevelDefault);
  const KmsgWrite daemon = parse_kmsg_write("<30>text");
  EXPECT_EQ(daemon.facility, 3u);
  EXPECT_EQ(daemon.level, 6);
  EXPECT_EQ(daemon.text, "text");
  EXPECT_EQ(parse_kmsg_write("<4>x").facility, 1u) << "no one writes as the kernel";
  EXPECT_EQ(parse_kmsg_write("<4 x").text, "<4 x");
}

TEST(Log, long_messages_are_cut_at_the_release_s_limit) {
  for (const Release release : {Release::k6_1, Release::k6_12}) {
    Log log(std::pmr::get_default_resource(), {release, u64{1} << 17, 4});
    const std::string text = "\0016" + std::string(1021, 'x');
    log.store({}, text, 5000);
    EXPECT_EQ(log.next_seq(), 1u);
    log.finalize_open();
    EXPECT_EQ(log.read(0)->text.size(), release == Release::k6_1 ? 989u : 1021u);
    log.store({}, text.substr(0, 100), 65536 + 9);
    log.finalize_open();
    EXPECT_EQ(log.read(1)->text, std::string(7, 'x')) << "the length is kept in 16 bits";
  }
}

TEST(Log, rendering_drops_lines_that_do_not_fit) {
  Log log(std::pmr::get_default_resource(), {});
  std::string text;
  for (int i = 0; i < 100; ++i) text += "l\n";
  log.store({}, text);
  std::string out;
  append_text(out, *log.read(0), Release::k6_1, LevelPrefix::kYes, Stamp::kYes);
  EXPECT_LE(out.size(), 1023u);
  EXPECT_EQ(out.size() % std::string("<4>[    0.000000] l\n").size(), 0u);
  out.clear();
  append_text(out, *log.read(0), Release::k6_12, LevelPrefix::kYes, Stamp::kYes);
  EXPECT_GT(out.size(), 1023u);
}

TEST(Log, stamps_and_console_levels) {
  Log log(std::pmr::get_default_resource(), {});
  LogCall call;
  call.ts_nsec = 12'345'006'789'999;
  log.store(call, "\0013late\n");
  EXPECT_EQ(dmesg(log, LevelPrefix::kNo, Stamp::kYes), "[12345.006789] late\n");
  EXPECT_EQ(dmesg(log, LevelPrefix::kYes, Stamp::kNo), "<3>late\n");
  ConsoleFilter filter{4, false};
  EXPECT_TRUE(filter.shows(3));
  EXPECT_FALSE(filter.shows(4));
  filter.ignore_loglevel = true;
  EXPECT_TRUE(filter.shows(7));
}

TEST(Log, faults_of_the_format_store_nothing) {
  host::install_fault_signals({});
  Log log(std::pmr::get_default_resource(), {});
  FormatEnvironment environment = debian_environment(Release::k6_1);
  GuardedPage page;
  const GuestArguments arguments({word(page.end())});
  VaList list(arguments.address());
  EXPECT_TRUE(log.print({}, word("\0016%s\n"), list, environment).fault.has_value());
  EXPECT_EQ(log.next_seq(), 0u);
}

TEST(Log, all_its_memory_comes_from_the_resource) {
  alignas(64) static std::array<std::byte, 64 * 1024> arena;
  std::pmr::monotonic_buffer_resource memory(arena.data(), arena.size(), std::pmr::null_memory_resource());
  Log log(&memory, {Release::k6_1, 4096, 4});
  for (int i = 0; i < 1000; ++i) log.store({}, "\0016message\n");
  EXPECT_EQ(log.read(999)->text, "message");
  EXPECT_GT(log.first_seq(), 0u);
}

// The whole history beside the ring: what the ring still has must be the history's end.
TEST(Log, random_messages_against_the_whole_history) {
  struct Entry {
    std::string text;
    u32 caller;
    u8 level;
    bool cont, final;
  };
  for (u64 seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    std::mt19937_64 random(seed);
    Log log(std::pmr::get_default_resource(), {Release::k6_12, 4096, 4});
    std::vector<Entry> history;
    for (int step = 0; step < 2000; ++step) {
      const u32 caller = static_cast<u32>(random() % 2);
      const bool cont = random() % 3 == 0;
      const bool newline = random() % 3 != 0;
      const u64 size = random() % 8 == 0 ? random() % 900 : random() % 40;
      const u8 level = static_cast<u8>(random() % 8);
      const std::string body(size, static_cast<char>('a' + random() % 26));
      const std::string text =
          (cont ? std::string("\001c") : fmt::format("\001{}", level)) + body + (newline ? "\n" : "");
      const bool extends = cont && !history.empty() && !history.back().final &&
                           history.back().caller == caller &&
                           history.back().text.size() + text.size() + 1 <= log.record_limit();
      EXPECT_EQ(log.store(by(caller), text), static_cast<s32>(body.size()));
      if (extends) {
        history.back().text += body;
        history.back().final = newline;
      } else {
        if (!history.empty()) history.back().final = true;
        history.push_back({body, caller, cont ? u8{4} : level, cont, newline});
      }
      log.check_invariants();
      ASSERT_EQ(log.next_seq(), history.size());
      u64 bytes = 0;
      for (u64 seq = log.first_seq(); seq < log.next_seq(); ++seq) {
        const std::optional<Record> record = log.read(seq);
        ASSERT_EQ(record.has_value(), history[seq].final);
        bytes += history[seq].text.size() + 16;
        if (!record) continue;
        ASSERT_EQ(record->text, history[seq].text);
        ASSERT_EQ(record->info.level, history[seq].level);
        ASSERT_EQ((record->info.flags & kRecordCont) != 0, history[seq].cont);
      }
      if (log.first_seq() > 0) {
        ASSERT_GT(bytes, 4096u - 3000u) << "records were dropped for nothing";
      }
    }
  }
}

}  // namespace
}  // namespace koi::printk::testing
