// SPDX-License-Identifier: GPL-2.0-only
// A scheduler on a world of its own, with tasks made of lambdas.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/sched/scheduler.h"
#include "host/address_map.h"
#include "host/world.h"

namespace koi::sched {

inline constexpr u64 kMillisecond = 1'000'000;
inline constexpr u64 kSecond = 1'000'000'000;
inline constexpr u32 kInterruptible = 1;

// A world whose "task_struct" is an entry of a map.
class FakeHost final : public TaskHost {
 public:
  void task_switched_in(Task& task) override { switched_in.push_back(task.comm); }
  u32 guest_state(const Task& task) const override { return states.at(task.guest); }
  void set_guest_state(Task& task, u32 state) override { states[task.guest] = state; }
  void set_need_resched(Task& task) override { ++need_resched[task.comm]; }
  void time_passed(VirtualTime now) override {
    // Virtual CPUs are never further apart than a quantum and a step.
    EXPECT_GE(now.value + most_apart_ns, last_time_ns);
    last_time_ns = std::max(last_time_ns, now.value);
  }
  void tick_interrupt() override { ++ticks; }
  void rt_throttled() override { ++throttled; }
  void task_created(Task& task) override {
    task.guest = ++last_guest;
    states[task.guest] = 0;
    task.kernel_stack = host::kVmalloc + task.stack_index * 2 * host::kThreadSize + host::kThreadSize;
    host::protect(task.kernel_stack, host::kThreadSize, host::Protection::kReadWrite);
  }
  void task_released(Task& task) override {
    released.push_back(task.comm);
    states.erase(task.guest);
  }

  std::map<u64, u32> states;
  std::map<std::string, u32> need_resched;
  std::vector<std::string> switched_in, released;
  u64 ticks = 0;
  u64 throttled = 0;
  u64 last_guest = 0;
  u64 last_time_ns = 0;
  u64 most_apart_ns = kMillisecond;
};

class SchedulerTest : public ::testing::Test {
 protected:
  void start(u32 cpus, FairPolicy fair = FairPolicy::kCfs) {
    auto made = host::World::create(host::WorldConfig{64ULL << 20, cpus});
    ASSERT_TRUE(made.ok()) << made.error().message;
    world_ = *made;
    SchedulerConfig config;
    config.vcpus = cpus;
    config.fair = fair;
    scheduler_ = std::make_unique<Scheduler>(config, host_, world_->heap());
    for (u32 cpu = 0; cpu < cpus; ++cpu)
      scheduler_->attach_vcpu(VcpuId{cpu}, world_->percpu_area(VcpuId{cpu}));
  }
  void TearDown() override {
    scheduler_.reset();
    if (world_ != nullptr) host::World::destroy(world_);
    world_ = nullptr;
    host_ = {};
  }

  using Body = std::function<void(Task&)>;
  Task* spawn(const char* comm, u32 cpu, Body body, bool asleep = false) {
    bodies_.push_back(std::make_unique<std::pair<SchedulerTest*, Body>>(this, std::move(body)));
    Scheduler::NewTask wanted;
    wanted.comm = comm;
    wanted.cpu = VcpuId{cpu};
    wanted.asleep = asleep;
    wanted.argument = bodies_.back().get();
    wanted.entry = [](Task& task, void* opaque) {
      auto* const pair = static_cast<std::pair<SchedulerTest*, Body>*>(opaque);
      pair->second(task);
      pair->first->scheduler_->exit_current(0);
    };
    Task* const task = scheduler_->create(wanted);
    EXPECT_NE(task, nullptr);
    scheduler_->hold(*task);
    return task;
  }
  void note(const std::string& what) { log_.push_back(what); }
  void sleep(Task& task, u64 ns) {
    struct Wake {
      Scheduler* scheduler;
      Task* task;
    } wake{scheduler_.get(), &task};
    scheduler_->add_timer(
        VirtualTime{scheduler_->now().value + ns}, task.cpu,
        [](void* opaque) {
          const auto* const w = static_cast<Wake*>(opaque);
          w->scheduler->wake(*w->task);
        },
        &wake);
    block(task);
  }
  void block(Task& task) {
    host_.set_guest_state(task, kInterruptible);
    scheduler_->schedule();
  }
  // As module text does: work that takes time, with a way out of koi after each step.
  void work(u64 ns, u64 step_ns) {
    for (u64 done = 0; done < ns; done += step_ns) {
      scheduler_->advance(step_ns);
      scheduler_->border();
    }
  }

  host::World* world_ = nullptr;
  FakeHost host_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<std::unique_ptr<std::pair<SchedulerTest*, Body>>> bodies_;
  std::vector<std::string> log_;
};

using Log = std::vector<std::string>;

}  // namespace koi::sched
