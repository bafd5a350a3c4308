// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/splat/unwind.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "host/guest_memory.h"

namespace koi::runtime {
namespace {

using host::BorderRecord;
using module::OrcEntry;
using module::OrcReg;
using module::OrcType;

constexpr u64 kModule = 0x40010000;       // module text: 0x1000 bytes
constexpr u64 kStub = 0x40f00000;         // the upcall return stub
constexpr u64 kOtherModule = 0x40020000;  // module text without ORC

struct RawRow {
  s16 sp_offset, bp_offset;
  u8 regs, bits;
} __attribute__((packed));

// Rows of the 6.12 format, given as (offset in the module's text, rule).
class OrcRows {
 public:
  OrcRows& add(u64 offset, s16 sp_offset, OrcReg sp = OrcReg::kSp, s16 bp_offset = 0,
               OrcReg bp = OrcReg::kUndefined, OrcType type = OrcType::kCall) {
    ips_.push_back(static_cast<s32>(kModule + offset - (kIpBase + ips_.size() * 4)));
    rows_.push_back({sp_offset, bp_offset, static_cast<u8>(static_cast<u8>(sp) | static_cast<u8>(bp) << 4),
                     static_cast<u8>(type)});
    return *this;
  }
  module::OrcTable table() const {
    auto table = module::OrcTable::create(
        {reinterpret_cast<const u8*>(ips_.data()), ips_.size() * 4}, kIpBase,
        {reinterpret_cast<const u8*>(rows_.data()), rows_.size() * 6}, module::OrcFormat::kSignalBit);
    return std::move(table).value();
  }

 private:
  static constexpr u64 kIpBase = 0x40018000;
  std::vector<s32> ips_;
  std::vector<RawRow> rows_;
};

// A kernel stack that is written from the top down, as pushes would.
class Stack {
 public:
  Stack() : at_(words_.size()) { base_ = push_record(0, host::kBorderBase, 0); }
  u64 push(u64 value) {
    words_.at(--at_) = value;
    return sp();
  }
  u64 skip(u64 words) {
    at_ -= words;
    return sp();
  }
  u64 sp() const { return guest::address_of(&words_[at_]); }
  u64 push_record(u64 previous, u64 index, u64 return_rip, u64 rbp = 0) {
    push(return_rip);
    push(rbp);
    for (int i = 0; i < 5; ++i) push(0);
    push(index);
    return push(previous);
  }
  StackRange range() const {
    return {guest::address_of(words_.data()), guest::address_of(words_.data() + words_.size())};
  }
  u64 base() const { return base_; }

 private:
  alignas(16) std::array<u64, 2048> words_{};
  u64 at_;
  u64 base_;
};

std::string text(const std::vector<Frame>& frames) {
  std::string out;
  for (const Frame& frame : frames) {
    if (!out.empty()) out += " ";
    if (!frame.reliable) out += "?";
    switch (frame.kind) {
      case FrameKind::kText:
        out += fmt::format("{:x}", frame.address);
        break;
      case FrameKind::kBorder:
        out += fmt::format("border{}", frame.export_index);
        break;
      case FrameKind::kTrap:
        out += fmt::format("trap:{:x}", frame.address);
        break;
      case FrameKind::kBase:
        out += "base";
        break;
    }
  }
  return out;
}

struct World {
  module::OrcTable orc;
  std::vector<CodeRegion> code;
  std::vector<StackRange> stacks;
  UnwindInput input;

  World(const OrcRows& rows, const Stack& stack) : orc(rows.table()) {
    code = {{kModule, kModule + 0x1000, CodeKind::kModule, &orc},
            {kOtherModule, kOtherModule + 0x1000, CodeKind::kModule, nullptr}};
    stacks = {stack.range()};
    input.upcall_return_stub = kStub;
  }
  std::string run() {
    input.code = code;
    input.stacks = stacks;
    return text(unwind(input));
  }
};

TEST(Unwind, FaultInModuleInit) {
  Stack stack;
  // init at +0x100 has a frame of 16 bytes besides its return address; it called the function at +0x10.
  OrcRows rows;
  rows.add(0x10, 8).add(0x100, 24);
  stack.push(kStub);
  stack.push(kModule + 0x300);  // a stale function pointer: a hint
  stack.push(0x1234);
  stack.push(kModule + 0x120);
  host::TrapFrame trap{};
  trap.rip = kModule + 0x12;
  trap.rsp = stack.sp();
  World world(rows, stack);
  world.input.border = stack.base();
  world.input.trap = &trap;
  EXPECT_EQ(world.run(), "40010120 ?40010300 base");
}

TEST(Unwind, ReturnAddressBelongsToTheByteBefore) {
  Stack stack;
  // The call is the last instruction before +0x200, where the next function's rule (useless here) begins.
  OrcRows rows;
  rows.add(0x100, 16).add(0x200, 0, OrcReg::kUndefined, 0, OrcReg::kUndefined, OrcType::kUndefined);
  stack.push(kStub);
  stack.push(0);
  const u64 border = stack.push_record(stack.base(), 7, kModule + 0x200);
  World world(rows, stack);
  world.input.border = border;
  EXPECT_EQ(world.run(), "border7 40010200 base");
}

TEST(Unwind, SeveralBorders) {
  Stack stack;
  OrcRows rows;
  rows.add(0x100, 16);
  stack.push(kStub);
  stack.push(0);
  const u64 outer = stack.push_record(stack.base(), 5, kModule + 0x110);
  stack.push(kModule + 0x800);  // koi's own gap below a record: not reported
  stack.push(kStub);
  stack.push(0);
  const u64 inner = stack.push_record(outer, 9, kModule + 0x120);
  World world(rows, stack);
  world.input.border = inner;
  EXPECT_EQ(world.run(), "border9 40010120 border5 40010110 base");
}

TEST(Unwind, SaveAllThunkKeepsRegistersAboveItsRecord) {
  Stack stack;
  OrcRows rows;
  rows.add(0x100, 16);
  stack.push(kStub);
  stack.push(0);
  stack.push(kModule + 0x110);
  stack.skip(9);
  const u64 border = stack.push_record(stack.base(), 3, kModule + 0x110);
  World world(rows, stack);
  world.input.border = border;
  world.input.saves_all = [](u32 index) { return index == 3; };
  EXPECT_EQ(world.run(), "border3 40010110 base");
}

TEST(Unwind, RbpIsRecoveredThroughOrc) {
  Stack stack;
  OrcRows rows;
  rows.add(0x100, 24, OrcReg::kSp, -16, OrcReg::kPreviousSp);  // pushes rbp, one local
  rows.add(0x200, 16, OrcReg::kBp, -16, OrcReg::kPreviousSp);  // a frame-pointer function
  stack.push(kStub);
  const u64 rbp_of_outer = stack.push(0);
  stack.push(1);
  stack.push(2);
  stack.push(kModule + 0x210);
  stack.push(rbp_of_outer);
  stack.push(3);
  const u64 border = stack.push_record(stack.base(), 1, kModule + 0x110, 0xdead);
  World world(rows, stack);
  world.input.border = border;
  EXPECT_EQ(world.run(), "border1 40010110 40010210 base");
}

TEST(Unwind, TrapRecordInTheMiddle) {
  Stack stack;
  OrcRows rows;
  rows.add(0x100, 16);
  stack.push(kStub);
  stack.push(0);
  host::TrapFrame trap{};
  trap.rip = kModule + 0x150;
  trap.rsp = stack.sp();
  const u64 record = stack.push_record(stack.base(), host::kBorderTrap, guest::address_of(&trap));
  stack.push(kStub);
  stack.push(0);
  const u64 border = stack.push_record(record, 2, kModule + 0x160);
  World world(rows, stack);
  world.input.border = border;
  EXPECT_EQ(world.run(), "border2 40010160 trap:40010150 base");
  // The event's own trap record is not part of its trace.
  world.input.border = record;
  world.input.trap = &trap;
  EXPECT_EQ(world.run(), "base");
}

TEST(Unwind, CallThroughNull) {
  Stack stack;
  OrcRows rows;
  rows.add(0x100, 16);
  stack.push(kStub);
  stack.push(0);
  stack.push(kModule + 0x110);
  host::TrapFrame trap{};
  trap.rsp = stack.sp();
  World world(rows, stack);
  world.input.border = stack.base();
  world.input.trap = &trap;
  EXPECT_EQ(world.run(), "40010110 base");
}

TEST(Unwind, JumpToNowhereLeavesHints) {
  Stack stack;
  OrcRows rows;
  rows.add(0x100, 16);
  stack.push(kStub);
  stack.push(0);
  stack.push(kModule + 0x110);
  host::TrapFrame trap{};
  trap.rip = 0x12345678;
  trap.rsp = stack.sp();
  World world(rows, stack);
  world.input.border = stack.base();
  world.input.trap = &trap;
  EXPECT_EQ(world.run(), "?40010110 ?base");
  // A wild stack pointer leaves only what the border knows.
  trap.rsp = 0x10;
  EXPECT_EQ(world.run(), "?base");
}

TEST(Unwind, ModuleTextWithoutOrcIsTakenForFramePointerCode) {
  Stack stack;
  OrcRows rows;
  stack.push(kStub);
  const u64 outer_rbp = stack.push(0);
  stack.push(kOtherModule + 0x20);
  const u64 rbp = stack.push(outer_rbp);
  host::TrapFrame trap{};
  trap.rip = kOtherModule + 0x80;
  trap.rsp = stack.push(5);
  trap.rbp = rbp;
  World world(rows, stack);
  world.input.border = stack.base();
  world.input.trap = &trap;
  EXPECT_EQ(world.run(), "40020020 base");
}

TEST(Unwind, OverflowIntoTheGuardPage) {
  Stack stack;
  OrcRows rows;
  rows.add(0x100, 0x210);
  host::TrapFrame trap{};
  trap.rip = kModule + 0x110;
  trap.rsp = stack.range().begin - 0x40;
  auto* words = reinterpret_cast<u64*>(stack.range().begin);
  words[(0x210 - 8 - 0x40) / 8] = kModule + 0x120;
  World world(rows, stack);
  world.input.border = stack.base();
  world.input.trap = &trap;
  world.input.frame_limit = 1;
  EXPECT_EQ(world.run(), "40010120");
}

TEST(Unwind, LoopsEnd) {
  Stack stack;
  OrcRows rows;
  rows.add(0x100, 0);  // a rule that makes no progress
  stack.push(kModule + 0x110);
  host::TrapFrame trap{};
  trap.rip = kModule + 0x110;
  trap.rsp = stack.sp();
  World world(rows, stack);
  world.input.border = stack.base();
  world.input.trap = &trap;
  EXPECT_EQ(world.run(), "?40010110 ?base");
}

TEST(Unwind, HopsToAnotherStack) {
  Stack task;
  Stack irq;
  OrcRows rows;
  rows.add(0x100, 16);
  task.push(kStub);
  task.push(0);
  const u64 outer = task.push_record(task.base(), 4, kModule + 0x130);
  irq.push(kStub);
  irq.push(0);
  const u64 inner = irq.push_record(outer, 6, kModule + 0x140);
  World world(rows, task);
  world.stacks = {irq.range(), task.range()};
  world.input.border = inner;
  EXPECT_EQ(world.run(), "border6 40010140 border4 40010130 base");
  const auto frames = unwind(world.input);
  EXPECT_EQ(frames.front().stack_index, 0u);
  EXPECT_EQ(frames.back().stack_index, 1u);
}

// A core function's bytes: endbr64, nop, push, mov, a nop, pop, ret.
alignas(16) const u8 kCoreFunction[64] = {0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0x55, 0x48,
                                          0x89, 0xe5, 0x90, 0x90, 0x5d, 0xe9, 0,    0,    0,    0,    0xcc};

struct CoreCase {
  u64 offset;
  bool frame;   // rbp is this function's
  bool pushed;  // the old rbp is the top word
};

TEST(Unwind, CorePrologueAndEpilogue) {
  const u64 start = guest::address_of(kCoreFunction);
  for (const CoreCase& c : {CoreCase{0, false, false}, CoreCase{4, false, false}, CoreCase{9, false, false},
                            CoreCase{10, false, true}, CoreCase{13, true, true}, CoreCase{15, true, true},
                            CoreCase{16, false, false}}) {
    Stack stack;
    OrcRows rows;
    rows.add(0x100, 16);
    stack.push(kStub);
    stack.push(0);
    stack.push(kModule + 0x110);
    host::TrapFrame trap{};
    trap.rbp = 0x4242;
    if (c.pushed) stack.push(0x4242);
    if (c.frame) trap.rbp = stack.sp();
    trap.rip = start + c.offset;
    trap.rsp = stack.sp();
    World world(rows, stack);
    world.code.push_back({start, start + sizeof(kCoreFunction), CodeKind::kCore, nullptr});
    world.input.border = stack.base();
    world.input.trap = &trap;
    world.input.function_start = [&](u64) { return std::optional<u64>(start); };
    EXPECT_EQ(world.run(), "40010110 base") << c.offset;
  }
}

TEST(Unwind, CoreCallsKoi) {
  const u64 start = guest::address_of(kCoreFunction);
  Stack stack;
  OrcRows rows;
  rows.add(0x100, 16);
  stack.push(kStub);
  stack.push(0);
  stack.push(kModule + 0x110);
  const u64 rbp = stack.push(0x77);
  stack.push(0);
  const u64 border = stack.push_record(stack.base(), 8, start + 14, rbp);
  World world(rows, stack);
  world.code.push_back({start, start + sizeof(kCoreFunction), CodeKind::kCore, nullptr});
  world.input.border = border;
  EXPECT_EQ(world.run(), fmt::format("border8 {:x} 40010110 base", start + 14));
}

}  // namespace
}  // namespace koi::runtime
