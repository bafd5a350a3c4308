// SPDX-License-Identifier: GPL-2.0-only
// Module parameters: the __param table, the kernel's parse_args() over an insmod command line, and the
// standard operations on parameters in guest memory (kernel/params.c, lib/cmdline.c).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "module/kernel_log.h"
#include "module/param_values.h"
#include "module/tables.h"
#include "module/taint.h"

namespace koi::module {

// struct kernel_param on 64-bit.
struct KernelParamRecord {
  u64 name;
  u64 mod;
  u64 ops;
  u16 perm;
  s8 level;
  u8 flags;
  u32 padding;
  u64 arg;
};
static_assert(sizeof(KernelParamRecord) == 40);

// struct kparam_array, what `arg` points to with param_array_ops.
struct KparamArrayRecord {
  u32 max;
  u32 elemsize;
  u64 num;  // pointer to unsigned int, or NULL
  u64 ops;
  u64 elem;
};
static_assert(sizeof(KparamArrayRecord) == 32);

// struct kparam_string, what `arg` points to with param_ops_string.
struct KparamStringRecord {
  u32 maxlen;
  u32 padding;
  u64 string;
};
static_assert(sizeof(KparamStringRecord) == 16);

// struct kernel_param_ops.
struct KernelParamOpsRecord {
  u32 flags;
  u32 padding;
  u64 set, get, free;
};
static_assert(sizeof(KernelParamOpsRecord) == 32);

inline constexpr u32 kParamOpsNoArg = 1;  // KERNEL_PARAM_OPS_FL_NOARG
inline constexpr u8 kParamUnsafe = 1;     // KERNEL_PARAM_FL_UNSAFE
inline constexpr u8 kParamHardware = 2;   // KERNEL_PARAM_FL_HWPARAM

// One parameter of a module.
struct Param {
  std::string name;
  u64 record_address = 0;  // of its struct kernel_param: what operations get
  u64 ops = 0;
  u64 arg = 0;
  u16 perm = 0;  // 0: no file in sysfs
  u8 flags = 0;
};

// Reads the parameters of a loaded module from guest memory.
// Errors: EINVAL, naming the entry.
[[nodiscard]] Result<std::vector<Param>> read_params(LocatedSection section);

// What parameters need from the world. An upcall runs module code; no invariant of the loader is open then.
class ParamHost {
 public:
  virtual ~ParamHost() = default;
  // Which standard operations `ops` is the address of; kCustom: the module's own.
  [[nodiscard]] virtual ParamKind kind_of(u64 ops) = 0;
  // A kmalloc'ed copy of `text` for a charp (kmalloc_parameter); 0: no memory.
  [[nodiscard]] virtual u64 keep_string(std::string_view text) = 0;
  // Frees a string if keep_string gave it (maybe_kfree_parameter).
  virtual void drop_string(u64 address) = 0;
  // Upcall of the module's set(). `value` nullopt: NULL. The operation may change the bytes of `value`, which
  // the kernel then shows in its message. 0 or a negative errno.
  [[nodiscard]] virtual int custom_set(const Param& param, std::optional<std::string>& value) = 0;
  // Upcall of the module's get(): the text, or a negative errno in `error`.
  [[nodiscard]] virtual std::string custom_get(const Param& param, int& error) = 0;
  // "dyndbg=query" on the command line, handed to dynamic debug. A query that fails does not stop the load.
  virtual void dyndbg(std::string_view query) = 0;
};

// The operations' set(): 0 or a negative errno, after the kernel's own messages. `value` nullopt: no
// "=value". An array cuts `value` at its commas, as the kernel does. -EFAULT: the parameter's own memory is
// bad (an oops).
[[nodiscard]] int set_param(const Param& param, std::optional<std::string>& value, ParamHost& host,
                            KernelLog& log);
// The operations' get(): what sysfs shows, at most a page; a negative errno in `error`.
[[nodiscard]] std::string get_param(const Param& param, ParamHost& host, int& error);
// The operations' free(), when the module goes.
void free_param(const Param& param, ParamHost& host);
// Writing to /sys/module/x/parameters/y: the unsafe check, then set(). 0 or a negative errno.
[[nodiscard]] int store_param(const Param& param, std::string_view text, ParamHost& host, KernelTaint& taint,
                              KernelLog& log);

struct ParsedArgs {
  int error = 0;                            // 0, or the negative errno of the last argument that failed
  bool async_probe = false;                 // async_probe was asked for
  std::optional<std::string> after_dashes;  // what followed `--`
};

// The insmod command line of module `module_name`: every argument is tried, also after one that failed.
[[nodiscard]] ParsedArgs parse_module_args(std::string_view module_name, std::string_view args,
                                           const std::vector<Param>& params, ParamHost& host,
                                           KernelTaint& taint, KernelLog& log);

// One argument of a command line, as the kernel's next_arg() cuts it: quotes, blanks, the first '='.
struct Argument {
  std::string name;
  std::optional<std::string> value;
};
// Takes the next argument off `rest` and skips the blanks behind it. Requires: `rest` starts with no blank,
// is not empty.
[[nodiscard]] Argument next_argument(std::string_view& rest);

// Do the names agree when '-' and '_' are the same?
[[nodiscard]] bool same_param_name(std::string_view a, std::string_view b);

}  // namespace koi::module
