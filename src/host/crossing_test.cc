// SPDX-License-Identifier: GPL-2.0-only
// The border with nothing booted: hand-assembled "module" text in the window, one fiber, no kernel.
#include "host/crossing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "host/address_map.h"
#include "host/fault_signals.h"
#include "host/fiber.h"
#include "host/guest_memory.h"
#include "host/stub_area.h"
#include "host/world.h"

extern "C" {
koi::u64 koi_leaf_return_cleared(koi::u64 result, koi::u64 address, koi::u64 bytes);
extern bool koi_has_avx;
}

namespace koi::host {
namespace {

std::vector<u64> g_seen;
Fiber g_main;
Fiber g_task;
bool g_kill_on_trap = false;

u64 add_and_note(u64 a, u64 b) {
  g_seen.push_back(a + b);
  return a + b;
}

u64 sum_variadic(const char* format, u64 va_list_address) {
  const auto gp_offset = *guest::load<u32>(va_list_address);
  const auto save_area = *guest::load<u64>(va_list_address + 16);
  const auto overflow = *guest::load<u64>(va_list_address + 8);
  u64 sum = format == nullptr ? 0 : 1000;
  for (u32 offset = gp_offset; offset < 48; offset += 8) sum += *guest::load<u64>(save_area + offset);
  return sum + *guest::load<u64>(overflow);
}

u64 bad_pointer(u64 address) { return guest::load<u64>(address).has_value() ? 1 : 2; }

u64 nested_function = 0;
u64 call_back(u64 x) { return upcall(nested_function, x, 1) + 1; }

const void* const kExports[] = {
    reinterpret_cast<const void*>(&add_and_note), reinterpret_cast<const void*>(&sum_variadic),
    reinterpret_cast<const void*>(&bad_pointer), reinterpret_cast<const void*>(&call_back)};

void on_trap(TrapFrame* frame) {
  g_seen.push_back(frame->trap_number);
  if (g_kill_on_trap) {
    Fiber::switch_to(g_task, g_main, 0);  // the task never runs again
  }
  frame->rip += 2;
}

void slow_path() {}

class Code {
 public:
  explicit Code(u64 at) : at_(at), start_(at) {}
  Code& bytes(std::initializer_list<u8> list) {
    for (const u8 b : list) *reinterpret_cast<u8*>(at_++) = b;
    return *this;
  }
  Code& mov_edi(u32 v) { return bytes({0xbf}).imm(v); }
  Code& mov_esi(u32 v) { return bytes({0xbe}).imm(v); }
  Code& call(u64 target) {
    bytes({0xe8});
    return imm(static_cast<u32>(target - (at_ + 4)));
  }
  Code& ret() { return bytes({0xc3}); }
  [[nodiscard]] u64 start() const { return start_; }

 private:
  Code& imm(u32 v) {
    std::memcpy(reinterpret_cast<void*>(at_), &v, 4);
    at_ += 4;
    return *this;
  }
  u64 at_;
  u64 start_;
};

class CrossingTest : public ::testing::Test {
 protected:
  void SetUp() override {
    g_seen.clear();
    g_kill_on_trap = false;
    auto made = World::create(WorldConfig{64ULL << 20, 1});
    ASSERT_TRUE(made.ok()) << made.error().message;
    world_ = *made;
    text_ = *world_->window_take(kPageSize);
    protect(text_, kPageSize, Protection::kReadWrite);
    stubs_.emplace(*StubArea::create(*world_, kPageSize));
    add_stub_ = stubs_->add(0, CrossingKind::kPlain, 0);
    variadic_stub_ = stubs_->add(1, CrossingKind::kVariadic, 1);
    bad_pointer_stub_ = stubs_->add(2, CrossingKind::kPlain, 0);
    call_back_stub_ = stubs_->add(3, CrossingKind::kPlain, 0);
    stubs_->seal();
    area_ = reinterpret_cast<GsArea*>(world_->percpu_area(VcpuId{0}));
    clock_ = VcpuClock{0, ~0ULL, 0, 0};
    area_->clock = &clock_;
    set_gs_base(reinterpret_cast<u64>(area_));
    set_export_functions(kExports);
    set_trap_dispatcher(on_trap);
    set_border_slow_path(slow_path);
    install_fault_signals({});
    protect(kVmalloc, kThreadSize * 2, Protection::kReadWrite);
  }
  void TearDown() override { World::destroy(world_); }

  u64 run(u64 function) {
    function_ = function;
    protect(text_, kPageSize, Protection::kReadExecute);
    g_main.adopt_current();
    g_task.prepare(0, kVmalloc + kThreadSize * 2, &CrossingTest::task, this);
    Fiber::switch_to(g_main, g_task, 0);
    return result_;
  }
  static void task(void* self) {
    auto* const test = static_cast<CrossingTest*>(self);
    test->result_ = upcall(test->function_);
    Fiber::switch_to(g_task, g_main, 0);
  }

  World* world_ = nullptr;
  std::optional<StubArea> stubs_;
  GsArea* area_ = nullptr;
  VcpuClock clock_{};
  u64 text_ = 0;
  u64 add_stub_ = 0, variadic_stub_ = 0, bad_pointer_stub_ = 0, call_back_stub_ = 0;
  u64 function_ = 0;
  u64 result_ = 0;
};

TEST_F(CrossingTest, CallReachesCppAndChargesTheClock) {
  Code code(text_);
  code.mov_edi(40).mov_esi(2).call(add_stub_).ret();
  EXPECT_EQ(run(code.start()), 42U);
  EXPECT_EQ(clock_.now_ns, kCrossingCost);
  EXPECT_EQ(clock_.crossings, 1U);
}

TEST_F(CrossingTest, VariadicGetsRegistersAndStackArguments) {
  Code code(text_);
  // push 500; rdi=1 rsi=2 rdx=3 rcx=4 r8=5 r9=6; call; add rsp,8; ret
  code.bytes({0x68, 0xf4, 0x01, 0x00, 0x00}).mov_edi(1).mov_esi(2);
  code.bytes({0xba, 3, 0, 0, 0, 0xb9, 4, 0, 0, 0, 0x41, 0xb8, 5, 0, 0, 0, 0x41, 0xb9, 6, 0, 0, 0});
  code.call(variadic_stub_).bytes({0x48, 0x83, 0xc4, 0x08}).ret();
  EXPECT_EQ(run(code.start()), 1000U + 2 + 3 + 4 + 5 + 6 + 500);
}

TEST_F(CrossingTest, BadPointerComesBackAsAValue) {
  Code code(text_);
  code.mov_edi(16).call(bad_pointer_stub_).ret();
  EXPECT_EQ(run(code.start()), 2U);
  EXPECT_EQ(guest::last_fault().address, 16U);
}

TEST_F(CrossingTest, TrapResumesWithEveryRegister) {
  Code code(text_);
  // mov eax,7; ud2; ret
  code.bytes({0xb8, 7, 0, 0, 0, 0x0f, 0x0b}).ret();
  EXPECT_EQ(run(code.start()), 7U);
  EXPECT_EQ(g_seen, std::vector<u64>{6});
}

TEST_F(CrossingTest, TrapKeepsVectorRegistersInsideKernelFpu) {
  clock_.in_fpu = 1;
  Code code(text_);
  // mov eax,77; movd xmm5,eax; ud2; call add; movd eax,xmm5; ret
  code.bytes({0xb8, 77, 0, 0, 0, 0x66, 0x0f, 0x6e, 0xe8, 0x0f, 0x0b}).call(add_stub_);
  code.bytes({0x66, 0x0f, 0x7e, 0xe8}).ret();
  EXPECT_EQ(run(code.start()), 77U);
}

TEST_F(CrossingTest, UpcallNestsAndReturns) {
  Code nested(text_ + 256);
  nested.call(add_stub_).bytes({0xff, 0xc0}).ret();  // returns a + b + 1
  nested_function = nested.start();
  Code code(text_);
  code.mov_edi(10).call(call_back_stub_).ret();
  EXPECT_EQ(run(code.start()), 13U);
}

TEST_F(CrossingTest, OopsInsideAnUpcallKillsTheTaskOnly) {
  Code nested(text_ + 256);
  nested.bytes({0x31, 0xc0, 0x8b, 0x00}).ret();  // xor eax,eax; mov eax,[rax]
  nested_function = nested.start();
  Code code(text_);
  code.mov_edi(10).call(call_back_stub_).ret();
  g_kill_on_trap = true;
  result_ = 99;
  EXPECT_EQ(run(code.start()), 99U);
  EXPECT_EQ(g_seen, std::vector<u64>{14});
  // The world goes on: another task on the same stacks.
  g_kill_on_trap = false;
  protect(text_, kPageSize, Protection::kReadWrite);
  Code again(text_);
  again.mov_edi(1).mov_esi(2).call(add_stub_).ret();
  EXPECT_EQ(run(again.start()), 3U);
}

TEST_F(CrossingTest, TenThousandTrapsLoseNothing) {
  Code code(text_);
  // mov ecx,10000; 1: ud2; dec ecx; jnz 1b; mov eax,ecx; ret
  code.bytes({0xb9, 0x10, 0x27, 0, 0, 0x0f, 0x0b, 0xff, 0xc9, 0x75, 0xfa, 0x89, 0xc8}).ret();
  EXPECT_EQ(run(code.start()), 0U);
  EXPECT_EQ(g_seen.size(), 10000U);
}

// Whatever it is done with, exactly the bytes that were asked for become zero.
TEST_F(CrossingTest, ALeafClearsWhatItReturns) {
  constexpr u64 kMost = 8192 + 128;
  constexpr u64 kBefore = 24;  // not where a vector would start
  std::vector<u8> memory(kBefore + kMost + 64);
  const bool has_avx = koi_has_avx;
  for (const bool avx : {has_avx, false}) {
    for (const u64 in_fpu : {u64{0}, u64{1}}) {
      koi_has_avx = avx;
      clock_.in_fpu = in_fpu;
      for (u64 bytes = 0; bytes <= kMost; bytes += bytes < 1100 ? 1 : 251) {
        std::fill(memory.begin(), memory.end(), 0xaa);
        const u64 at = reinterpret_cast<u64>(memory.data()) + kBefore;
        const u64 result = koi_leaf_return_cleared(0x1234'5678'9abc, at, bytes);
        const auto end = memory.begin() + static_cast<std::ptrdiff_t>(kBefore + bytes);
        ASSERT_EQ(result, 0x1234'5678'9abcU);
        ASSERT_EQ(std::count(memory.begin() + kBefore, end, 0), static_cast<std::ptrdiff_t>(bytes)) << bytes;
        ASSERT_EQ(std::count(memory.begin(), memory.end(), 0xaa),
                  (memory.end() - end) + static_cast<std::ptrdiff_t>(kBefore))
            << bytes;
      }
    }
  }
  koi_has_avx = has_avx;
  clock_.in_fpu = 0;
}

}  // namespace
}  // namespace koi::host
