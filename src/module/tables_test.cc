// SPDX-License-Identifier: GPL-2.0-only
#include "module/tables.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "module/testing/fake_host.h"
#include "module/testing/full_module.h"

namespace koi::module {
namespace {

using testing::FakeHost;
using testing::Loaded;

constexpr u64 kKeyAddress = 0x10003000;

void load_full(Loaded& out, const testing::ElfBuilder& builder = testing::full_module()) {
  FakeHost host;
  host.add("outside_key", kKeyAddress);
  testing::load_into(out, builder, host);
  ASSERT_TRUE(out.result.ok()) << out.result.error().message;
}

TEST(Tables, EveryTableIsDecoded) {
  Loaded loaded;
  load_full(loaded);
  LoadedModule& module = *loaded.result;
  const auto tables = read_tables(module.image, *module.linked);
  ASSERT_TRUE(tables.ok()) << tables.error().message;
  const u64 text = *module.linked->section_address(module.image.find_index(".text.full"));
  ASSERT_EQ(tables->bugs.size(), 1U);
  EXPECT_EQ(tables->bugs[0].address, text + testing::kBugOffset);
  EXPECT_EQ(tables->bugs[0].file, "file.c");
  EXPECT_EQ(tables->bugs[0].line, 77);
  EXPECT_EQ(tables->bugs[0].flags, kBugWarning | kBugOnce);
  EXPECT_EQ(tables->find_bug(text + testing::kBugOffset), &tables->bugs[0]);
  EXPECT_EQ(tables->find_bug(text), nullptr);
  ASSERT_EQ(tables->exceptions.size(), 1U);
  EXPECT_EQ(tables->exceptions[0].fixup, text + testing::kFixupOffset);
  EXPECT_EQ(tables->exceptions[0].type(), 3);
  EXPECT_NE(tables->find_exception(text + testing::kFaultOffset), nullptr);
  EXPECT_EQ(tables->find_exception(text + testing::kFaultOffset + 1), nullptr);
  ASSERT_EQ(tables->jump_labels.size(), 1U);
  EXPECT_EQ(tables->jump_labels[0].code, text + testing::kLabelOffset);
  EXPECT_EQ(tables->jump_labels[0].target, text + testing::kFixupOffset);
  EXPECT_EQ(tables->jump_labels[0].key, kKeyAddress);
  EXPECT_TRUE(tables->jump_labels[0].branch);
  ASSERT_EQ(tables->static_calls.size(), 1U);
  EXPECT_EQ(tables->static_calls[0].address, text + testing::kCallOffset);
  EXPECT_EQ(tables->static_calls[0].key, kKeyAddress);
  EXPECT_TRUE(tables->static_calls[0].tail);
  EXPECT_EQ(tables->traced_functions, std::vector<u64>{text});
  EXPECT_EQ(tables->constructors, std::vector<u64>{text});
  ASSERT_EQ(tables->debug_messages.size(), 1U);
  const DebugMessage& message = tables->debug_messages[0];
  EXPECT_EQ(message.modname, "hello");
  EXPECT_EQ(message.function, "func");
  EXPECT_EQ(message.filename, "file.c");
  EXPECT_EQ(message.format, "format\n");
  EXPECT_EQ(message.line, 99U);
  EXPECT_EQ(message.class_id, 63);
  EXPECT_EQ(message.flags, 1);
  EXPECT_EQ(tables->build_id, (std::vector<u8>{0xde, 0xad, 0xbe, 0xef}));
  EXPECT_EQ(tables->params.size, 40U);
  EXPECT_EQ(tables->orc_unwind.size, 0U);
}

TEST(Tables, PartialRecordsAreRefused) {
  testing::ElfBuilder b = testing::full_module();
  b.append(b.index_of("__bug_table"), "x");
  Loaded loaded;
  load_full(loaded, b);
  const auto tables = read_tables(loaded.result->image, *loaded.result->linked);
  ASSERT_FALSE(tables.ok());
  EXPECT_EQ(tables.error().errno_value, ENOEXEC);
  EXPECT_NE(tables.error().message.find("(__bug_table): 13 bytes are not whole records of 12"),
            std::string::npos);
}

TEST(Tables, CodeOutsideTheModuleIsRefused) {
  testing::ElfBuilder b = testing::full_module();
  b.append(b.index_of(".static_call_sites"), std::string(8, '\x7f'));
  Loaded loaded;
  load_full(loaded, b);
  const auto tables = read_tables(loaded.result->image, *loaded.result->linked);
  ASSERT_FALSE(tables.ok());
  EXPECT_NE(tables.error().message.find("(.static_call_sites): entry 1: the call at"), std::string::npos);
}

TEST(Tables, ExceptionsAreSorted) {
  testing::ElfBuilder b = testing::full_module();
  const u32 table = b.index_of("__ex_table");
  const u32 code = b.symbol("lower", static_cast<u16>(b.index_of(".text.full")), 0);
  b.append(table, std::string(12, '\0'));
  b.relocation(table, 12, kRelocPc32, code, 4);
  b.relocation(table, 16, kRelocPc32, code, 8);
  Loaded loaded;
  load_full(loaded, b);
  const auto tables = read_tables(loaded.result->image, *loaded.result->linked);
  ASSERT_TRUE(tables.ok());
  ASSERT_EQ(tables->exceptions.size(), 2U);
  EXPECT_LT(tables->exceptions[0].insn, tables->exceptions[1].insn);
}

}  // namespace
}  // namespace koi::module
