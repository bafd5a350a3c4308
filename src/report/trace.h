// SPDX-License-Identifier: GPL-2.0-only
// An allocation trace: what was allocated where, in order, and when it went. koi records one (`koi record`), or makes one
// of a real kernel's tracepoints (import.h); analysis and replay need nothing else. docs/trace-format.md describes the
// file: lines of tab-separated fields, compressed with zstd.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace koi::report {

inline constexpr u32 kTraceVersion = 1;

enum class AllocatorKind : u8 { kSlab, kLarge, kPages, kVmalloc, kPercpu };
inline constexpr u32 kAllocatorKinds = 5;
// "slab", "large", "pages", "vmalloc", "percpu".
[[nodiscard]] std::string_view kind_name(AllocatorKind kind);

// kResize: a live object holds another number of bytes from now on, in place.
enum class TraceEventType : u8 { kAlloc, kFree, kFail, kResize, kUnload };

struct TraceEvent {
  TraceEventType type = TraceEventType::kAlloc;
  AllocatorKind kind = AllocatorKind::kSlab;  // of kAlloc and kFail
  u16 cpu = 0;
  s32 pid = 0;
  u64 time_ns = 0;
  u64 address = 0;  // of kAlloc, kFree and kResize
  u64 requested = 0;
  u64 actual = 0;  // kFree: how much of it went; 0: all (page blocks may be freed page by page)
  u32 site = 0;    // in Trace::sites; 0: none
  u32 cache = 0;   // in Trace::caches; 0: none
  u32 stack = 0;   // in Trace::stacks; 0: none
  u32 gfp = 0;
  u32 module = 0;  // of kUnload: in Trace::modules
};

struct TraceSite {
  std::string callee;    // "__kmalloc"
  std::string module;    // empty: the kernel itself
  std::string function;  // "setup+0x42/0x1a0", "check (inlined in setup+0x42/0x1a0)"; empty: unknown
  std::string source;    // "/src/driver.c:42"; empty: unknown

  // The shortest name that a reader can find: "driver.c:42 setup", else "setup+0x42/0x1a0 [driver]".
  [[nodiscard]] std::string name() const;
  friend bool operator==(const TraceSite&, const TraceSite&) = default;
};

struct TraceMachine {
  std::string release;  // "6.1.0-56-amd64"
  u32 cpus = 1;
  u64 memory_bytes = 0;
  u64 seed = 0;
  std::string source;  // "koi", "perf", "trace-cmd"

  [[nodiscard]] bool is_6_12() const { return !release.starts_with("6.1.") && release != "6.1"; }
};

// Index 0 of each table stands for none.
struct Trace {
  TraceMachine machine;
  std::vector<std::string> modules = {""};
  std::vector<TraceSite> sites = {{}};
  std::vector<std::string> caches = {""};
  std::vector<std::vector<std::string>> stacks = {{}};  // innermost frame first
  std::vector<TraceEvent> events;
  bool truncated = false;  // events were left out because there were too many
};

// The lines of the format, uncompressed.
[[nodiscard]] std::string trace_text(const Trace& trace);
// Errors: another version, a line that is none; the message names `name` and the line.
[[nodiscard]] Result<Trace> parse_trace(std::string_view text, std::string_view name);

// Errors: the file cannot be written, or read, or is not compressed with zstd, or parse_trace's.
[[nodiscard]] Status write_trace(const Trace& trace, const std::string& path);
[[nodiscard]] Result<Trace> read_trace(const std::string& path);

}  // namespace koi::report
