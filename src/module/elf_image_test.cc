// SPDX-License-Identifier: GPL-2.0-only
// Each refusal of a damaged or foreign ELF file: its line, its errno, and the kernel's words.
#include "module/elf_image.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <functional>

#include "module/testing/elf_builder.h"

namespace koi::module {
namespace {

using testing::ElfBuilder;

struct Outcome {
  std::string message;
  int error = 0;
  std::string log;
};

Outcome parse(ModuleFile file, LoaderEra era = LoaderEra::kCoreAndInit) {
  CollectedLog log;
  ElfRules rules;
  rules.era = era;
  rules.struct_module_bytes = testing::kStructModuleBytes;
  const auto image = ElfImage::parse(file, rules, log);
  if (image.ok()) return {"", 0, log.raw()};
  return {image.error().message, image.error().errno_value, log.raw()};
}

// hello with its file header changed.
Outcome parse_header(const std::function<void(elf::FileHeader&)>& change) {
  ModuleFile file = ElfBuilder::hello().file();
  elf::FileHeader header;
  std::memcpy(&header, file.bytes.data(), sizeof(header));
  change(header);
  std::memcpy(file.bytes.data(), &header, sizeof(header));
  return parse(std::move(file));
}

// hello with the header of section `name` changed.
Outcome parse_section(std::string_view name, const std::function<void(elf::SectionHeader&)>& change,
                      ElfBuilder builder = ElfBuilder::hello()) {
  ModuleFile file = builder.file();
  ElfImage image;
  {
    CollectedLog log;
    image = ElfImage::parse(file, {}, log).value();
  }
  for (u32 i = 1; i < image.sections.size(); ++i) {
    if (image.sections[i].name != name) continue;
    elf::FileHeader header;
    std::memcpy(&header, file.bytes.data(), sizeof(header));
    elf::SectionHeader section = image.sections[i].header;
    change(section);
    std::memcpy(file.bytes.data() + header.shoff + u64{i} * sizeof(section), &section, sizeof(section));
    return parse(std::move(file));
  }
  return {"no such section", 0, ""};
}

TEST(ElfImage, HelloParses) {
  const ModuleFile file = ElfBuilder::hello().file();
  CollectedLog log;
  const auto image = ElfImage::parse(file, {}, log);
  ASSERT_TRUE(image.ok()) << image.error().message;
  EXPECT_EQ(image->module_name, "hello");
  EXPECT_NE(image->find(".text"), nullptr);
  EXPECT_EQ(image->find(".absent"), nullptr);
  EXPECT_EQ(image->relocations.size(), 3U);
  EXPECT_EQ(log.raw(), "");
}

TEST(ElfImage, ForeignMachinesAreNamed) {
  Outcome arm = parse_header([](auto& h) { h.machine = 183; });
  EXPECT_EQ(arm.message, "test.ko: is built for arm64; koi runs x86-64 modules: build it with ARCH=x86_64");
  EXPECT_EQ(arm.error, ENOEXEC);
  EXPECT_EQ(arm.log, "<3>Invalid architecture in ELF header: 183\n");
  Outcome i386 = parse_header([](auto& h) {
    h.machine = elf::kMachine386;
    h.ident[4] = elf::kClass32;
  });
  EXPECT_NE(i386.message.find("i386 (32-bit x86)"), std::string::npos);
}

TEST(ElfImage, OtherElfTypesAreNamed) {
  Outcome executable = parse_header([](auto& h) { h.type = elf::kTypeExec; });
  EXPECT_EQ(executable.message, "test.ko: is an executable, not a module; give the .ko that Kbuild made");
  EXPECT_EQ(executable.log, "<3>Invalid ELF header type: 2 != 1\n");
  Outcome shared = parse_header([](auto& h) { h.type = elf::kTypeDyn; });
  EXPECT_NE(shared.message.find("shared object"), std::string::npos);
}

// The kernel never looks at the class byte: a module with only that byte damaged loads.
TEST(ElfImage, ClassByteAloneIsNotChecked) {
  EXPECT_EQ(parse_header([](auto& h) { h.ident[4] = elf::kClass32; }).message, "");
}

TEST(ElfImage, TextAndTinyFiles) {
  ModuleFile text;
  text.path = "x.ko";
  const std::string words = "hello, this is no module\n";
  text.bytes.assign(words.begin(), words.end());
  Outcome outcome = parse(text);
  EXPECT_EQ(outcome.message, "x.ko: is not an ELF file; give the .ko that Kbuild made");
  EXPECT_EQ(outcome.log,
            "<3>Invalid ELF header magic: != \x7f"
            "ELF\n");
  ModuleFile tiny = ElfBuilder::hello().file();
  tiny.bytes.resize(32);
  EXPECT_EQ(parse(tiny).log, "<3>Invalid ELF header len 32\n");
}

TEST(ElfImage, TruncationIsNamed) {
  ModuleFile file = ElfBuilder::hello().file();
  file.bytes.resize(file.bytes.size() / 2);
  const Outcome outcome = parse(file);
  EXPECT_EQ(outcome.log, "<3>Invalid ELF section header overflow\n");
  EXPECT_NE(outcome.message.find("passes the end of the file"), std::string::npos);
}

TEST(ElfImage, SectionBounds) {
  const Outcome outcome = parse_section(".text", [](auto& h) { h.size = 1 << 30; });
  EXPECT_NE(outcome.message.find("passes the end of the file"), std::string::npos);
  EXPECT_EQ(outcome.log, "<3>Invalid ELF section in module (section 1 type 1)\n");
  // offset + size wraps around
  EXPECT_EQ(parse_section(".text", [](auto& h) { h.offset = ~u64{0} - 8; }).error, ENOEXEC);
  EXPECT_NE(parse_section(".text", [](auto& h) { h.name = 1 << 20; }).message.find("name table"),
            std::string::npos);
}

TEST(ElfImage, AbsurdSizesAndAlignments) {
  EXPECT_NE(parse_section(".bss", [](auto& h) { h.size = u64{1} << 40; }).message.find("over 64 MiB"),
            std::string::npos);
  EXPECT_NE(parse_section(".bss", [](auto& h) { h.size = ~u64{0}; }).message.find("over 64 MiB"),
            std::string::npos);
  EXPECT_NE(parse_section(".bss", [](auto& h) { h.addralign = 3; }).message.find("power of two"),
            std::string::npos);
  EXPECT_NE(parse_section(".bss", [](auto& h) { h.addralign = 1 << 20; }).message.find("larger than a page"),
            std::string::npos);
  EXPECT_NE(
      parse_section(".text", [](auto& h) { h.flags |= elf::kShfCompressed; }).message.find("compressed"),
      std::string::npos);
}

// Found by the fuzzer: these two sections are laid out although the file does not mark them as loaded.
TEST(ElfImage, SymbolTableAlignmentIsBounded) {
  EXPECT_NE(parse_section(".symtab", [](auto& h) { h.addralign = u64{1} << 33; })
                .message.find("larger than a page"),
            std::string::npos);
  EXPECT_NE(parse_section(".strtab", [](auto& h) { h.addralign = 48; }).message.find("power of two"),
            std::string::npos);
}

TEST(ElfImage, EmptySectionTypesCountWhenLoaded) {
  EXPECT_NE(parse_section(".bss",
                          [](auto& h) {
                            h.type = elf::kShtNull;
                            h.size = u64{1} << 40;
                          })
                .message.find("over 64 MiB"),
            std::string::npos);
}

TEST(ElfImage, OverlapsAreRefused) {
  EXPECT_NE(parse_section(".data", [](auto& h) { h.offset = 64; }).message.find("overlap"),
            std::string::npos);
  EXPECT_NE(parse_section(".data", [](auto& h) { h.offset = 0; }).message.find("overlap the ELF headers"),
            std::string::npos);
}

TEST(ElfImage, SymbolTables) {
  EXPECT_NE(parse_section(".symtab", [](auto& h) { h.type = elf::kShtProgbits; })
                .log.find("module has no symbols (stripped?)"),
            std::string::npos);
  EXPECT_NE(parse_section(".symtab", [](auto& h) { h.entsize = 16; }).message.find("24 expected"),
            std::string::npos);
  EXPECT_NE(parse_section(".symtab", [](auto& h) { h.link = 999; }).log.find("Invalid ELF sh_link"),
            std::string::npos);
  EXPECT_NE(parse_section(".strtab", [](auto& h) { h.size -= 4; }).error, 0);  // the last name loses its NUL
  EXPECT_NE(parse_section(".strtab", [](auto& h) { h.size = 1; }).message.find("passes the string table"),
            std::string::npos);
  EXPECT_NE(parse_section(".shstrtab", [](auto& h) { h.size -= 3; }).log.find("isn't null terminated"),
            std::string::npos);
}

TEST(ElfImage, StructModule) {
  EXPECT_EQ(parse_section(".gnu.linkonce.this_module", [](auto& h) { h.flags = elf::kShfWrite; }).log,
            "<3>module hello: .gnu.linkonce.this_module must occupy memory during process execution\n");
  EXPECT_NE(parse_section(".gnu.linkonce.this_module", [](auto& h) { h.size = 512; })
                .message.find("has 512 bytes where"),
            std::string::npos);
  ElfBuilder renamed = ElfBuilder::hello();
  renamed.section(".gnu.linkonce.this_module", elf::kShtProgbits, elf::kShfAlloc, {1});
  ModuleFile file = renamed.file();
  EXPECT_EQ(parse(file, LoaderEra::kCoreAndInit).log, "<4>hello: No module found in object\n");
  EXPECT_EQ(parse(file, LoaderEra::kMemTypes).log,
            "<3>module hello: Exactly one .gnu.linkonce.this_module section must exist.\n");
}

TEST(ElfImage, Relocations) {
  EXPECT_NE(parse_section(".rela.init.text", [](auto& h) { h.entsize = 16; }).message.find("24 expected"),
            std::string::npos);
  EXPECT_NE(parse_section(".rela.init.text", [](auto& h) { h.link = 1; }).message.find("symbol table"),
            std::string::npos);
  EXPECT_NE(parse_section(".rela.init.text", [](auto& h) { h.type = elf::kShtRel; }).message.find("SHT_REL"),
            std::string::npos);
  EXPECT_NE(parse_section(".rela.init.text", [](auto& h) { h.info = 6; }).message.find("no bytes"),
            std::string::npos);
  EXPECT_EQ(parse_section(".rela.init.text", [](auto& h) { h.info = 60000; }).message,
            "");  // skipped, as in the kernel
  ElfBuilder far_place = ElfBuilder::hello();
  far_place.relocation(far_place.index_of(".text"), 29, kReloc64, 1);
  EXPECT_NE(parse(far_place.file()).message.find("at offset 0x1d passes the end of .text"),
            std::string::npos);
  ElfBuilder no_symbol = ElfBuilder::hello();
  no_symbol.relocation(no_symbol.index_of(".text"), 0, kReloc64, 999);
  EXPECT_NE(parse(no_symbol.file()).message.find("names symbol 999 of"), std::string::npos);
}

TEST(LoaderEra, FollowsTheRelease) {
  EXPECT_EQ(loader_era("6.1.0-56-amd64"), LoaderEra::kCoreAndInit);
  EXPECT_EQ(loader_era("6.3.9"), LoaderEra::kCoreAndInit);
  EXPECT_EQ(loader_era("6.4.0"), LoaderEra::kMemTypes);
  EXPECT_EQ(loader_era("6.12.117+deb12-amd64"), LoaderEra::kMemTypes);
  EXPECT_EQ(loader_era("7.0"), LoaderEra::kMemTypes);
  EXPECT_EQ(loader_era("nonsense"), LoaderEra::kCoreAndInit);
}

}  // namespace
}  // namespace koi::module
