// SPDX-License-Identifier: GPL-2.0-only
// Shadow: what is known of the latest accesses to each 8-byte word of memory: four cells a word, a page of cells for
// each page of memory that was touched.
//
// A bounded number of pages; when all are in use the oldest is taken, and the accesses to the memory it stood for are
// forgotten: a race with them passes unseen. O(1) an access.
#pragma once

#include <array>
#include <memory_resource>
#include <unordered_map>
#include <vector>

#include "engine/race/vector_clock.h"

namespace koi::race {

enum AccessFlags : u8 {
  kRead = 0,
  kWrite = 1,
  kCompound = 2,  // reads and writes
  kMarked = 4,    // READ_ONCE, WRITE_ONCE, atomic_t ...: never races with another one
  kFree = 8,      // the memory is given back
  kHandsOn = 16,  // a marked write that, for what it orders, reads as well
};

using TraceId = u32;

struct Cell {
  u32 epoch = 0;  // 0: unused
  TraceId trace = 0;
  ContextId context = 0;
  u16 bytes = 0;  // of the whole access, which may cover more words
  u8 mask = 0;    // of the word's bytes
  u8 flags = 0;
  u8 cpu = 0;
  u8 reserved = 0;
};
static_assert(sizeof(Cell) == 16);

inline constexpr u32 kCellsPerWord = 4;
inline constexpr u64 kWordBytes = 8;
using WordCells = std::array<Cell, kCellsPerWord>;

class Shadow {
 public:
  Shadow(u32 most_pages, std::pmr::memory_resource* resource)
      : most_pages_(most_pages), resource_(resource), pages_(resource), index_(resource) {}
  ~Shadow();
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;

  // The cells of the word that holds `address`.
  [[nodiscard]] WordCells& at(u64 address);
  static constexpr u64 kPageShift = 12;
  static constexpr u64 kPageBytes = 1 << kPageShift;
  // nullptr: nothing is known of its page.
  [[nodiscard]] WordCells* find(u64 address);
  // Nobody has touched [begin, begin + bytes).
  void clear(u64 begin, u64 bytes);
  // Pages that were taken from other memory so far.
  [[nodiscard]] u64 recycled() const { return recycled_; }

 private:
  static constexpr u64 kWordsPerPage = (1 << kPageShift) / kWordBytes;
  using Page = std::array<WordCells, kWordsPerPage>;
  struct Entry {
    u64 number = 0;
    Page* cells = nullptr;
  };
  [[nodiscard]] Page* page_of(u64 address);
  [[nodiscard]] Page& make_page(u64 number);

  const u32 most_pages_;
  std::pmr::memory_resource* resource_;
  std::pmr::vector<Entry> pages_;
  std::pmr::unordered_map<u64, u32> index_;  // page number → place in pages_
  u32 oldest_ = 0;
  u64 recycled_ = 0;
  u64 last_number_ = ~0ULL;
  Page* last_ = nullptr;
};

}  // namespace koi::race
