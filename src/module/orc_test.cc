// SPDX-License-Identifier: GPL-2.0-only
#include "module/orc.h"

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <random>

namespace koi::module {
namespace {

struct RawRow {
  s16 sp_offset, bp_offset;
  u8 regs, bits;
} __attribute__((packed));
static_assert(sizeof(RawRow) == kOrcRowBytes);

class Words : public StackReader {
 public:
  std::map<u64, u64> words;
  std::optional<u64> read_word(u64 address) const override {
    const auto it = words.find(address);
    if (it == words.end()) return std::nullopt;
    return it->second;
  }
};

u8 regs(OrcReg sp, OrcReg bp) { return static_cast<u8>(static_cast<u8>(sp) | static_cast<u8>(bp) << 4); }

OrcEntry decode(const RawRow& row, OrcFormat format) {
  return decode_orc_row(reinterpret_cast<const u8*>(&row), format);
}

TEST(OrcRow, BothFormats) {
  const RawRow call_old{16, -16, regs(OrcReg::kSp, OrcReg::kPreviousSp), 0};
  const auto a = decode(call_old, OrcFormat::kEndBit);
  EXPECT_EQ(a.sp_offset, 16);
  EXPECT_EQ(a.bp_offset, -16);
  EXPECT_EQ(a.sp_reg, OrcReg::kSp);
  EXPECT_EQ(a.bp_reg, OrcReg::kPreviousSp);
  EXPECT_EQ(a.type, OrcType::kCall);
  EXPECT_FALSE(a.signal);
  const RawRow end_old{0, 0, 0, 4};
  EXPECT_EQ(decode(end_old, OrcFormat::kEndBit).type, OrcType::kEndOfStack);
  const RawRow gap_old{0, 0, 0, 0};
  EXPECT_EQ(decode(gap_old, OrcFormat::kEndBit).type, OrcType::kUndefined);
  const RawRow regs_old{0, 0, regs(OrcReg::kSp, OrcReg::kUndefined), 1};
  EXPECT_EQ(decode(regs_old, OrcFormat::kEndBit).type, OrcType::kRegs);
  EXPECT_TRUE(decode(regs_old, OrcFormat::kEndBit).signal);

  const RawRow call_new{8, 0, regs(OrcReg::kSp, OrcReg::kUndefined), 2};
  EXPECT_EQ(decode(call_new, OrcFormat::kSignalBit).type, OrcType::kCall);
  const RawRow partial_new{8, 0, regs(OrcReg::kSp, OrcReg::kUndefined), 4 | 8};
  EXPECT_EQ(decode(partial_new, OrcFormat::kSignalBit).type, OrcType::kRegsPartial);
  EXPECT_TRUE(decode(partial_new, OrcFormat::kSignalBit).signal);
  const RawRow bad_new{8, 0, regs(OrcReg::kSp, OrcReg::kUndefined), 7};
  EXPECT_EQ(decode(bad_new, OrcFormat::kSignalBit).type, OrcType::kUndefined);
}

struct Sections {
  std::vector<s32> ips;
  std::vector<RawRow> rows;
  u64 base;
  void add(u64 address, RawRow row) {
    ips.push_back(static_cast<s32>(address - (base + ips.size() * 4)));
    rows.push_back(row);
  }
  OrcTable table(OrcFormat format) const {
    auto result = OrcTable::create({reinterpret_cast<const u8*>(ips.data()), ips.size() * 4}, base,
                                   {reinterpret_cast<const u8*>(rows.data()), rows.size() * 6}, format);
    return std::move(result).value();
  }
};

TEST(OrcTable, SizesMustAgree) {
  const u8 bytes[12] = {};
  EXPECT_FALSE(OrcTable::create({bytes, 8}, 0, {bytes, 6}, OrcFormat::kEndBit).ok());
  EXPECT_FALSE(OrcTable::create({bytes, 5}, 0, {bytes, 6}, OrcFormat::kEndBit).ok());
  EXPECT_TRUE(OrcTable::create({bytes, 0}, 0, {bytes, 0}, OrcFormat::kEndBit).ok());
}

TEST(OrcTable, TerminatorGivesWayToTheNextSection) {
  Sections s{{}, {}, 0x500000};
  const u8 sp = regs(OrcReg::kSp, OrcReg::kUndefined);
  s.add(0x401000, {8, 0, sp, 2});
  s.add(0x401020, {16, 0, sp, 2});  // first row of the next section, in link order before the terminator
  s.add(0x401020, {0, 0, 0, 0});    // end of the first section
  s.add(0x401010, {24, 0, sp, 2});
  const OrcTable table = s.table(OrcFormat::kSignalBit);
  EXPECT_FALSE(table.find(0x400fff).has_value());
  EXPECT_EQ(table.find(0x401000)->sp_offset, 8);
  EXPECT_EQ(table.find(0x40101f)->sp_offset, 24);
  EXPECT_EQ(table.find(0x401020)->sp_offset, 16);
  EXPECT_EQ(table.find(0x401020)->type, OrcType::kCall);
}

TEST(OrcTable, AgreesWithLinearSearch) {
  const u32 seed = 20240607;
  std::mt19937 random(seed);
  for (int round = 0; round < 50; ++round) {
    Sections s{{}, {}, 0x40100000};
    std::map<u64, s16> model;
    for (int i = 0; i < 200; ++i) {
      const u64 address = 0x40000000 + random() % 4096;
      if (model.count(address) != 0) continue;
      model[address] = static_cast<s16>(i * 8);
      s.add(address, {static_cast<s16>(i * 8), 0, regs(OrcReg::kSp, OrcReg::kUndefined), 2});
    }
    const OrcTable table = s.table(OrcFormat::kSignalBit);
    for (int i = 0; i < 500; ++i) {
      const u64 address = 0x40000000 - 8 + random() % 4200;
      auto above = model.upper_bound(address);
      const auto found = table.find(address);
      ASSERT_EQ(found.has_value(), above != model.begin()) << "seed " << seed;
      if (found) {
        ASSERT_EQ(found->sp_offset, std::prev(above)->second) << "seed " << seed;
      }
    }
  }
}

TEST(OrcStepTest, CallFrameRestoresRbp) {
  Words stack;
  stack.words = {{0x1018, 0x1111}, {0x1010, 0x2222}};  // rbp saved below the return address
  OrcEntry entry{0x20, -16, OrcReg::kSp, OrcReg::kPreviousSp, OrcType::kCall, false};
  const auto step = orc_step(entry, {0x40, 0x1000, 0x9999, {}, {}, {}, {}}, stack);
  ASSERT_EQ(step.result, StepResult::kCall);
  EXPECT_EQ(step.location, 0x1018u);
  EXPECT_EQ(step.registers.rip, 0x1111u);
  EXPECT_EQ(step.registers.rsp, 0x1020u);
  EXPECT_EQ(step.registers.rbp, 0x2222u);
}

TEST(OrcStepTest, RegisterBasesNeedTheRegister) {
  Words stack;
  stack.words = {{0x2000 - 8, 0x77}};
  OrcEntry entry{0, 0, OrcReg::kR10, OrcReg::kUndefined, OrcType::kCall, false};
  FrameRegisters frame;
  frame.rbp = 5;
  EXPECT_EQ(orc_step(entry, frame, stack).result, StepResult::kError);
  frame.r10 = 0x2000;
  const auto step = orc_step(entry, frame, stack);
  ASSERT_EQ(step.result, StepResult::kCall);
  EXPECT_EQ(step.registers.rip, 0x77u);
  EXPECT_EQ(step.registers.rbp, 5u);
}

TEST(OrcStepTest, IndirectBases) {
  Words stack;
  stack.words = {{0x1000, 0x3000}, {0x1f0, 0x3000}, {0x3008, 0xaa}, {0x2ff8, 0xbb}};
  OrcEntry through_sp{16, 0, OrcReg::kSpIndirect, OrcReg::kUndefined, OrcType::kCall, false};
  EXPECT_EQ(orc_step(through_sp, {0, 0x1000, 0, {}, {}, {}, {}}, stack).registers.rip, 0xaau);
  OrcEntry through_bp{-16, 0, OrcReg::kBpIndirect, OrcReg::kUndefined, OrcType::kCall, false};
  EXPECT_EQ(orc_step(through_bp, {0, 0, 0x200, {}, {}, {}, {}}, stack).registers.rip, 0xbbu);
}

TEST(OrcStepTest, SavedRegisters) {
  Words stack;
  const u64 regs_at = 0x1000;
  stack.words = {{regs_at + 32, 0xb0}, {regs_at + 128, 0x10}, {regs_at + 152, 0x20}};
  OrcEntry entry{0, 0, OrcReg::kSp, OrcReg::kUndefined, OrcType::kRegs, true};
  const auto step = orc_step(entry, {1, regs_at, 3, {}, {}, {}, {}}, stack);
  ASSERT_EQ(step.result, StepResult::kRegs);
  EXPECT_EQ(step.registers.rip, 0x10u);
  EXPECT_EQ(step.registers.rsp, 0x20u);
  EXPECT_EQ(step.registers.rbp, 0xb0u);
  EXPECT_EQ(step.location, regs_at);
}

TEST(OrcStepTest, EndAndUnreadable) {
  Words stack;
  OrcEntry end{0, 0, OrcReg::kUndefined, OrcReg::kUndefined, OrcType::kEndOfStack, false};
  EXPECT_EQ(orc_step(end, {}, stack).result, StepResult::kEnd);
  EXPECT_EQ(orc_step(orc_null_call_entry(), {}, stack).result, StepResult::kError);
  EXPECT_EQ(orc_step(OrcEntry{}, {}, stack).result, StepResult::kError);
}

}  // namespace
}  // namespace koi::module
