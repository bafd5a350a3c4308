// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/symvers_index.h"

#include <charconv>
#include <fstream>
#include <iterator>

namespace koi::runtime {
namespace {

// Takes the field up to the next tab.
std::string_view next_field(std::string_view& line) {
  const size_t tab = line.find('\t');
  const std::string_view field = line.substr(0, tab);
  line.remove_prefix(tab == std::string_view::npos ? line.size() : tab + 1);
  return field;
}

}  // namespace

void SymversIndex::read() {
  was_read_ = true;
  std::ifstream in(path_, std::ios::binary | std::ios::ate);
  if (!in) return;
  text_.resize(static_cast<size_t>(in.tellg()));
  in.seekg(0);
  in.read(text_.data(), static_cast<std::streamsize>(text_.size()));
  entries_.reserve(text_.size() / 64);
  std::string_view rest = text_;
  while (!rest.empty()) {
    const size_t newline = rest.find('\n');
    std::string_view line = rest.substr(0, newline);
    rest.remove_prefix(newline == std::string_view::npos ? rest.size() : newline + 1);
    const std::string_view crc = next_field(line);
    const std::string_view name = next_field(line);
    if (next_field(line) != "vmlinux" || crc.size() <= 2) continue;
    Entry entry;
    entry.gpl_only = next_field(line) == "EXPORT_SYMBOL_GPL";
    entry.name_space = next_field(line);
    std::from_chars(crc.data() + 2, crc.data() + crc.size(), entry.crc, 16);
    entries_.emplace(name, entry);
  }
}

const SymversIndex::Entry* SymversIndex::find(std::string_view name) {
  if (!was_read_) read();
  const auto it = entries_.find(name);
  return it == entries_.end() ? nullptr : &it->second;
}

}  // namespace koi::runtime
