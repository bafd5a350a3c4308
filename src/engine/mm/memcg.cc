// SPDX-License-Identifier: GPL-2.0-only
#include "engine/mm/memcg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace koi::mm {

bool Memcg::take(u64 pages) {
  if (usage_ + pages > limit_) {
    ++failures_;
    return false;
  }
  force_charge(pages);
  return true;
}

void Memcg::force_charge(u64 pages) {
  usage_ += pages;
  peak_ = std::max(peak_, usage_);
}

bool Memcg::try_charge(u64 pages, u32 cpu, Batch batch) {
  Stock& stock = stocks_[cpu];
  if (pages <= kBatch && stock.pages >= pages) {
    stock.pages -= pages;
    return true;
  }
  const u64 wanted = batch == Batch::kYes ? std::max(kBatch, pages) : pages;
  if (!take(wanted)) return false;
  if (wanted > pages) refill(stock, wanted - pages);
  return true;
}

void Memcg::refill(Stock& stock, u64 pages) {
  stock.pages += pages;
  if (stock.pages > kBatch) usage_ -= std::exchange(stock.pages, 0);
}

void Memcg::drain() {
  for (Stock& stock : stocks_) {
    drain_objects(stock);
    usage_ -= std::exchange(stock.pages, 0);
  }
}

void Memcg::uncharge_pages(u64 pages, u32 cpu) {
  add(Stat::kKernel, -static_cast<s64>(pages));
  refill(stocks_[cpu], pages);
}

void Memcg::open_objects(Stock& stock) {
  stock.has_objects = true;
  stock.bytes = std::exchange(left_bytes_, 0);
}

void Memcg::drain_objects(Stock& stock) {
  if (!stock.has_objects) return;
  if (const u64 pages = stock.bytes / kPage; pages != 0) {
    add(Stat::kKernel, -static_cast<s64>(pages));
    refill(stock, pages);
  }
  left_bytes_ += std::exchange(stock.bytes, 0) % kPage;
  add(Stat::kSlabReclaimable, std::exchange(stock.slab[0], 0));
  add(Stat::kSlabUnreclaimable, std::exchange(stock.slab[1], 0));
  stock.has_objects = false;
}

bool Memcg::consume(u64 bytes, u32 cpu) {
  Stock& stock = stocks_[cpu];
  if (!stock.has_objects || stock.bytes < bytes) return false;
  stock.bytes -= bytes;
  return true;
}

void Memcg::bytes_charged(u64 bytes, u32 cpu) {
  const u64 rest = bytes % kPage;
  if (rest == 0) return;
  Stock& stock = stocks_[cpu];
  const bool opened = !stock.has_objects;
  if (opened) open_objects(stock);
  stock.bytes += kPage - rest;
  // What was left elsewhere may make a page with it.
  if (!opened || stock.bytes <= kPage) return;
  uncharge_pages(stock.bytes / kPage, cpu);
  stock.bytes %= kPage;
}

void Memcg::uncharge_bytes(u64 bytes, u32 cpu) {
  Stock& stock = stocks_[cpu];
  if (!stock.has_objects) open_objects(stock);
  stock.bytes += bytes;
  if (stock.bytes <= kPage) return;
  const u64 pages = stock.bytes / kPage;
  stock.bytes %= kPage;
  uncharge_pages(pages, cpu);
}

void Memcg::count_slab(Stat stat, s64 bytes, u32 cpu) {
  Stock& stock = stocks_[cpu];
  if (!stock.has_objects) open_objects(stock);
  s64& waiting = stock.slab[stat == Stat::kSlabReclaimable ? 0 : 1];
  const bool first = waiting == 0;
  waiting += bytes;
  if (first || static_cast<u64>(std::abs(waiting)) <= kPage) return;
  add(stat, std::exchange(waiting, 0));
}

std::optional<u64> Memcg::forget(u64 address) {
  const auto found = charged_.find(address);
  if (found == charged_.end()) return std::nullopt;
  const u64 amount = found->second;
  charged_.erase(found);
  return amount;
}

std::string Memcg::stat_text() const {
  // Counters that went below zero for a moment are shown as nothing.
  const auto shown = [this](Stat which, u64 unit) {
    return static_cast<u64>(std::max<s64>(stat(which), 0)) * unit;
  };
  const u64 reclaimable = shown(Stat::kSlabReclaimable, 1);
  const u64 unreclaimable = shown(Stat::kSlabUnreclaimable, 1);
  return fmt::format(
      "kernel {}\npercpu {}\nvmalloc {}\nslab_reclaimable {}\nslab_unreclaimable {}\nslab {}\n",
      shown(Stat::kKernel, kPage), shown(Stat::kPercpu, 1), shown(Stat::kVmalloc, kPage), reclaimable,
      unreclaimable, reclaimable + unreclaimable);
}

std::string Memcg::events_text() const {
  const auto count = [this](Event event) { return events_[static_cast<u32>(event)]; };
  return fmt::format("low 0\nhigh 0\nmax {}\noom {}\noom_kill {}\noom_group_kill 0\n", count(Event::kMax),
                     count(Event::kOom), count(Event::kOomKill));
}

}  // namespace koi::mm
