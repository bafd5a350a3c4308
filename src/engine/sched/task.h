// SPDX-License-Identifier: GPL-2.0-only
// Task: what the scheduler knows of one task. What modules see of it is its task_struct, which the C core fills in.
#pragma once

#include <string_view>

#include "base/strong.h"
#include "base/types.h"
#include "engine/sched/entity.h"
#include "host/fiber.h"

namespace koi::sched {

enum class RunState : u8 {
  kRunnable,  // on a run queue or running
  kBlocked,   // off its virtual CPU until woken
  kDead,      // exited or killed; its stacks are free
};

enum class TaskKind : u8 { kUser, kKthread, kIdle };

struct Task {
  host::Fiber fiber;
  s32 pid = 0;
  TaskKind kind = TaskKind::kUser;
  RunState state = RunState::kRunnable;
  VcpuId cpu{};
  u64 allowed_vcpus = ~0ULL;  // bit n: may run on virtual CPU n
  u64 guest = 0;              // address of its task_struct
  u64 kernel_stack = 0;       // lowest address; host::kThreadSize long
  u32 stack_index = 0;
  char comm[16] = {};

  using Entry = void (*)(Task& task, void* argument);
  Entry entry = nullptr;
  void* argument = nullptr;

  u64 woken_by_timer = 0;      // generation of the running sleep: a stale timer does nothing
  void* held_locks = nullptr;  // the lock validator's list, for its owner
  u8 context = 0;  // what calls its outermost module function: the owner's number, for call traces
  s32 exit_code = 0;
  bool killed = false;     // by an oops, BUG or stack overflow
  bool by_signal = false;  // exit_code is the signal that it died by, on its way to user space
  u64 switches = 0;        // times it was given a virtual CPU
  u64 waits = 0;           // times it gave it up to wait for something,
  u64 preemptions = 0;     // and to another task though it wanted to go on
  u64 moves = 0;           // times it changed virtual CPUs
  Entity entity;
  u64 seen_switches = 0;    // the hung-task detector: `switches` when it last looked,
  u64 seen_since_ns = 0;    // since when it finds the same,
  bool hung_shown = false;  // and has it said so?
  u64 switch_points = 0;    // places so far at which another virtual CPU could have gone on: see Interleaver
  u64 rank = 0;             // its priority among those that could go on; 0: none yet
  u32 holds = 0;            // who still looks at it after its death: see Scheduler::hold

  [[nodiscard]] std::string_view name() const { return comm; }
};

}  // namespace koi::sched
