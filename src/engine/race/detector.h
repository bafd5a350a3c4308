// SPDX-License-Identifier: GPL-2.0-only
// Detector: data races by happens-before, after FastTrack (Flanagan and Freund, PLDI 2009) and the shadow words of
// ThreadSanitizer, with the ordering rules of the Linux kernel memory model as far as a run shows them.
//
//   context A: write x ── release(lock) ─┐
//                                        └─► acquire(lock) ── context B: read x      ordered
//   context A: write y                        context B: read y                      a race, whenever each of them ran
//
// Two accesses race when they overlap, at least one writes, at least one is plain (not marked), and nothing orders them.
// Order comes from locks and their like (release, acquire), from "everything of that one" (join), and through marked
// accesses as in C11: what a context did before a fence is published by its later marked writes to a word, and who
// reads that word with a marked read has it behind itself. A marked read orders what follows even where only a
// dependency or nothing does so in the kernel's model: dependencies cannot be seen from here.
//
// A report needs one run in which both accesses happen, in any order. Memory: bounded by Config; when the table of
// synchronisation objects is full the detector stops (full()), since losing order would mean false reports.
// Cost: O(1) an access, O(contexts) a synchronisation.
#pragma once

#include <map>
#include <memory_resource>
#include <vector>

#include "engine/race/shadow.h"
#include "engine/race/vector_clock.h"

namespace koi::race {

struct Access {
  u64 address = 0;
  u32 bytes = 0;
  u8 flags = kRead;
  u8 cpu = 0;
  TraceId trace = 0;
};

struct Race {
  Access previous, current;
};

class RaceSink {
 public:
  virtual ~RaceSink() = default;
  // Called with the detector consistent; it may call back.
  virtual void race(const Race& race) = 0;
};

class Detector {
 public:
  struct Config {
    u32 shadow_pages = 1024;
    u32 contexts = 1024;
    u32 sync_objects = 100'000;
  };
  Detector(const Config& config, RaceSink& sink, std::pmr::memory_resource* resource);

  // ---- contexts ----
  // A new one, which begins after everything that `parent` has done so far; kNoContext: after nothing.
  [[nodiscard]] ContextId begin(ContextId parent);
  // It does nothing any more. Its number is given again when all others have been used.
  void end(ContextId id);

  // ---- accesses ----
  // One access of at most a page. Words are looked at one by one; only the first race of them is told.
  void access(ContextId id, const Access& access);
  // The memory is given back by `id`, in one access; then nobody has touched it.
  void free(ContextId id, const Access& access);
  // Nobody has touched it, and no object lies in it.
  void forget(u64 begin, u64 bytes);

  // ---- order ----
  void release(ContextId id, u64 object);
  void acquire(ContextId id, u64 object);
  // Everything that `from` has done so far happened before what `to` does next.
  void join(ContextId to, ContextId from);
  // The same of every context: a grace period is over.
  void join_all(ContextId to);
  // A write or full memory barrier.
  void fence(ContextId id);
  // A marked access: call it after access(). Words of four bytes are told apart.
  void marked(ContextId id, u64 address, u64 bytes, u8 flags);

  // What `id` did up to now is in its past section: joining `to` with it later means up to here (see interrupts in
  // runtime/race_checks.h). The context's epoch moves on.
  void snapshot(ContextId id, VectorClock& to);
  void join_clock(ContextId to, const VectorClock& clock);
  [[nodiscard]] u32 epoch(ContextId id) const { return contexts_[id].epoch; }
  [[nodiscard]] bool knows(ContextId id, ContextId other, u32 epoch) const {
    return contexts_[id].clock[other] >= epoch;
  }
  [[nodiscard]] VectorClock make_clock() const { return VectorClock(resource_); }

  [[nodiscard]] bool full() const { return full_; }
  [[nodiscard]] const Shadow& shadow() const { return shadow_; }

 private:
  struct Context {
    explicit Context(std::pmr::memory_resource* resource) : clock(resource), fence(resource) {}
    VectorClock clock;  // its own entry is not kept: see epoch
    VectorClock fence;  // what marked writes publish
    u32 epoch = 1;
    bool live = false;
  };
  using Objects = std::pmr::map<u64, VectorClock>;
  static constexpr u64 kHalfBytes = 4;

  // The clock with the context's own epoch, which then moves on.
  void publish(Context& context, ContextId id, VectorClock& to);
  [[nodiscard]] VectorClock* object(Objects& objects, u64 address);
  void marked_half(Context& context, u64 word, u8 flags, bool whole);
  bool check_word(ContextId id, WordCells& cells, const Access& access, u64 word, u8 mask, bool told);
  static void store(WordCells& cells, const Cell& cell, const Context& context);
  [[nodiscard]] static bool races(const Cell& old, const Cell& fresh, const Context& context);

  const Config config_;
  RaceSink& sink_;
  std::pmr::memory_resource* resource_;
  Shadow shadow_;
  std::pmr::vector<Context> contexts_;
  std::pmr::vector<ContextId> dead_;  // oldest first
  size_t dead_begin_ = 0;
  Objects locks_;  // by the object's address
  Objects words_;  // by the word's address: marked accesses
  bool full_ = false;
};

}  // namespace koi::race
