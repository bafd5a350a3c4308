// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/ratelimit.h"

#include "engine/printk/test_support.h"

namespace koi::printk::testing {
namespace {

constexpr u64 kInitialJiffies = 4294892296;  // INITIAL_JIFFIES at HZ=250

TEST(Ratelimit, bursts_and_intervals) {
  RatelimitState state{1250, 3, 0, 0, 0, 0};
  u64 now = kInitialJiffies;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ratelimit(state, now).allowed);
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(ratelimit(state, now).allowed);
  now += 1250;
  EXPECT_FALSE(ratelimit(state, now).allowed) << "the interval is over after it, not at its end";
  const RatelimitVerdict verdict = ratelimit(state, now + 1);
  EXPECT_TRUE(verdict.allowed);
  EXPECT_EQ(verdict.suppressed, 5);
  EXPECT_EQ(suppressed_line("my_func", verdict.suppressed), "my_func: 5 callbacks suppressed\n");
  EXPECT_EQ(ratelimit(state, now + 2).suppressed, 0);
}

TEST(Ratelimit, no_interval_no_limit_and_no_burst_nothing) {
  RatelimitState open{0, 0, 0, 0, 0, 0};
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(ratelimit(open, kInitialJiffies).allowed);
  EXPECT_EQ(open.begin, 0u) << "the state is not touched";
  RatelimitState shut{100, 0, 0, 0, 0, 0};
  EXPECT_FALSE(ratelimit(shut, kInitialJiffies).allowed);
}

TEST(Ratelimit, message_on_release_keeps_the_count) {
  RatelimitState state{100, 1, 0, 0, kRatelimitMessageOnRelease, 0};
  EXPECT_TRUE(ratelimit(state, 1000).allowed);
  EXPECT_FALSE(ratelimit(state, 1000).allowed);
  const RatelimitVerdict verdict = ratelimit(state, 1200);
  EXPECT_TRUE(verdict.allowed);
  EXPECT_EQ(verdict.suppressed, 0);
  EXPECT_EQ(state.missed, 1);
}

TEST(Ratelimit, guest_state_is_read_and_written_at_its_offsets) {
  host::install_fault_signals({});
  struct {
    u32 lock = 0;
    s32 interval = 100, burst = 1, printed = 0, missed = 0;
    u32 flags = 0;
    u64 begin = 0;
    u64 guard = 42;
  } state;
  EXPECT_TRUE(ratelimit_guest(word(&state), {}, 1000)->allowed);
  EXPECT_FALSE(ratelimit_guest(word(&state), {}, 1001)->allowed);
  EXPECT_EQ(state.begin, 1000u);
  EXPECT_EQ(state.printed, 1);
  EXPECT_EQ(state.missed, 1);
  EXPECT_EQ(state.guard, 42u);
  GuardedPage page;
  EXPECT_FALSE(ratelimit_guest(word(page.end()), {}, 1).has_value());
}

}  // namespace
}  // namespace koi::printk::testing
