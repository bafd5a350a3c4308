// SPDX-License-Identifier: GPL-2.0-only
#include "host/stub_area.h"

#include <array>
#include <cstring>

#include "base/check.h"

extern "C" {
extern koi::u64 koi_upcall_return_stub_address __attribute__((visibility("hidden")));
void koi_upcall_return();
}

namespace koi::host {
namespace {

constexpr std::array kKinds = {CrossingKind::kPlain, CrossingKind::kStackArgs, CrossingKind::kVariadic,
                               CrossingKind::kPair, CrossingKind::kSaveAll};
constexpr u64 kUpcallReturnSlot = kKinds.size();
constexpr u64 kLeafSlots = kUpcallReturnSlot + 1;
constexpr u64 kSlotBytes = 128;
constexpr u64 kJumpBytes = 6;
// In a leaf's stub: mov $index, %r9d, the jump, and how far from the area's start the next stub of that leaf is (0: nowhere).
constexpr u64 kLeafJump = 6;
constexpr u64 kLeafLink = kLeafJump + kJumpBytes;
static_assert(kLeafLink + sizeof(u32) == kStubSize);
static_assert((kLeafSlots + static_cast<u64>(Leaf::kCount)) * sizeof(u64) <= kSlotBytes);

void put(u64 address, const void* bytes, size_t size_bytes) {
  std::memcpy(reinterpret_cast<void*>(address), bytes, size_bytes);
}

// A jump to what the slot holds, at most kJumpBytes at `address`: jmp entry where that reaches, else jmp *slot(%rip).
void put_jump(u64 address, u64 slot_address) {
  u64 entry = 0;
  std::memcpy(&entry, reinterpret_cast<const void*>(slot_address), sizeof(entry));
  const auto distance = static_cast<s64>(entry) - static_cast<s64>(address + 5);
  if (const auto near = static_cast<s32>(distance); near == distance) {
    const u8 opcode = 0xe9;
    put(address, &opcode, sizeof(opcode));
    put(address + 1, &near, sizeof(near));
    return;
  }
  const std::array<u8, 2> opcode = {0xff, 0x25};
  const auto displacement = static_cast<s32>(static_cast<s64>(slot_address) - static_cast<s64>(address + 6));
  put(address, opcode.data(), opcode.size());
  put(address + 2, &displacement, sizeof(displacement));
}

}  // namespace

Result<StubArea> StubArea::create(World& world, u64 size_bytes) {
  const u64 base = TRY(world.window_take(size_bytes));
  StubArea area(base, size_bytes);
  area.open();
  for (const CrossingKind kind : kKinds) {
    const void* const entry = crossing_entry(kind);
    put(base + static_cast<u64>(kind) * sizeof(u64), &entry, sizeof(entry));
  }
  for (u8 leaf = 0; leaf < static_cast<u8>(Leaf::kCount); ++leaf) area.set_leaf(Leaf{leaf}, leaf_off());
  const auto back = reinterpret_cast<u64>(&koi_upcall_return);
  put(base + kUpcallReturnSlot * sizeof(u64), &back, sizeof(back));
  area.next_ = base + kSlotBytes;
  area.upcall_return_ = area.take();
  put_jump(area.upcall_return_, base + kUpcallReturnSlot * sizeof(u64));
  koi_upcall_return_stub_address = area.upcall_return_;
  return area;
}

u64 StubArea::take() {
  CHECK(next_ + kStubSize <= base_ + size_bytes_, "stub area full: {} bytes", size_bytes_);
  const u64 address = next_;
  next_ += kStubSize;
  return address;
}

void StubArea::set_leaf(Leaf leaf, const void* entry) {
  const u64 slot = leaf_slot(leaf);
  put(slot, &entry, sizeof(entry));
  for (u32 at = leaf_stubs_[static_cast<u8>(leaf)]; at != 0;) {
    put_jump(base_ + at + kLeafJump, slot);
    std::memcpy(&at, reinterpret_cast<const void*>(base_ + at + kLeafLink), sizeof(at));
  }
}

u64 StubArea::leaf_slot(Leaf leaf) const {
  return base_ + (kLeafSlots + static_cast<u64>(leaf)) * sizeof(u64);
}

u64 StubArea::add(u32 export_index, CrossingKind kind, u32 fixed_arguments, Leaf leaf) {
  const u64 address = take();
  const u64 slot = base_ + static_cast<u64>(kind) * sizeof(u64);
  if (leaf != Leaf::kNone) {
    CHECK(kind == CrossingKind::kPlain);
    const std::array<u8, 2> mov_r9d_imm32 = {0x41, 0xb9};
    put(address, mov_r9d_imm32.data(), mov_r9d_imm32.size());
    put(address + 2, &export_index, sizeof(export_index));
    put_jump(address + kLeafJump, leaf_slot(leaf));
    u32& first = leaf_stubs_[static_cast<u8>(leaf)];
    put(address + kLeafLink, &first, sizeof(first));
    first = static_cast<u32>(address - base_);
    return address;
  }
  if (kind == CrossingKind::kVariadic) {
    CHECK(fixed_arguments >= 1 && fixed_arguments <= 5);
    const std::array<u8, 2> mov_r11_imm64 = {0x49, 0xbb};
    const u64 immediate = export_index | static_cast<u64>(fixed_arguments) << 32;
    put(address, mov_r11_imm64.data(), mov_r11_imm64.size());
    put(address + 2, &immediate, sizeof(immediate));
    put_jump(address + 10, slot);
    return address;
  }
  const std::array<u8, 2> mov_r11d_imm32 = {0x41, 0xbb};
  put(address, mov_r11d_imm32.data(), mov_r11d_imm32.size());
  put(address + 2, &export_index, sizeof(export_index));
  put_jump(address + 6, slot);
  return address;
}

u64 StubArea::add_name_entry() {
  const u64 address = take();
  std::memset(reinterpret_cast<void*>(address), 0xcc, kStubSize);
  return address;
}

}  // namespace koi::host
