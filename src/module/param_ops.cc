// SPDX-License-Identifier: GPL-2.0-only
// The standard parameter operations on guest memory.
#include <algorithm>
#include <cerrno>

#include "host/guest_memory.h"
#include "module/params.h"

namespace koi::module {
namespace {

constexpr u64 kMaxCharpBytes = 1024;
constexpr u64 kPageTextBytes = 4096;  // what a sysfs file may show, NUL included

// scnprintf(buffer, PAGE_SIZE, "%s\n", ...).
std::string page_text(std::string text) {
  text += '\n';
  if (text.size() > kPageTextBytes - 1) text.resize(kPageTextBytes - 1);
  return text;
}

// A value of up to eight bytes at `address`; nullopt: unreadable.
std::optional<u64> load_value(u64 address, u64 width) {
  u64 value = 0;
  if (guest::copy_in(&value, address, width) != 0) return std::nullopt;
  return value;
}

int set_scalar(ParamKind kind, std::optional<std::string_view> text, u64 arg) {
  const u64 width = param_width(kind);
  u64 old_value = 0;
  if (kind == ParamKind::kBoolEnableOnly) {
    const auto loaded = load_value(arg, width);
    if (!loaded) return -EFAULT;
    old_value = *loaded;
  }
  const Parsed<u64> parsed = parse_scalar(kind, text, old_value);
  if (parsed.error != 0) return -parsed.error;
  return guest::copy_out(arg, &parsed.value, width) == 0 ? 0 : -EFAULT;
}

int set_charp(std::string_view name, std::string_view text, u64 arg, ParamHost& host, KernelLog& log) {
  if (text.size() > kMaxCharpBytes) {
    log.line(kLogErr, "{}: string parameter too long", name);
    return -ENOSPC;
  }
  const u64 copy = host.keep_string(text);
  if (copy == 0) return -ENOMEM;
  const auto old = guest::load<u64>(arg);
  if (!old || !guest::store(arg, copy)) {
    host.drop_string(copy);
    return -EFAULT;
  }
  host.drop_string(*old);
  return 0;
}

int set_copystring(std::string_view name, std::string_view text, u64 arg, KernelLog& log) {
  const auto record = guest::load<KparamStringRecord>(arg);
  if (!record) return -EFAULT;
  if (text.size() >= record->maxlen) {
    log.line(kLogErr, "{}: string doesn't fit in {} chars.", name, record->maxlen - 1);
    return -ENOSPC;
  }
  const std::string terminated(text);
  return guest::copy_out(record->string, terminated.c_str(), terminated.size() + 1) == 0 ? 0 : -EFAULT;
}

// One element of an array, or the whole of a simple parameter.
int set_one(ParamKind kind, const Param& param, std::optional<std::string>& value, ParamHost& host,
            KernelLog& log) {
  if (kind == ParamKind::kCustom) return host.custom_set(param, value);
  std::optional<std::string_view> text;
  if (value) text = value->c_str();
  if (kind == ParamKind::kCharp) return set_charp(param.name, text.value_or(""), param.arg, host, log);
  if (kind == ParamKind::kString) return set_copystring(param.name, text.value_or(""), param.arg, log);
  return set_scalar(kind, text, param.arg);
}

int store_count(u64 address, u32 count) { return address == 0 || guest::store(address, count) ? 0 : -EFAULT; }

int set_array(const Param& param, std::string& value, ParamHost& host, KernelLog& log) {
  const auto array = guest::load<KparamArrayRecord>(param.arg);
  if (!array) return -EFAULT;
  const ParamKind kind = host.kind_of(array->ops);
  if (kind == ParamKind::kArray) return -EINVAL;  // arrays of arrays do not exist
  Param element = param;
  element.ops = array->ops;
  element.arg = array->elem;
  u32 count = 0;
  std::size_t at = 0;
  bool more = true;
  if (const int error = store_count(array->num, 0)) return error;
  while (more) {
    if (count == array->max) {
      log.line(kLogErr, "{}: can only take {} arguments", param.name, static_cast<s32>(array->max));
      return -EINVAL;
    }
    const std::size_t end = std::min(value.find(',', at), value.size());
    more = end < value.size();
    // The kernel cuts the text in place, which its message shows when the element is refused.
    if (more) value[end] = '\0';
    std::optional<std::string> text = value.substr(at, end - at);
    if (const int error = set_one(kind, element, text, host, log)) return error;
    element.arg += array->elemsize;
    at = end + 1;
    ++count;
    if (const int error = store_count(array->num, count)) return error;
  }
  return 0;
}

// How many elements an array has now; nullopt: unreadable.
std::optional<u32> array_count(const KparamArrayRecord& array) {
  if (array.num == 0) return array.max;
  const auto count = guest::load<u32>(array.num);
  if (!count) return std::nullopt;
  return std::min(*count, array.max);
}

std::string get_charp(u64 arg, int& error) {
  const auto pointer = guest::load<u64>(arg);
  if (!pointer) {
    error = -EFAULT;
    return {};
  }
  if (*pointer == 0) return "(null)\n";
  // An unreadable string is shown as the kernel's %s shows it.
  return page_text(guest::load_string(*pointer, kPageTextBytes).value_or("(efault)"));
}

std::string get_one(ParamKind kind, const Param& param, ParamHost& host, int& error) {
  if (kind == ParamKind::kCustom) return host.custom_get(param, error);
  if (kind == ParamKind::kCharp) return get_charp(param.arg, error);
  if (kind == ParamKind::kString) {
    const auto record = guest::load<KparamStringRecord>(param.arg);
    const auto text = record ? guest::load_string(record->string, kPageTextBytes) : std::nullopt;
    if (!text) error = -EFAULT;
    return text ? page_text(*text) : std::string();
  }
  const auto value = load_value(param.arg, param_width(kind));
  if (!value) error = -EFAULT;
  return value ? format_scalar(kind, *value) : std::string();
}

std::string get_array(const Param& param, ParamHost& host, int& error) {
  const auto array = guest::load<KparamArrayRecord>(param.arg);
  const auto count = array ? array_count(*array) : std::nullopt;
  if (!count) {
    error = -EFAULT;
    return {};
  }
  std::string text;
  Param element = param;
  element.ops = array->ops;
  const ParamKind kind = host.kind_of(array->ops);
  for (u32 i = 0; i < *count && error == 0 && kind != ParamKind::kArray; ++i) {
    if (!text.empty()) text.back() = ',';  // the newline of the element before
    element.arg = array->elem + u64{array->elemsize} * i;
    text += get_one(kind, element, host, error);
  }
  return text;
}

}  // namespace

int set_param(const Param& param, std::optional<std::string>& value, ParamHost& host, KernelLog& log) {
  const ParamKind kind = host.kind_of(param.ops);
  if (kind != ParamKind::kArray) return set_one(kind, param, value, host, log);
  if (!value) return -EINVAL;
  return set_array(param, *value, host, log);
}

std::string get_param(const Param& param, ParamHost& host, int& error) {
  error = 0;
  const ParamKind kind = host.kind_of(param.ops);
  std::string text =
      kind == ParamKind::kArray ? get_array(param, host, error) : get_one(kind, param, host, error);
  if (error != 0) return {};
  return text;
}

void free_param(const Param& param, ParamHost& host) {
  const auto drop = [&](u64 arg) {
    if (const auto pointer = guest::load<u64>(arg)) host.drop_string(*pointer);
  };
  const ParamKind kind = host.kind_of(param.ops);
  if (kind == ParamKind::kCharp) drop(param.arg);
  if (kind != ParamKind::kArray) return;
  const auto array = guest::load<KparamArrayRecord>(param.arg);
  if (!array || host.kind_of(array->ops) != ParamKind::kCharp) return;
  const u32 count = array_count(*array).value_or(0);
  for (u32 i = 0; i < count; ++i) drop(array->elem + u64{array->elemsize} * i);
}

}  // namespace koi::module
