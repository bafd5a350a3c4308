// SPDX-License-Identifier: GPL-2.0-only
// .modinfo: the key=value strings that modpost and the MODULE_* macros leave, and the decisions that hang on
// them.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/types.h"

namespace koi::module {

// The strings of a .modinfo section, in order; views into the file.
class ModInfo {
 public:
  // Any bytes parse: a string without '=' is skipped, a last one without NUL is cut at the section's end.
  [[nodiscard]] static ModInfo parse(ByteSpan section);

  // The first value of `key`; nullopt: absent.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view key) const;
  [[nodiscard]] bool has(std::string_view key) const { return get(key).has_value(); }
  [[nodiscard]] std::vector<std::string_view> get_all(std::string_view key) const;
  // The comma-separated names of `depends`.
  [[nodiscard]] std::vector<std::string_view> depends() const;
  [[nodiscard]] const std::vector<std::pair<std::string_view, std::string_view>>& entries() const {
    return entries_;
  }

 private:
  std::vector<std::pair<std::string_view, std::string_view>> entries_;
};

// Does this MODULE_LICENSE give access to GPL-only symbols (include/linux/license.h)?
[[nodiscard]] bool license_is_gpl_compatible(std::string_view license);

// Does the module carry a __versions table (then the release part of the version magic is not compared)?
enum class HasVersions : u8 { kNo, kYes };
[[nodiscard]] bool same_vermagic(std::string_view module_magic, std::string_view kernel_magic,
                                 HasVersions versions);

}  // namespace koi::module
