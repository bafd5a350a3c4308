// SPDX-License-Identifier: GPL-2.0-only
// For tests: a built module that has one entry of every table the loader reads.
#pragma once

#include "module/tables.h"
#include "module/testing/elf_builder.h"

namespace koi::module::testing {

// Text offsets of full_module(): what the table entries point to.
inline constexpr u64 kBugOffset = 0x10;    // ud2
inline constexpr u64 kFaultOffset = 0x18;  // an instruction with an exception fixup
inline constexpr u64 kFixupOffset = 0x20;
inline constexpr u64 kLabelOffset = 0x28;  // a 5-byte nop
inline constexpr u64 kCallOffset = 0x30;   // a 5-byte call
inline constexpr u64 kTextBytes = 0x80;

inline ElfBuilder full_module() {
  using namespace elf;
  ElfBuilder b = ElfBuilder::hello();
  const u32 text =
      b.section(".text.full", kShtProgbits, kShfAlloc | kShfExecinstr, std::vector<u8>(kTextBytes, 0x90), 16);
  auto& code = b.bytes_of(text);
  const auto put = [&](u64 at, std::initializer_list<u8> bytes) {
    std::copy(bytes.begin(), bytes.end(), code.begin() + static_cast<std::ptrdiff_t>(at));
  };
  put(kBugOffset, {0x0f, 0x0b});
  put(kLabelOffset, {0x0f, 0x1f, 0x44, 0x00, 0x00});
  put(kCallOffset, {0xe8, 0, 0, 0, 0});
  put(0x40, {0xf3, 0x90, 0x0f, 0x31});  // pause; rdtsc
  put(0x50, {0x48, 0xb8, 0xf3, 0x90, 0x0f, 0x05, 0xf4, 0xfa, 0xfb,
             0x90});  // movabs: no instruction inside it counts
  put(0x60, {0x0f, 0x05, 0xf4, 0xfa, 0xfb, 0xec, 0x0f, 0xa2, 0x0f, 0x01, 0xf9, 0x0f, 0xc7, 0xf0});
  const u32 strings = b.section(".rodata.str1.8", kShtProgbits, kShfAlloc, {}, 8);
  b.append(strings, std::string_view("file.c\0func\0format\n\0hello\0size", 31));
  const u32 text_symbol = b.symbol("", static_cast<u16>(text), 0, kStbLocal, kSttSection);
  const u32 string_symbol = b.symbol("", static_cast<u16>(strings), 0, kStbLocal, kSttSection);
  b.symbol("full_function", static_cast<u16>(text), 0, kStbGlobal, kSttFunc, kTextBytes);
  const u32 key = b.symbol("outside_key", kShnUndef, 0);

  const u32 bugs = b.section("__bug_table", kShtProgbits, kShfAlloc | kShfWrite, std::vector<u8>(12));
  b.relocation(bugs, 0, kRelocPc32, text_symbol, kBugOffset);
  b.relocation(bugs, 4, kRelocPc32, string_symbol, 0);
  b.bytes_of(bugs)[8] = 77;
  b.bytes_of(bugs)[10] = kBugWarning | kBugOnce;
  const u32 exceptions = b.section("__ex_table", kShtProgbits, kShfAlloc, std::vector<u8>(12), 4);
  b.relocation(exceptions, 0, kRelocPc32, text_symbol, kFaultOffset);
  b.relocation(exceptions, 4, kRelocPc32, text_symbol, kFixupOffset);
  b.bytes_of(exceptions)[8] = 3;
  const u32 labels = b.section("__jump_table", kShtProgbits, kShfAlloc | kShfWrite, std::vector<u8>(16), 8);
  b.relocation(labels, 0, kRelocPc32, text_symbol, kLabelOffset);
  b.relocation(labels, 4, kRelocPc32, text_symbol, kFixupOffset);
  b.relocation(labels, 8, kRelocPc64, key, 1);
  const u32 calls =
      b.section(".static_call_sites", kShtProgbits, kShfAlloc | kShfWrite, std::vector<u8>(8), 8);
  b.relocation(calls, 0, kRelocPc32, text_symbol, kCallOffset);
  b.relocation(calls, 4, kRelocPc32, key, 1);
  const u32 traced = b.section("__mcount_loc", kShtProgbits, kShfAlloc, std::vector<u8>(8), 8);
  b.relocation(traced, 0, kReloc64, text_symbol, 0);
  const u32 constructors =
      b.section(".init_array", kShtInitArray, kShfAlloc | kShfWrite, std::vector<u8>(8), 8);
  b.relocation(constructors, 0, kReloc64, text_symbol, 0);
  const u32 debug = b.section("__dyndbg", kShtProgbits, kShfAlloc | kShfWrite, std::vector<u8>(56), 8);
  b.relocation(debug, 0, kReloc64, string_symbol, 20);
  b.relocation(debug, 8, kReloc64, string_symbol, 7);
  b.relocation(debug, 16, kReloc64, string_symbol, 0);
  b.relocation(debug, 24, kReloc64, string_symbol, 12);
  b.bytes_of(debug)[32] = 99;
  b.bytes_of(debug)[34] = 0xfc;  // class 63
  b.bytes_of(debug)[35] = 1;
  const u32 params = b.section("__param", kShtProgbits, kShfAlloc, std::vector<u8>(40), 8);
  b.relocation(params, 0, kReloc64, string_symbol, 26);
  b.section(".note.gnu.build-id", kShtNote, kShfAlloc,
            {4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0, 'G', 'N', 'U', 0, 0xde, 0xad, 0xbe, 0xef}, 4);
  const u32 percpu = b.section(".data..percpu", kShtProgbits, kShfAlloc | kShfWrite, std::vector<u8>(16), 8);
  b.symbol("per_cpu_counter", static_cast<u16>(percpu), 8, kStbGlobal, kSttObject, 8);
  b.export_symbol("full_export", text_symbol + 2, true, 0x1234);
  return b;
}

}  // namespace koi::module::testing
