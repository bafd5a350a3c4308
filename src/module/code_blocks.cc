// SPDX-License-Identifier: GPL-2.0-only
#include "module/code_blocks.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"

namespace koi::module {
namespace {

struct Instruction {
  u32 section = 0;
  u64 length = 0;
  u64 target = 0;  // of a relative branch or call; 0: none
  bool is_call = false;
  bool may_branch = false;
  bool goes_on = true;  // to the next instruction
};

class Blocks {
 public:
  Blocks(const ElfImage& image, const LinkedImage& linked, std::span<const u64> values, u64 probe)
      : image_(image), linked_(linked), values_(values), probe_(probe) {
    CHECK(ZYAN_SUCCESS(ZydisDecoderInit(&decoder_, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)));
  }

  std::vector<CodeBlock> run() {
    for (u32 i = 1; i < image_.sections.size(); ++i) {
      const Section& section = image_.sections[i];
      if (!section.executable() || section.name == ".altinstr_replacement") continue;
      if (const auto address = linked_.section_address(i)) decode_section(i, *address);
    }
    for (const auto& [address, instruction] : instructions_) {
      if (!instruction.may_branch) continue;
      if (instruction.target != 0) leaders_.insert(instruction.target);
      leaders_.insert(address + instruction.length);
    }
    return cut();
  }

 private:
  void decode_section(u32 index, u64 base) {
    const ByteSpan bytes = linked_.section_bytes(index);
    std::set<u64> starts = {0};
    for (size_t s = 1; s < image_.symbols.size(); ++s) {
      const Symbol& symbol = image_.symbols[s];
      if (symbol.shndx == index && symbol.type() == elf::kSttFunc && values_[s] - base < bytes.size())
        starts.insert(values_[s] - base);
    }
    for (auto it = starts.begin(); it != starts.end(); ++it) {
      const auto next = std::next(it);
      const u64 end = next == starts.end() ? bytes.size() : *next;
      leaders_.insert(base + *it);
      decode_run(index, bytes.subspan(*it, end - *it), base + *it);
    }
  }

  void decode_run(u32 index, ByteSpan bytes, u64 address) {
    for (u64 at = 0; at < bytes.size();) {
      ZydisDecodedInstruction decoded;
      ZydisDecoderContext context;
      if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder_, &context, bytes.data() + at,
                                                      bytes.size() - at, &decoded)))
        return;
      Instruction& out = instructions_[address + at];
      out.section = index;
      out.length = decoded.length;
      const auto category = decoded.meta.category;
      out.is_call = category == ZYDIS_CATEGORY_CALL;
      out.goes_on = category != ZYDIS_CATEGORY_UNCOND_BR && category != ZYDIS_CATEGORY_RET;
      out.may_branch = !out.goes_on || category == ZYDIS_CATEGORY_COND_BR;
      if ((out.is_call || out.may_branch) && decoded.raw.imm[0].is_relative != 0)
        out.target = address + at + decoded.length + static_cast<u64>(decoded.raw.imm[0].value.s);
      at += decoded.length;
    }
  }

  std::vector<CodeBlock> cut() {
    std::vector<CodeBlock> blocks;
    u64 expected = 0;
    for (const auto& [address, instruction] : instructions_) {
      const bool contiguous = !blocks.empty() && address == expected;
      if (!contiguous || leaders_.contains(address)) {
        if (contiguous && falls_through_) blocks.back().successors.push_back(address);
        blocks.push_back({instruction.section, address, address, 0, {}, {}});
      }
      CodeBlock& block = blocks.back();
      block.instructions.push_back(address);
      block.end = expected = address + instruction.length;
      if (instruction.is_call && instruction.target == probe_ && block.probe == 0) block.probe = block.end;
      if (instruction.may_branch && instruction.target != 0) block.successors.push_back(instruction.target);
      falls_through_ = instruction.goes_on;
    }
    return blocks;
  }

  const ElfImage& image_;
  const LinkedImage& linked_;
  std::span<const u64> values_;
  const u64 probe_;
  ZydisDecoder decoder_;
  std::map<u64, Instruction> instructions_;
  std::set<u64> leaders_;
  bool falls_through_ = false;
};

}  // namespace

std::vector<CodeBlock> code_blocks(const ElfImage& image, const LinkedImage& linked,
                                   std::span<const u64> values, u64 probe) {
  return Blocks(image, linked, values, probe).run();
}

}  // namespace koi::module
