// SPDX-License-Identifier: GPL-2.0-only
#include "engine/sched/run_queue.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>

namespace koi::sched {
namespace {

constexpr u64 kMs = 1'000'000;

class RunQueueTest : public ::testing::TestWithParam<FairPolicy> {
 protected:
  RunQueueTest() { start(1); }
  void start(u32 vcpus) {
    RunQueueConfig config;
    config.fair = GetParam();
    config.vcpus = vcpus;
    queue_ = std::make_unique<RunQueue>(config, std::pmr::new_delete_resource());
  }
  Task* make(s32 nice, Policy policy = Policy::kNormal, u32 rt_priority = 0) {
    tasks_.push_back(std::make_unique<Task>());
    tasks_.back()->entity.priority = Priority{policy, nice, rt_priority};
    tasks_.back()->pid = static_cast<s32>(tasks_.size());
    return tasks_.back().get();
  }
  Task* join_new(s32 nice, Policy policy = Policy::kNormal, u32 rt_priority = 0) {
    Task* const task = make(nice, policy, rt_priority);
    queue_->join(*task, RunQueue::Join::kNew);
    return task;
  }
  // A busy CPU: everybody always wants to run; a tick each 4 ms and a chance to switch each 100 us.
  void run(u64 ns) {
    Task* current = queue_->pick();
    bool resched = false;
    for (u64 now = 0; now < ns; now += kMs / 10) {
      resched |= queue_->ran(kMs / 10);
      if ((now + kMs / 10) % (4 * kMs) == 0) resched |= queue_->tick();
      if (!resched) continue;
      resched = false;
      queue_->stop(RunQueue::Stop::kStaysRunnable);
      queue_->join(*current, RunQueue::Join::kPreempted);
      current = queue_->pick();
    }
    queue_->stop(RunQueue::Stop::kStaysRunnable);
    queue_->join(*current, RunQueue::Join::kPreempted);
  }

  std::vector<std::unique_ptr<Task>> tasks_;
  std::unique_ptr<RunQueue> queue_;
};

TEST_P(RunQueueTest, EqualTasksShareTheCpuEqually) {
  for (int i = 0; i < 5; ++i) join_new(0);
  run(10'000 * kMs);
  for (const auto& task : tasks_) EXPECT_NEAR(static_cast<double>(task->entity.ran_ns), 2000e6, 20e6);
}

TEST_P(RunQueueTest, SharesFollowTheWeights) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    start(1 + random() % 8);
    tasks_.clear();
    double total = 0;
    for (u32 i = 0; i < 2 + random() % 4; ++i) {
      const Task* const task = join_new(static_cast<s32>(random() % 11) - 5);
      total += static_cast<double>(task->entity.priority.weight());
    }
    run(60'000 * kMs);
    for (const auto& task : tasks_) {
      const double share = static_cast<double>(task->entity.priority.weight()) / total;
      EXPECT_NEAR(static_cast<double>(task->entity.ran_ns) / 60e9, share, 0.02)
          << "nice " << task->entity.priority.nice;
    }
  }
}

TEST_P(RunQueueTest, TheIdlePolicyGetsWhatIsLeft) {
  const Task* const normal = join_new(0);
  const Task* const idle = join_new(0, Policy::kIdle);
  run(10'000 * kMs);
  EXPECT_GT(normal->entity.ran_ns, 9'900 * kMs);
  EXPECT_GT(idle->entity.ran_ns, 0U) << "it does not starve";
}

TEST_P(RunQueueTest, FifoRunsUntilItStopsAndBeforeFairTasks) {
  const Task* const fair = join_new(-20);
  const Task* const low = join_new(0, Policy::kFifo, 1);
  const Task* const high = join_new(0, Policy::kFifo, 50);
  run(1'000 * kMs);
  EXPECT_EQ(high->entity.ran_ns, 1'000 * kMs);
  EXPECT_EQ(low->entity.ran_ns, 0U);
  EXPECT_EQ(fair->entity.ran_ns, 0U);
}

TEST_P(RunQueueTest, APreemptedFifoTaskGoesOnBeforeItsEquals) {
  Task* const first = join_new(0, Policy::kFifo, 10);
  Task* const second = join_new(0, Policy::kFifo, 10);
  EXPECT_EQ(queue_->pick(), first);
  Task* const high = join_new(0, Policy::kFifo, 20);
  EXPECT_TRUE(queue_->preempts(*high));
  queue_->stop(RunQueue::Stop::kStaysRunnable);
  queue_->join(*first, RunQueue::Join::kPreempted);
  EXPECT_EQ(queue_->pick(), high);
  queue_->stop(RunQueue::Stop::kBlocks);
  EXPECT_EQ(queue_->pick(), first);
  queue_->stop(RunQueue::Stop::kStaysRunnable);
  queue_->join(*first, RunQueue::Join::kYielded);
  EXPECT_EQ(queue_->pick(), second) << "yield goes behind its equals";
}

TEST_P(RunQueueTest, RoundRobinTakesTurnsOfATenthOfASecond) {
  const Task* const a = join_new(0, Policy::kRoundRobin, 10);
  const Task* const b = join_new(0, Policy::kRoundRobin, 10);
  run(1'000 * kMs);
  EXPECT_NEAR(static_cast<double>(a->entity.ran_ns), 500e6, 5e6);
  EXPECT_NEAR(static_cast<double>(b->entity.ran_ns), 500e6, 5e6);
  EXPECT_EQ(a->entity.ran_ns % (100 * kMs), 0U);
}

TEST_P(RunQueueTest, ASleeperThatWakesIsNotOwedItsWholeSleep) {
  Task* const sleeper = join_new(0);
  EXPECT_EQ(queue_->pick(), sleeper);
  queue_->ran(kMs);
  queue_->stop(RunQueue::Stop::kBlocks);
  const Task* const hog = join_new(0);
  run(10'000 * kMs);
  queue_->join(*sleeper, RunQueue::Join::kWake);
  const u64 hog_before = hog->entity.ran_ns;
  const u64 sleeper_before = sleeper->entity.ran_ns;
  run(100 * kMs);
  EXPECT_NEAR(static_cast<double>(sleeper->entity.ran_ns - sleeper_before), 50e6, 8e6);
  EXPECT_NEAR(static_cast<double>(hog->entity.ran_ns - hog_before), 50e6, 8e6);
}

TEST_P(RunQueueTest, ANormalTaskTakesTheCpuFromTheIdlePolicyAtOnce) {
  join_new(0, Policy::kIdle);
  Task* const idle = queue_->pick();
  queue_->ran(kMs);
  Task* const normal = make(19);
  queue_->join(*normal, RunQueue::Join::kWake);
  EXPECT_TRUE(queue_->preempts(*normal));
  EXPECT_EQ(queue_->current(), idle);
  Task* const batch = make(0, Policy::kBatch);
  queue_->stop(RunQueue::Stop::kBlocks);
  EXPECT_EQ(queue_->pick(), normal);
  queue_->join(*batch, RunQueue::Join::kWake);
  EXPECT_FALSE(queue_->preempts(*batch)) << "batch tasks never preempt by waking";
}

TEST_P(RunQueueTest, YieldLetsAnEqualGoFirst) {
  Task* const a = make(0);
  Task* const b = make(0);
  queue_->join(*a, RunQueue::Join::kWake);
  queue_->join(*b, RunQueue::Join::kWake);
  Task* const first = queue_->pick();
  queue_->ran(kMs / 10);
  queue_->stop(RunQueue::Stop::kStaysRunnable);
  queue_->join(*first, RunQueue::Join::kYielded);
  EXPECT_EQ(queue_->pick(), first == a ? b : a);
}

TEST_P(RunQueueTest, ATaskForAnotherCpuIsTheOneThatWaitedLongestAndMayGo) {
  Task* const bound = join_new(0);
  bound->allowed_vcpus = 1;
  Task* const first = join_new(0);
  join_new(0);
  EXPECT_EQ(queue_->take_for(2), first);
  EXPECT_EQ(queue_->size(), 2U);
}

TEST_P(RunQueueTest, NiceChangesTheShareOfARunningTask) {
  Task* const a = join_new(0);
  const Task* const b = join_new(0);
  run(1'000 * kMs);
  queue_->change(*a, Priority{Policy::kNormal, 5, 0});
  const u64 before = b->entity.ran_ns;
  run(10'000 * kMs);
  const double share = static_cast<double>(b->entity.ran_ns - before) / 10e9;
  EXPECT_NEAR(share, 1024.0 / (1024 + 335), 0.02);
}

INSTANTIATE_TEST_SUITE_P(Both, RunQueueTest, ::testing::Values(FairPolicy::kCfs, FairPolicy::kEevdf),
                         [](const auto& info) { return info.param == FairPolicy::kCfs ? "Cfs" : "Eevdf"; });

// CFS alone: the period is stretched when more than eight want the CPU, else each turn is a part of it.
TEST(RunQueueCfs, TurnsArePartsOfThePeriod) {
  RunQueueConfig config;
  RunQueue queue(config, std::pmr::new_delete_resource());
  Task a;
  Task b;
  queue.join(a, RunQueue::Join::kNew);
  queue.join(b, RunQueue::Join::kNew);
  queue.pick();
  queue.ran(3 * kMs);
  EXPECT_FALSE(queue.tick()) << "half of 6 ms, not more";
  queue.ran(1);
  EXPECT_TRUE(queue.tick());
}

// EEVDF alone: a slice is 0.75 ms times the logarithm of the CPUs, whatever the number of tasks.
TEST(RunQueueEevdf, TheSliceEndsATurn) {
  RunQueueConfig config;
  config.fair = FairPolicy::kEevdf;
  config.vcpus = 2;
  RunQueue queue(config, std::pmr::new_delete_resource());
  Task a;
  Task b;
  queue.join(a, RunQueue::Join::kWake);
  queue.join(b, RunQueue::Join::kWake);
  EXPECT_EQ(queue.pick(), &a);
  EXPECT_FALSE(queue.ran(1'499'999));
  EXPECT_TRUE(queue.ran(1));
  queue.stop(RunQueue::Stop::kStaysRunnable);
  queue.join(a, RunQueue::Join::kPreempted);
  EXPECT_EQ(queue.pick(), &b);
}

}  // namespace
}  // namespace koi::sched
