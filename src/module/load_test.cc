// SPDX-License-Identifier: GPL-2.0-only
// The whole list of passes on a built module, and the rows of the loader's messages that real kernels
// printed.
#include "module/load.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "module/testing/fake_host.h"

namespace koi::module {
namespace {

using testing::ElfBuilder;
using testing::FakeHost;
using testing::Loaded;

constexpr const char* kFirstModuleLines =
    "<4>hello: loading out-of-tree module taints kernel.\n"
    "<5>hello: module verification failed: signature and/or required key missing - tainting kernel\n";

TEST(Load, HelloIsLaidOutAndRelocated) {
  FakeHost host;
  Loaded loaded;
  testing::load_into(loaded, ElfBuilder::hello(), host);
  ASSERT_TRUE(loaded.result.ok()) << loaded.result.error().message;
  LoadedModule& module = *loaded.result;
  EXPECT_EQ(loaded.log.raw(), kFirstModuleLines);
  EXPECT_EQ(module.name(), "hello");
  EXPECT_EQ(module_taint_letters(module.taints), "OE");
  EXPECT_EQ(loaded.taint.mask, 12288U);
  EXPECT_EQ(module.layout.core_bytes, 4 * kPageBytes);
  const u64 init = *module.linked->section_address(module.image.find_index(".init.text"));
  const u64 strings = *module.linked->section_address(module.image.find_index(".rodata.str1.1"));
  EXPECT_EQ(module.linked->read<u32>(init + 3), static_cast<u32>(strings));
  EXPECT_EQ(static_cast<u64>(static_cast<s64>(*module.linked->read<s32>(init + 8))),
            0x10001000 - 4 - (init + 8));
  const u64 mod = *module.linked->section_address(module.image.this_module);
  EXPECT_EQ(module.linked->read<u64>(mod + 0x138), init);
  const u64 data = *module.linked->section_address(module.image.find_index(".data"));
  EXPECT_EQ(module.linked->read<u64>(data), data + 8);
}

TEST(Load, FromRelease64OnSymbolsFollowTheData) {
  FakeHost host;
  Loaded loaded;
  testing::load_into(loaded, ElfBuilder::hello(), host, testing::facts("6.12.117+deb12-amd64"));
  ASSERT_TRUE(loaded.result.ok()) << loaded.result.error().message;
  EXPECT_EQ(loaded.result->layout.core_bytes, 3 * kPageBytes);
  EXPECT_EQ(loaded.log.raw(), kFirstModuleLines);
}

TEST(Load, SecondLoadIsRefusedInSilence) {
  FakeHost host;
  host.names.insert("hello");
  Loaded loaded;
  loaded.taint.mask = 12288;
  testing::load_into(loaded, ElfBuilder::hello(), host);
  ASSERT_FALSE(loaded.result.ok());
  EXPECT_EQ(loaded.result.error().errno_value, EEXIST);
  EXPECT_EQ(loaded.log.raw(), "");
}

TEST(Load, VersionMagicFlagsAreCompared) {
  FakeHost host;
  Loaded loaded;
  testing::load_into(loaded, ElfBuilder::hello("6.1.0-test SMP preempX mod_unload modversions "), host);
  EXPECT_EQ(loaded.result.error().errno_value, ENOEXEC);
  EXPECT_EQ(loaded.log.raw(),
            "<3>hello: version magic '6.1.0-test SMP preempX mod_unload modversions ' should be '6.1.0-test "
            "SMP preempt "
            "mod_unload modversions '\n");
}

TEST(Load, VersionMagicReleaseIsNotComparedWithVersions) {
  FakeHost host;
  Loaded loaded;
  testing::load_into(loaded, ElfBuilder::hello("6.9.9-other SMP preempt mod_unload modversions "), host);
  EXPECT_TRUE(loaded.result.ok());
}

TEST(Load, WrongCrcOfModuleLayout) {
  FakeHost host;
  host.add("module_layout", 0, 1);
  Loaded loaded;
  testing::load_into(loaded, ElfBuilder::hello(), host);
  EXPECT_EQ(loaded.result.error().errno_value, ENOEXEC);
  EXPECT_EQ(loaded.log.raw(), "<4>hello: disagrees about version of symbol module_layout\n");
}

TEST(Load, WrongCrcOfASymbol) {
  FakeHost host;
  host.add("_printk", 0x10001000, 1);
  Loaded loaded;
  testing::load_into(loaded, ElfBuilder::hello(), host);
  EXPECT_EQ(loaded.result.error().errno_value, EINVAL);
  EXPECT_EQ(loaded.log.raw(), std::string(kFirstModuleLines) +
                                  "<4>hello: disagrees about version of symbol _printk\n"
                                  "<4>hello: Unknown symbol _printk (err -22)\n");
}

TEST(Load, IgnoredModversionsForceTheLoad) {
  FakeHost host;
  host.add("_printk", 0x10001000, 1);
  Loaded loaded;
  LoadFlags flags;
  flags.modversions = VersionPolicy::kIgnore;
  testing::load_into(loaded, ElfBuilder::hello(), host, testing::facts(), flags);
  EXPECT_TRUE(loaded.result.ok());
  EXPECT_EQ(loaded.log.raw(), std::string("<4>hello: module_layout: kernel tainted.\n"
                                          "<4>Disabling lock debugging due to kernel taint\n") +
                                  kFirstModuleLines);
  EXPECT_EQ(loaded.taint.mask, 12290U);
}

ElfBuilder with_license(std::string_view license) {
  ElfBuilder b = ElfBuilder::hello();
  auto& bytes = b.bytes_of(b.index_of(".modinfo"));
  const std::string text(bytes.begin(), bytes.end());
  std::string changed = text;
  changed.replace(text.find("license=GPL"), 11, std::string("license=") + std::string(license));
  bytes.assign(changed.begin(), changed.end());
  b.set_size(b.index_of(".modinfo"), bytes.size());
  return b;
}

TEST(Load, ProprietaryLicence) {
  for (const char* release : {"6.1.0", "6.12.0"}) {
    FakeHost host;
    Loaded loaded;
    testing::load_into(loaded, with_license("Proprietary"), host, testing::facts(release));
    ASSERT_TRUE(loaded.result.ok());
    std::string expected =
        "<4>hello: loading out-of-tree module taints kernel.\n"
        "<4>hello: module license 'Proprietary' taints kernel.\n"
        "<4>Disabling lock debugging due to kernel taint\n"
        "<5>hello: module verification failed: signature and/or required key missing - tainting kernel\n";
    if (std::string_view(release) == "6.12.0") expected += "<4>hello: module license taints kernel.\n";
    EXPECT_EQ(loaded.log.raw(), expected);
    EXPECT_EQ(loaded.taint.mask, 12289U);
    EXPECT_EQ(module_taint_letters(loaded.result->taints), "POE");
  }
}

TEST(Load, GplOnlySymbolsAreInvisibleToOthers) {
  FakeHost host;
  host.add("_printk", 0x10001000, testing::kPrintkCrc).gpl_only = true;
  Loaded loaded;
  loaded.taint.mask = 12288;
  loaded.taint.said_signature_missing = true;
  testing::load_into(loaded, with_license("XXX"), host);
  EXPECT_EQ(loaded.result.error().errno_value, ENOENT);
  EXPECT_EQ(loaded.log.raw(),
            "<4>hello: module license 'XXX' taints kernel.\n"
            "<4>Disabling lock debugging due to kernel taint\n"
            "<4>hello: Unknown symbol _printk (err -2)\n");
  EXPECT_NE(loaded.result.error().message.find("GPL-compatible"), std::string::npos);
}

TEST(Load, NoModinfoAtAll) {
  ElfBuilder b = ElfBuilder::hello();
  auto& bytes = b.bytes_of(b.index_of(".modinfo"));
  bytes.assign(bytes.size(), 'x');
  FakeHost host;
  Loaded loaded;
  testing::load_into(loaded, b, host);
  ASSERT_TRUE(loaded.result.ok()) << loaded.result.error().message;
  EXPECT_EQ(
      loaded.log.raw(),
      "<4>hello: bad vermagic: kernel tainted.\n"
      "<4>Disabling lock debugging due to kernel taint\n"
      "<4>hello: loading out-of-tree module taints kernel.\n"
      "<3>Spectre V2 : System may be vulnerable to spectre v2\n"
      "<4>hello: loading module not compiled with retpoline compiler.\n"
      "<4>hello: module license 'unspecified' taints kernel.\n"
      "<5>hello: module verification failed: signature and/or required key missing - tainting kernel\n");
  EXPECT_EQ(loaded.taint.mask, 12291U);
}

TEST(Load, EverySymbolThatIsMissingIsNamed) {
  ElfBuilder b = ElfBuilder::hello();
  b.symbol("absent_one", elf::kShnUndef, 0);
  b.symbol("absent_weak", elf::kShnUndef, 0, elf::kStbWeak);
  b.symbol("absent_two", elf::kShnUndef, 0);
  FakeHost host;
  Loaded loaded;
  testing::load_into(loaded, b, host);
  EXPECT_EQ(loaded.result.error().errno_value, ENOENT);
  EXPECT_EQ(loaded.result.error().message, "test.ko: 2 symbols cannot be resolved: absent_one, absent_two");
  EXPECT_EQ(loaded.log.raw(), std::string(kFirstModuleLines) +
                                  "<4>hello: Unknown symbol absent_one (err -2)\n"
                                  "<4>hello: Unknown symbol absent_two (err -2)\n");
}

TEST(Load, NamespacesMustBeImported) {
  FakeHost host;
  host.add("_printk", 0x10001000, testing::kPrintkCrc).name_space = "SPECIAL";
  Loaded loaded;
  testing::load_into(loaded, ElfBuilder::hello(), host);
  EXPECT_EQ(loaded.result.error().errno_value, EINVAL);
  EXPECT_NE(loaded.log.raw().find(
                "<3>hello: module uses symbol (_printk) from namespace SPECIAL, but does not import it.\n"),
            std::string::npos);
  ElfBuilder importing = ElfBuilder::hello();
  importing.modinfo("import_ns", "SPECIAL");
  Loaded second;
  testing::load_into(second, importing, host);
  EXPECT_TRUE(second.result.ok());
}

TEST(Load, ExportsAreReadAndDuplicatesRefused) {
  ElfBuilder b = ElfBuilder::hello();
  const u32 symbol =
      b.symbol("shared", static_cast<u16>(b.index_of(".text")), 16, elf::kStbGlobal, elf::kSttFunc, 8);
  b.export_symbol("shared", symbol, false, 0x1234);
  b.export_symbol("shared_gpl", symbol, true, 0x5678);
  FakeHost host;
  Loaded loaded;
  testing::load_into(loaded, b, host);
  ASSERT_TRUE(loaded.result.ok()) << loaded.result.error().message;
  const auto& exports = loaded.result->exports;
  ASSERT_EQ(exports.size(), 2U);
  EXPECT_EQ(exports[0].name, "shared");
  EXPECT_EQ(exports[0].address, *loaded.result->linked->section_address(b.index_of(".text")) + 16);
  EXPECT_EQ(exports[0].crc, 0x1234U);
  EXPECT_FALSE(exports[0].gpl_only);
  EXPECT_EQ(exports[1].name, "shared_gpl");
  EXPECT_TRUE(exports[1].gpl_only);

  host.add("shared", 0x1, 0x1234).owner = "other";
  Loaded second;
  testing::load_into(second, b, host);
  EXPECT_EQ(second.result.error().errno_value, ENOEXEC);
  EXPECT_EQ(second.log.lines.back().text, "hello: exports duplicate symbol shared (owned by other)");
}

TEST(Load, PerCpuSymbolsAreOffsets) {
  ElfBuilder b = ElfBuilder::hello();
  const u32 percpu = b.section(".data..percpu", elf::kShtProgbits, elf::kShfAlloc | elf::kShfWrite,
                               {1, 2, 3, 4, 5, 6, 7, 8}, 8);
  const u32 symbol = b.symbol("mine", static_cast<u16>(percpu), 4, elf::kStbGlobal, elf::kSttObject, 4);
  b.append(b.index_of(".data"), std::string(8, '\0'));
  b.relocation(b.index_of(".data"), 16, kReloc64, symbol, 0);
  FakeHost host;
  Loaded loaded;
  testing::load_into(loaded, b, host);
  ASSERT_TRUE(loaded.result.ok()) << loaded.result.error().message;
  const LinkedImage& linked = *loaded.result->linked;
  EXPECT_EQ(linked.percpu.size(), 8U);
  EXPECT_EQ(linked.read<u64>(*linked.section_address(b.index_of(".data")) + 16), 0x30004U);
}

TEST(Load, SignatureEnforcement) {
  KernelFacts kernel = testing::facts();
  kernel.enforce_signatures = true;
  FakeHost host;
  Loaded loaded;
  testing::load_into(loaded, ElfBuilder::hello(), host, kernel);
  EXPECT_EQ(loaded.result.error().errno_value, EKEYREJECTED);
  EXPECT_EQ(loaded.log.raw(), "<5>Loading of unsigned module is rejected\n");
}

TEST(Load, CommonSymbolsAreRefused) {
  ElfBuilder b = ElfBuilder::hello();
  b.symbol("tentative", elf::kShnCommon, 8);
  FakeHost host;
  Loaded loaded;
  testing::load_into(loaded, b, host);
  EXPECT_EQ(loaded.result.error().errno_value, ENOEXEC);
  EXPECT_EQ(loaded.log.lines.back().text, "hello: please compile with -fno-common");
}

}  // namespace
}  // namespace koi::module
