// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/boot_options.h"

#include <algorithm>
#include <charconv>
#include <string>

#include "module/params.h"

namespace koi::runtime {
namespace {

using module::same_param_name;
using Value = std::optional<std::string>;

constexpr s32 kLoglevelQuiet = 4;
constexpr s32 kLoglevelDebug = 10;

// Options about what koi's machine has not got, or has in one way only: a line copied from a real machine boots.
constexpr std::string_view kAboutOtherThings[] = {"BOOT_IMAGE", "console",   "init", "initrd",
                                                  "nokaslr",    "rdinit",    "ro",   "root",
                                                  "rootfstype", "rootflags", "rw",   "splash"};

// Options that koi's own command line has.
struct OwnOption {
  std::string_view name;
  std::string_view use;
};
constexpr OwnOption kOwnOptions[] = {
    {"mem", "--memory"}, {"maxcpus", "--cpus"}, {"nr_cpus", "--cpus"}, {"nosmp", "--cpus 1"}};

Error bad_value(std::string_view name, const Value& value, std::string_view wanted) {
  return make_error("boot option {}={}: {}", name, value.value_or(""), wanted);
}

// get_option(): a number in C's notation at the start of the text.
Result<s32> number(std::string_view name, const Value& value) {
  if (!value || value->empty()) return bad_value(name, value, "a number is missing");
  std::string_view text = *value;
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.size() > 1 && text.front() == '0') {
    base = 8;
  }
  s32 result = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), result, base);
  if (error != std::errc() || rest != text.data() + text.size())
    return bad_value(name, value, "is no number");
  return negative ? -result : result;
}

// kstrtobool().
Result<bool> yes_or_no(std::string_view name, const Value& value) {
  const std::string_view text = value ? std::string_view(*value) : std::string_view();
  if (!text.empty()) {
    const char first = static_cast<char>(text[0] | 0x20);
    if (first == 'y' || first == 't' || text[0] == '1') return true;
    if (first == 'n' || first == 'f' || text[0] == '0') return false;
    if (first == 'o' && text.size() > 1) {
      if ((text[1] | 0x20) == 'n') return true;
      if ((text[1] | 0x20) == 'f') return false;
    }
  }
  return bad_value(name, value, "is neither yes nor no");
}

// memparse(): a number with k, M or G.
Result<u64> byte_count(std::string_view name, const Value& value) {
  const std::string_view text = value ? std::string_view(*value) : std::string_view();
  u64 bytes = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  const std::string_view unit = text.substr(static_cast<size_t>(rest - text.data()));
  const u32 shift = unit.empty() ? 0 : unit == "k" || unit == "K" ? 10 : unit == "m" || unit == "M" ? 20 : 30;
  constexpr u64 kMost = u64{1} << 31;
  const bool known = unit.size() <= 1 && std::string_view("kKmMgG").find(unit) != std::string_view::npos;
  if (error != std::errc() || !known || bytes > (kMost >> shift))
    return bad_value(name, value, "is no size up to 2G");
  return bytes << shift;
}

// slub_debug=<letters>[,<cache>...][;...]: the letters of every block. Anything may follow a comma.
Status check_slab_debug(std::string_view name, const std::string& value) {
  std::string_view rest = value;
  while (!rest.empty()) {
    const std::string_view block = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), block.size() + 1));
    for (const char letter : block.substr(0, block.find(','))) {
      // A needs CONFIG_FAILSLAB; without it, as in Debian's kernels, it changes nothing.
      if (std::string_view("FZPUTAOfzputao-").find(letter) != std::string_view::npos) continue;
      return make_error("boot option {}={}: '{}' is none of F, Z, P, U, T, A, O and -", name, value, letter);
    }
  }
  return Ok{};
}

struct Parser {
  BootOptions options;
  Release series;

  // False: no option of these.
  Result<bool> slab(std::string_view name, const Value& value) {
    const bool newer = series == Release::k6_12;
    if (name == "slub_debug" || (newer && name == "slab_debug")) {
      options.slab_debug = value.value_or("");
      TRY(check_slab_debug(name, *options.slab_debug));
    } else if (name == "slab_nomerge" || name == "slub_nomerge") {
      options.slab_nomerge = true;
    } else if (name == "slab_merge" || name == "slub_merge") {
      options.slab_nomerge = false;
    } else if (name == "init_on_alloc") {
      options.init_on_alloc = TRY(yes_or_no(name, value));
    } else if (name == "init_on_free") {
      options.init_on_free = TRY(yes_or_no(name, value));
    } else {
      return false;
    }
    return true;
  }

  Result<bool> panics(std::string_view name, const Value& value) {
    if (name == "panic") {
      options.panic_timeout = TRY(number(name, value));
    } else if (name == "oops") {
      if (value != "panic") return bad_value(name, value, "only oops=panic has a meaning");
      options.panic_on_oops = true;
    } else if (name == "panic_on_warn") {
      options.panic_on_warn = value ? TRY(number(name, value)) : 1;
    } else {
      return false;
    }
    return true;
  }

  Result<bool> log(std::string_view name, const Value& value) {
    if (name == "loglevel") {
      options.console_loglevel = TRY(number(name, value));
    } else if (name == "quiet") {
      options.console_loglevel = kLoglevelQuiet;
    } else if (name == "debug") {
      options.console_loglevel = kLoglevelDebug;
    } else if (name == "log_buf_len") {
      options.log_buf_len = TRY(byte_count(name, value));
    } else if (name == "ignore_loglevel") {
      options.ignore_loglevel = true;
    } else if (name == "no_hash_pointers") {
      options.no_hash_pointers = true;
    } else {
      return false;
    }
    return true;
  }

  Result<bool> modules(std::string_view name, const Value& value) {
    if (name == "module.sig_enforce") {
      options.enforce_signatures = value ? TRY(yes_or_no(name, value)) : true;
    } else if (name == "module_blacklist") {
      for (std::string_view rest = value ? std::string_view(*value) : std::string_view(); !rest.empty();) {
        const std::string_view one = rest.substr(0, rest.find(','));
        rest.remove_prefix(std::min(rest.size(), one.size() + 1));
        options.blacklist.emplace_back(one);
      }
    } else if (const size_t dot = name.find('.'); dot != std::string_view::npos && dot != 0) {
      std::string module(name.substr(0, dot));
      std::replace(module.begin(), module.end(), '-', '_');
      std::string text(name.substr(dot + 1));
      if (value) {
        const bool blanks = value->find(' ') != std::string::npos;
        text += blanks ? "=\"" + *value + "\"" : "=" + *value;
      }
      options.module_arguments.push_back({std::move(module), std::move(text)});
    } else {
      return false;
    }
    return true;
  }

  Status option(const std::string& written, const Value& value) {
    std::string name = written;
    std::replace(name.begin(),
                 name.begin() + static_cast<std::ptrdiff_t>(std::min(name.find('.'), name.size())), '-', '_');
    if (TRY(slab(name, value)) || TRY(panics(name, value)) || TRY(log(name, value)) ||
        TRY(modules(name, value)))
      return Ok{};
    for (const std::string_view other : kAboutOtherThings) {
      if (same_param_name(name, other)) return Ok{};
    }
    for (const OwnOption& own : kOwnOptions) {
      if (name == own.name) return make_error("boot option {}: say {} to koi instead", written, own.use);
    }
    if (name == "slab_debug") return make_error("boot option slab_debug: Linux 6.1 calls it slub_debug");
    return make_error("boot option {}{}{}: koi does not know it", written, value ? "=" : "",
                      value.value_or(""));
  }
};

}  // namespace

std::string BootOptions::arguments_for(std::string_view module) const {
  std::string text;
  for (const ModuleArgument& argument : module_arguments) {
    if (argument.module != module) continue;
    if (!text.empty()) text += ' ';
    text += argument.text;
  }
  return text;
}

Result<BootOptions> parse_boot_options(std::string_view command_line, Release series) {
  Parser parser{{}, series};
  parser.options.text = command_line;
  std::string_view rest = command_line;
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  while (!rest.empty()) {
    const module::Argument argument = module::next_argument(rest);
    if (argument.name == "--") break;  // the rest is init's
    TRY(parser.option(argument.name, argument.value));
  }
  return std::move(parser.options);
}

}  // namespace koi::runtime
