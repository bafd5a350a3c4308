// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/modules/jump_labels.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/check.h"
#include "host/address_map.h"
#include "host/guest_memory.h"
#include "host/world.h"
#include "runtime/kernel.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {
namespace {

constexpr u8 kJmpShort = 0xeb;
constexpr u8 kJmpNear = 0xe9;
constexpr std::array<u8, 2> kNop2 = {0x66, 0x90};
constexpr std::array<u8, 5> kNop5 = {0x0f, 0x1f, 0x44, 0x00, 0x00};

// Bytes of the instruction at a site; 0: it is neither nop nor jmp.
u64 site_length(const u8* text) {
  if (text[0] == kJmpShort || std::memcmp(text, kNop2.data(), kNop2.size()) == 0) return kNop2.size();
  if (text[0] == kJmpNear || std::memcmp(text, kNop5.data(), kNop5.size()) == 0) return kNop5.size();
  return 0;
}

// The instruction that jumps from `code` to `target`.
std::array<u8, 5> jump(u64 code, u64 target, u64 length) {
  std::array<u8, 5> text{};
  const s64 displacement = static_cast<s64>(target) - static_cast<s64>(code + length);
  text[0] = length == kNop2.size() ? kJmpShort : kJmpNear;
  if (length == kNop2.size()) {
    CHECK(displacement == static_cast<s8>(displacement), "a short static branch at {:x} cannot reach {:x}",
          code, target);
    text[1] = static_cast<u8>(displacement);
  } else {
    const s32 near = static_cast<s32>(displacement);
    std::memcpy(&text[1], &near, sizeof(near));
  }
  return text;
}

void write_text(u64 code, std::span<const u8> bytes) {
  const u64 begin = code & ~(host::kPageSize - 1);
  const u64 size = ((code + bytes.size() + host::kPageSize - 1) & ~(host::kPageSize - 1)) - begin;
  host::protect(begin, size, host::Protection::kReadWrite);
  std::memcpy(reinterpret_cast<void*>(code), bytes.data(), bytes.size());
  host::protect(begin, size, host::Protection::kReadExecute);
}

}  // namespace

std::optional<s32> JumpLabels::enabled(u64 key) { return guest::load<s32>(key); }

void JumpLabels::set_trampoline(u64 trampoline, u64 function) {
  constexpr std::array<u8, 5> kReturn = {0xc3, 0xcc, 0xcc, 0xcc, 0xcc};
  write_text(trampoline, function == 0 ? kReturn : jump(trampoline, function, kNop5.size()));
}

Status JumpLabels::bring_up_to_date(const ModuleInstance& module, const module::JumpLabel& site) {
  if (!module.contains(site.code)) return Ok{};  // init text that is gone
  const auto* const text = reinterpret_cast<const u8*>(site.code);
  const u64 length = site_length(text);
  if (length == 0) return make_errno(ENOEXEC, "{}: no static branch at {:x}", module.name(), site.code);
  const auto value = enabled(site.key);
  if (!value) return make_errno(ENOEXEC, "{}: static key at {:x} cannot be read", module.name(), site.key);
  const bool jumps = text[0] == kJmpShort || text[0] == kJmpNear;
  const bool should_jump = (*value != 0) != site.branch;
  if (jumps == should_jump) return Ok{};
  if (should_jump) {
    const std::array<u8, 5> bytes = jump(site.code, site.target, length);
    write_text(site.code, std::span(bytes).first(length));
  } else if (length == kNop2.size()) {
    write_text(site.code, kNop2);
  } else {
    write_text(site.code, kNop5);
  }
  return Ok{};
}

Status JumpLabels::add_module(const ModuleInstance& module) {
  for (const module::JumpLabel& site : module.tables.jump_labels) TRY(bring_up_to_date(module, site));
  return Ok{};
}

void JumpLabels::update(u64 key) {
  for (const auto& module : kernel_.modules().all()) {
    for (const module::JumpLabel& site : module->tables.jump_labels) {
      if (site.key != key) continue;
      const Status done = bring_up_to_date(*module, site);
      CHECK(done.ok(), "{}", done.error().message);
    }
  }
}

bool JumpLabels::set_enabled(u64 key, s32 value) {
  const auto old = enabled(key);
  if (!old || !guest::store(key, value)) return false;
  if ((*old != 0) != (value != 0)) update(key);
  return true;
}

}  // namespace koi::runtime
