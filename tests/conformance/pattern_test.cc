// SPDX-License-Identifier: GPL-2.0-only
#include "pattern.h"

#include <gtest/gtest.h>

namespace koi::conformance {
namespace {

bool log_matches(std::string_view expected, std::string_view actual) {
  return Pattern::parse(expected, Dialect::log).matches(actual);
}

TEST(Pattern, SpansCoverTheLine) {
  for (std::string_view line :
       {"<4>[    3.6] no stamp", "<4>[    3.605185] WARNING: CPU: 0 PID: 92 at mm/slub.c:419 kfree+0x1/0x2",
        "RSP: 0018:ffffd0c4007bfd10 EFLAGS: 00000202", "", " ", "(____ptrval____)"}) {
    const Pattern pattern = Pattern::parse(line, Dialect::log);
    std::size_t at = 0;
    for (const Span& span : pattern.spans()) {
      EXPECT_EQ(span.begin, at) << line;
      at = span.end;
    }
    EXPECT_EQ(at, line.size());
    EXPECT_TRUE(pattern.matches(line)) << line;
  }
}

TEST(Pattern, MemoryFilesKeepNamesColumnsAndGeometry) {
  const auto matches = [](std::string_view expected, std::string_view actual) {
    return Pattern::parse(expected, Dialect::counts).matches(actual);
  };
  const std::string_view slab =
      "kmalloc-64          1600   1600     64   64    1 : tunables    0    0    0 : slabdata     25     25   "
      "   0";
  EXPECT_TRUE(matches(slab,
                      "kmalloc-64             0      0     64   64    1 : tunables    0    0    0 : slabdata "
                      "     0      0      0"));
  EXPECT_FALSE(matches(slab,
                       "kmalloc-64             0      0     72   64    1 : tunables    0    0    0 : "
                       "slabdata      0      0      0"));
  EXPECT_FALSE(matches(slab,
                       "kmalloc-64             0     0     64   64    1 : tunables    0    0    0 : slabdata "
                       "     0      0      0"));
  EXPECT_TRUE(matches("MemFree:          429964 kB", "MemFree:               1 kB"));
  EXPECT_FALSE(matches("MemFree:          429964 kB", "MemFree:     1 kB"));
  EXPECT_FALSE(matches("Hugepagesize:       2048 kB", "Hugepagesize:       4096 kB"));
  EXPECT_FALSE(matches("Node 0, zone    DMA32      2 ", "Node 1, zone    DMA32      2 "));
  EXPECT_TRUE(matches("Node 0, zone    DMA32      2 ", "Node 0, zone    DMA32   1002 "));
  EXPECT_FALSE(matches("      nr_dirty     0", "      nr_dirty     1"));
}

TEST(Pattern, LevelIsComparedAndStampIsNot) {
  EXPECT_TRUE(log_matches("<4>[    3.604375] text", "<4>[12345.000001] text"));
  EXPECT_FALSE(log_matches("<4>[    3.604375] text", "<5>[    3.604375] text"));
  EXPECT_FALSE(log_matches("<4>[    3.604375] text", "<4>text"));
}

TEST(Pattern, WarningComparesFileFunctionAndModule) {
  const std::string_view in_module =
      "WARNING: CPU: 0 PID: 92 at /build/orc_splat.c:52 t_warn_on+0x16/0x20 [orc_splat]";
  EXPECT_TRUE(log_matches(
      in_module, "WARNING: CPU: 3 PID: 1 at /home/me/orc_splat.c:52 t_warn_on+0x16/0x20 [orc_splat]"));
  EXPECT_FALSE(log_matches(
      in_module, "WARNING: CPU: 3 PID: 1 at /build/orc_splat.c:53 t_warn_on+0x16/0x20 [orc_splat]"));
  EXPECT_FALSE(log_matches(
      in_module, "WARNING: CPU: 3 PID: 1 at /build/orc_splat.c:52 t_warn_on+0x17/0x20 [orc_splat]"));
  EXPECT_FALSE(
      log_matches(in_module, "WARNING: CPU: 3 PID: 1 at /build/orc_splat.c:52 t_warn_on+0x16/0x20 [other]"));
  const std::string_view in_kernel =
      "WARNING: CPU: 0 PID: 93 at mm/page_alloc.c:5634 __alloc_pages+0x2a9/0x330";
  EXPECT_TRUE(log_matches(in_kernel, "WARNING: CPU: 1 PID: 1 at mm/page_alloc.c:1 __alloc_pages+0x0/0x1"));
  EXPECT_FALSE(log_matches(in_kernel, "WARNING: CPU: 1 PID: 1 at mm/slub.c:1 __alloc_pages+0x0/0x1"));
  EXPECT_FALSE(log_matches(in_kernel, "WARNING: CPU: 1 PID: 1 at mm/page_alloc.c:1 alloc_pages+0x0/0x1"));
}

TEST(Pattern, TaintAndReleaseAreCompared) {
  const std::string_view line =
      "CPU: 0 PID: 92 Comm: insmod Tainted: G           OE      6.1.0-56-amd64 #1  Debian 6.1.192-2";
  EXPECT_TRUE(log_matches(
      line,
      "CPU: 7 PID: 12345 Comm: orcmod Tainted: G           OE      6.1.0-56-amd64 #1  Debian 6.1.192-2"));
  EXPECT_FALSE(log_matches(
      line, "CPU: 0 PID: 92 Comm: insmod Tainted: G        W  OE      6.1.0-56-amd64 #1  Debian 6.1.192-2"));
  EXPECT_FALSE(log_matches(
      line, "CPU: 0 PID: 92 Comm: kworker Tainted: G           OE      6.1.0-56-amd64 #1  Debian 6.1.192-2"));
}

TEST(Pattern, RegistersKeepTheirNames) {
  const std::string_view line = "RAX: 0000000000000001 RBX: 0000000000000000 RCX: c0000000ffffefff";
  EXPECT_TRUE(log_matches(line, "RAX: 0000000000000009 RBX: 00000000deadbeef RCX: 0000000000000000"));
  EXPECT_FALSE(log_matches(line, "RAX: 0000000000000009 RDX: 00000000deadbeef RCX: 0000000000000000"));
  EXPECT_TRUE(log_matches("FS:  0000000007fb93c0(0000) GS:ffff8d319f200000(0000) knlGS:0000000000000000",
                          "FS:  0000000000000000(0000) GS:0000000050000000(0000) knlGS:0000000000000000"));
  EXPECT_TRUE(log_matches("Code: 48 <0f> 0b", "Code: 90 90 <cc>"));
  EXPECT_TRUE(log_matches("Code: 48 <0f> 0b", "Code: Unable to access opcode bytes at 0x123."));
  EXPECT_FALSE(log_matches("Code: 48 <0f> 0b", "Code: nonsense"));
}

TEST(Pattern, AddressesByShape) {
  EXPECT_TRUE(log_matches("list_del corruption, ffff8c8381a681c0->next is NULL",
                          "list_del corruption, 0000100000001040->next is NULL"));
  EXPECT_FALSE(log_matches("list_del corruption, ffff8c8381a681c0->next is NULL",
                           "list_del corruption, 1040->next is NULL"));
  // A fault address that is a fact stays one.
  EXPECT_FALSE(log_matches("BUG: kernel NULL pointer dereference, address: 0000000000000018",
                           "BUG: kernel NULL pointer dereference, address: 0000000000000000"));
  EXPECT_TRUE(log_matches("bad address ((____ptrval____))", "bad address (00000000a357101c)"));
  EXPECT_FALSE(Pattern::parse("[ffffffffffffffea]", Dialect::plain).matches("[ffffffffffffffeb]"));
}

TEST(Pattern, HashesInAColumnOfBlanks) {
  const auto matches = [](std::string_view expected, std::string_view actual) {
    return Pattern::parse(expected, Dialect::format_cell).matches(actual);
  };
  for (std::string_view expected : {"[            a357101c]", "[(____ptrval____)]"}) {
    EXPECT_TRUE(matches(expected, "[            01234567]")) << expected;
    EXPECT_TRUE(matches(expected, "[             1234567]")) << expected;
    EXPECT_FALSE(matches(expected, "[            1234567]")) << expected;
  }
  for (std::string_view expected : {"[a357101c            |]", "[(____ptrval____)|]"}) {
    EXPECT_TRUE(matches(expected, "[1234567             |]")) << expected;
    EXPECT_FALSE(matches(expected, "[1234567            |]")) << expected;
  }
  EXPECT_FALSE(matches("[00000000a357101c]", "[0000000a357101c]"));
}

TEST(Pattern, KernelOffset) {
  const std::string_view line =
      "Kernel Offset: 0x16c00000 from 0xffffffff81000000 (relocation range: "
      "0xffffffff80000000-0xffffffffbfffffff)";
  EXPECT_TRUE(log_matches(line, "Kernel Offset: disabled"));
  EXPECT_TRUE(log_matches(line,
                          "Kernel Offset: 0x2 from 0xffffffff81000000 (relocation range: "
                          "0xffffffff80000000-0xffffffffbfffffff)"));
  EXPECT_FALSE(log_matches(line, "Kernel Offset: enabled"));
}

TEST(Pattern, ProcModules) {
  const std::string_view line = "lm_prov 16384 2 lm_cons2,lm_cons, Live 0xffffffffc0265000 (OE)";
  EXPECT_TRUE(log_matches(line, "lm_prov 16384 2 lm_cons2,lm_cons, Live 0x0000000000000000 (OE)"));
  EXPECT_FALSE(log_matches(line, "lm_prov 12288 2 lm_cons2,lm_cons, Live 0x0000000000000000 (OE)"));
}

TEST(Pattern, HashedPointersKeepTheirForm) {
  const Pattern padded = Pattern::parse("[            a357101c]", Dialect::format_cell);
  EXPECT_TRUE(padded.matches("[            01234567]"));
  EXPECT_FALSE(padded.matches("[0000000001234567]"));
  EXPECT_FALSE(padded.matches("[           01234567]"));
}

TEST(Pattern, SampledFactsOnly) {
  const Pattern row = Pattern::parse("ok pages=2 physically_contiguous=1", Dialect::facts);
  EXPECT_TRUE(row.matches("ok pages=2 physically_contiguous=0"));
  EXPECT_FALSE(row.matches("ok pages=3 physically_contiguous=1"));
}

TEST(Pattern, GuessedFrames) {
  EXPECT_TRUE(is_guessed_frame(" ? do_fault+0x1a7/0x410"));
  EXPECT_FALSE(is_guessed_frame(" do_fault+0x1a7/0x410"));
  EXPECT_FALSE(is_guessed_frame("? no"));
}

}  // namespace
}  // namespace koi::conformance
