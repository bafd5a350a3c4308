// SPDX-License-Identifier: GPL-2.0-only
#include "tables.h"

#include <fmt/format.h>

#include <map>

#include "text.h"

namespace koi::conformance {
namespace {

using Records = std::vector<std::string>;
using Rows = std::vector<std::string>;
using Fields = std::vector<std::string_view>;

constexpr std::string_view kMark = "ORC|";

std::string rest_joined(const Fields& fields, std::size_t first) {
  return first >= fields.size()
             ? std::string()
             : join(Fields(fields.begin() + static_cast<std::ptrdiff_t>(first), fields.end()), " ");
}

// Calls `row` with the fields of every record whose first field is `tag`.
template <class Row>
void for_each(const Records& records, std::string_view tag, Row row) {
  for (const std::string& record : records) {
    const Fields fields = split(record, '|');
    if (fields.front() == tag) row(fields);
  }
}

// tag|a|b|... -> a TAB b TAB ..., `columns` cells.
std::function<Rows(const Records&)> columns(std::string tag, std::size_t count) {
  return [tag, count](const Records& records) {
    Rows rows;
    for_each(records, tag, [&](const Fields& fields) {
      if (fields.size() != count + 1) return;
      rows.push_back(join(Fields(fields.begin() + 1, fields.end()), "\t"));
    });
    return rows;
  };
}

// tag|key|fact|fact... -> key TAB facts, for every tag of the list; `with_tag` keeps the tag as the first cell.
std::function<Rows(const Records&)> keyed_facts(std::vector<std::string> tags, std::size_t keys,
                                                bool with_tag) {
  return [tags, keys, with_tag](const Records& records) {
    Rows rows;
    for (const std::string& record : records) {
      const Fields fields = split(record, '|');
      for (const std::string& tag : tags) {
        if (fields.front() != tag || fields.size() < keys + 2) continue;
        std::string row = with_tag ? tag + "\t" : std::string();
        for (std::size_t i = 1; i <= keys; ++i) row += std::string(fields[i]) + "\t";
        rows.push_back(row + rest_joined(fields, keys + 1));
      }
    }
    return rows;
  };
}

// tag TAB cells: the cells, without the tag.
std::function<Rows(const Records&)> tabbed(std::string tag) {
  return [tag](const Records& records) {
    Rows rows;
    for (const std::string& record : records) {
      if (record.starts_with(tag + "\t")) rows.push_back(record.substr(tag.size() + 1));
    }
    return rows;
  };
}

// The same, numbered from 0 over the records of all `counted` tags; only those of `wanted` become rows.
std::function<Rows(const Records&)> numbered(std::vector<std::string> counted, std::string wanted) {
  return [counted, wanted](const Records& records) {
    Rows rows;
    int sequence = 0;
    for (const std::string& record : records) {
      for (const std::string& tag : counted) {
        if (!record.starts_with(tag + "\t")) continue;
        if (tag == wanted) rows.push_back(fmt::format("{}\t{}", sequence, record.substr(tag.size() + 1)));
        ++sequence;
      }
    }
    return rows;
  };
}

// 1..8192 was tried at every size, the rest at page multiples and one byte to either side.
Rows size_classes(const Records& records) {
  Rows rows;
  const auto number = [](std::string_view text) { return std::stoull(std::string(text)); };
  const auto result = [](std::string_view ksize) { return ksize == "0" ? std::string_view("NULL") : ksize; };
  for_each(records, "range", [&](const Fields& f) {
    if (f.size() == 4 && number(f[2]) <= 8192) {
      rows.push_back(fmt::format("{}\t{}\t{}\tevery size", f[1], f[2], result(f[3])));
    }
  });
  for_each(records, "pagerange", [&](const Fields& f) {
    if (f.size() == 4 && number(f[1]) > 8192) {
      rows.push_back(fmt::format("{}\t{}\t{}\tpage multiples -1/0/+1", f[1], f[2], result(f[3])));
    }
  });
  return rows;
}

// gfp|NAME|HEX|n|ksize|obj:|phys<16M=0|phys<4G=1| slab kmalloc-8 start ... (kmem_dump_obj() goes on on the same line)
Rows gfp_to_cache(const Records& records) {
  Rows rows;
  for_each(records, "gfp", [&](const Fields& f) {
    if (f.size() == 5) rows.push_back(fmt::format("{}\t{}\t{}\t{}\t-\t-\t-", f[1], f[2], f[3], f[4]));
    if (f.size() < 9) return;
    const Fields words = split(f[8], ' ');
    std::string_view cache = "(page allocator)";
    if (words.size() > 2 && words[1] == "slab") cache = words[2];
    const auto flag = [](std::string_view text) { return text.substr(text.find('=') + 1); };
    rows.push_back(
        fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}", f[1], f[2], f[3], f[4], cache, flag(f[6]), flag(f[7])));
  });
  return rows;
}

Rows kvmalloc(const Records& records) {
  Rows rows;
  for_each(records, "kvmalloc", [&](const Fields& f) {
    if (f.size() == 4) rows.push_back(fmt::format("{}\t{}\t{}\t-\t-", f[1], f[2], f[3]));
    if (f.size() == 6) rows.push_back(join(Fields(f.begin() + 1, f.end()), "\t"));
  });
  return rows;
}

Rows in_use(const Records& records) {
  Rows rows;
  for (const std::string& record : records) {
    const Fields fields = split(record, '|');
    if (fields.front() != "ctor" && fields.front() != "layout" && fields.front() != "misc") continue;
    rows.push_back(fmt::format("{}\t{}\t{}", rows.size(), fields.front(), rest_joined(fields, 1)));
  }
  return rows;
}

std::vector<TableSpec> make_specs() {
  using enum Dialect;
  const std::string kmalloc = "orc_ksize";
  std::vector<TableSpec> specs = {
      {"kmalloc_constants.tsv", kmalloc, 1, {}, columns("const", 2)},
      {"kmalloc_size_classes.tsv", kmalloc, 1, {}, size_classes},
      {"kmalloc_powers_of_two.tsv", kmalloc, 1, {}, columns("pow2", 3)},
      {"kmalloc_100_plus_k_200000.tsv", kmalloc, 1, {}, columns("arith", 3)},
      {"kmalloc_log_spaced_sizes.tsv", kmalloc, 1, {}, columns("log", 3)},
      {"kmalloc_absurd_sizes.tsv", kmalloc, 1, {}, columns("huge", 3)},
      {"kmalloc_gfp_to_cache.tsv", "orc_gfp", 3, {}, gfp_to_cache},
      {"kmalloc_alignment.tsv", "orc_krealloc", 1, {}, columns("align", 4)},
      {"kmalloc_reuse_and_zeroing.tsv", "orc_krealloc", 2, {}, keyed_facts({"reuse"}, 2, false)},
      {"krealloc.tsv", "orc_krealloc", 3, {}, columns("krealloc", 6)},
      {"krealloc_and_friends_special_cases.tsv",
       "orc_krealloc",
       2,
       {},
       keyed_facts({"kreallocodd", "overflow", "friends"}, 1, true)},
      {"get_order.tsv", "orc_pages", 1, {}, columns("get_order", 2)},
      {"alloc_pages.tsv",
       "orc_pages",
       2,
       {exact, exact, facts},
       keyed_facts({"alloc_pages", "alloc_pages_tail", "alloc_pages_comp"}, 1, true)},
      {"alloc_pages_exact.tsv", "orc_pages", 1, {exact, facts}, keyed_facts({"exact"}, 1, false)},
      {"kvmalloc.tsv", "orc_pages", 2, {}, kvmalloc},
      {"vmalloc.tsv", "orc_pages", 1, {exact, facts}, keyed_facts({"vmalloc"}, 1, false)},
      {"kmem_cache_in_use.tsv", "orc_kcache_use", 2, {exact, exact, facts}, in_use},
      {"library_helpers.tsv", "orc_lib", 2, {}, numbered({"v"}, "v")},
      {"sizeof.tsv", "orc_lib", 1, {}, tabbed("sizeof")},
      {"execution_contexts.tsv", "orc_sched", 2, {}, numbered({"v", "ctx"}, "ctx")},
      {"timers_work_waits_locks.tsv", "orc_sched", 2, {}, numbered({"v", "ctx"}, "v")},
      {"printk/formats.tsv", "orc_printk", 3, {exact, exact, exact, exact, plain}, numbered({"fmt"}, "fmt")},
      {"printk/formats_with_addresses_crng_ready.tsv",
       "orc_printk",
       3,
       {exact, exact, exact, exact, format_cell},
       numbered({"fmt"}, "fmt")},
      {"printk/hex_dump_to_buffer.tsv", "orc_printk", 1, {}, tabbed("hd")},
      {"printk/snprintf_return_values.tsv", "orc_printk", 1, {}, tabbed("ret")},
  };
  for (TableSpec& spec : specs) {
    for (std::string_view start : {"kmalloc_", "krealloc", "library_", "sizeof", "printk/"}) {
      spec.goal = spec.goal || spec.file.starts_with(start);
    }
  }
  return specs;
}

}  // namespace

const std::vector<TableSpec>& table_specs() {
  static const std::vector<TableSpec> specs = make_specs();
  return specs;
}

std::vector<std::string> orc_records(std::string_view log) {
  std::vector<std::string> records;
  for (std::string_view line : split_lines(log)) {
    const std::string_view text = parse_log_line(line).text;
    if (text.starts_with(kMark)) records.emplace_back(text.substr(kMark.size()));
  }
  return records;
}

std::vector<Dialect> cells_of_row(const TableSpec& table, std::string_view row) {
  std::vector<Dialect> cells = table.cells;
  const bool formats = table.file.starts_with("printk/formats");
  // Before the random generator is ready %p prints a word of another length, and the size that %pS gives for a
  // data symbol is the distance of two unrelated addresses.
  if (formats && (row.find("(____ptrval____)") != std::string_view::npos ||
                  row.find("/0xffffffff") != std::string_view::npos)) {
    cells[3] = Dialect::any_number;
  }
  // The width of a raw pointer with "#" depends on how many digits it has.
  if (formats && row.find("[0xffffffff") != std::string_view::npos) cells[3] = Dialect::any_number;
  if (formats &&
      (row.find("%#px") != std::string_view::npos || row.find("%30px") != std::string_view::npos)) {
    cells[4] = Dialect::address_cell;
  }
  return cells;
}

}  // namespace koi::conformance
