// SPDX-License-Identifier: GPL-2.0-only
// A module file in memory: .ko as it is, .ko.gz, .ko.xz and .ko.zst unpacked (as kmod does before it calls
// finit_module), and the signature that distributions append taken off.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace koi::module {

// No module is larger than this unpacked (the largest of Debian's, with debug information, has about 100
// MiB); what unpacks to more is a decompression bomb.
inline constexpr u64 kMaxModuleFileBytes = u64{256} << 20;

// What stands at the end of the file. koi has no key ring: it checks the signature's form, never its key, and
// a well-formed one counts as verified (deviation from kernel/module/signing.c).
enum class Signature : u8 { kAbsent, kWellFormed, kUnsupported };

struct ModuleFile {
  std::string path;       // as the user named it: every message starts with it
  std::vector<u8> bytes;  // the ELF file, without signature
  Signature signature = Signature::kAbsent;
  std::vector<u8> signature_bytes{};  // kWellFormed: the PKCS#7 message
};

// Reads and unpacks the module at `path`.
// Errors: ENOENT, EACCES ... from the host; EINVAL (a directory, an empty file); ENOEXEC (damaged
// compression); EFBIG (more than `limit_bytes` unpacked); EBADMSG (a damaged signature).
[[nodiscard]] Result<ModuleFile> read_module_file(const std::string& path,
                                                  u64 limit_bytes = kMaxModuleFileBytes);

// The same for bytes that are already in memory (init_module); `name` is used in messages only.
[[nodiscard]] Result<ModuleFile> module_file_from_bytes(std::string name, std::vector<u8> bytes,
                                                        u64 limit_bytes = kMaxModuleFileBytes);

}  // namespace koi::module
