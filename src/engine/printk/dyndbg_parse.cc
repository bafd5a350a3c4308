// SPDX-License-Identifier: GPL-2.0-only
// Words, line ranges, flags: from text to DyndbgQuery.
#include <fmt/format.h>

#include <algorithm>

#include "engine/printk/dyndbg.h"
#include "engine/printk/kernel_ctype.h"

namespace koi::printk {
namespace {

constexpr u64 kMostWords = 9;

// kstrtouint in base 10: an optional '+', digits, an optional newline.
std::optional<u32> parse_unsigned(std::string_view text) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  if (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  u64 value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    value = value * 10 + static_cast<u64>(c - '0');
    if (value > 0xffffffff) return std::nullopt;
  }
  return static_cast<u32>(value);
}

// The escapes that a format pattern may hold: \n \r \t \v \f, \" \\ \a \e, and octal numbers.
std::string unescape(std::string_view text) {
  constexpr std::string_view kLetters = "nrtvf\"\\ae";
  constexpr std::string_view kMeaning = "\n\r\t\v\f\"\\\a\033";
  std::string out;
  for (u64 i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char next = text[++i];
    if (is_octal_digit(next)) {
      u32 value = static_cast<u32>(next - '0');
      for (u32 digits = 1; digits < 3 && value < 32 && i + 1 < text.size() && is_octal_digit(text[i + 1]);
           ++digits) {
        value = value * 8 + static_cast<u32>(text[++i] - '0');
      }
      out.push_back(static_cast<char>(value));
    } else if (const u64 at = kLetters.find(next); at != std::string_view::npos) {
      out.push_back(kMeaning[at]);
    } else {
      out.push_back('\\');
      out.push_back(next);
    }
  }
  // What follows a NUL is out of sight for a C string.
  if (const u64 nul = out.find('\0'); nul != std::string::npos) out.resize(nul);
  return out;
}

class Parser {
 public:
  Parser(Release release, const DyndbgPrint& print) : release_(release), print_(print) {}

  std::optional<DyndbgQuery> query(std::string_view text, std::string_view module) {
    if (!split(text) || words_.empty()) return failed("tokenize failed");
    DyndbgQuery query;
    if (!flags(words_.back(), query.change)) return failed("flags parse failed");
    words_.pop_back();
    if (!pairs(query.match)) return failed("query parse failed");
    if (!query.match.module && !module.empty()) query.match.module = std::string(module);
    return query;
  }

 private:
  template <class... Args>
  bool error(fmt::format_string<Args...> format, Args&&... args) {
    print_({3, fmt::format("dyndbg: {}\n", fmt::format(format, std::forward<Args>(args)...))});
    return false;
  }
  std::optional<DyndbgQuery> failed(std::string_view what) {
    error("{}", what);
    return std::nullopt;
  }

  // Words are separated by white space; '…' and "…" hold some; '#' ends the line.
  bool split(std::string_view text) {
    for (u64 at = 0;;) {
      while (at < text.size() && is_space(text[at])) ++at;
      if (at == text.size() || text[at] == '#') return true;
      u64 end = at;
      const char quote = text[at];
      if (quote == '"' || quote == '\'') {
        end = text.find(quote, ++at);
        if (end == std::string_view::npos) return error("unclosed quote: {}", text.substr(at));
      } else {
        while (end < text.size() && !is_space(text[end])) ++end;
      }
      if (words_.size() == kMostWords) return error("too many words, legal max <={}", kMostWords);
      words_.emplace_back(text.substr(at, end - at));
      at = std::min<u64>(end + 1, text.size());
    }
  }

  bool flags(std::string_view text, DyndbgFlagChange& change) {
    const char op = text.empty() ? '\0' : text[0];
    if (op != '+' && op != '-' && op != '=') {
      return error("bad flag-op {}, at start of {}", std::string_view(&op, 1), text);
    }
    constexpr std::string_view kLetters = "pmflts";
    const std::string_view known = kLetters.substr(0, release_ == Release::k6_1 ? 5 : 6);
    u32 named = 0;
    for (const char c : text.substr(1)) {
      if (c == '_') continue;
      const u64 bit = known.find(c);
      if (bit == std::string_view::npos) return error("unknown flag '{}'", std::string_view(&c, 1));
      named |= 1u << bit;
    }
    if (op == '=') change = {named, 0};
    if (op == '+') change = {named, ~0u};
    if (op == '-') change = {0, ~named};
    return true;
  }

  bool set(std::optional<std::string>& to, std::string_view value, std::string_view name) {
    const bool again = to.has_value();
    if (again) error("match-spec:{} val:{} overridden by {}", name, *to, value);
    to = std::string(value);
    return !again;
  }

  bool line_number(std::string_view text, u32& line) {
    if (text.empty()) {
      line = 0;
      return true;
    }
    const std::optional<u32> value = parse_unsigned(text);
    if (!value) return error("bad line-number: {}", text);
    line = *value;
    return true;
  }

  bool line_range(std::string_view text, DyndbgMatch& match) {
    if (match.first_line != 0 || match.last_line != 0) return error("match-spec: line used 2x");
    const u64 dash = text.find('-');
    if (!line_number(text.substr(0, dash), match.first_line)) return false;
    if (dash == std::string_view::npos) {
      match.last_line = match.first_line;
      return true;
    }
    if (!line_number(text.substr(dash + 1), match.last_line)) return false;
    if (match.last_line == 0) match.last_line = ~0u;
    if (match.last_line < match.first_line) {
      return error("last-line:{} < 1st-line:{}", static_cast<s32>(match.last_line),
                   static_cast<s32>(match.first_line));
    }
    return true;
  }

  // "foo.c", "foo.c:function*", "foo.c:10-20"
  bool file(std::string_view text, DyndbgMatch& match) {
    const u64 colon = text.find(':');
    if (match.file) return set(match.file, text, "file");
    match.file = std::string(text.substr(0, colon));
    if (colon == std::string_view::npos) return true;
    const std::string_view rest = text.substr(colon + 1);
    const char first = rest.empty() ? '\0' : rest[0];
    if (is_alpha(first) || first == '*' || first == '?') return set(match.function, rest, "func");
    return line_range(rest, match);
  }

  bool pairs(DyndbgMatch& match) {
    if (words_.size() % 2 != 0) return error("expecting pairs of match-spec <value>");
    for (u64 i = 0; i < words_.size(); i += 2) {
      const std::string& keyword = words_[i];
      const std::string& value = words_[i + 1];
      bool good = false;
      if (keyword == "func") {
        good = set(match.function, value, "func");
      } else if (keyword == "file") {
        good = file(value, match);
      } else if (keyword == "module") {
        good = set(match.module, value, "module");
      } else if (keyword == "format") {
        good = set(match.format, unescape(value), "format");
      } else if (keyword == "line") {
        good = line_range(value, match);
      } else if (keyword == "class") {
        good = set(match.class_name, value, "class");
      } else {
        error("unknown keyword \"{}\"", keyword);
      }
      if (!good) return false;
    }
    return true;
  }

  Release release_;
  const DyndbgPrint& print_;
  std::vector<std::string> words_;
};

}  // namespace

std::optional<DyndbgQuery> parse_dyndbg_query(std::string_view text, std::string_view module, Release release,
                                              const DyndbgPrint& print) {
  return Parser(release, print).query(text, module);
}

}  // namespace koi::printk
