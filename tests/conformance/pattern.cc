// SPDX-License-Identifier: GPL-2.0-only
#include "pattern.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "lock_text.h"
#include "proc_counts.h"
#include "shapes.h"
#include "text.h"

namespace koi::conformance {
namespace {

// --- reading a reference line ---

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  [[nodiscard]] std::string_view rest() const { return text_.substr(position_); }
  [[nodiscard]] bool done() const { return position_ == text_.size(); }
  [[nodiscard]] std::size_t position() const { return position_; }
  void rewind(std::size_t position, std::size_t span_count) {
    position_ = position;
    spans_.resize(span_count);
  }
  [[nodiscard]] std::size_t span_count() const { return spans_.size(); }
  [[nodiscard]] std::vector<Span> spans() && { return std::move(spans_); }

  void literal(std::size_t length) {
    if (length == 0) return;
    // Never merged across calls: a rewind must not shorten an earlier span.
    spans_.push_back({Kind::literal, position_, position_ + length});
    position_ += length;
  }
  bool mask(Kind kind) {
    const std::size_t length = take(kind, rest(), rest().substr(0, run_length(rest(), is_hex)));
    if (length == std::string_view::npos) return false;
    mask(kind, length);
    return true;
  }
  void mask(Kind kind, std::size_t length) {
    spans_.push_back({kind, position_, position_ + length});
    position_ += length;
  }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
  std::vector<Span> spans_;
};

// name+0xOFFSET/0xSIZE[ [module]]: in a module compared (the same sources, the same compiler), in the kernel masked.
bool read_symbol(Reader& reader) {
  const std::string_view text = reader.rest();
  const std::size_t name = run_length(text, is_name);
  if (name == 0 || !text.substr(name).starts_with("+0x")) return false;
  const std::size_t offset = run_length(text.substr(name + 3), is_hex);
  const std::size_t slash = name + 3 + offset;
  if (offset == 0 || !text.substr(slash).starts_with("/0x")) return false;
  const std::size_t size = run_length(text.substr(slash + 3), is_hex);
  if (size == 0) return false;
  const bool in_module = text.substr(slash + 3 + size).starts_with(" [");
  reader.literal(name + 3);
  if (in_module) {
    reader.literal(offset);
  } else {
    reader.mask(Kind::hex, offset);
  }
  reader.literal(3);
  // The "size" of a data symbol is a difference of two addresses and may be negative.
  if (in_module && size < 9) {
    reader.literal(size);
  } else {
    reader.mask(Kind::hex, size);
  }
  return true;
}

// Sixteen digits from ffff on; not an error pointer, whose digits are a fact.
bool read_address(Reader& reader) {
  const std::string_view text = reader.rest();
  if (!text.starts_with("ffff") || text.starts_with("fffffffffffff") || run_length(text, is_hex) != 16)
    return false;
  reader.mask(Kind::address, 16);
  return true;
}

void read_plain(Reader& reader) {
  while (!reader.done()) {
    const std::string_view text = reader.rest();
    if (text.starts_with(kUnreadyHash)) {
      reader.mask(Kind::hashed_pointer, kUnreadyHash.size());
      continue;
    }
    if (text.starts_with("0x")) {
      reader.literal(2);
      if (!read_address(reader)) reader.literal(run_length(reader.rest(), is_name));
      continue;
    }
    if (is_name(text.front())) {
      if (read_address(reader) || read_symbol(reader)) continue;
      reader.literal(run_length(text, is_name));
      continue;
    }
    reader.literal(1);
  }
}

void read_facts(Reader& reader) {
  static constexpr std::array<std::string_view, 3> kSampled = {
      "same_block_on_free_then_alloc=", "physically_contiguous=", "ascending_neighbours_of_511="};
  while (!reader.done()) {
    bool sampled = false;
    for (std::string_view name : kSampled) {
      if (!reader.rest().starts_with(name)) continue;
      reader.literal(name.size());
      sampled = reader.mask(Kind::decimal);
    }
    if (!sampled) reader.literal(1);
  }
}

// A hash and the blanks on either side of it that fill its column.
bool is_hash_column(std::string_view text) {
  const auto blank = [](char c) { return c == ' '; };
  const std::size_t before = run_length(text, blank), digits = run_length(text.substr(before), is_hex);
  const std::size_t after = run_length(text.substr(before + digits), blank);
  return digits == 8 && before + digits + after == kHashColumn;
}

// Hashed and raw pointers as the conversions print them: the last eight digits of a hash are random.
void read_format_cell(Reader& reader) {
  while (!reader.done()) {
    const std::string_view text = reader.rest();
    const std::size_t digits = run_length(text, is_hex);
    if (text.starts_with("0x")) {
      reader.literal(2);
    } else if (text.starts_with(kUnreadyHash)) {
      reader.mask(Kind::hashed_pointer, kUnreadyHash.size());
    } else if (is_hash_column(text)) {
      reader.mask(Kind::hashed_pointer, kHashColumn);
    } else if (digits == 16 && text.starts_with("ffff")) {
      reader.mask(Kind::address, 16);
    } else if (digits >= 8) {
      reader.literal(digits - 8);
      reader.mask(Kind::address, 8);
    } else if (!is_name(text.front()) || !read_symbol(reader)) {
      reader.literal(std::max<std::size_t>(1, is_name(text.front()) ? run_length(text, is_name) : 1));
    }
  }
}

void read_address_cell(Reader& reader) {
  while (!reader.done()) {
    const std::string_view text = reader.rest();
    const std::size_t blanks = run_length(text, [](char c) { return c == ' '; });
    const std::size_t digits = run_length(text.substr(blanks), is_hex);
    if (text.starts_with("0x")) {
      reader.literal(2);
    } else if (digits == 16) {
      reader.mask(Kind::padded_address, blanks + digits);
    } else {
      reader.literal(1);
    }
  }
}

void read_numbers(Reader& reader) {
  while (!reader.done()) {
    // "3*4kB (UME)": how many free blocks of a size, and of which kinds.
    if (reader.rest().starts_with("*")) {
      reader.literal(1 + run_length(reader.rest().substr(1), is_name));
      reader.mask(Kind::migrate_types);
      continue;
    }
    if (!is_digit(reader.rest().front()) || !reader.mask(Kind::decimal)) reader.literal(1);
  }
}

void read_registers(Reader& reader) {
  while (!reader.done()) {
    const std::string_view text = reader.rest();
    const std::size_t word = run_length(text, [](char c) { return c != ' '; });
    if (word == 0) {
      reader.literal(1);
    } else if (text[word - 1] == ':') {
      reader.literal(word);
    } else {
      // "GS:ffff8d319f200000(0000)": the name is glued to the value
      const std::size_t colon = text.substr(0, word).find(':');
      const bool glued = colon != std::string_view::npos && !is_hex(text.front());
      if (glued) reader.literal(colon + 1);
      if (!reader.mask(Kind::register_value)) reader.literal(word);
    }
  }
}

// One {field} of a template; false when the reference does not have that shape here.
bool read_field(Reader& reader, std::string_view field) {
  if (field == "dec") return reader.mask(Kind::decimal);
  if (field == "pad") return reader.mask(Kind::padded_decimal);
  if (field == "hex") return reader.mask(Kind::hex);
  if (field == "code") return reader.mask(Kind::code_bytes);
  if (field == "pgt") return reader.mask(Kind::page_table);
  if (field == "build-id") return reader.mask(Kind::build_id);
  if (field == "kaslr") return reader.mask(Kind::kernel_offset);
  if (field == "hw") return reader.mask(Kind::machine);
  if (field == "addr") {
    if (reader.rest().starts_with(kUnreadyHash)) {
      reader.mask(Kind::hashed_pointer, kUnreadyHash.size());
      return true;
    }
    return run_length(reader.rest(), is_hex) == 16 && reader.mask(Kind::address);
  }
  if (field == "sym") return read_symbol(reader);
  // A module's text where no symbol covers it: without leading zeros, so koi's low address is shorter.
  if (field == "text") return reader.rest().starts_with("ffffffffc0") && reader.mask(Kind::hex);
  if (field == "name") {
    const std::size_t name = run_length(reader.rest(), is_name);
    reader.literal(name);
    return name > 0;
  }
  if (field == "prog") {
    if (reader.mask(Kind::program)) return true;
    field = "word";
  }
  if (field == "word" || field == "task") {
    const bool task = field == "task";
    const std::size_t word =
        run_length(reader.rest(), [task](char c) { return c != ' ' && !(task && c == ':'); });
    reader.literal(word);
    return word > 0;
  }
  if (field == "sp") {
    reader.literal(run_length(reader.rest(), [](char c) { return c == ' '; }));
    return true;
  }
  if (field == "src") {  // kernel sources keep their path and lose their line; /build/ loses its directory
    if (reader.rest().starts_with("/")) {
      const std::size_t directory = take_directory(reader.rest());
      reader.mask(Kind::directory, directory);
      const std::size_t name =
          run_length(reader.rest(), [](char c) { return is_name(c) || c == ':' || c == '-'; });
      reader.literal(name);
      return name > 0;
    }
    const std::size_t path =
        run_length(reader.rest(), [](char c) { return is_name(c) || c == '/' || c == '-'; });
    if (path == 0 || !reader.rest().substr(path).starts_with(":")) return false;
    reader.literal(path + 1);
    return reader.mask(Kind::decimal);
  }
  return false;
}

bool read_template(Reader& reader, std::string_view shape) {
  const std::size_t position = reader.position();
  const std::size_t span_count = reader.span_count();
  const auto fail = [&] {
    reader.rewind(position, span_count);
    return false;
  };
  while (!shape.empty()) {
    const std::size_t brace = std::min(shape.find('{'), shape.size());
    const std::string_view literal = shape.substr(0, brace);
    if (!reader.rest().starts_with(literal)) return fail();
    reader.literal(literal.size());
    shape.remove_prefix(brace);
    if (shape.empty()) break;
    const std::size_t end = shape.find('}');
    const std::string_view field = shape.substr(1, end - 1);
    shape.remove_prefix(end + 1);
    if (field == "*") {
      read_plain(reader);
      return true;
    }
    if (!read_field(reader, field)) return fail();
  }
  return reader.done() || fail();
}

// The lines of the kernel's log that hold something of one boot. The first template that fits is taken.
constexpr std::string_view kLogTemplates[] = {
    "CPU: {dec} PID: {dec} Comm: swapper/{dec} {*}",
    "CPU: {dec} UID: {word} PID: {dec} Comm: swapper/{dec} {*}", "CPU: {dec} PID: {dec} Comm: {prog} {*}",
    "CPU: {dec} UID: {word} PID: {dec} Comm: {prog} {*}", "WARNING: CPU: {dec} PID: {dec} at {src} {*}",
    "kernel BUG at {src}!", "Hardware name: {hw}", "Code: {code}", "PGD {pgt}",
    "note: {prog}[{dec}] exited with {*}", "note: {name}[{dec}] exited with {*}", "RIP: 0010:0x{text}",
    "SLUB: Unable to allocate memory on CPU {dec} (of node 0) on node {*}",
    "BUG: scheduling while atomic: {prog}/{dec}/{*}", "INFO: task {task}:{dec} blocked for more than {*}",
    "task:{word}{sp}state:{word}{sp}stack:{word}{sp}pid:{pad}ppid:{pad}flags:{*}",
    "task:{word}{sp}state:{word}{sp}stack:{word}{sp}pid:{pad}tgid:{pad}ppid:{pad}flags:{*}",
    "watchdog: BUG: soft lockup - CPU#{dec} stuck for {dec}s! [{task}:{dec}]",
    "rcu: \t{dec}-....: ({dec} ticks this GP) idle={hex}/{hex}/0x{hex} softirq={dec}/{dec} fqs={dec}",
    "\t(t={dec} jiffies g={dec} q={dec} ncpus={dec})", "rcu: \t(t={dec} jiffies g={dec} q={dec} ncpus={dec})",
    "general protection fault, probably for non-canonical address 0x{hex}: {*}",
    "Oops: general protection fault, probably for non-canonical address 0x{hex}: {*}",
    "Kernel Offset: {kaslr}", "Allocated in {sym} [{word} age={dec} cpu={dec} pid={dec}",
    "Freed in {sym} [{word} age={dec} cpu={dec} pid={dec}",
    "Slab 0x{addr} objects={word} used={dec} fp=0x{addr} flags=0x{hex}({*}",
    "Object 0x{addr} @offset={dec} fp=0x{addr}", "Object 0x{addr} @offset={dec}",
    "0x{addr}-0x{addr} @offset={dec}. {*}", "[Left Redzone overwritten] 0x{addr}-0x{addr} @offset={dec}. {*}",
    "[Right Redzone overwritten] 0x{addr}-0x{addr} @offset={dec}. {*}",
    "[kmalloc Redzone overwritten] 0x{addr}-0x{addr} @offset={dec}. {*}",
    "[Poison overwritten] 0x{addr}-0x{addr} @offset={dec}. {*}",
    "[End Poison overwritten] 0x{addr}-0x{addr} @offset={dec}. {*}",
    "[Alignment padding overwritten] 0x{addr}-0x{addr} @offset={dec}. {*}",
    "[Object padding overwritten] 0x{addr}-0x{addr} @offset={dec}. {*}",
    "./notes/.note.gnu.build-id: ...GNU{build-id}",
    // What a boot leaves free.
    "ORC|value|4 MiB blocks before failure|{dec}", "ORC|value|8 KiB objects before failure|{dec}",
    "{word} {word} {word} {word} {word} 0x{addr} {*}",  // /proc/modules
};

bool starts_with_register(std::string_view text) {
  static constexpr std::array<std::string_view, 14> kFirst = {
      "RAX: ", "RDX: ", "RBP: ", "R10: ", "R13: ", "RSP: ", "FS:  ",
      "CS:  ", "CR2: ", "DR0: ", "DR3: ", "CR0: ", "RBX: ", "GS:  "};
  return std::any_of(kFirst.begin(), kFirst.end(),
                     [&](std::string_view name) { return text.starts_with(name); });
}

// show_mem(): every number is this machine's.
bool is_memory_state(std::string_view text) {
  static constexpr std::array<std::string_view, 13> kFirst = {"active_anon:",
                                                              " active_file:",
                                                              " unevictable:",
                                                              " slab_reclaimable:",
                                                              " mapped:",
                                                              " sec_pagetables:",
                                                              " kernel_misc_reclaimable:",
                                                              " free:",
                                                              "Node 0 ",
                                                              "lowmem_reserve[]:",
                                                              "Free swap",
                                                              "Total swap",
                                                              "  node 0: slabs:"};
  if (std::any_of(kFirst.begin(), kFirst.end(),
                  [&](std::string_view name) { return text.starts_with(name); }))
    return true;
  const std::size_t digits = run_length(text, is_digit);
  const std::string_view rest = text.substr(digits);
  return digits > 0 && (rest.starts_with(" pages ") || rest.starts_with(" total pagecache pages"));
}

void read_log_text(Reader& reader) {
  const std::string_view text = reader.rest();
  if (starts_with_register(text)) return read_registers(reader);
  if (is_memory_state(text)) return read_numbers(reader);
  for (std::string_view shape : kLogTemplates) {
    if (read_template(reader, shape)) return;
  }
  read_plain(reader);
}

void read_log(Reader& reader) {
  const LogLine parts = parse_log_line(reader.rest());
  reader.literal(parts.level.size());
  if (!parts.stamp.empty()) reader.mask(Kind::stamp, parts.stamp.size());
  read_log_text(reader);
}

// level,sequence,microseconds,flags;text (the sequence number was made relative to the first record's)
void read_kmsg(Reader& reader) {
  const std::string_view text = reader.rest();
  const std::size_t first = text.find(',');
  const std::size_t second = first == std::string_view::npos ? first : text.find(',', first + 1);
  const std::size_t third = second == std::string_view::npos ? second : text.find(',', second + 1);
  const std::size_t semicolon = third == std::string_view::npos ? third : text.find(';', third + 1);
  if (semicolon == std::string_view::npos) return read_plain(reader);
  reader.literal(second + 1);
  if (!reader.mask(Kind::decimal)) return read_plain(reader);
  reader.literal(semicolon + 1 - third);
  read_log_text(reader);
}

}  // namespace

Pattern Pattern::parse(std::string_view expected, Dialect dialect) {
  Reader reader(expected);
  switch (dialect) {
    case Dialect::exact:
      reader.literal(expected.size());
      break;
    case Dialect::plain:
      read_plain(reader);
      break;
    case Dialect::facts:
      read_facts(reader);
      break;
    case Dialect::log:
      read_log(reader);
      break;
    case Dialect::lock:
      read_log(reader);
      if (!reader.done()) reader.literal(reader.rest().size());
      return of_spans(expected, lock_spans(expected, std::move(reader).spans()));
    case Dialect::format_cell:
      read_format_cell(reader);
      break;
    case Dialect::kmsg:
      read_kmsg(reader);
      break;
    case Dialect::address_cell:
      read_address_cell(reader);
      break;
    case Dialect::any_number:
      if (!reader.mask(Kind::decimal)) reader.literal(expected.size());
      break;
    case Dialect::counts:
      return of_spans(expected, count_spans(expected));
  }
  if (!reader.done()) reader.literal(reader.rest().size());
  Pattern pattern;
  pattern.text_ = expected;
  pattern.spans_ = std::move(reader).spans();
  return pattern;
}

Pattern Pattern::of_spans(std::string_view expected, std::vector<Span> spans) {
  Pattern pattern;
  pattern.text_ = expected;
  pattern.spans_ = std::move(spans);
  return pattern;
}

void Pattern::append(const Pattern& other) {
  const std::size_t base = text_.size();
  text_ += other.text_;
  for (Span span : other.spans_) spans_.push_back({span.kind, span.begin + base, span.end + base});
}

Pattern Pattern::parse_row(std::string_view expected, const std::vector<Dialect>& cells) {
  Pattern row;
  const std::vector<std::string_view> pieces = split(expected, '\t');
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) row.append(parse("\t", Dialect::exact));
    row.append(parse(pieces[i], i < cells.size() ? cells[i] : Dialect::exact));
  }
  return row;
}

bool Pattern::matches(std::string_view actual) const {
  std::size_t position = 0;
  for (const Span& span : spans_) {
    const std::size_t length = span.end - span.begin;
    const std::string_view rest = actual.substr(position);
    if (span.kind == Kind::literal) {
      if (!rest.starts_with(std::string_view(text_).substr(span.begin, length))) return false;
      position += length;
      continue;
    }
    const std::size_t taken = take(span.kind, rest, std::string_view(text_).substr(span.begin, length));
    if (taken == std::string_view::npos) return false;
    position += taken;
  }
  return position == actual.size();
}

bool Pattern::comparable() const {
  return text_.empty() || std::any_of(spans_.begin(), spans_.end(), [this](const Span& span) {
           return span.kind == Kind::literal && text_.find_first_not_of(" \t", span.begin) < span.end;
         });
}

bool is_guessed_frame(std::string_view log_text) {
  const std::size_t blanks = run_length(log_text, [](char c) { return c == ' '; });
  return blanks > 0 && log_text.substr(blanks).starts_with("? ");
}

}  // namespace koi::conformance
