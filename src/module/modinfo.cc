// SPDX-License-Identifier: GPL-2.0-only
#include "module/modinfo.h"

#include <algorithm>
#include <array>

namespace koi::module {

ModInfo ModInfo::parse(ByteSpan section) {
  ModInfo info;
  const std::string_view text(reinterpret_cast<const char*>(section.data()), section.size());
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    const std::string_view entry = text.substr(at, end - at);
    if (const auto equals = entry.find('='); equals != std::string_view::npos) {
      info.entries_.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
    }
    at = end + 1;
  }
  return info;
}

std::optional<std::string_view> ModInfo::get(std::string_view key) const {
  for (const auto& [name, value] : entries_) {
    if (name == key) return value;
  }
  return std::nullopt;
}

std::vector<std::string_view> ModInfo::get_all(std::string_view key) const {
  std::vector<std::string_view> values;
  for (const auto& [name, value] : entries_) {
    if (name == key) values.push_back(value);
  }
  return values;
}

std::vector<std::string_view> ModInfo::depends() const {
  std::vector<std::string_view> names;
  std::string_view rest = get("depends").value_or("");
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    if (comma != 0) names.push_back(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return names;
}

bool license_is_gpl_compatible(std::string_view license) {
  static constexpr std::array<std::string_view, 6> kAccepted = {
      "GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"};
  return std::ranges::find(kAccepted, license) != kAccepted.end();
}

bool same_vermagic(std::string_view module_magic, std::string_view kernel_magic, HasVersions versions) {
  if (versions == HasVersions::kYes) {
    module_magic.remove_prefix(std::min(module_magic.find(' '), module_magic.size()));
    kernel_magic.remove_prefix(std::min(kernel_magic.find(' '), kernel_magic.size()));
  }
  return module_magic == kernel_magic;
}

}  // namespace koi::module
