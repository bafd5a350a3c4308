// SPDX-License-Identifier: GPL-2.0-only
#include "lock_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <regex>

#include "text.h"

namespace koi::conformance {
namespace {

constexpr std::string_view kRecordedRelease = "6.1.192-lockdep #1 ";
constexpr std::string_view kTaint = "Tainted: ";
constexpr std::size_t kOutOfTree = 12;  // the place of 'O'; 'E' is the next
constexpr std::array<std::string_view, 4> kIdleStarts = {"start_secondary+", "rest_init+",
                                                         "arch_call_rest_init+", "start_kernel+"};
constexpr long kTaintUnsigned = 8192;

// Below the idle loop: another function on the CPU that booted.
bool is_idle_start(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  return std::any_of(kIdleStarts.begin(), kIdleStarts.end(),
                     [&](std::string_view name) { return text.starts_with(name); });
}

bool is_left_out(std::string_view text) {
  return text.starts_with("Hardware name: ") || text.starts_with("#PF: ") ||
         text.starts_with("hrtimer: interrupt took ") || text.starts_with(" do_raw_spin_lock+") ||
         is_idle_start(text) ||
         text.find(": module verification failed: signature and/or required key missing") !=
             std::string_view::npos;
}

void replace(std::string& text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  if (at != std::string::npos) text.replace(at, from.size(), to);
}

// dump_stack() leaves two blanks after the number.
std::string_view stock_build(std::string_view text) {
  return text.find("Comm: ") != std::string_view::npos ? "6.1.0-56-amd64 #1  Debian 6.1.192-2"
                                                       : "6.1.0-56-amd64 #1 Debian 6.1.192-2";
}

std::string as_stock(std::string text) {
  const std::size_t taint = text.find(kTaint);
  if (taint != std::string::npos) {
    const std::size_t flag = taint + kTaint.size() + kOutOfTree;
    if (flag + 1 < text.size() && text[flag] == 'O' && text[flag + 1] == ' ') text[flag + 1] = 'E';
  }
  // At the head of a report, after a task's name, in the hung-task report.
  if (text.ends_with(kRecordedRelease.substr(0, kRecordedRelease.size() - 1))) text += ' ';
  const bool ends = text.ends_with(kRecordedRelease);
  replace(text, kRecordedRelease, ends ? stock_build(text) : "6.1.0-56-amd64 #1 ");
  replace(text, "orc_lockdep(O+)", "orc_lockdep(OE+)");
  replace(text, "orc_splat(O+)", "orc_splat(OE+)");
  replace(text, " PREEMPT SMP", " PREEMPT SMP NOPTI");
  // Paravirtual operations and spinlocks without debugging are other functions.
  replace(text, "RIP: 0010:amd_e400_idle", "RIP: 0010:native_safe_halt");
  replace(text, " irq_exit_rcu", " __irq_exit_rcu");
  replace(text, "RIP: 0010:queued_spin_lock_slowpath", "RIP: 0010:native_queued_spin_lock_slowpath");
  return text;
}

bool is_irq_event(std::string_view text) {
  return text.starts_with("irq event stamp: ") || text.starts_with("hardirqs last ") ||
         text.starts_with("softirqs last ");
}

// A WARN ends with the last interrupt events where the kernel traces them.
void drop_events_of_warnings(std::vector<Line>& lines) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!parse_log_line(lines[i].text).text.starts_with("---[ end trace")) continue;
    std::size_t first = i;
    while (first > 0 && is_irq_event(parse_log_line(lines[first - 1].text).text)) --first;
    lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(first),
                lines.begin() + static_cast<std::ptrdiff_t>(i));
    i = first;
  }
}

// The idle task's own function is the interrupted one there, its caller here.
void add_idle_frames(std::vector<Line>& lines) {
  bool idle = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string_view text = parse_log_line(lines[i].text).text;
    if (text.starts_with("RIP: 0010:native_safe_halt")) idle = true;
    if (!idle || !text.starts_with(" default_idle_call+")) continue;
    Line frame = lines[i];
    replace(frame.text, "default_idle_call", "amd_e400_idle");
    lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(i++), std::move(frame));
    idle = false;
  }
}

struct Cut {
  Kind kind;
  std::size_t begin;
  std::size_t end;
};

struct Rule {
  std::regex shape;         // each of its groups is masked
  std::vector<Kind> kinds;  // of the groups, in order
};

const std::vector<Rule>& rules() {
  static const std::vector<Rule> all = [] {
    const auto rule = [](const char* shape, std::vector<Kind> kinds) {
      return Rule{std::regex(shape, std::regex::ECMAScript | std::regex::optimize), std::move(kinds)};
    };
    return std::vector<Rule>{
        rule(R"(\+0x([0-9a-f]+)/0x([0-9a-f]+) \[)", {Kind::hex, Kind::hex}),
        rule(R"([A-Za-z_]/([0-9]+)(?![0-9x]))", {Kind::decimal}),
        rule(R"(kworker/[0-9]+:([0-9]+))", {Kind::decimal}),
        rule(R"((?:kworker/[0-9]+:[0-9]+|0x0000000[0-9]|swapper/[0-9]+)/([0-9]+)(?![0-9x]))",
             {Kind::decimal}),
        rule(R"(, at: 0x([0-9a-f]+)$)", {Kind::hex}),
        // spin_lock_init() and DEFINE_TIMER() leave no name behind.
        rule(R"(\((&o->s)\))", {Kind::unnamed_lock}),
        rule(R"([ (]((?:/build/)?orc_lockdep\.c:[0-9]+)\))", {Kind::unnamed_lock}),
        rule(R"(invalid context at (/build/)orc)", {Kind::directory}),
        rule(R"(pid: ([0-9]+),)", {Kind::decimal}),
        rule(R"(orc_lockdep\.c:([0-9]+))", {Kind::decimal}),
        rule(R"(context at kernel/locking/[a-z]+\.c:([0-9]+)$)", {Kind::decimal}),
        rule(R"(^(?:<4>)?(?:\[ *[0-9.]+\] )?irq event stamp: ([0-9]+)$)", {Kind::decimal}),
        rule(R"(irqs last +(?:enabled|disabled) at \(([0-9]+)\): \[<([0-9a-f]{16})>\] (.+)$)",
             {Kind::decimal, Kind::register_value, Kind::place}),
    };
  }();
  return all;
}

}  // namespace

std::vector<Line> lock_reference_lines(std::vector<Line> lines) {
  std::vector<Line> kept;
  bool disabled_at = false;
  for (Line& line : lines) {
    const std::string_view text = parse_log_line(line.text).text;
    const bool skip = disabled_at || is_left_out(text);
    disabled_at = text == "Preemption disabled at:";
    if (skip || disabled_at) continue;
    kept.push_back({line.number, as_stock(std::move(line.text))});
  }
  drop_events_of_warnings(kept);
  add_idle_frames(kept);
  return kept;
}

std::vector<Line> lock_log_lines(std::vector<Line> lines) {
  std::erase_if(lines, [](const Line& line) { return is_left_out(parse_log_line(line.text).text); });
  return lines;
}

std::string lock_index_row(std::string_view row) {
  const std::vector<std::string_view> cells = split(row, '\t');
  if (cells.size() != 7 || cells[5] == "-") return std::string(row);
  std::vector<std::string> made(cells.begin(), cells.end());
  made[5] = std::to_string(std::atol(made[5].c_str()) + kTaintUnsigned);
  made[6] = as_stock(made[6]);
  std::vector<std::string_view> views(made.begin(), made.end());
  return join(views, "\t");
}

std::vector<Span> lock_spans(std::string_view text, std::vector<Span> spans) {
  for (const Rule& rule : rules()) {
    std::vector<Cut> cuts;
    for (std::cregex_iterator it(text.data(), text.data() + text.size(), rule.shape), end; it != end; ++it) {
      for (std::size_t group = 1; group < it->size(); ++group) {
        const auto begin = static_cast<std::size_t>(it->position(group));
        cuts.push_back({rule.kinds[group - 1], begin, begin + static_cast<std::size_t>(it->length(group))});
      }
    }
    for (const Cut& cut : cuts) {
      // An earlier rule's field holds it.
      if (std::any_of(spans.begin(), spans.end(), [&](const Span& span) {
            return span.kind == Kind::unnamed_lock && span.begin <= cut.begin && span.end >= cut.end;
          }))
        continue;
      std::vector<Span> next;
      for (const Span& span : spans) {
        if (span.end <= cut.begin || span.begin >= cut.end) {
          next.push_back(span);
          continue;
        }
        // What is left of it on both sides.
        if (span.begin < cut.begin) next.push_back({span.kind, span.begin, cut.begin});
        if (span.end > cut.end) next.push_back({span.kind, cut.end, span.end});
      }
      next.push_back({cut.kind, cut.begin, cut.end});
      std::sort(next.begin(), next.end(), [](const Span& a, const Span& b) { return a.begin < b.begin; });
      spans = std::move(next);
    }
  }
  return spans;
}

}  // namespace koi::conformance
