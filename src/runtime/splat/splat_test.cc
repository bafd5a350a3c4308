// SPDX-License-Identifier: GPL-2.0-only
// Rebuilds splats that real kernels printed (testdata/): the text is parsed into inputs field by field, the
// inputs are formatted again, and every line must come out byte for byte (time stamps aside).
#include "runtime/splat/splat.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

namespace koi::runtime {
namespace {

namespace fs = std::filesystem;

// Gives each symbol text of the reference an address range of its own.
class ParsedSymbols : public Symbolizer {
 public:
  u64 address_of(const std::string& text) {
    static const std::regex kNamed(R"((\S+)\+0x([0-9a-f]+)/0x([0-9a-f]+)(?: \[(\S+)\])?)");
    std::smatch match;
    if (!std::regex_match(text, match, kNamed)) return std::stoull(text, nullptr, 16);
    next_ += kSpacing;
    bases_[next_] = {match[1], 0, std::stoull(match[3], nullptr, 16), match[4]};
    return next_ + std::stoull(match[2], nullptr, 16);
  }
  std::optional<Symbol> lookup(u64 address) const override {
    const auto found = bases_.find(address / kSpacing * kSpacing);
    if (found == bases_.end()) return std::nullopt;
    Symbol symbol = found->second;
    symbol.offset = address % kSpacing;
    return symbol;
  }

 private:
  static constexpr u64 kSpacing = 0x100000000;
  u64 next_ = 0x1000000000000000;
  std::map<u64, Symbol> bases_;
};

struct Reference {
  SplatText lines;         // without time stamps
  bool has_levels = true;  // the console copy has none
};

Reference read_reference(const fs::path& path) {
  static const std::regex kLine(R"((?:<(\d)>)?\[ *[0-9.]+\] (.*))");
  Reference reference;
  std::ifstream in(path);
  std::string line;
  while (std::getline(in, line)) {
    std::smatch match;
    if (!std::regex_match(line, match, kLine)) continue;  // output of user space on the same console
    reference.has_levels = match[1].matched;
    reference.lines.push_back({static_cast<u8>(match[1].matched ? std::stoi(match[1]) : 0), match[2]});
  }
  return reference;
}

// Walks over the lines and parses splats out of them.
class Parser {
 public:
  explicit Parser(const Reference& reference) : lines_(reference.lines) {}

  bool at_end() const { return at_ >= lines_.size(); }
  const std::string& line() const {
    static const std::string kEmpty;
    return at_end() ? kEmpty : lines_[at_].text;
  }
  bool at_prefix(const std::string& prefix) const { return line().rfind(prefix, 0) == 0; }
  std::string take() { return lines_[at_++].text; }
  u64 position() const { return at_; }
  void skip_to(u64 position) { at_ = position; }
  ParsedSymbols symbols;

  // The match of a line that must look so.
  std::smatch take_match(const std::string& pattern) {
    current_ = take();
    std::smatch match;
    EXPECT_TRUE(std::regex_match(current_, match, std::regex(pattern))) << pattern << "\n" << current_;
    return match;
  }

  void context(SplatContext& context) {
    const auto m = take_match(
        R"(CPU: (\d+) (?:UID: (\d+) )?PID: (\d+) Comm: (\S+) (Not tainted|Tainted: .{19}) (\S+) (#\d+) (.*))");
    context.cpu = static_cast<u32>(std::stoul(m[1]));
    if (m[2].matched) context.series = Release::k6_12;
    context.uid = m[2].matched ? static_cast<u32>(std::stoul(m[2])) : 0;
    context.pid = std::stoi(m[3]);
    context.comm = m[4];
    context.taint = taint(m[5]);
    context.release = m[6];
    context.build = m[7];
    context.package = m[8];
    if (at_prefix("Tainted: ")) take();
    if (at_prefix("Hardware name: ")) context.hardware = take().substr(15);
    if (at_prefix("Workqueue: ")) context.workqueue = take().substr(11);
  }

  static u64 taint(const std::string& text) {
    static const std::string kLetters = "PFSRMBUDAWCIOELKXTN";
    u64 mask = 0;
    for (u64 i = 9; i < text.size() && i - 9 < kLetters.size(); ++i) {
      if (text[i] == kLetters[i - 9]) mask |= u64{1} << (i - 9);
    }
    return mask;
  }

  SplatRegisters registers() {
    SplatRegisters r;
    auto m = take_match(R"(RIP: ([0-9a-f]{4}):(.*))");
    r.cs = static_cast<u16>(hex(m[1]));
    r.rip = symbols.address_of(m[2]);
    if (at_prefix("Code: Unable")) {
      take();
    } else if (at_prefix("Code:")) {
      r.code = code(take().substr(6));
    } else {
      r.code_withheld = true;
    }
    m = take_match(R"(RSP: ([0-9a-f]{4}):(\w+) EFLAGS: (\w+)(?: ORIG_RAX: (\w+))?)");
    r.ss = static_cast<u16>(hex(m[1]));
    r.rsp = hex(m[2]);
    r.eflags = hex(m[3]);
    if (m[4].matched) r.orig_rax = hex(m[4]);
    three("RAX", r.rax, "RBX", r.rbx, "RCX", r.rcx);
    three("RDX", r.rdx, "RSI", r.rsi, "RDI", r.rdi);
    three("RBP", r.rbp, "R08", r.r8, "R09", r.r9);
    three("R10", r.r10, "R11", r.r11, "R12", r.r12);
    three("R13", r.r13, "R14", r.r14, "R15", r.r15);
    return r;
  }

  void control(ControlRegisters& c) {
    auto m = take_match(R"(FS:  (\w+)\((\w+)\) GS:(\w+)\((\w+)\) knlGS:(\w+))");
    c.fs_base = hex(m[1]);
    c.fs = static_cast<u16>(hex(m[2]));
    c.gs_base = hex(m[3]);
    c.gs = static_cast<u16>(hex(m[4]));
    c.kernel_gs_base = hex(m[5]);
    m = take_match(R"(CS:  \w+ DS: (\w+) ES: (\w+) CR0: (\w+))");
    c.ds = static_cast<u16>(hex(m[1]));
    c.es = static_cast<u16>(hex(m[2]));
    c.cr0 = hex(m[3]);
    m = take_match(R"(CR2: (\w+) CR3: (\w+) CR4: (\w+))");
    c.cr2 = hex(m[1]);
    c.cr3 = hex(m[2]);
    c.cr4 = hex(m[3]);
  }

  std::vector<TraceItem> trace() {
    std::vector<TraceItem> items;
    EXPECT_EQ(take(), "Call Trace:");
    static const std::regex kEntry(R"( (\? )?(\S+(?: \[\S+\])?))");
    while (at_prefix(" ") || at_prefix("RIP: ")) {
      if (at_prefix("RIP: ")) {
        items.push_back(trace_registers(registers()));
        continue;
      }
      const std::string text = take();
      if (text.rfind(" </", 0) == 0) {
        items.push_back(trace_stack_end(text.substr(3, text.size() - 4)));
      } else if (text.rfind(" <", 0) == 0) {
        items.push_back(trace_stack_begin(text.substr(2, text.size() - 3)));
      } else {
        std::smatch m;
        EXPECT_TRUE(std::regex_match(text, m, kEntry)) << text;
        items.push_back(trace_address(symbols.address_of(m[2]), !m[1].matched));
      }
    }
    return items;
  }

  void modules(SplatContext& context) {
    const auto m = take_match(R"(Modules linked in:((?: [^\[ ]\S*)*)(?: \[last unloaded: (\S+)\])?)");
    std::istringstream names(m[1]);
    std::string name;
    while (names >> name) context.modules.push_back(name);
    if (m[2].matched) context.last_unloaded = m[2];
  }

  void register_block(SplatInput& input) {
    context(input.context);
    input.registers = registers();
    control(input.control);
    input.trace = trace();
  }

  static u64 hex(const std::string& text) { return std::stoull(text, nullptr, 16); }

 private:
  static CodeBytes code(const std::string& text) {
    CodeBytes bytes{};
    std::string digits;
    for (const char c : text) {
      if (std::isxdigit(static_cast<unsigned char>(c)) != 0) digits += c;
    }
    EXPECT_EQ(digits.size(), 2 * kCodeBytes);
    for (u64 i = 0; i < kCodeBytes; ++i)
      bytes[i] = static_cast<u8>(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
    return bytes;
  }
  void three(const char* a, u64& va, const char* b, u64& vb, const char* c, u64& vc) {
    const auto m = take_match(fmt::format(R"({}: (\w{{16}}) {}: (\w{{16}}) {}: (\w{{16}}))", a, b, c));
    va = hex(m[1]);
    vb = hex(m[2]);
    vc = hex(m[3]);
  }

  const SplatText& lines_;
  u64 at_ = 0;
  std::string current_;
};

struct Rebuilt {
  u64 splats = 0;
  u64 oopses = 0;
  u64 bytes = 0;
};

class Rebuilder {
 public:
  Rebuilder(const Reference& reference, std::string name)
      : reference_(reference), parser_(reference), name_(std::move(name)) {}

  Rebuilt run() {
    while (!parser_.at_end()) {
      const u64 begin = parser_.position();
      const SplatText text = one();
      if (text.empty()) {
        parser_.take();
        continue;
      }
      ++rebuilt_.splats;
      compare(begin, text);
    }
    return rebuilt_;
  }

 private:
  SplatText one() {
    static const std::regex kPlainOops(
        "(?:Oops: )?(general protection|divide error|stack guard|int3|invalid opcode).*");
    const std::string& line = parser_.line();
    if (line.rfind("------------[ cut", 0) == 0) return warn_or_bug();
    if (line.rfind("kernel tried", 0) == 0 || line.rfind("BUG: kernel NULL", 0) == 0 ||
        line.rfind("BUG: unable", 0) == 0 || line.rfind("BUG: TASK stack", 0) == 0 ||
        std::regex_match(line, kPlainOops)) {
      return oops(OopsEvent{});
    }
    if (line.rfind("BUG: scheduling", 0) == 0) return scheduling();
    if (line.rfind("watchdog: BUG: soft", 0) == 0) return lockup();
    if (line.rfind("INFO: task", 0) == 0) return hung();
    if (line.rfind("Kernel panic", 0) == 0) return panic();
    if (line.rfind("note: ", 0) == 0) return note();
    if (line.rfind("CPU: ", 0) == 0) return bare_dump();
    return {};
  }

  // dump_stack(), or with registers the RCU stall report.
  SplatText bare_dump() {
    SplatInput input;
    const u8 level = reference_.has_levels ? reference_.lines[parser_.position()].level : 4;
    parser_.context(input.context);
    if (!parser_.at_prefix("RIP: ")) {
      input.trace = parser_.trace();
      return stack_dump(input, parser_.symbols, level);
    }
    input.registers = parser_.registers();
    parser_.control(input.control);
    input.trace = parser_.trace();
    return register_dump(input, parser_.symbols);
  }

  SplatText warn_or_bug() {
    parser_.take();
    if (parser_.at_prefix("kernel BUG at ")) {
      OopsEvent event;
      const auto m = parser_.take_match(R"(kernel BUG at (.*):(\d+)!)");
      event.kind = OopsKind::kBug;
      event.file = m[1];
      event.line = static_cast<u32>(std::stoul(m[2]));
      return oops(event);
    }
    WarnEvent event;
    while (!parser_.at_prefix("WARNING: ")) event.message += parser_.take() + "\n";
    const auto m = parser_.take_match(R"(WARNING: CPU: \d+ PID: \d+ at (\S+):(\d+) .*)");
    event.file = m[1];
    event.line = static_cast<u32>(std::stoul(m[2]));
    SplatInput input;
    parser_.modules(input.context);
    parser_.register_block(input);
    while (!parser_.at_prefix("---[ end")) input.before_end.push_back({4, parser_.take()});
    parser_.take();
    return warn_splat(input, event, parser_.symbols);
  }

  SplatText oops(OopsEvent event) {
    page_fault_lines(event);
    auto m = parser_.take_match(R"((Oops: )?(.*): ([0-9a-f]{4}) \[#(\d+)\](.*))");
    const std::string name = m[2].str().empty() ? "Oops" : m[2].str();
    kind_of(event, name);
    event.error_code = Parser::hex(m[3]);
    event.number = static_cast<u32>(std::stoul(m[4]));
    SplatInput input;
    input.context.oops_options = m[5];
    parser_.register_block(input);
    parser_.modules(input.context);
    if (event.kind == OopsKind::kPageFault) parser_.take();
    parser_.take_match(R"(---\[ end trace 0{16} \]---)");
    const SplatRegisters summary = parser_.registers();
    ControlRegisters again;
    parser_.control(again);
    if (rebuilt_.oopses++ == 0) first_ = summary;
    event.first = &first_;
    return oops_splat(input, event, parser_.symbols);
  }

  void page_fault_lines(OopsEvent& event) {
    if (parser_.at_prefix("kernel tried")) {
      parser_.take();
      event.executed_nx_page = true;
    }
    if (parser_.at_prefix("BUG: TASK")) {
      const auto m =
          parser_.take_match(R"(BUG: (\w+) stack guard page was hit at (\S+) \(stack is (\S+)\.\.(\S+)\))");
      event.stack_name = m[1];
      event.fault_text = m[2];
      event.stack_begin_text = m[3];
      event.stack_end_text = m[4];
    } else if (parser_.at_prefix("BUG: ")) {
      const auto m = parser_.take_match(R"(BUG: .* address: (\w{16}))");
      event.address = Parser::hex(m[1]);
      parser_.take_match("#PF: .* in kernel mode");
      parser_.take_match("#PF: error_code.*");
      if (parser_.at_prefix("PGD")) event.page_table = parser_.take();
    }
  }

  static void kind_of(OopsEvent& event, const std::string& name) {
    static const std::regex kProtection(
        R"(general protection fault(?:, (\w+) for (?:\S+ )?address (0x\w+))?)");
    std::smatch m;
    if (name == "divide error") event.kind = OopsKind::kDivideError;
    if (name == "int3") event.kind = OopsKind::kInt3;
    if (name == "stack guard page") event.kind = OopsKind::kStackGuardPage;
    if (name == "invalid opcode" && event.kind != OopsKind::kBug) event.kind = OopsKind::kInvalidOpcode;
    if (std::regex_match(name, m, kProtection)) {
      event.kind = OopsKind::kGeneralProtection;
      if (m[1] == "probably") event.hint = OopsEvent::Hint::kNonCanonical;
      if (m[1] == "maybe") event.hint = OopsEvent::Hint::kCanonical;
      if (m[2].matched) event.address = Parser::hex(m[2]);
    }
  }

  SplatText scheduling() {
    SplatInput input;
    const auto m = parser_.take_match(R"(BUG: scheduling while atomic: .*/(0x\w+))");
    const u32 count = static_cast<u32>(Parser::hex(m[1]));
    parser_.modules(input.context);
    parser_.context(input.context);
    input.trace = parser_.trace();
    return scheduling_while_atomic_splat(input, count, {}, parser_.symbols);
  }

  SplatText lockup() {
    SplatInput input;
    const auto m = parser_.take_match(R"(watchdog: .* stuck for (\d+)s! .*)");
    const u32 seconds = static_cast<u32>(std::stoul(m[1]));
    parser_.modules(input.context);
    parser_.register_block(input);
    return soft_lockup_splat(input, seconds, parser_.symbols);
  }

  SplatText hung() {
    SplatInput input;
    TaskState task;
    auto m = parser_.take_match(R"(INFO: task .*:\d+ blocked for more than (\d+) seconds\.)");
    const u64 seconds = std::stoull(m[1]);
    m = parser_.take_match(R"(      (Tainted: .{19}) (\S+) (#\d+)(.*))");
    input.context.taint = Parser::taint(m[1]);
    input.context.release = m[2];
    input.context.build = m[3];
    input.context.package = m[4];
    parser_.take();
    m = parser_.take_match(
        R"(task:(\S+) +state:(\w) stack:(\d+) +pid:(\d+) +(?:tgid:(\d+) +)?ppid:(\d+) +flags:(0x\w+))");
    task.comm = m[1];
    task.state = m[2].str()[0];
    task.stack_free = std::stoull(m[3]);
    task.pid = std::stoi(m[4]);
    if (m[5].matched) {
      input.context.series = Release::k6_12;
      task.tgid = std::stoi(m[5]);
    }
    task.ppid = std::stoi(m[6]);
    task.flags = Parser::hex(m[7]);
    input.trace = parser_.trace();
    return hung_task_splat(input, task, seconds, parser_.symbols);
  }

  SplatText panic() {
    SplatInput input;
    PanicEvent event;
    event.message = parser_.take_match("Kernel panic - not syncing: (.*)")[1];
    event.dump = PanicDump::kNone;
    if (parser_.at_prefix("CPU: ")) {
      parser_.context(input.context);
      input.trace = parser_.trace();
      event.dump = PanicDump::kStack;
    }
    event.kernel_offset = parser_.take_match("Kernel Offset: (.*)")[1];
    event.end = PanicEnd::kReboots;
    if (parser_.at_prefix("---[ end Kernel panic")) {
      parser_.take();
      event.end = PanicEnd::kStays;
    }
    return panic_splat(input, event, parser_.symbols);
  }

  SplatText note() {
    const auto m =
        parser_.take_match(R"(note: (\S+)\[(\d+)\] exited with (?:irqs disabled|preempt_count (\d+)))");
    SplatContext context;
    context.comm = m[1];
    context.pid = std::stoi(m[2]);
    return exit_notes(context, !m[3].matched, m[3].matched ? static_cast<u32>(std::stoul(m[3])) : 0);
  }

  void compare(u64 begin, const SplatText& text) {
    const u64 end = parser_.position();
    ASSERT_EQ(text.size(), end - begin) << name_ << " at line " << begin;
    for (u64 i = 0; i < text.size(); ++i) {
      const SplatLine& expected = reference_.lines[begin + i];
      EXPECT_EQ(text[i].text, expected.text) << name_;
      if (reference_.has_levels) {
        EXPECT_EQ(int{text[i].level}, int{expected.level}) << name_ << ": " << expected.text;
      }
      rebuilt_.bytes += text[i].text.size();
    }
  }

  const Reference& reference_;
  Parser parser_;
  std::string name_;
  SplatRegisters first_;
  Rebuilt rebuilt_;
};

fs::path testdata() { return KOI_TESTDATA; }

TEST(SplatReference, RebuildsEveryLine) {
  u64 files = 0;
  Rebuilt total;
  for (const auto& entry : fs::directory_iterator(testdata())) {
    if (entry.path().extension() != ".txt") continue;
    ++files;
    const Reference reference = read_reference(entry.path());
    const Rebuilt rebuilt = Rebuilder(reference, entry.path().filename()).run();
    EXPECT_GE(rebuilt.splats, 1u) << entry.path();
    total.splats += rebuilt.splats;
    total.bytes += rebuilt.bytes;
  }
  EXPECT_GE(files, 40u);
  EXPECT_GE(total.splats, 60u);
  EXPECT_GE(total.bytes, 130000u);
}

class NoSymbols : public Symbolizer {
 public:
  std::optional<Symbol> lookup(u64) const override { return std::nullopt; }
};

SplatInput minimal() {
  SplatInput input;
  input.context.comm = "insmod";
  input.context.pid = 92;
  input.context.release = "6.1.0";
  input.registers.rip = 0x40001000;
  input.registers.code_withheld = true;
  return input;
}

const SplatLine* find(const SplatText& text, const std::string& part) {
  for (const SplatLine& line : text) {
    if (line.text.find(part) != std::string::npos) return &line;
  }
  return nullptr;
}

TEST(SplatText, FaultWording) {
  OopsEvent event;
  event.address = 0xfff;
  EXPECT_TRUE(find(oops_splat(minimal(), event, NoSymbols()),
                   "kernel NULL pointer dereference, address: 0000000000000fff"));
  event.address = 0x1000;
  event.error_code = kernel_error_code(0x7);
  const SplatText present = oops_splat(minimal(), event, NoSymbols());
  EXPECT_TRUE(find(present, "unable to handle page fault for address: 0000000000001000"));
  EXPECT_TRUE(find(present, "#PF: supervisor write access in kernel mode"));
  EXPECT_TRUE(find(present, "#PF: error_code(0x0003) - permissions violation"));
  event.error_code = 9;
  EXPECT_TRUE(find(oops_splat(minimal(), event, NoSymbols()), "reserved bit violation"));
  event = {};
  event.kind = OopsKind::kGeneralProtection;
  event.error_code = 0x18;
  EXPECT_TRUE(
      find(oops_splat(minimal(), event, NoSymbols()), "segment-related general protection fault: 0018 [#1]"));
  event.error_code = 0;
  EXPECT_TRUE(find(oops_splat(minimal(), event, NoSymbols()), "general protection fault: 0000 [#1]"));
  event.hint = OopsEvent::Hint::kCanonical;
  event.address = 0x10;
  EXPECT_TRUE(find(oops_splat(minimal(), event, NoSymbols()),
                   "general protection fault, maybe for address 0x10: 0000"));
}

TEST(SplatText, BugWithoutFile) {
  OopsEvent event;
  event.kind = OopsKind::kBug;
  const SplatText text = oops_splat(minimal(), event, NoSymbols());
  EXPECT_EQ(text[0].text, "------------[ cut here ]------------");
  EXPECT_EQ(text[1].text, "Kernel BUG at 0x40001000 [verbose debug info unavailable]");
  EXPECT_EQ(text[1].level, 2);
}

TEST(SplatText, SummaryShowsTheFirstOops) {
  OopsEvent event;
  event.number = 2;
  SplatRegisters first;
  first.rip = 0x4444;
  event.first = &first;
  const SplatText text = oops_splat(minimal(), event, NoSymbols());
  u64 seen = 0;
  for (const SplatLine& line : text) seen += line.text == "RIP: 0010:0x4444" ? 1 : 0;
  EXPECT_EQ(seen, 1u);
  EXPECT_TRUE(find(text, "Oops: 0000 [#2]"));
}

TEST(SplatText, MessagesAreSplitIntoLines) {
  WarnEvent event;
  event.message = "first\nsecond\n";
  event.file = "a.c";
  event.line = 3;
  const SplatText text = warn_splat(minimal(), event, NoSymbols());
  EXPECT_EQ(text[1].text, "first");
  EXPECT_EQ(text[2].text, "second");
  EXPECT_EQ(text[3].text, "WARNING: CPU: 0 PID: 92 at a.c:3 0x40001000");
}

TEST(SplatText, SourceLineComesLastAndIsMarked) {
  SplatInput input = minimal();
  input.source = {{"/src/list.h", 12, "list_add"}, {"/src/hello.c", 30, "hello_init"}};
  const SplatText text = warn_splat(input, {}, NoSymbols());
  EXPECT_EQ(text.back().text,
            "koi: source: /src/list.h:12 in list_add, inlined at /src/hello.c:30 in hello_init");
  EXPECT_EQ(source_text({}), "");
}

TEST(SplatText, Taint) {
  EXPECT_EQ(taint_string(0), "Not tainted");
  EXPECT_EQ(taint_string(12288), "Tainted: G           OE     ");
  EXPECT_EQ(taint_string(1 | 128 | 512), "Tainted: P      D W         ");
  EXPECT_EQ(taint_names(12288 | 512), "[W]=WARN, [O]=OOT_MODULE, [E]=UNSIGNED_MODULE");
}

TEST(SplatText, ModuleMentions) {
  EXPECT_EQ(module_mention("a", "", ModuleMark::kLive), "a");
  EXPECT_EQ(module_mention("a", "OE", ModuleMark::kLive), "a(OE)");
  EXPECT_EQ(module_mention("a", "OE", ModuleMark::kComing), "a(OE+)");
  EXPECT_EQ(module_mention("a", "", ModuleMark::kGoing), "a(-)");
  EXPECT_EQ(modules_line({}).text, "Modules linked in:");
}

TEST(SplatText, ExitNotes) {
  SplatContext context;
  context.comm = "insmod";
  context.pid = 92;
  EXPECT_TRUE(exit_notes(context, false, 0).empty());
  const SplatText both = exit_notes(context, true, 2);
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0], (SplatLine{6, "note: insmod[92] exited with irqs disabled"}));
  EXPECT_EQ(both[1], (SplatLine{6, "note: insmod[92] exited with preempt_count 2"}));
}

TEST(SplatText, CodeBytesAreReadOrRefused) {
  alignas(64) static u8 text[128];
  text[64] = 0x0f;
  const auto bytes = read_code_bytes(reinterpret_cast<u64>(&text[64]));
  ASSERT_TRUE(bytes.has_value());
  EXPECT_EQ((*bytes)[kCodePrologueBytes], 0x0f);
}

}  // namespace
}  // namespace koi::runtime
