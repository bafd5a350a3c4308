// SPDX-License-Identifier: GPL-2.0-only
// The TSV files: which module printed each of them, and how a row is made of an "ORC|..." line of its log.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "document.h"

namespace koi::conformance {

struct TableSpec {
  std::string file;    // below the kernel's directory
  std::string module;  // without .ko
  int keys;
  std::vector<Dialect> cells;
  // Rows, without the header line, from the text after "ORC|" of every line.
  std::function<std::vector<std::string>(const std::vector<std::string>& records)> rows;
  // One of the files that this stage of koi has to match; the others wait for parts still to come.
  bool goal = false;
};

[[nodiscard]] const std::vector<TableSpec>& table_specs();

// What stands after "ORC|" in each log line that has it.
[[nodiscard]] std::vector<std::string> orc_records(std::string_view log);
// The cell rules of one reference row: formats.tsv masks a length that depends on an unready pointer hash.
[[nodiscard]] std::vector<Dialect> cells_of_row(const TableSpec& table, std::string_view row);

}  // namespace koi::conformance
