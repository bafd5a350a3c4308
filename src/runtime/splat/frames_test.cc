// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/splat/frames.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>

namespace koi::runtime {
namespace {

std::string joined(const std::vector<std::string_view>& names) {
  return fmt::format("{}", fmt::join(names, " "));
}

TEST(EventFramesTest, KmallocTooLarge) {
  const auto old = event_frames(Release::k6_1, "__kmalloc", FrameEvent::kOrderTooLarge);
  EXPECT_EQ(old.place, "__alloc_pages");
  EXPECT_EQ(joined(old.callers), "__kmalloc_large_node __kmalloc");
  EXPECT_TRUE(old.measured);
  const auto young = event_frames(Release::k6_12, "__kmalloc_noprof", FrameEvent::kOrderTooLarge);
  EXPECT_EQ(young.place, "__alloc_pages_noprof");
  EXPECT_EQ(joined(young.callers),
            "alloc_pages_mpol_noprof ___kmalloc_large_node __kmalloc_large_node_noprof __kmalloc_noprof");
}

TEST(EventFramesTest, UnknownExportsStandForThemselves) {
  const auto none = event_frames(Release::k6_1, "sort", FrameEvent::kNone);
  EXPECT_EQ(none.place, "sort");
  EXPECT_EQ(joined(none.callers), "sort");
  const auto fault = event_frames(Release::k6_12, "strlen", FrameEvent::kFaultInside);
  EXPECT_EQ(fault.place, "strlen");
  EXPECT_TRUE(fault.callers.empty());
}

TEST(EventFramesTest, SleepPaths) {
  EXPECT_EQ(joined(event_frames(Release::k6_1, "msleep", FrameEvent::kScheduleWhileAtomic).callers),
            "dump_stack_lvl __schedule_bug.cold __schedule schedule schedule_timeout msleep");
  EXPECT_EQ(joined(event_frames(Release::k6_12, "msleep", FrameEvent::kScheduleWhileAtomic).callers),
            "dump_stack_lvl __schedule_bug __schedule schedule schedule_timeout msleep");
  EXPECT_EQ(joined(event_frames(Release::k6_1, "schedule", FrameEvent::kBlocked).callers),
            "__schedule schedule");
  EXPECT_EQ(joined(event_frames(Release::k6_1, "read_something", FrameEvent::kBlocked).callers),
            "__schedule schedule read_something");
}

TEST(DeclaredNames, CoverEveryRowAndHoldNoMarks) {
  for (const Release series : {Release::k6_1, Release::k6_12}) {
    const auto names = declared_frame_names(series);
    EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), "do_one_initcall"));
    EXPECT_TRUE(std::binary_search(names.begin(), names.end(), "entry_SYSCALL_64_after_hwframe"));
    for (const std::string_view name : names) {
      EXPECT_EQ(name.find_first_of("{}* "), std::string_view::npos) << name;
      EXPECT_FALSE(name.empty());
    }
  }
}

// Entries one after another, and their symbols.
class Entries : public FrameAddress, public Symbolizer {
 public:
  u64 frame_address(std::string_view name) const override {
    const auto [entry, added] =
        addresses_.try_emplace(std::string(name), 0x40e00000 + 16 * addresses_.size());
    if (added) names_[entry->second] = entry->first;
    return entry->second;
  }
  std::optional<Symbol> lookup(u64 address) const override {
    const auto found = names_.find(address & ~u64{15});
    if (found == names_.end()) return std::nullopt;
    return Symbol{found->second, address & 15, kFrameSize, ""};
  }

 private:
  mutable std::map<std::string, u64> addresses_;
  mutable std::map<u64, std::string> names_;
};

std::string trace_text(const std::vector<TraceItem>& items, const Entries& entries) {
  SplatInput input;
  input.trace = items;
  std::string out;
  for (const SplatLine& line : call_trace(input, entries)) out += line.text + "\n";
  return out;
}

Frame frame(FrameKind kind, u64 address = 0, u32 export_index = 0, bool reliable = true) {
  Frame result;
  result.kind = kind;
  result.address = address;
  result.export_index = export_index;
  result.reliable = reliable;
  return result;
}

TEST(ComposeTrace, InitThatAsksForTooMuch) {
  const Entries entries;
  const Frame frames[] = {frame(FrameKind::kBorder, 0, 4), frame(FrameKind::kText, 0x40001020),
                          frame(FrameKind::kText, 0x40002000, 0, false), frame(FrameKind::kBase)};
  TraceComposition composition;
  composition.event = FrameEvent::kOrderTooLarge;
  composition.export_name = [](u32) { return std::string_view("__kmalloc"); };
  EXPECT_EQ(trace_text(compose_trace(frames, composition, entries), entries),
            "Call Trace:\n <TASK>\n __kmalloc_large_node+0x5/0x10\n __kmalloc+0x5/0x10\n 0x40001020\n ? "
            "0x40002000\n"
            " do_one_initcall+0x5/0x10\n do_init_module+0x5/0x10\n __do_sys_finit_module+0x5/0x10\n"
            " do_syscall_64+0x5/0x10\n entry_SYSCALL_64_after_hwframe+0x5/0x10\n </TASK>\n");
}

TEST(ComposeTrace, TimerOnAnIdleCpu) {
  const Entries entries;
  const Frame frames[] = {frame(FrameKind::kText, 0x40001020), frame(FrameKind::kBase)};
  TraceComposition composition;
  composition.series = Release::k6_12;
  composition.context = FrameContext::kTimer;
  composition.boot_cpu = false;
  EXPECT_EQ(
      trace_text(compose_trace(frames, composition, entries), entries),
      "Call Trace:\n <IRQ>\n 0x40001020\n call_timer_fn+0x5/0x10\n __run_timers+0x5/0x10\n"
      " run_timer_softirq+0x5/0x10\n handle_softirqs+0x5/0x10\n __irq_exit_rcu+0x5/0x10\n"
      " sysvec_apic_timer_interrupt+0x5/0x10\n </IRQ>\n <TASK>\n asm_sysvec_apic_timer_interrupt+0x5/0x10\n"
      " default_idle+0x5/0x10\n default_idle_call+0x5/0x10\n do_idle+0x5/0x10\n cpu_startup_entry+0x5/0x10\n"
      " start_secondary+0x5/0x10\n common_startup_64+0x5/0x10\n </TASK>\n");
}

TEST(ComposeTrace, AfterTheUnwinderIsLostEverythingIsAHint) {
  const Entries entries;
  const Frame frames[] = {frame(FrameKind::kText, 0x40001020, 0, false),
                          frame(FrameKind::kBase, 0, 0, false)};
  const std::string text = trace_text(compose_trace(frames, {}, entries), entries);
  EXPECT_NE(text.find("\n ? 0x40001020\n ? do_one_initcall+0x5/0x10\n"), std::string::npos) << text;
}

TEST(ComposeTrace, OnlyTheYoungestBorderHoldsTheEvent) {
  const Entries entries;
  const Frame frames[] = {frame(FrameKind::kBorder, 0, 1), frame(FrameKind::kText, 0x40001020),
                          frame(FrameKind::kBorder, 0, 2), frame(FrameKind::kText, 0x40001040),
                          frame(FrameKind::kBase)};
  TraceComposition composition;
  composition.event = FrameEvent::kDumpStack;
  composition.context = FrameContext::kKthread;
  composition.export_name = [](u32 index) { return std::string_view(index == 1 ? "dump_stack" : "sort"); };
  EXPECT_EQ(trace_text(compose_trace(frames, composition, entries), entries),
            "Call Trace:\n <TASK>\n dump_stack_lvl+0x5/0x10\n 0x40001020\n sort+0x5/0x10\n 0x40001040\n"
            " kthread+0x5/0x10\n ret_from_fork+0x5/0x10\n </TASK>\n");
}

// The reliable names between RIP and the module in a real splat, and below it, are what the table declares.
struct ReferenceCase {
  const char* file;
  Release series;
  const char* exported;
  FrameEvent event;
};

std::vector<std::string> reliable_names(const std::string& file) {
  const auto path = std::filesystem::path(KOI_TESTDATA) / file;
  std::ifstream in(path);
  std::string line;
  bool in_trace = false;
  std::vector<std::string> names;
  static const std::regex kFrame(R"((?:<\d>)?\[ *[0-9.]+\]  ([A-Za-z_][^+ ]*)\+0x\w+/0x\w+( \[\S+\])?)");
  while (std::getline(in, line)) {
    std::smatch match;
    if (line.find("</TASK>") != std::string::npos && in_trace) break;
    if (line.find("Call Trace:") != std::string::npos) in_trace = true;
    if (in_trace && std::regex_match(line, match, kFrame))
      names.push_back(match[2].matched ? std::string("module") : match[1].str());
  }
  return names;
}

TEST(FrameTable, EqualsReferenceSplats) {
  const ReferenceCase cases[] = {
      {"6.1_kmalloc_toobig.txt", Release::k6_1, "__kmalloc", FrameEvent::kOrderTooLarge},
      {"6.12_kmalloc_toobig.txt", Release::k6_12, "__kmalloc_noprof", FrameEvent::kOrderTooLarge},
      {"6.1_sched_in_spinlock.txt", Release::k6_1, "schedule_timeout_interruptible",
       FrameEvent::kScheduleWhileAtomic},
      {"6.12_sched_in_spinlock.txt", Release::k6_12, "schedule_timeout_interruptible",
       FrameEvent::kScheduleWhileAtomic},
      {"6.1_hung_task.txt", Release::k6_1, "msleep", FrameEvent::kBlocked},
      {"6.12_hung_task.txt", Release::k6_12, "msleep", FrameEvent::kBlocked},
      {"6.1_panic.txt", Release::k6_1, "panic", FrameEvent::kPanic},
      {"6.12_panic.txt", Release::k6_12, "panic", FrameEvent::kPanic},
      {"6.1_list_add_twice.txt", Release::k6_1, "__list_add_valid", FrameEvent::kListAddCorruption},
      {"6.12_list_add_twice.txt", Release::k6_12, "__list_add_valid_or_report",
       FrameEvent::kListAddCorruption},
      {"6.1_spin_deadlock.txt", Release::k6_1, "_raw_spin_lock", FrameEvent::kSpinDeadlock},
      {"6.12_spin_deadlock.txt", Release::k6_12, "_raw_spin_lock", FrameEvent::kSpinDeadlock},
  };
  for (const ReferenceCase& c : cases) {
    std::vector<std::string> expected;
    for (const auto name : event_frames(c.series, c.exported, c.event).callers) expected.emplace_back(name);
    const auto names = reliable_names(c.file);
    const auto module_begin = std::find(names.begin(), names.end(), "module");
    EXPECT_EQ(std::vector<std::string>(names.begin(), module_begin), expected) << c.file;
    std::vector<std::string> below;
    for (const auto name : context_frames(c.series, FrameContext::kModuleInit).callers)
      below.emplace_back(name);
    const auto module_end =
        std::find_if(module_begin, names.end(), [](const auto& n) { return n != "module"; });
    EXPECT_EQ(std::vector<std::string>(module_end, names.end()), below) << c.file;
  }
}

}  // namespace
}  // namespace koi::runtime
