// SPDX-License-Identifier: GPL-2.0-only
// What the randomised tests share: a seeded generator, the number of operations, a piece of simulated RAM.
#pragma once

#include <sys/mman.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/strong.h"

namespace koi::mm::test {

// splitmix64: the same numbers on every machine.
class Random {
 public:
  explicit Random(u64 seed) : state_(seed) {}
  u64 next() {
    u64 z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  u64 below(u64 n) { return next() % n; }

 private:
  u64 state_;
};

// KOI_STRESS_OPS sets the operations of each randomised test (10 million for the long run).
inline u64 stress_ops(u64 usual) {
  const char* text = std::getenv("KOI_STRESS_OPS");
  return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

// Zero memory that costs only what is touched.
class SparseMemory {
 public:
  explicit SparseMemory(u64 size_bytes) : size_(size_bytes) {
    void* p =
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(p != MAP_FAILED);
    base_ = static_cast<u8*>(p);
  }
  ~SparseMemory() { munmap(base_, size_); }
  SparseMemory(const SparseMemory&) = delete;
  SparseMemory& operator=(const SparseMemory&) = delete;
  [[nodiscard]] u8* base() const { return base_; }
  [[nodiscard]] u64 size() const { return size_; }

 private:
  u64 size_;
  u8* base_;
};

// A table of reference measurements: the header line names the columns.
class Table {
 public:
  explicit Table(const std::string& name) {
    std::ifstream in(std::string(KOI_MM_TESTDATA) + "/" + name);
    CHECK(in.good(), "no test data {}", name);
    std::string line;
    while (std::getline(in, line)) {
      if (line.empty()) continue;
      std::vector<std::string> fields;
      std::istringstream row(line);
      for (std::string field; std::getline(row, field, '\t');) fields.push_back(field);
      if (columns_.empty()) {
        for (std::size_t i = 0; i < fields.size(); ++i) columns_[fields[i]] = i;
      } else {
        rows_.push_back(std::move(fields));
      }
    }
  }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] const std::string& at(std::size_t row, const std::string& column) const {
    const auto found = columns_.find(column);
    CHECK(found != columns_.end() && found->second < rows_[row].size(), "row {} has no {}", row, column);
    return rows_[row][found->second];
  }
  [[nodiscard]] u64 number(std::size_t row, const std::string& column) const {
    return std::stoull(at(row, column));
  }

 private:
  std::map<std::string, std::size_t> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace koi::mm::test

namespace koi::mm {
inline constexpr VcpuId kCpu0{0};
}
