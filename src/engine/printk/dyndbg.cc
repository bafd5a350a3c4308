// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/dyndbg.h"

#include <fmt/format.h>

#include <cerrno>

#include "engine/printk/kernel_ctype.h"

namespace koi::printk {
namespace {

struct FlagLetter {
  u32 flag;
  char letter;
};
// In the order in which the control file shows them.
constexpr FlagLetter kFlagLetters[] = {{kDyndbgPrint, 'p'},  {kDyndbgModule, 'm'}, {kDyndbgFunction, 'f'},
                                       {kDyndbgSource, 's'}, {kDyndbgLine, 'l'},   {kDyndbgThread, 't'}};
constexpr u32 kPrefixFlags =
    kDyndbgModule | kDyndbgFunction | kDyndbgLine | kDyndbgThread | kDyndbgSource;  // _DPRINTK_FLAGS_INCL_ANY

std::string_view base_name(std::string_view path) {
  const u64 slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::optional<u32> find_class(const DyndbgModule& module, std::string_view name) {
  for (const DyndbgClassMap& map : module.class_maps) {
    for (u64 i = 0; i < map.names.size(); ++i) {
      if (map.names[i] == name) return map.base + static_cast<u32>(i);
    }
  }
  return std::nullopt;
}

// One query over all sites; tells at the levels of dynamic_debug.verbose what it does.
class QueryRun {
 public:
  QueryRun(const DyndbgQuery& query, DyndbgWorld& world) : query_(query), world_(world) {}

  s32 run() {
    for (DyndbgModule& module : world_.modules) run_module(module);
    if (found_ == 0 && world_.verbose != 0) tell(0, "no matches for query");
    return found_;
  }

 private:
  template <class... Args>
  void tell(s32 verbosity, fmt::format_string<Args...> format, Args&&... args) {
    if (world_.verbose < verbosity) return;
    world_.print({6, fmt::format("dyndbg: {}\n", fmt::format(format, std::forward<Args>(args)...))});
  }

  void run_module(DyndbgModule& module) {
    if (query_.match.module && !matches_wildcard(*query_.match.module, module.name)) return;
    // A query that names no class leaves the sites of a class alone.
    u32 class_id = kDyndbgNoClass;
    if (query_.match.class_name) {
      const std::optional<u32> found = find_class(module, *query_.match.class_name);
      if (!found) return;
      class_id = *found;
    }
    for (DyndbgSite& site : module.sites) {
      if (site.class_id != class_id || !dyndbg_matches(query_.match, module.name, site)) continue;
      ++found_;
      const u32 old_flags = site.flags;
      site.flags = ((old_flags & query_.change.mask) | query_.change.flags) & 0xff;
      if (site.flags == old_flags) continue;
      tell(4, "changed {}:{} [{}]{} {} => {}", site.filename, site.line, module.name, site.function,
           dyndbg_flag_letters(old_flags, world_.release), dyndbg_flag_letters(site.flags, world_.release));
      if (world_.changed) world_.changed(site, old_flags);
    }
  }

  const DyndbgQuery& query_;
  DyndbgWorld& world_;
  s32 found_ = 0;
};

}  // namespace

bool matches_wildcard(std::string_view pattern, std::string_view text) {
  u64 p = 0, t = 0;
  u64 after_star = std::string_view::npos, retry_from = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      after_star = ++p;
      retry_from = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (after_star != std::string_view::npos) {
      p = after_star;
      t = ++retry_from;
    } else {
      return false;
    }
  }
  if (p < pattern.size() && pattern[p] == '*') ++p;  // one star; the kernel skips no more than that
  return p == pattern.size();
}

bool dyndbg_matches(const DyndbgMatch& match, std::string_view module_name, const DyndbgSite& site) {
  if (match.module && !matches_wildcard(*match.module, module_name)) return false;
  if (match.file && !matches_wildcard(*match.file, site.filename) &&
      !matches_wildcard(*match.file, base_name(site.filename))) {
    return false;
  }
  if (match.function && !matches_wildcard(*match.function, site.function)) return false;
  if (match.format) {
    const std::string_view wanted = *match.format;
    const bool anchored = !wanted.empty() && wanted[0] == '^';
    const u64 at = site.format.find(anchored ? wanted.substr(1) : wanted);
    if (at == std::string_view::npos || (anchored && at != 0)) return false;
  }
  if (match.first_line != 0 && site.line < match.first_line) return false;
  return match.last_line == 0 || site.line <= match.last_line;
}

s32 run_dyndbg_queries(std::string_view text, std::string_view module, DyndbgWorld& world) {
  s32 found = 0, count = 0, errors = 0;
  const auto tell = [&](s32 verbosity, std::string line) {
    if (world.verbose >= verbosity) world.print({6, "dyndbg: " + std::move(line) + "\n"});
  };
  while (!text.empty()) {
    const u64 end = text.find_first_of(";\n");
    std::string_view query = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    while (!query.empty() && is_space(query[0])) query.remove_prefix(1);
    if (query.empty() || query[0] == '#') continue;
    tell(1, fmt::format("query {}: \"{}\" mod:{}", count++, query, module.empty() ? "*" : module));
    const auto parsed = parse_dyndbg_query(query, module, world.release, world.print);
    if (parsed) {
      found += QueryRun(*parsed, world).run();
    } else {
      ++errors;
    }
  }
  if (count != 0) {
    tell(2, fmt::format("processed {} queries, with {} matches, {} errs", count, found, errors));
  }
  return errors != 0 ? -EINVAL : found;
}

std::string dyndbg_flag_letters(u32 flags, Release release) {
  std::string letters;
  for (const FlagLetter& entry : kFlagLetters) {
    if (entry.flag == kDyndbgSource && release == Release::k6_1) continue;
    if (flags & entry.flag) letters.push_back(entry.letter);
  }
  return letters.empty() ? "_" : letters;
}

std::string dyndbg_prefix(const DyndbgSite& site, DyndbgCaller caller, Release release) {
  std::string prefix;
  u32 flags = site.flags & kPrefixFlags;
  if (release == Release::k6_1) flags &= ~u32{kDyndbgSource};
  if (flags & kDyndbgThread) prefix = caller.in_interrupt ? "<intr> " : fmt::format("[{}] ", caller.pid);
  if (flags & kDyndbgModule) prefix += fmt::format("{}:", site.module);
  if (flags & kDyndbgFunction) prefix += fmt::format("{}:", site.function);
  if (flags & kDyndbgSource) prefix += fmt::format("{}:", site.filename);
  if (flags & kDyndbgLine) prefix += fmt::format("{}:", site.line);
  if (flags & ~u32{kDyndbgThread}) prefix.push_back(' ');
  const u64 room = release == Release::k6_1 ? 64 : 128;  // the kernel's buffer, NUL included
  if (prefix.size() >= room) prefix.resize(room - 1);
  return prefix;
}

std::string dyndbg_control_line(const DyndbgModule& module, const DyndbgSite& site, Release release) {
  std::string line = fmt::format("{}:{} [{}]{} ={} \"", site.filename, site.line, module.name, site.function,
                                 dyndbg_flag_letters(site.flags, release));
  // Quotes stay as they are: the escape class in use has no letter for them.
  for (const char c : site.format) {
    switch (c) {
      case '\n':
        line += "\\n";
        break;
      case '\r':
        line += "\\r";
        break;
      case '\t':
        line += "\\t";
        break;
      default:
        line.push_back(c);
        break;
    }
  }
  line.push_back('"');
  if (site.class_id != kDyndbgNoClass) {
    std::string name;
    for (const DyndbgClassMap& map : module.class_maps) {
      if (site.class_id >= map.base && site.class_id - map.base < map.names.size()) {
        name = fmt::format(" class:{}", map.names[site.class_id - map.base]);
        break;
      }
    }
    line += name.empty() ? fmt::format(" class unknown, _id:{}", site.class_id) : name;
  }
  line.push_back('\n');
  return line;
}

}  // namespace koi::printk
