// SPDX-License-Identifier: GPL-2.0-only
#include "engine/race/shadow.h"

#include <algorithm>
#include <new>

namespace koi::race {

Shadow::~Shadow() {
  for (const Entry& entry : pages_) resource_->deallocate(entry.cells, sizeof(Page), alignof(Page));
}

Shadow::Page* Shadow::page_of(u64 address) {
  const u64 number = address >> kPageShift;
  if (number == last_number_) return last_;
  const auto it = index_.find(number);
  if (it == index_.end()) return nullptr;
  last_number_ = number;
  last_ = pages_[it->second].cells;
  return last_;
}

Shadow::Page& Shadow::make_page(u64 number) {
  u32 place = static_cast<u32>(pages_.size());
  if (pages_.size() < most_pages_) {
    pages_.push_back({number, ::new (resource_->allocate(sizeof(Page), alignof(Page))) Page()});
  } else {
    place = oldest_;
    oldest_ = (oldest_ + 1) % most_pages_;
    index_.erase(pages_[place].number);
    pages_[place].number = number;
    *pages_[place].cells = Page();
    ++recycled_;
  }
  index_.emplace(number, place);
  last_number_ = number;
  last_ = pages_[place].cells;
  return *last_;
}

WordCells& Shadow::at(u64 address) {
  Page* page = page_of(address);
  if (page == nullptr) page = &make_page(address >> kPageShift);
  return (*page)[address / kWordBytes % kWordsPerPage];
}

WordCells* Shadow::find(u64 address) {
  Page* const page = page_of(address);
  return page == nullptr ? nullptr : &(*page)[address / kWordBytes % kWordsPerPage];
}

void Shadow::clear(u64 begin, u64 bytes) {
  const u64 end = begin + bytes;
  for (u64 at = begin & ~(kWordBytes - 1); at < end;) {
    const u64 next = std::min(end, (at | (kPageBytes - 1)) + 1);
    if (Page* const page = page_of(at); page != nullptr) {
      for (; at < next; at += kWordBytes) (*page)[at / kWordBytes % kWordsPerPage] = {};
    }
    at = next;
  }
}

}  // namespace koi::race
