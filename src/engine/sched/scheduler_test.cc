// SPDX-License-Identifier: GPL-2.0-only
#include "engine/sched/scheduler.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/sched/test_support.h"

namespace koi::sched {
namespace {

TEST_F(SchedulerTest, ATaskRunsToItsEndAndIsFreedWhenDropped) {
  start(1);
  Task* const task = spawn("one", 0, [this](Task& /*self*/) { note("ran"); });
  EXPECT_TRUE(scheduler_->run_until_dead(*task));
  EXPECT_EQ(log_, Log{"ran"});
  EXPECT_EQ(host_.released, Log{"one"});
  EXPECT_EQ(scheduler_->tasks().size(), 1U);
  scheduler_->drop(*task);
  EXPECT_TRUE(scheduler_->tasks().empty());
}

TEST_F(SchedulerTest, ABusyCpuTicksWhileItsInterruptsAreOn) {
  start(2);
  Task* const busy = spawn("busy", 0, [this](Task& /*self*/) {
    work(kSecond, kMillisecond);
    EXPECT_EQ(host_.ticks, 250U);
    u64& flag = host::gs_area()->interrupt_flag;
    const u64 on = std::exchange(flag, 0);
    work(kSecond, kMillisecond);
    EXPECT_EQ(host_.ticks, 250U);
    flag = on;
    work(kMillisecond, kMillisecond);
    EXPECT_EQ(host_.ticks, 251U) << "ticks that came meanwhile are one";
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*busy));
}

TEST_F(SchedulerTest, TenSecondsOfSleepAreOneJump) {
  start(2);
  Task* const task = spawn("sleeper", 0, [this](Task& self) { sleep(self, 10 * kSecond); });
  EXPECT_TRUE(scheduler_->run_until_dead(*task));
  EXPECT_GE(scheduler_->now().value, 10 * kSecond);
  EXPECT_LT(scheduler_->now().value, 10 * kSecond + kMillisecond);
}

TEST_F(SchedulerTest, TimersFireInOrderOfTimeThenOfArming) {
  start(2);
  struct Fired {
    Log* log;
    const char* name;
  };
  Fired a{&log_, "a"};
  Fired b{&log_, "b"};
  Fired c{&log_, "c"};
  const auto fire = [](void* opaque) {
    const auto* const f = static_cast<Fired*>(opaque);
    f->log->push_back(f->name);
  };
  Task* const task = spawn("main", 0, [&](Task& self) {
    scheduler_->add_timer(VirtualTime{3 * kMillisecond}, VcpuId{1}, fire, &c);
    scheduler_->add_timer(VirtualTime{2 * kMillisecond}, VcpuId{0}, fire, &a);
    scheduler_->add_timer(VirtualTime{2 * kMillisecond}, VcpuId{0}, fire, &b);
    const TimerId gone = scheduler_->add_timer(VirtualTime{kMillisecond}, VcpuId{0}, fire, &c);
    EXPECT_TRUE(scheduler_->cancel_timer(gone));
    EXPECT_FALSE(scheduler_->cancel_timer(gone));
    sleep(self, 5 * kMillisecond);
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*task));
  EXPECT_EQ(log_, (Log{"a", "b", "c"}));
}

TEST_F(SchedulerTest, AClockEventIsReplaced) {
  start(1);
  int fired = 0;
  const auto fire = [](void* count) { ++*static_cast<int*>(count); };
  Task* const task = spawn("main", 0, [&](Task& self) {
    scheduler_->set_clock_event(VirtualTime{kMillisecond}, VcpuId{0}, fire, &fired);
    scheduler_->set_clock_event(VirtualTime{2 * kMillisecond}, VcpuId{0}, fire, &fired);
    sleep(self, 3 * kMillisecond);
    EXPECT_EQ(fired, 1);
    scheduler_->set_clock_event(VirtualTime{4 * kMillisecond}, VcpuId{0}, fire, &fired);
    scheduler_->clear_clock_event(VcpuId{0});
    sleep(self, 3 * kMillisecond);
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*task));
  EXPECT_EQ(fired, 1);
}

TEST_F(SchedulerTest, TwoCpusInterleaveByVirtualTime) {
  start(2);
  const auto body = [this](const char* name) {
    return [this, name](Task& /*self*/) {
      for (int i = 0; i < 3; ++i) {
        work(200'000, 10'000);
        note(name);
      }
    };
  };
  Task* const a = spawn("a", 0, body("a"));
  Task* const b = spawn("b", 1, body("b"));
  EXPECT_TRUE(scheduler_->run_until_dead(*a));
  EXPECT_TRUE(scheduler_->run_until_dead(*b));
  // How long a turn is the seed says, but nobody is ever a quantum ahead.
  ASSERT_EQ(log_.size(), 6U);
  for (size_t i = 0; i < log_.size(); i += 2) EXPECT_NE(log_[i], log_[i + 1]);
  // Both worked at the same time.
  EXPECT_LT(scheduler_->clock(VcpuId{0}).now_ns, 700'000U);
  EXPECT_LT(scheduler_->clock(VcpuId{1}).now_ns, 700'000U);
}

// Two tasks that note each of three steps, with a way out of koi after each; how they interleaved.
class ExploringTest : public SchedulerTest {
 protected:
  std::string explore(const InterleaverConfig& config) {
    start(2);
    scheduler_->interleave(config);
    const auto body = [this](const char* name) {
      return [this, name](Task& /*self*/) {
        for (int i = 0; i < 3; ++i) {
          note(name);
          work(100, 100);
        }
      };
    };
    Task* const a = spawn("a", 0, body("a"));
    Task* const b = spawn("b", 1, body("b"));
    EXPECT_TRUE(scheduler_->run_until_dead(*a));
    EXPECT_TRUE(scheduler_->run_until_dead(*b));
    taken_.assign(scheduler_->interleaver().taken().begin(), scheduler_->interleaver().taken().end());
    std::string order;
    for (const std::string& name : log_) order += name;
    log_.clear();
    finish();
    return order;
  }
  void finish() {
    TearDown();
    world_ = nullptr;
    host_.last_time_ns = 0;
  }
  Schedule taken_;
};

TEST_F(ExploringTest, EveryStrategyFindsManyOrdersAndRepeatsThem) {
  for (const Strategy strategy : {Strategy::kRandom, Strategy::kPct, Strategy::kRoundRobin}) {
    std::map<std::string, u64> orders;
    for (u64 seed = 1; seed <= 60; ++seed) {
      InterleaverConfig config;
      config.strategy = strategy;
      config.seed = seed;
      config.steps = 6;
      const std::string order = explore(config);
      ASSERT_EQ(order.size(), 6U);
      ++orders[order];
      EXPECT_EQ(explore(config), order);
    }
    EXPECT_GE(orders.size(), 6U) << static_cast<int>(strategy);
  }
}

TEST_F(ExploringTest, AScheduleReplaysARun) {
  for (u64 seed = 1; seed <= 30; ++seed) {
    InterleaverConfig config;
    config.strategy = Strategy::kRandom;
    config.seed = seed;
    const std::string order = explore(config);
    InterleaverConfig replay;
    replay.strategy = Strategy::kSchedule;
    replay.schedule = taken_;
    replay.seed = 77;  // says nothing any more
    EXPECT_EQ(explore(replay), order);
    EXPECT_EQ(taken_, replay.schedule);
  }
}

TEST_F(ExploringTest, WithoutASwitchTheFirstOneGoesOn) {
  InterleaverConfig config;
  config.strategy = Strategy::kSchedule;
  EXPECT_EQ(explore(config), "aaabbb");
  config.schedule = {Switch{1, 0, 2, 1}};
  EXPECT_EQ(explore(config), "aabbba");
}

TEST_F(ExploringTest, ASpinnerIsNotHeldUp) {
  for (const Strategy strategy :
       {Strategy::kRandom, Strategy::kPct, Strategy::kRoundRobin, Strategy::kSchedule}) {
    start(2);
    host_.most_apart_ns = Interleaver::kMostHeldBackNs + kMillisecond;
    InterleaverConfig config;
    config.strategy = strategy;
    scheduler_->interleave(config);
    bool flag = false;
    Task* const spinner = spawn("spinner", 0, [&](Task& /*self*/) {
      while (!flag) {
        scheduler_->advance(1'000);
        scheduler_->yield_vcpu();
      }
    });
    Task* const poller = spawn("poller", 1, [&](Task& /*self*/) {
      // A loop that koi does not know as one that waits: the limit on holding others back ends it.
      work(3 * Interleaver::kMostHeldBackNs, 10'000);
      flag = true;
    });
    EXPECT_TRUE(scheduler_->run_until_dead(*spinner));
    EXPECT_TRUE(scheduler_->run_until_dead(*poller));
    finish();
  }
}

TEST(Schedule, TextAndBack) {
  const Schedule schedule = {{94, 0, 3, 1}, {0, 1, 2, 0}};
  EXPECT_EQ(format_schedule(schedule), "94@3>1,0.1@2>0");
  const auto parsed = parse_schedule("# found\n94@3>1\n 0.1@2>0 # idle\n");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message;
  EXPECT_EQ(*parsed, schedule);
  EXPECT_TRUE(parse_schedule("")->empty());
  for (const char* const bad :
       {"94", "94@>1", "94@0>1", "94@3>64", "-1@3>0", "0@3>1", "94@3>1x", "0.64@1>1", "@", "94@3>1;95@1>0"})
    EXPECT_FALSE(parse_schedule(bad).ok()) << bad;
}

TEST_F(SchedulerTest, ASpinnerSeesWhatAnotherCpuDoes) {
  start(2);
  bool flag = false;
  Task* const spinner = spawn("spinner", 0, [&](Task& /*self*/) {
    while (!flag) {
      scheduler_->advance(1'000);
      scheduler_->yield_vcpu();
    }
    note("seen");
  });
  spawn("setter", 1, [&](Task& /*self*/) {
    work(kMillisecond, 10'000);
    flag = true;
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*spinner));
  EXPECT_EQ(log_, Log{"seen"});
}

TEST_F(SchedulerTest, WakersRunTheirSleepersInOrder) {
  start(1);
  std::vector<Task*> sleepers;
  for (const char* const name : {"first", "second", "third"}) {
    sleepers.push_back(spawn(
        name, 0, [this, name](Task& /*self*/) { note(name); }, true));
  }
  Task* const waker = spawn("waker", 0, [&](Task& /*self*/) {
    for (Task* const sleeper : sleepers) EXPECT_TRUE(scheduler_->wake(*sleeper));
    EXPECT_FALSE(scheduler_->wake(*sleepers[0])) << "already runnable";
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*waker));
  EXPECT_TRUE(scheduler_->run_until_dead(*sleepers[2]));
  EXPECT_EQ(log_, (Log{"first", "second", "third"}));
}

TEST_F(SchedulerTest, AnAsleepTaskStartsAtItsFirstWake) {
  start(1);
  Task* const late = spawn(
      "late", 0, [this](Task& /*self*/) { note("late"); }, true);
  Task* const main = spawn("main", 0, [&](Task& self) {
    sleep(self, kMillisecond);
    note("main");
    scheduler_->wake(*late);
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*main));
  EXPECT_TRUE(scheduler_->run_until_dead(*late));
  EXPECT_EQ(log_, (Log{"main", "late"}));
}

TEST_F(SchedulerTest, ABusyCpusTasksGoToAnIdleOne) {
  start(2);
  u32 cpu = 99;
  Task* const sleeper = spawn("sleeper", 0, [&](Task& self) {
    block(self);
    cpu = self.cpu.value;
  });
  Task* const hog = spawn("hog", 0, [&](Task& /*self*/) {
    scheduler_->wake(*sleeper);
    work(10 * kMillisecond, 100'000);
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*hog));
  EXPECT_EQ(cpu, 1U);
}

TEST_F(SchedulerTest, AffinityIsKept) {
  start(2);
  u32 cpu = 99;
  Task* const bound = spawn("bound", 1, [&](Task& self) {
    self.allowed_vcpus = 1;  // virtual CPU 0 only
    scheduler_->preempt();
    cpu = self.cpu.value;
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*bound));
  EXPECT_EQ(cpu, 0U);
}

TEST_F(SchedulerTest, DeadlockIsSaidNotWaitedFor) {
  start(2);
  Task* const task = spawn("stuck", 0, [this](Task& self) { block(self); });
  EXPECT_FALSE(scheduler_->run_until_dead(*task));
  EXPECT_TRUE(scheduler_->idle());
}

TEST_F(SchedulerTest, InterruptsOffHoldTimersBack) {
  start(1);
  bool fired = false;
  Task* const task = spawn("task", 0, [&](Task& /*self*/) {
    host::GsArea* const area = host::gs_area();
    scheduler_->add_timer(
        VirtualTime{kMillisecond}, VcpuId{0}, [](void* f) { *static_cast<bool*>(f) = true; }, &fired);
    area->interrupt_flag = 0;
    scheduler_->delay(2 * kMillisecond);
    EXPECT_FALSE(fired);
    area->interrupt_flag = 0x200;
    scheduler_->border();
    EXPECT_TRUE(fired);
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*task));
}

TEST_F(SchedulerTest, DelayFiresTimersAtTheirTime) {
  start(1);
  struct Seen {
    Scheduler* scheduler;
    u64 at_ns;
  } seen{nullptr, 0};
  Task* const task = spawn("task", 0, [&](Task& /*self*/) {
    seen.scheduler = scheduler_.get();
    scheduler_->add_timer(
        VirtualTime{kMillisecond}, VcpuId{0},
        [](void* opaque) {
          auto* const s = static_cast<Seen*>(opaque);
          s->at_ns = s->scheduler->now().value;
        },
        &seen);
    scheduler_->delay(5 * kMillisecond);
    EXPECT_EQ(scheduler_->now().value, 5 * kMillisecond);
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*task));
  EXPECT_EQ(seen.at_ns, kMillisecond);
}

TEST_F(SchedulerTest, AWaitingTaskMakesTheRunningOneNeedResched) {
  start(1);
  Task* const hog = spawn("hog", 0, [this](Task& /*self*/) { work(10 * kMillisecond, 100'000); });
  spawn("waiting", 0, [](Task& /*self*/) {});
  EXPECT_TRUE(scheduler_->run_until_dead(*hog));
  EXPECT_GT(host_.need_resched["hog"], 0U);
}

TEST_F(SchedulerTest, TheWatchdogFindsWhoNeverSchedules) {
  start(1);
  std::vector<u32> found;
  Task* const hog = spawn("hog", 0, [&](Task& /*self*/) {
    for (int i = 0; i < 1000; ++i) {
      work(100 * kMillisecond, 10 * kMillisecond);
      if (const auto lockup = scheduler_->take_stall()) found.push_back(lockup->seconds);
    }
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*hog));
  EXPECT_EQ(found, (std::vector<u32>{22, 44, 67, 89}));
}

TEST_F(SchedulerTest, SchedulingKeepsTheWatchdogQuiet) {
  start(1);
  bool found = false;
  Task* const task = spawn("task", 0, [&](Task& /*self*/) {
    for (int i = 0; i < 100; ++i) {
      work(kSecond, 100 * kMillisecond);
      scheduler_->schedule();
      found |= scheduler_->take_stall().has_value();
    }
  });
  EXPECT_TRUE(scheduler_->run_until_dead(*task));
  EXPECT_FALSE(found);
}

TEST_F(SchedulerTest, TheClockThatTasksReadNeverGoesBack) {
  start(2);
  u64 last_ns = 0;
  const auto body = [&](Task& /*self*/) {
    for (int i = 0; i < 100; ++i) {
      work(30'000, 10'000);
      const u64 now_ns = scheduler_->read_clock().value;
      EXPECT_GE(now_ns, last_ns);
      last_ns = now_ns;
    }
  };
  Task* const a = spawn("a", 0, body);
  Task* const b = spawn("b", 1, body);
  EXPECT_TRUE(scheduler_->run_until_dead(*a));
  EXPECT_TRUE(scheduler_->run_until_dead(*b));
}

TEST_F(SchedulerTest, ThousandsOfTasksOneAfterAnotherUseTheSameStacks) {
  start(1);
  for (int i = 0; i < 3000; ++i) {
    Task* const task = spawn("short", 0, [](Task& /*self*/) {});
    ASSERT_TRUE(scheduler_->run_until_dead(*task));
    EXPECT_LT(task->stack_index, 4U);
    scheduler_->drop(*task);
  }
}

}  // namespace
}  // namespace koi::sched
