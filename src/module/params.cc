// SPDX-License-Identifier: GPL-2.0-only
#include "module/params.h"

#include <algorithm>
#include <cerrno>

#include "host/guest_memory.h"

namespace koi::module {
namespace {

constexpr u64 kMaxParamNameBytes = 4096;

// The kernel's isspace() on a command line.
bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r') || c == '\xa0'; }

std::string_view skip_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text[0])) text.remove_prefix(1);
  return text;
}

// A C string ends at the first NUL: an operation may have cut the value.
std::string_view as_c_string(const std::optional<std::string>& value) {
  return value ? std::string_view(value->c_str()) : std::string_view();
}

bool takes_no_value(const Param& param, ParamHost& host) {
  const ParamKind kind = host.kind_of(param.ops);
  if (kind != ParamKind::kCustom) return param_takes_no_value(kind);
  const auto flags = guest::load<u32>(param.ops);
  return flags && (*flags & kParamOpsNoArg) != 0;
}

void check_unsafe(const Param& param, KernelTaint& taint, KernelLog& log) {
  if ((param.flags & kParamUnsafe) == 0) return;
  log.line(kLogNotice, "Setting dangerous option {} - tainting kernel", param.name);
  taint.add(Taint::kUser, LockDebugging::kStillReliable, log);
}

// The module's own magic arguments. false: unknown.
bool take_magic_argument(const Argument& argument, std::string& name, ParamHost& host, ParsedArgs& out) {
  if (name == "async_probe") {
    const Parsed<bool> parsed = argument.value ? parse_bool(*argument.value) : Parsed<bool>{EINVAL, false};
    out.async_probe = parsed.error != 0 || parsed.value;
    return true;
  }
  // Dynamic debug also looks behind a dot, and cuts the name there for the message that follows.
  std::string_view key = name;
  const std::size_t dot = name.find('.');
  if (dot != std::string::npos) key.remove_prefix(dot + 1);
  if (key == "dyndbg") {
    host.dyndbg(argument.value ? std::string_view(*argument.value) : "+p");
    return true;
  }
  if (dot != std::string::npos) name.resize(dot);
  return false;
}

// parse_one: 0 or a negative errno.
int apply_argument(std::string_view module_name, Argument& argument, const std::vector<Param>& params,
                   ParamHost& host, KernelTaint& taint, KernelLog& log, ParsedArgs& out) {
  for (const Param& param : params) {
    if (!same_param_name(argument.name, param.name)) continue;
    if (!argument.value && !takes_no_value(param, host)) return -EINVAL;
    check_unsafe(param, taint, log);
    return set_param(param, argument.value, host, log);
  }
  std::string shown = argument.name;
  if (!take_magic_argument(argument, shown, host, out)) {
    log.line(kLogWarning, "{}: unknown parameter '{}' ignored", module_name, shown);
  }
  return 0;
}

}  // namespace

bool same_param_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b,
                            [](char x, char y) { return (x == '-' ? '_' : x) == (y == '-' ? '_' : y); });
}

Argument next_argument(std::string_view& rest) {
  bool in_quote = false;
  bool quoted = false;
  std::string_view text = rest;
  if (text.starts_with('"')) {
    text.remove_prefix(1);
    in_quote = quoted = true;
  }
  std::size_t end = 0;
  std::size_t equals = 0;  // an '=' in front of everything counts for nothing, as in the kernel
  for (; end < text.size(); ++end) {
    if (is_blank(text[end]) && !in_quote) break;
    if (equals == 0 && text[end] == '=') equals = end;
    if (text[end] == '"') in_quote = !in_quote;
  }
  const bool quote_at_end = end > 0 && text[end - 1] == '"';
  Argument argument;
  if (equals == 0) {
    argument.name = text.substr(0, quoted && quote_at_end ? end - 1 : end);
  } else {
    argument.name = text.substr(0, equals);
    std::size_t from = equals + 1;
    std::size_t to = end;
    const bool value_quoted = from < text.size() && text[from] == '"';
    if (value_quoted) ++from;
    if ((value_quoted || quoted) && quote_at_end) --to;
    argument.value = std::string(from < to ? text.substr(from, to - from) : std::string_view());
  }
  rest = skip_blanks(text.substr(std::min(end + 1, text.size())));
  return argument;
}

ParsedArgs parse_module_args(std::string_view module_name, std::string_view args,
                             const std::vector<Param>& params, ParamHost& host, KernelTaint& taint,
                             KernelLog& log) {
  ParsedArgs out;
  std::string_view rest = skip_blanks(args.substr(0, args.find('\0')));
  while (!rest.empty()) {
    Argument argument = next_argument(rest);
    if (!argument.value && argument.name == "--") {
      // An earlier failure hides the rest.
      if (out.error == 0) out.after_dashes = std::string(rest);
      break;
    }
    const int error = apply_argument(module_name, argument, params, host, taint, log, out);
    if (error == 0) continue;
    out.error = error;
    const std::string_view value = as_c_string(argument.value);
    if (error == -ENOENT) {
      log.line(kLogErr, "{}: Unknown parameter `{}'", module_name, argument.name);
    } else if (error == -ENOSPC) {
      log.line(kLogErr, "{}: `{}' too large for parameter `{}'", module_name, value, argument.name);
    } else {
      log.line(kLogErr, "{}: `{}' invalid for parameter `{}'", module_name, value, argument.name);
    }
  }
  if (out.after_dashes) {
    log.line(kLogWarning, "{}: parameters '{}' after `--' ignored", module_name, *out.after_dashes);
  }
  return out;
}

int store_param(const Param& param, std::string_view text, ParamHost& host, KernelTaint& taint,
                KernelLog& log) {
  check_unsafe(param, taint, log);
  std::optional<std::string> value(text);
  return set_param(param, value, host, log);
}

Result<std::vector<Param>> read_params(LocatedSection section) {
  std::vector<Param> params;
  if (section.size % sizeof(KernelParamRecord) != 0) {
    return make_errno(EINVAL, "__param: {} bytes are not whole records of 40; the module is damaged",
                      section.size);
  }
  for (u64 i = 0; i < section.size / sizeof(KernelParamRecord); ++i) {
    Param param;
    param.record_address = section.address + i * sizeof(KernelParamRecord);
    const auto record = guest::load<KernelParamRecord>(param.record_address);
    if (!record) return make_errno(EINVAL, "__param: entry {} is unreadable; the module is damaged", i);
    auto name = guest::load_string(record->name, kMaxParamNameBytes);
    if (!name)
      return make_errno(EINVAL, "__param: entry {} has an unreadable name; the module is damaged", i);
    param.name = std::move(*name);
    param.ops = record->ops;
    param.arg = record->arg;
    param.perm = record->perm;
    param.flags = record->flags;
    params.push_back(std::move(param));
  }
  return params;
}

}  // namespace koi::module
