// SPDX-License-Identifier: GPL-2.0-only
// Who gets how much of several virtual CPUs when all of them are wanted; what real-time tasks leave. The shares are those that
// the same threads got on 6.1 and 6.12.
#include <gtest/gtest.h>

#include <vector>

#include "engine/sched/test_support.h"

namespace koi::sched {
namespace {

class SharesTest : public SchedulerTest {
 protected:
  struct Turn {
    u64 from_ms;
    u64 to_ms;
  };
  // A thread that wants the CPU until `end`, and gives it up where others are due.
  Task* spawn_hog(const char* comm, u32 cpu, u64 end, const Priority& priority = {}) {
    Task* const task = spawn(comm, cpu, [this, end](Task& self) {
      u64 last = scheduler_->now().value;
      std::vector<Turn>& turns = turns_[self.comm];
      turns.push_back({last / kMillisecond, last / kMillisecond});
      while (scheduler_->now().value < end) {
        scheduler_->advance(kMillisecond / 4);
        scheduler_->border();
        if (host_.need_resched[self.comm] != 0) {
          host_.need_resched[self.comm] = 0;
          scheduler_->preempt();
        }
        const u64 now = scheduler_->now().value;
        if (now - last > 8 * kMillisecond) turns.push_back({now / kMillisecond, 0});
        turns.back().to_ms = now / kMillisecond;
        last = now;
      }
    });
    scheduler_->set_priority(*task, priority);
    return task;
  }
  static u64 ran_ms(const Task* task) { return task->entity.ran_ns / kMillisecond; }
  void run_all(const std::vector<Task*>& tasks) {
    for (const Task* task : tasks) ASSERT_TRUE(scheduler_->run_until_dead(*task));
  }
  void drop_all(const std::vector<Task*>& tasks) {
    for (Task* task : tasks) scheduler_->drop(*task);
  }

  std::map<std::string, std::vector<Turn>> turns_;
};

constexpr Priority kFifo50{Policy::kFifo, 0, 50};

TEST_F(SharesTest, ThreeHogsShareTwoCpus) {
  for (const FairPolicy fair : {FairPolicy::kCfs, FairPolicy::kEevdf}) {
    start(2, fair);
    const std::vector<Task*> hogs = {spawn_hog("a", 0, 3 * kSecond), spawn_hog("b", 1, 3 * kSecond),
                                     spawn_hog("c", 1, 3 * kSecond)};
    run_all(hogs);
    u64 moves = 0;
    for (const Task* hog : hogs) {
      EXPECT_NEAR(static_cast<double>(ran_ms(hog)), 2000, 220) << hog->comm;
      moves += hog->moves;
    }
    EXPECT_GT(moves, 10U);
    EXPECT_LT(moves, 60U);
    drop_all(hogs);
    TearDown();
  }
}

TEST_F(SharesTest, BalancingKeepsAffinity) {
  start(2);
  const std::vector<Task*> hogs = {spawn_hog("a", 0, 2 * kSecond), spawn_hog("b", 1, 2 * kSecond),
                                   spawn_hog("c", 1, 2 * kSecond)};
  for (Task* hog : hogs) hog->allowed_vcpus = u64{1} << hog->cpu.value;
  run_all(hogs);
  EXPECT_EQ(ran_ms(hogs[0]), 2000U);
  EXPECT_NEAR(static_cast<double>(ran_ms(hogs[1])), 1000, 20);
  for (const Task* hog : hogs) EXPECT_EQ(hog->moves, 0U);
  drop_all(hogs);
}

TEST_F(SharesTest, AFifoHogIsThrottledForATwentiethOfEachSecond) {
  start(1);
  const std::vector<Task*> hogs = {spawn_hog("fifo", 0, 3 * kSecond, kFifo50),
                                   spawn_hog("fair", 0, 3 * kSecond)};
  run_all(hogs);
  EXPECT_EQ(host_.throttled, 1U) << "it is said once";
  EXPECT_NEAR(static_cast<double>(ran_ms(hogs[1])), 150, 12);
  ASSERT_GE(turns_["fifo"].size(), 3U);
  for (u64 second = 0; second < 2; ++second) {
    EXPECT_NEAR(static_cast<double>(turns_["fifo"][second].to_ms),
                952.0 + 1000.0 * static_cast<double>(second), 5);
  }
  drop_all(hogs);
}

TEST_F(SharesTest, AThrottledCpuIdlesWhenNobodyElseWantsIt) {
  start(2);
  const std::vector<Task*> hogs = {spawn_hog("fifo", 0, 3 * kSecond, kFifo50)};
  run_all(hogs);
  EXPECT_NEAR(static_cast<double>(ran_ms(hogs[0])), 2850, 12);
  EXPECT_EQ(hogs[0]->moves, 0U) << "another CPU does not take it either";
  drop_all(hogs);
}

TEST_F(SharesTest, TheFairServerServesWhoStarves) {
  start(1, FairPolicy::kEevdf);
  const std::vector<Task*> hogs = {spawn_hog("fifo", 0, 5 * kSecond, kFifo50),
                                   spawn_hog("fair", 0, 5 * kSecond)};
  run_all(hogs);
  EXPECT_EQ(host_.throttled, 0U);
  EXPECT_NEAR(static_cast<double>(ran_ms(hogs[1])), 250, 25);
  ASSERT_GE(turns_["fair"].size(), 4U);
  for (size_t turn = 0; turn + 1 < turns_["fair"].size(); ++turn) {
    const Turn& served = turns_["fair"][turn];
    EXPECT_NEAR(static_cast<double>(served.to_ms - served.from_ms), 52, 5);
    EXPECT_NEAR(static_cast<double>(turns_["fair"][turn + 1].from_ms - served.to_ms), 950, 8);
  }
  drop_all(hogs);
}

TEST_F(SharesTest, WithoutFairTasksAFifoHogKeepsTheCpuOn612) {
  start(1, FairPolicy::kEevdf);
  const std::vector<Task*> hogs = {spawn_hog("fifo", 0, 3 * kSecond, kFifo50)};
  run_all(hogs);
  EXPECT_EQ(ran_ms(hogs[0]), 3000U);
  drop_all(hogs);
}

TEST_F(SharesTest, AServedTaskThatLeavesGivesTheCpuBack) {
  start(2, FairPolicy::kEevdf);
  Task* const fifo = spawn_hog("fifo", 0, 2 * kSecond, kFifo50);
  fifo->allowed_vcpus = 1;
  // It waits for 0.95 s, and sleeps after 10 ms of its 50.
  Task* const sleeper = spawn("sleeper", 0, [this](Task& self) {
    work(10 * kMillisecond, kMillisecond);
    sleep(self, 5 * kSecond);
  });
  sleeper->allowed_vcpus = 1;
  ASSERT_TRUE(scheduler_->run_until_dead(*fifo));
  EXPECT_NEAR(static_cast<double>(ran_ms(fifo)), 1990, 5);
  ASSERT_TRUE(scheduler_->run_until_dead(*sleeper));
  scheduler_->drop(*fifo);
  scheduler_->drop(*sleeper);
}

}  // namespace
}  // namespace koi::sched
