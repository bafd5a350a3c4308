// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/checks/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <filesystem>
#include <unordered_set>

#include "module/code_blocks.h"
#include "module/resolve.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {
namespace {

constexpr std::string_view kProbe = "__sanitizer_cov_trace_pc";

bool is_instrumented(const ModuleInstance& module) {
  const auto imports = module::imports(module.loaded.image);
  return std::any_of(imports.begin(), imports.end(),
                     [](const module::Import& import) { return import.name == kProbe; });
}

// How often each block ran: as its probe says, else as often as the block that leads there most often.
std::vector<u64> block_counts(const std::vector<module::CodeBlock>& blocks,
                              const std::unordered_map<u64, u64>& hits) {
  std::vector<u64> counts(blocks.size(), 0);
  std::unordered_map<u64, size_t> by_address;
  std::deque<size_t> changed;
  for (size_t i = 0; i < blocks.size(); ++i) {
    by_address.emplace(blocks[i].begin, i);
    const auto hit = hits.find(blocks[i].probe);
    if (blocks[i].probe == 0 || hit == hits.end()) continue;
    counts[i] = hit->second;
    changed.push_back(i);
  }
  while (!changed.empty()) {
    const size_t from = changed.front();
    changed.pop_front();
    for (const u64 address : blocks[from].successors) {
      const auto to = by_address.find(address);
      if (to == by_address.end() || blocks[to->second].probe != 0 || counts[to->second] >= counts[from])
        continue;
      counts[to->second] = counts[from];
      changed.push_back(to->second);
    }
  }
  // A function's entry may have none, and nothing that leads to it: it ran at least as often as what follows it ran, the
  // least often of what ran.
  std::unordered_set<u64> led_to;
  for (const module::CodeBlock& block : blocks)
    led_to.insert(block.successors.begin(), block.successors.end());
  for (size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].probe != 0 || counts[i] != 0 || led_to.contains(blocks[i].begin)) continue;
    for (const u64 address : blocks[i].successors) {
      const auto to = by_address.find(address);
      if (to == by_address.end() || counts[to->second] == 0) continue;
      counts[i] = counts[i] == 0 ? counts[to->second] : std::min(counts[i], counts[to->second]);
    }
  }
  return counts;
}

}  // namespace

void Coverage::collect(ModuleInstance& module) {
  if (!is_instrumented(module)) return;
  any_ = true;
  const module::LoadedModule& loaded = module.loaded;
  const u64 probe = kernel_.provided_symbol(kProbe).value_or(0);
  const auto blocks = module::code_blocks(loaded.image, *loaded.linked, loaded.resolution.values, probe);
  const std::vector<u64> counts = block_counts(blocks, hits_);
  std::error_code error;
  const std::filesystem::path tree = std::filesystem::canonical(kernel_.config().build_dir, error);
  const std::string headers = (tree.parent_path() / "linux-headers-").string();
  module::DwarfLines places(module.name(), loaded.image.file);
  for (size_t i = 0; i < blocks.size(); ++i) {
    const module::CodeBlock& block = blocks[i];
    const u64 base = loaded.linked->section_address(block.section).value_or(0);
    for (const u64 address : block.instructions) {
      const auto found = places.find(block.section, address - base);
      if (!found || found->empty() || found->front().line == 0) continue;
      const module::SourceLine& place = found->front();
      if (place.file.starts_with(headers)) continue;
      FileCoverage& file = files_[place.file];
      u64& count = file.lines[place.line];
      count = std::max(count, counts[i]);
      const module::SourceLine& outer = found->back();
      if (outer.function.empty() || outer.file != place.file) continue;
      // The first block of a function by address is its entry.
      file.functions.try_emplace(outer.function, FileCoverage::Function{outer.line, counts[i]});
    }
  }
  std::erase_if(hits_, [&](const auto& hit) {
    return module.contains(hit.first) || loaded.linked->at(hit.first, 1).size() != 0;
  });
}

const std::map<std::string, FileCoverage>& Coverage::files() {
  for (const auto& module : kernel_.modules().all()) collect(*module);
  return files_;
}

std::string lcov_text(const std::map<std::string, FileCoverage>& files) {
  std::string text;
  for (const auto& [name, file] : files) {
    text += fmt::format("TN:koi\nSF:{}\n", name);
    u64 called = 0;
    for (const auto& [function, one] : file.functions) text += fmt::format("FN:{},{}\n", one.line, function);
    for (const auto& [function, one] : file.functions) {
      text += fmt::format("FNDA:{},{}\n", one.calls, function);
      called += one.calls != 0 ? 1 : 0;
    }
    text += fmt::format("FNF:{}\nFNH:{}\n", file.functions.size(), called);
    u64 ran = 0;
    for (const auto& [line, count] : file.lines) {
      text += fmt::format("DA:{},{}\n", line, count);
      ran += count != 0 ? 1 : 0;
    }
    text += fmt::format("LF:{}\nLH:{}\nend_of_record\n", file.lines.size(), ran);
  }
  return text;
}

}  // namespace koi::runtime
