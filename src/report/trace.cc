// SPDX-License-Identifier: GPL-2.0-only
#include "report/trace.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <limits>

namespace koi::report {
namespace {

constexpr std::string_view kKindNames[kAllocatorKinds] = {"slab", "large", "pages", "vmalloc", "percpu"};
constexpr u64 kMostCpus = 65535;

// A name in a field of its own: what would end the field or the line goes.
std::string field(std::string_view text) {
  std::string clean(text);
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return static_cast<u8>(c) < 0x20; }, '?');
  return clean;
}

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// ---- reading ----

class LineReader {
 public:
  explicit LineReader(std::string_view line) {
    while (true) {
      const size_t tab = line.find('\t');
      fields_.push_back(line.substr(0, tab));
      if (tab == std::string_view::npos) return;
      line.remove_prefix(tab + 1);
    }
  }
  [[nodiscard]] size_t count() const { return fields_.size(); }
  [[nodiscard]] std::string_view text(size_t i) const { return i < fields_.size() ? fields_[i] : ""; }
  // Any failed read shows in good().
  template <class T>
  T number(size_t i, T most = std::numeric_limits<T>::max(), int base = 10) {
    const std::string_view word = text(i);
    T value{};
    const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
    if (error != std::errc() || rest != word.data() + word.size() || value > most) good_ = false;
    return good_ ? value : T{};
  }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::vector<std::string_view> fields_;
  bool good_ = true;
};

class TraceParser {
 public:
  // What is wrong with the line; empty: nothing.
  std::string_view line(std::string_view text) {
    LineReader in(text);
    const std::string_view what = in.text(0);
    if (what.size() == 1 && std::string_view("afxru").find(what[0]) != std::string_view::npos)
      return event(what[0], in);
    if (what == "machine") return machine(in);
    if (what == "site") {
      trace.sites.push_back({std::string(in.text(2)), std::string(in.text(3)), std::string(in.text(4)),
                             std::string(in.text(5))});
      return in.count() == 6 && numbered(in, trace.sites.size()) ? "" : "not a site";
    }
    if (what == "module") return name_row(in, trace.modules);
    if (what == "cache") return name_row(in, trace.caches);
    if (what == "stack") {
      trace.stacks.emplace_back();
      for (size_t i = 2; i < in.count(); ++i) trace.stacks.back().emplace_back(in.text(i));
      return numbered(in, trace.stacks.size()) ? "" : "not a stack";
    }
    if (what == "truncated") {
      trace.truncated = true;
      return "";
    }
    return "an unknown kind of line";
  }

  Trace trace;

 private:
  static bool numbered(LineReader& in, size_t rows) { return in.number<u64>(1) == rows - 1 && in.good(); }
  static std::string_view name_row(LineReader& in, std::vector<std::string>& rows) {
    rows.emplace_back(in.text(2));
    return in.count() == 3 && numbered(in, rows.size()) ? "" : "not a name with its number";
  }
  std::string_view machine(LineReader& in) {
    trace.machine = {std::string(in.text(1)), in.number<u32>(2, kMostCpus), in.number<u64>(3),
                     in.number<u64>(4), std::string(in.text(5))};
    return in.good() && in.count() == 6 && trace.machine.cpus != 0 ? "" : "not a machine";
  }
  std::string_view event(char what, LineReader& in) {
    TraceEvent e;
    e.time_ns = in.number<u64>(1);
    if (e.time_ns < last_time_ns_) return "time goes backwards";
    last_time_ns_ = e.time_ns;
    e.cpu = in.number<u16>(2);
    e.pid = in.number<s32>(3);
    size_t fields = 0;
    if (what == 'f') {
      e.type = TraceEventType::kFree;
      e.address = in.number<u64>(4, ~u64{0}, 16);
      e.actual = in.number<u64>(5);
      fields = 6;
    } else if (what == 'r') {
      e.type = TraceEventType::kResize;
      e.address = in.number<u64>(4, ~u64{0}, 16);
      e.requested = in.number<u64>(5);
      fields = 6;
    } else if (what == 'u') {
      e.type = TraceEventType::kUnload;
      e.module = in.number<u32>(4, static_cast<u32>(trace.modules.size() - 1));
      fields = 5;
    } else {
      e.type = what == 'a' ? TraceEventType::kAlloc : TraceEventType::kFail;
      if (!allocation(in, e)) return "not an allocation";
      fields = 12;
    }
    if (!in.good() || in.count() != fields) return "not an event";
    trace.events.push_back(e);
    return "";
  }
  bool allocation(LineReader& in, TraceEvent& e) {
    e.site = in.number<u32>(4, static_cast<u32>(trace.sites.size() - 1));
    e.stack = in.number<u32>(5, static_cast<u32>(trace.stacks.size() - 1));
    const auto* const kind = std::find(std::begin(kKindNames), std::end(kKindNames), in.text(6));
    if (kind == std::end(kKindNames)) return false;
    e.kind = static_cast<AllocatorKind>(kind - std::begin(kKindNames));
    e.cache = in.number<u32>(7, static_cast<u32>(trace.caches.size() - 1));
    e.requested = in.number<u64>(8);
    e.actual = in.number<u64>(9);
    e.gfp = in.number<u32>(10, ~u32{0}, 16);
    e.address = in.number<u64>(11, ~u64{0}, 16);
    return in.good() && (e.type == TraceEventType::kFail || e.requested <= e.actual);
  }

  u64 last_time_ns_ = 0;
};

}  // namespace

std::string_view kind_name(AllocatorKind kind) { return kKindNames[static_cast<u32>(kind)]; }

std::string TraceSite::name() const {
  const std::string_view bare_function = std::string_view(function).substr(0, function.find_first_of("+ "));
  if (!source.empty() && !bare_function.empty())
    return fmt::format("{} {}", file_name(source), bare_function);
  if (!source.empty()) return std::string(file_name(source));
  if (function.empty()) return callee.empty() ? "(no call site)" : callee;
  return module.empty() ? function : fmt::format("{} [{}]", function, module);
}

std::string trace_text(const Trace& trace) {
  fmt::memory_buffer buffer;
  auto out = std::back_inserter(buffer);
  fmt::format_to(out, "koi-trace\t{}\n", kTraceVersion);
  const TraceMachine& m = trace.machine;
  fmt::format_to(out, "machine\t{}\t{}\t{}\t{}\t{}\n", field(m.release), m.cpus, m.memory_bytes, m.seed,
                 field(m.source));
  const auto names = [&](std::string_view what, const std::vector<std::string>& rows) {
    for (size_t i = 1; i < rows.size(); ++i) fmt::format_to(out, "{}\t{}\t{}\n", what, i, field(rows[i]));
  };
  names("module", trace.modules);
  names("cache", trace.caches);
  for (size_t i = 1; i < trace.sites.size(); ++i) {
    const TraceSite& s = trace.sites[i];
    fmt::format_to(out, "site\t{}\t{}\t{}\t{}\t{}\n", i, field(s.callee), field(s.module), field(s.function),
                   field(s.source));
  }
  for (size_t i = 1; i < trace.stacks.size(); ++i) {
    fmt::format_to(out, "stack\t{}", i);
    for (const std::string& frame : trace.stacks[i]) fmt::format_to(out, "\t{}", field(frame));
    fmt::format_to(out, "\n");
  }
  for (const TraceEvent& e : trace.events) {
    switch (e.type) {
      case TraceEventType::kAlloc:
      case TraceEventType::kFail:
        fmt::format_to(out, "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}\t{:x}\t{:x}\n",
                       e.type == TraceEventType::kAlloc ? 'a' : 'x', e.time_ns, e.cpu, e.pid, e.site, e.stack,
                       kind_name(e.kind), e.cache, e.requested, e.actual, e.gfp, e.address);
        break;
      case TraceEventType::kFree:
        fmt::format_to(out, "f\t{}\t{}\t{}\t{:x}\t{}\n", e.time_ns, e.cpu, e.pid, e.address, e.actual);
        break;
      case TraceEventType::kResize:
        fmt::format_to(out, "r\t{}\t{}\t{}\t{:x}\t{}\n", e.time_ns, e.cpu, e.pid, e.address, e.requested);
        break;
      case TraceEventType::kUnload:
        fmt::format_to(out, "u\t{}\t{}\t{}\t{}\n", e.time_ns, e.cpu, e.pid, e.module);
        break;
    }
  }
  if (trace.truncated) fmt::format_to(out, "truncated\n");
  return fmt::to_string(buffer);
}

Result<Trace> parse_trace(std::string_view text, std::string_view name) {
  TraceParser parser;
  u64 number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (number == 1) {
      LineReader in(line);
      if (in.text(0) != "koi-trace") return make_error("{}: not an allocation trace of koi's", name);
      if (in.number<u32>(1) != kTraceVersion) {
        return make_error("{}: trace format {}; this koi reads format {}", name, in.text(1), kTraceVersion);
      }
      continue;
    }
    if (const std::string_view wrong = parser.line(line); !wrong.empty()) {
      return make_error("{}:{}: {}; the trace is damaged", name, number, wrong);
    }
  }
  if (number == 0) return make_error("{}: empty, no allocation trace", name);
  if (parser.trace.machine.release.empty()) return make_error("{}: names no machine", name);
  return std::move(parser.trace);
}

}  // namespace koi::report
