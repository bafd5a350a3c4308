// SPDX-License-Identifier: GPL-2.0-only
// Dynamic debug (Documentation/admin-guide/dynamic-debug-howto.rst; lib/dynamic_debug.c of Linux 6.1 and 6.12):
// queries such as "file foo.c line 10-20 +pfl", which call sites they match, and what the flags print.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "engine/printk/environment.h"

namespace koi::printk {

// _DPRINTK_FLAGS_*
enum DyndbgFlag : u32 {
  kDyndbgPrint = 1 << 0,     // p
  kDyndbgModule = 1 << 1,    // m
  kDyndbgFunction = 1 << 2,  // f
  kDyndbgLine = 1 << 3,      // l
  kDyndbgThread = 1 << 4,    // t
  kDyndbgSource = 1 << 5,    // s, from 6.12 on
};

// A struct _ddebug. Sites of no class have class_id kDyndbgNoClass.
inline constexpr u32 kDyndbgNoClass = 63;
struct DyndbgSite {
  std::string_view module;
  std::string_view function;
  std::string_view filename;
  std::string_view format;
  u32 line = 0;
  u32 class_id = kDyndbgNoClass;
  u32 flags = 0;
};

// A struct ddebug_class_map: names of the ids from `base` on.
struct DyndbgClassMap {
  std::vector<std::string_view> names;
  u32 base = 0;
};
struct DyndbgModule {
  std::string_view name;
  std::span<DyndbgSite> sites;
  std::span<const DyndbgClassMap> class_maps;
};

// What a query asks for; nullopt: anything will do. Patterns may hold * and ?.
struct DyndbgMatch {
  std::optional<std::string> file;
  std::optional<std::string> module;
  std::optional<std::string> function;
  std::optional<std::string> format;  // a substring; "^text": the format's beginning
  std::optional<std::string> class_name;
  u32 first_line = 0;  // 0: no bound
  u32 last_line = 0;
};
// new flags = old flags & mask | flags
struct DyndbgFlagChange {
  u32 flags = 0;
  u32 mask = 0;
};
struct DyndbgQuery {
  DyndbgMatch match;
  DyndbgFlagChange change;
};

struct DyndbgMessage {
  s32 level;         // 3: error, 6: the verbose parameter's
  std::string text;  // "dyndbg: …\n"
};
using DyndbgPrint = std::function<void(const DyndbgMessage&)>;

// Parses one query (no ';' or newline in it). `module`: the one whose dyndbg= parameter this is; empty: any.
// nullopt: refused (-EINVAL), and `print` was told why.
[[nodiscard]] std::optional<DyndbgQuery> parse_dyndbg_query(std::string_view text, std::string_view module,
                                                            Release release, const DyndbgPrint& print);

// Whether the site matches, its class apart. `module_name` is the table's.
[[nodiscard]] bool dyndbg_matches(const DyndbgMatch& match, std::string_view module_name,
                                  const DyndbgSite& site);

struct DyndbgWorld {
  Release release = Release::k6_1;
  std::span<DyndbgModule> modules;
  s32 verbose = 0;  // dynamic_debug.verbose
  DyndbgPrint print;
  // A site's flags changed (already stored in the site).
  std::function<void(DyndbgSite& site, u32 old_flags)> changed;
};

// Runs the queries of `text`, separated by ';' or newlines; goes on after a bad one.
// Returns the number of matching sites, or -22 (EINVAL) if any query was bad.
s32 run_dyndbg_queries(std::string_view text, std::string_view module, DyndbgWorld& world);

// What the flags put before a message: "[42] mod:func:12: ".
struct DyndbgCaller {
  bool in_interrupt = false;
  s32 pid = 0;
};
[[nodiscard]] std::string dyndbg_prefix(const DyndbgSite& site, DyndbgCaller caller, Release release);

// "pf" style; "_" for none.
[[nodiscard]] std::string dyndbg_flag_letters(u32 flags, Release release);

// The site's line in <debugfs>/dynamic_debug/control.
[[nodiscard]] std::string dyndbg_control_line(const DyndbgModule& module, const DyndbgSite& site,
                                              Release release);
inline constexpr std::string_view kDyndbgControlHeader = "# filename:lineno [module]function flags format\n";

// The kernel's match_wildcard().
[[nodiscard]] bool matches_wildcard(std::string_view pattern, std::string_view text);

}  // namespace koi::printk
