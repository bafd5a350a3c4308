// SPDX-License-Identifier: GPL-2.0-only
#include "engine/race/detector.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace koi::race {

Detector::Detector(const Config& config, RaceSink& sink, std::pmr::memory_resource* resource)
    : config_(config),
      sink_(sink),
      resource_(resource),
      shadow_(config.shadow_pages, resource),
      contexts_(resource),
      dead_(resource),
      locks_(resource),
      words_(resource) {
  CHECK(config.contexts < kNoContext);
}

// ---- contexts ----

ContextId Detector::begin(ContextId parent) {
  ContextId id = 0;
  if (contexts_.size() < config_.contexts) {
    id = static_cast<ContextId>(contexts_.size());
    contexts_.emplace_back(resource_);
  } else {
    CHECK(dead_begin_ < dead_.size(), "more than {} contexts at a time", config_.contexts);
    id = dead_[dead_begin_++];
    if (dead_begin_ * 2 > dead_.size()) {
      dead_.erase(dead_.begin(), dead_.begin() + static_cast<std::ptrdiff_t>(dead_begin_));
      dead_begin_ = 0;
    }
  }
  Context& fresh = contexts_[id];
  fresh.clock.clear();
  fresh.fence.clear();
  ++fresh.epoch;
  fresh.live = true;
  if (parent != kNoContext) join(id, parent);
  return id;
}

void Detector::end(ContextId id) {
  contexts_[id].live = false;
  dead_.push_back(id);
}

// ---- order ----

void Detector::publish(Context& context, ContextId id, VectorClock& to) {
  to.join(context.clock);
  to.raise(id, context.epoch);
  ++context.epoch;
}

VectorClock* Detector::object(Objects& objects, u64 address) {
  if (const auto it = objects.find(address); it != objects.end()) return &it->second;
  if (locks_.size() + words_.size() >= config_.sync_objects) full_ = true;
  if (full_) return nullptr;
  return &objects.emplace(address, VectorClock(resource_)).first->second;
}

void Detector::release(ContextId id, u64 address) {
  VectorClock* const clock = object(locks_, address);
  if (clock != nullptr) publish(contexts_[id], id, *clock);
}

void Detector::acquire(ContextId id, u64 address) {
  const auto it = locks_.find(address);
  if (it != locks_.end()) contexts_[id].clock.join(it->second);
}

void Detector::join(ContextId to, ContextId from) {
  if (to != from) publish(contexts_[from], from, contexts_[to].clock);
}

void Detector::join_all(ContextId to) {
  for (size_t i = 0; i < contexts_.size(); ++i) {
    if (contexts_[i].live || contexts_[i].epoch > 1) join(to, static_cast<ContextId>(i));
  }
}

void Detector::fence(ContextId id) {
  Context& context = contexts_[id];
  publish(context, id, context.fence);
}

void Detector::marked(ContextId id, u64 address, u64 bytes, u8 flags) {
  for (u64 half = address & ~(kHalfBytes - 1); half < address + bytes; half += kHalfBytes) {
    const bool whole = half >= address && half + kHalfBytes <= address + bytes;
    marked_half(contexts_[id], half, flags, whole);
  }
}

void Detector::marked_half(Context& context, u64 word, u8 flags, bool whole) {
  const auto it = words_.find(word);
  // Reading is done first: a compound access hands on what it found.
  const bool hands_on = (flags & (kCompound | kHandsOn)) != 0;
  const bool hides = !hands_on && whole;  // a neighbour's word stays as it was
  if (((flags & kWrite) == 0 || hands_on) && it != words_.end()) context.clock.join(it->second);
  if ((flags & kWrite) == 0) return;
  if (context.fence.empty()) {
    // Nothing is published; a plain store also hides what others had published here.
    if (hides && it != words_.end()) words_.erase(it);
    return;
  }
  VectorClock* const clock = object(words_, word);
  if (clock == nullptr) return;
  if (hides) clock->clear();
  clock->join(context.fence);
}

void Detector::snapshot(ContextId id, VectorClock& to) { publish(contexts_[id], id, to); }
void Detector::join_clock(ContextId to, const VectorClock& clock) { contexts_[to].clock.join(clock); }

// ---- accesses ----

bool Detector::races(const Cell& old, const Cell& fresh, const Context& context) {
  if (old.epoch == 0 || (old.mask & fresh.mask) == 0 || old.context == fresh.context) return false;
  if (((old.flags | fresh.flags) & kWrite) == 0) return false;
  if ((old.flags & fresh.flags & kMarked) != 0) return false;
  return old.epoch > context.clock[old.context];
}

// The newest access of each kind stays; what the new one makes superfluous goes first.
void Detector::store(WordCells& cells, const Cell& cell, const Context& context) {
  Cell* place = nullptr;
  for (Cell& old : cells) {
    const bool covered = (old.mask & ~cell.mask) == 0;
    const bool as_strong = ((cell.flags & kWrite) != 0 || (old.flags & kWrite) == 0) &&
                           ((cell.flags & kMarked) == 0 || (old.flags & kMarked) != 0);
    const bool before = old.context == cell.context || old.epoch <= context.clock[old.context];
    if (old.epoch == 0 || (covered && as_strong && before)) {
      if (place == nullptr) {
        place = &old;
      } else {
        old = {};
      }
    }
  }
  if (place == nullptr) {
    // Of what is left, reads go before writes, older ones first.
    std::rotate(cells.begin(), cells.begin() + 1, cells.end());
    const auto read =
        std::find_if(cells.rbegin(), cells.rend(), [](const Cell& old) { return (old.flags & kWrite) == 0; });
    place = read != cells.rend() ? &*read : &cells.back();
  }
  *place = cell;
}

bool Detector::check_word(ContextId id, WordCells& cells, const Access& access, u64 word, u8 mask,
                          bool told) {
  const Context& context = contexts_[id];
  const Cell fresh{context.epoch, access.trace, id,        static_cast<u16>(std::min(access.bytes, 0xffffU)),
                   mask,          access.flags, access.cpu};
  for (const Cell& old : cells) {
    if (old.epoch == fresh.epoch && old.context == id && old.mask == mask && old.flags == access.flags &&
        old.trace == access.trace)
      return false;
  }
  Race race;
  bool found = false;
  for (const Cell& old : cells) {
    if (found || !races(old, fresh, context)) continue;
    found = true;
    const auto first = static_cast<u64>(std::countr_zero(old.mask));
    race = {{word + first, old.bytes, old.flags, old.cpu, old.trace}, access};
  }
  store(cells, fresh, context);
  if (found && !told) sink_.race(race);
  return found;
}

void Detector::access(ContextId id, const Access& access) {
  if (full_ || access.bytes == 0) return;
  bool told = false;
  const u64 end = access.address + access.bytes;
  for (u64 word = access.address & ~(kWordBytes - 1); word < end; word += kWordBytes) {
    const u64 from = std::max(word, access.address) - word;
    const u64 to = std::min(word + kWordBytes, end) - word;
    const u8 mask = static_cast<u8>((0xffU << from) & (0xffU >> (kWordBytes - to)));
    told = check_word(id, shadow_.at(word), access, word, mask, told) || told;
  }
}

void Detector::free(ContextId id, const Access& access) {
  const Context& context = contexts_[id];
  Cell fresh;
  fresh.context = id;
  fresh.flags = kWrite;
  fresh.mask = 0xff;
  const u64 end = access.address + access.bytes;
  Race race;
  bool found = false;
  for (u64 word = access.address & ~(kWordBytes - 1); word < end && !found && !full_; word += kWordBytes) {
    const WordCells* const cells = shadow_.find(word);
    if (cells == nullptr) {
      word |= Shadow::kPageBytes - kWordBytes;  // nothing of the whole page
      continue;
    }
    for (const Cell& old : *cells) {
      if (found || !races(old, fresh, context)) continue;
      // A marked write that publishes comes after what it publishes: who has read that has seen the write itself, too.
      constexpr u8 kMarkedWrite = kMarked | kWrite;
      if ((old.flags & kMarkedWrite) == kMarkedWrite && old.epoch - 1 <= context.clock[old.context]) continue;
      found = true;
      race = {{word + static_cast<u64>(std::countr_zero(old.mask)), old.bytes, old.flags, old.cpu, old.trace},
              access};
    }
  }
  forget(access.address, access.bytes);
  if (found) sink_.race(race);
}

void Detector::forget(u64 begin, u64 bytes) {
  shadow_.clear(begin, bytes);
  for (Objects* const objects : {&locks_, &words_})
    objects->erase(objects->lower_bound(begin), objects->lower_bound(begin + bytes));
}

}  // namespace koi::race
