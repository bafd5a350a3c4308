// SPDX-License-Identifier: GPL-2.0-only
// Aligning, looking up, gaps, and the readers of koi's output.
#include <gtest/gtest.h>

#include "document.h"
#include "gaps.h"
#include "geometry.h"
#include "loader_session.h"
#include "log_text.h"
#include "splat_cases.h"
#include "tables.h"
#include "text.h"

namespace koi::conformance {
namespace {

Section section_of(std::string_view text) { return {"", numbered_lines(text)}; }

Outcome compare_logs(std::string_view expected, std::string_view actual) {
  const Rules rules;
  const Section koi = section_of(actual);
  return compare(read_section(section_of(expected), rules), &koi, rules);
}

std::string rows_of(const Outcome& outcome) {
  std::string rows;
  for (const Failure& failure : outcome.failures) rows += failure.row + " ";
  return rows;
}

TEST(Compare, ReportsTheRowThatDiffers) {
  const Outcome outcome = compare_logs("one\ntwo\nthree\n", "one\n2\nthree\n");
  EXPECT_EQ(rows_of(outcome), "2 ");
  EXPECT_EQ(outcome.failures[0].got, "2");
  EXPECT_EQ(outcome.compared, 3);
  EXPECT_EQ(outcome.matched(), 2);
}

TEST(Compare, MissingAndUnexpectedLines) {
  EXPECT_EQ(rows_of(compare_logs("one\ntwo\nthree\n", "one\nthree\n")), "2 ");
  const Outcome more = compare_logs("one\ntwo\n", "zero\none\ntwo\nthree\n");
  EXPECT_EQ(rows_of(more), "0+ 2+ ");
  EXPECT_EQ(more.compared, 4);
}

TEST(Compare, NothingFromKoiFailsEveryRow) {
  const Rules rules;
  const Outcome outcome = compare(read_section(section_of("a\nb\n"), rules), nullptr, rules);
  EXPECT_EQ(outcome.failures.size(), 2U);
}

TEST(Compare, TablesMayLackRowsOfTheRun) {
  Rules rules;
  rules.match = Match::by_key;
  const Section koi = section_of("1\t8\n2\t8\n9\t16\n");
  EXPECT_TRUE(compare(read_section(section_of("2\t8\n9\t16\n"), rules), &koi, rules).failures.empty());
  EXPECT_EQ(rows_of(compare(read_section(section_of("2\t8\n9\t32\n"), rules), &koi, rules)), "2 ");
  EXPECT_EQ(rows_of(compare(read_section(section_of("2\t8\n3\t8\n"), rules), &koi, rules)), "2 ");
}

TEST(Noise, GuessesAndUserRegistersAreLeftOut) {
  const std::vector<Line> kept =
      without_noise(numbered_lines(" ? guess+0x1/0x2\n entry_SYSCALL_64_after_hwframe+0x6e/0xd8\nRIP: "
                                   "0033:0x47fbe9\nCode: 08 89\nRSP: 002b:00 EFLAGS: 0\n"
                                   "RAX: 0 RBX: 0 RCX: 0\n </TASK>\nRAX: 1 RBX: 1 RCX: 1\n"));
  ASSERT_EQ(kept.size(), 3U);
  EXPECT_EQ(kept[1].number, 7);
  EXPECT_EQ(kept[2].number, 8);
}

TEST(Gaps, CoverStaleAndCeiling) {
  const Outcome outcome = compare_logs("one\ntwo\nthree\nfour\n", "one\n2\n3\nfour\n");
  const Result<Gaps> gaps = read_gaps("# ceiling 1\nf\t2-3\tnot built yet: numbers\n");
  ASSERT_TRUE(gaps.ok());
  const Settled good = settle("f", true, outcome, *gaps);
  EXPECT_TRUE(good.failed.empty());
  EXPECT_TRUE(good.stale.empty());
  EXPECT_EQ(good.gaps, 2);
  const Result<Gaps> wide = read_gaps("# ceiling 1\nf\t1-3\tnot built yet: numbers\n");
  EXPECT_EQ(settle("f", true, outcome, *wide).stale.size(), 1U);
  const Result<Gaps> whole = read_gaps("# ceiling 1\nf\t*\tnot built yet: numbers\n");
  EXPECT_TRUE(settle("f", true, outcome, *whole).left_out);
  EXPECT_EQ(settle("f", true, compare_logs("one\n", "one\n"), *whole).stale.size(), 1U);
  EXPECT_EQ(settle("other", true, outcome, *gaps).failed.size(), 2U);
  EXPECT_FALSE(read_gaps("# ceiling 0\nf\t2\tnot built yet: numbers\n").ok());
  EXPECT_FALSE(read_gaps("# ceiling 1\nf\t2\t?\n").ok());
  EXPECT_FALSE(read_gaps("# ceiling 1\nf 2 no tabs here\n").ok());
  EXPECT_EQ(propose(settle("f", true, outcome, Gaps())), "f\t2-3\t?\n");
}

const TableSpec& table(std::string_view file) {
  for (const TableSpec& spec : table_specs()) {
    if (spec.file == file) return spec;
  }
  ADD_FAILURE() << "no table " << file;
  return table_specs().front();
}

std::vector<std::string> rows(std::string_view file, std::string_view log) {
  return table(file).rows(orc_records(log));
}

TEST(Tables, RowsFromTheLog) {
  using Rows = std::vector<std::string>;
  EXPECT_EQ(rows("kmalloc_powers_of_two.tsv",
                 "<6>[    1.000000] ORC|pow2|0|0|0\nother\n<6>[    1.000000] ORC|log|40|64|64\n"),
            Rows({"0\t0\t0"}));
  EXPECT_EQ(rows("kmalloc_size_classes.tsv",
                 "ORC|range|1|8|8\nORC|range|8193|8256|16384\nORC|pagerange|8191|8192|8192\nORC|pagerange|"
                 "4194305|4202497|0\n"),
            Rows({"1\t8\t8\tevery size", "4194305\t4202497\tNULL\tpage multiples -1/0/+1"}));
  EXPECT_EQ(rows("kmalloc_gfp_to_cache.tsv",
                 "ORC|gfp|GFP_KERNEL|0xcc0|1|8|obj:|phys<16M=0|phys<4G=1| slab kmalloc-8 start ffff pointer "
                 "offset 0 size 8\n"
                 "ORC|gfp|GFP_DMA|0x1|8193|16384|obj:|phys<16M=1|phys<4G=1| not a slab object\n"),
            Rows({"GFP_KERNEL\t0xcc0\t1\t8\tkmalloc-8\t0\t1",
                  "GFP_DMA\t0x1\t8193\t16384\t(page allocator)\t1\t1"}));
  EXPECT_EQ(rows("alloc_pages.tsv", "ORC|alloc_pages|11|NULL\nORC|alloc_pages_tail|1|tail_page_count=0\n"),
            Rows({"alloc_pages\t11\tNULL", "alloc_pages_tail\t1\ttail_page_count=0"}));
  EXPECT_EQ(
      rows("kvmalloc.tsv",
           "ORC|kvmalloc|GFP_KERNEL|0|ZERO_SIZE_PTR\nORC|kvmalloc|GFP_KERNEL|1|kmalloc|8|page_aligned=0\n"),
      Rows({"GFP_KERNEL\t0\tZERO_SIZE_PTR\t-\t-", "GFP_KERNEL\t1\tkmalloc\t8\tpage_aligned=0"}));
  EXPECT_EQ(
      rows("execution_contexts.tsv", "ORC|ctx\tmodule init\ta=1\nORC|v\tx\t1\nORC|ctx\tspin_lock\ta=2\n"),
      Rows({"0\tmodule init\ta=1", "2\tspin_lock\ta=2"}));
  EXPECT_EQ(rows("timers_work_waits_locks.tsv", "ORC|ctx\tmodule init\ta=1\nORC|v\tx || y\t1\n"),
            Rows({"1\tx || y\t1"}));
  EXPECT_EQ(rows("krealloc_and_friends_special_cases.tsv",
                 "ORC|friends|kstrndup(\"hello world\",5)|hello|ksize=8\n"),
            Rows({"friends\tkstrndup(\"hello world\",5)\thello ksize=8"}));
  EXPECT_EQ(rows("kmem_cache_in_use.tsv", "ORC|ctor|8|calls_after_create=0\nORC|misc|kmem_cache_shrink|0\n"),
            Rows({"0\tctor\t8 calls_after_create=0", "1\tmisc\tkmem_cache_shrink 0"}));
}

TEST(Geometry, RowsFromTheLogAndSysfs) {
  const std::string out =
      "@log\n<6>[    1.000000] ORC|kcache|hw|100|ok|100\n<6>[    1.000000] ORC|kcache_after|hw|100|128\n"
      "@orc_hw_100 object_size\n128\n@orc_hw_100 slab_size\n128\n@orc_hw_100 objs_per_slab\n32\n@orc_hw_100 "
      "order\n0\n"
      "@orc_hw_100 align\n8\n@orc_hw_100 cpu_partial\n120\n@orc_hw_100 min_partial\n5\n@orc_hw_100 "
      "hwcache_align\n1\n"
      "@orc_hw_100 poison\n0\n@orc_hw_100 aliases\n17\n@orc_hw_100 merged_into\n:0000128\n";
  EXPECT_EQ(geometry_rows(out, true),
            std::vector<std::string>({"hw\t100\tok\t128\t128\t128\t32\t0\t8\t120\t5\tH\t:0000128\t17"}));
  const std::vector<conformance::Run> runs =
      geometry_runs("6.1", "kmem_cache_geometry_nomerge_4cpu", "variant\trequested_size\tx\nhw\t100\tok\n");
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].cpus, 4);
  EXPECT_EQ(runs[0].boot_options, "slab_nomerge");
}

TEST(Session, ReadsItsMarks) {
  const Document document = read_session(
      "@drop\nnoise\n@paragraph one\n@raw\nSYSCALL|x\n@log\n<4>[    1.000000] text\n<6>[    1.000000] "
      "random: crng\n"
      "<4>[    1.000000]  ? guess+0x1/0x2\n@paragraph two\n@value ./coresize\n16384\n\n@bracket i_int = "
      "\n-1\n@status 0\n12\n@only lm_\n"
      "lm_x 1\nother 2\n@sorted ./s/\nb\na\n@permissions\ntotal 0\n-rw-r--r-- 1 root root 4096 Jan 1 00:00 "
      "cb\n@ifok (it had loaded)\n"
      "@done 0\n@tree .\nb\nd\n@branch ./d\nz\n@end\n@kallsyms [m]\nffff t f\t[m]\nffff t g\t[n]\n");
  ASSERT_EQ(document.size(), 2U);
  const auto text = [](const Section& section) {
    std::string all;
    for (const Line& line : section.lines) all += line.text + "\n";
    return all;
  };
  EXPECT_EQ(text(document[0]), "SYSCALL|x\n<4>text\n");
  EXPECT_EQ(text(document[1]),
            "./coresize: 16384 \ni_int = [-1]\nexit 0 value [12]\nlm_x 1\n./s/a\n./s/b\ntotal 0\n-rw-r--r-- "
            "cb\n(it had loaded)\n"
            ".\n./b\n./d\n./d/z\nADDR t f\t[m]\n");
}

TEST(Session, ScriptsCoverEveryParagraph) {
  for (const char* kernel : {"6.1", "6.12"}) {
    std::string scripts;
    for (const conformance::Run& run : loader_runs(kernel)) scripts += run.script;
    const Result<std::string> text =
        read_file(std::string(KOI_CONFORMANCE_REFERENCE) + "/" + kernel + "/module_loader.txt");
    ASSERT_TRUE(text.ok());
    for (const Section& section : read_loader_reference(*text)) {
      EXPECT_NE(scripts.find("echo @paragraph " + section.name + "\n"), std::string::npos)
          << kernel << ": " << section.name;
    }
  }
}

TEST(Splats, IndexRow) {
  EXPECT_EQ(splat_index_row(
                "warn_on",
                "@insmod 0\n@tainted\n12800\n@rmmod 0\n@log\n<6>[    1.000000] ORC|splat begin|warn_on\n"
                "<4>[    1.000000] ------------[ cut here ]------------\n<4>[    1.000000] WARNING: here\n"
                "<6>[    1.000000] ORC|splat returned|warn_on\n",
                ""),
            "warn_on\tyes\tkernel went on\t0\t0\t12800\tWARNING: here");
  EXPECT_EQ(splat_index_row("panic", "", ""), "panic\tno\tkernel stopped\t-\t-\t-\t(silent)");
  EXPECT_EQ(splat_index_row("panic", "",
                            "<6>[    1.000000] ORC|splat begin|panic\n<0>[    1.000000] Kernel panic\n"),
            "panic\tno\tkernel stopped\t-\t-\t-\tKernel panic");
}

TEST(Splats, AnEndlessOneIsWatchedForAsLong) {
  const SplatForm form = splat_form(
      "# x; kernel went on; insmod exit status -; rmmod exit status 1\n<6>[    3.000000] a\n<0>[    "
      "8.000000] b\n");
  EXPECT_DOUBLE_EQ(form.seconds, 10.0);
  EXPECT_EQ(splat_log("<6>[    0.000000] a\n<0>[    9.500000] b\n<0>[   10.500000] b\n", form).size(), 2U);
}

// Two boots of the same kernel and the same misuse differ only in masked fields.
TEST(Splats, TwoBootsMatch) {
  for (const char* kernel : {"6.1", "6.12"}) {
    const std::string folder = std::string(KOI_CONFORMANCE_REFERENCE) + "/" + kernel;
    const Result<std::string> one = read_file(folder + "/splats/cache_destroy_busy_nodebug.txt");
    const Result<std::string> other =
        read_file(folder + "/splats_slab_nomerge/cache_destroy_busy_nodebug.txt");
    ASSERT_TRUE(one.ok() && other.ok());
    const Rules rules;
    const Section expected{"", splat_reference(*one)};
    const Section actual{"", splat_reference(*other)};
    EXPECT_FALSE(splat_form(*one).console);
    EXPECT_EQ(splat_form(*one).seconds, 0.0);
    const Outcome outcome = compare(read_section(expected, rules), &actual, rules);
    EXPECT_GT(outcome.compared, 40);
    EXPECT_EQ(rows_of(outcome), "");
  }
}

}  // namespace
}  // namespace koi::conformance
