// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/splat/splat_operand.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <initializer_list>

namespace koi::runtime {
namespace {

OopsEvent described(std::initializer_list<u8> code, host::TrapFrame frame) {
  static std::array<u8, 32> text;
  text.fill(0x90);
  std::copy(code.begin(), code.end(), text.begin());
  frame.rip = reinterpret_cast<u64>(text.data());
  OopsEvent event;
  event.kind = OopsKind::kGeneralProtection;
  describe_protection_fault(frame, event);
  return event;
}

TEST(ProtectionFault, NonCanonicalOperand) {
  host::TrapFrame frame{};
  frame.rax = 0x4e4a44c8d696e900;
  frame.rcx = 2;
  const OopsEvent event = described({0x48, 0x8b, 0x5c, 0xc8, 0x10}, frame);  // mov 0x10(%rax,%rcx,8),%rbx
  EXPECT_EQ(event.hint, OopsEvent::Hint::kNonCanonical);
  EXPECT_EQ(event.address, 0x4e4a44c8d696e920u);
}

TEST(ProtectionFault, CanonicalOperand) {
  host::TrapFrame frame{};
  frame.rdi = 0xffff800000000008;
  EXPECT_EQ(described({0x0f, 0x29, 0x07}, frame).hint, OopsEvent::Hint::kCanonical);  // movaps %xmm0,(%rdi)
  frame.rdi = 0x1001;
  const OopsEvent low = described({0x0f, 0x29, 0x07}, frame);
  EXPECT_EQ(low.hint, OopsEvent::Hint::kCanonical);
  EXPECT_EQ(low.address, 0x1001u);
}

TEST(ProtectionFault, TheLastByteDecides) {
  host::TrapFrame frame{};
  frame.rdi = 0x00007ffffffffffd;
  EXPECT_EQ(described({0x8b, 0x07}, frame).hint, OopsEvent::Hint::kNonCanonical);  // mov (%rdi),%eax
  frame.rdi = 0x00007ffffffffffc;
  EXPECT_EQ(described({0x8b, 0x07}, frame).hint, OopsEvent::Hint::kCanonical);
}

TEST(ProtectionFault, NoOperand) {
  EXPECT_EQ(described({0xf4}, {}).hint, OopsEvent::Hint::kNone);              // hlt
  EXPECT_EQ(described({0xf3, 0x48, 0xab}, {}).hint, OopsEvent::Hint::kNone);  // rep stos: no ModRM byte
  EXPECT_EQ(described({0x65, 0x8b, 0x07}, {}).hint, OopsEvent::Hint::kNone);  // mov %gs:(%rdi),%eax
  EXPECT_EQ(described({0x06}, {}).hint, OopsEvent::Hint::kNone);              // no instruction in 64-bit mode
}

}  // namespace
}  // namespace koi::runtime
