// SPDX-License-Identifier: GPL-2.0-only
// Pattern: an expected line, taken apart into what must be equal and what must only have the right shape.
//
// The reference line is the pattern: every byte of it is either literal (compared) or belongs to a masked
// field of a named kind (an address, a PID, a CPU number, an offset inside a kernel function, ...), which
// accepts any value of that shape and nothing else. A field is masked because of where it stands in a known
// line, or because it is spelt as a kernel address; a line is never masked as a whole.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace koi::conformance {

enum class Kind {
  literal,         // compared byte for byte
  stamp,           // [    3.604375]
  decimal,         // PID, CPU number, kernel line number, sampled count
  padded_decimal,  // a PID and the blanks that pad its column
  hex,             // offsets and sizes in kernel functions, register values: hex digits
  address,         // a kernel address: as many hex digits, or (____ptrval____)
  hashed_pointer,  // (____ptrval____) or what %p prints once the random generator is ready
  code_bytes,      // the bytes of a Code: line, or its "Unable to access ..." form
  register_value,  // 0018:ffffd0c4007bfd10, 0000000007fb93c0(0000), EFLAGS
  page_table,      // "2101067 P4D 2101067 PUD 103f0067 PMD 0": the entries of the machine's own page tables
  directory,       // the build directory in a source path
  program,         // the program that made the system call: insmod, orcmod, init
  padded_address,  // a raw pointer and the blanks before it: as wide as the reference's, or as many digits as it has
  migrate_types,  // " (UME)" after a count of free blocks, or nothing
  build_id,       // of the module's file
  kernel_offset,  // where this boot put the kernel: "0x16c00000 from ...", or "disabled"
  machine,        // Hardware name: the emulator's board and firmware
  count,          // a number of a /proc file and the blanks that fill its column
  unnamed_lock,  // the name of a lock whose initialiser leaves none in a stock build: FUNCTION:0xOFFSET, or its symbol
  place,  // symbol+0x../0x.., or 0x0 where none was recorded
};

struct Span {
  Kind kind;
  std::size_t begin;
  std::size_t end;
};

// How a line is read.
enum class Dialect {
  exact,         // no field is masked
  plain,         // kernel addresses and function offsets are recognised wherever they stand
  facts,         // plain, and the fields that one sample cannot settle (name=value)
  log,           // a kernel log line: the splat grammar, then plain
  format_cell,   // the output of a printk conversion, between [ and ]
  lock,          // log, of a module that was built against other headers: lock_text.h
  kmsg,          // a /dev/kmsg record "level,sequence,microseconds,flags;text"
  address_cell,  // "[0xffff...]" or "[     ffff...]": a raw pointer with flags or a width
  any_number,    // a decimal number that depends on a masked neighbour
  counts,        // a line of a /proc memory file: proc_counts.h
};

class Pattern {
 public:
  Pattern() = default;
  [[nodiscard]] static Pattern parse(std::string_view expected, Dialect dialect);
  // A table row: one dialect a cell, cells separated by tabs. Missing dialects count as exact.
  [[nodiscard]] static Pattern parse_row(std::string_view expected, const std::vector<Dialect>& cells);

  // From spans that cover the line without gaps.
  [[nodiscard]] static Pattern of_spans(std::string_view expected, std::vector<Span> spans);

  [[nodiscard]] bool matches(std::string_view actual) const;
  [[nodiscard]] const std::string& text() const { return text_; }
  // In order, without gaps, from 0 to text().size().
  [[nodiscard]] const std::vector<Span>& spans() const { return spans_; }
  // Some byte other than blanks is compared.
  [[nodiscard]] bool comparable() const;

 private:
  void append(const Pattern& other);

  std::string text_;
  std::vector<Span> spans_;
};

// "? function+0x..": what the unwinder only guesses. Such lines are left out on both sides.
[[nodiscard]] bool is_guessed_frame(std::string_view log_text);

}  // namespace koi::conformance
