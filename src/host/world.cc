// SPDX-License-Identifier: GPL-2.0-only
#include "host/world.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "host/address_map.h"

namespace koi::host {
namespace {

constexpr u64 round_up(u64 value, u64 unit) { return (value + unit - 1) / unit * unit; }

int to_prot(Protection protection) {
  switch (protection) {
    case Protection::kNone:
      return PROT_NONE;
    case Protection::kRead:
      return PROT_READ;
    case Protection::kReadWrite:
      return PROT_READ | PROT_WRITE;
    case Protection::kReadExecute:
      return PROT_READ | PROT_EXEC;
  }
  return PROT_NONE;
}

Status reserve_range(const char* what, u64 address, u64 size_bytes, Protection protection) {
  void* const got = mmap(reinterpret_cast<void*>(address), size_bytes, to_prot(protection),
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (got == reinterpret_cast<void*>(address)) return Ok{};
  const int error = errno;
  if (got != MAP_FAILED) munmap(got, size_bytes);
  if (error == ENOMEM) {
    return make_errno(
        ENOMEM,
        "cannot reserve {} MiB of address space for the {} at {:#x}: {} (raise the limit: ulimit -v, or "
        "give a smaller --memory)",
        size_bytes >> 20, what, address, std::strerror(error));
  }
  return make_errno(error, "cannot map the {} at its fixed address {:#x} ({} MiB): {}", what, address,
                    size_bytes >> 20, std::strerror(error));
}

}  // namespace

void protect(u64 address, u64 size_bytes, Protection protection) {
  const int rc =
      mprotect(reinterpret_cast<void*>(address), round_up(size_bytes, kPageSize), to_prot(protection));
  CHECK(rc == 0, "mprotect {:#x}+{:#x}: {}", address, size_bytes, std::strerror(errno));
}

void populate(u64 address, u64 size_bytes) {
  // Before Linux 5.14 there is no such advice, and each page comes when it is touched.
  static_cast<void>(
      madvise(reinterpret_cast<void*>(address), round_up(size_bytes, kPageSize), MADV_POPULATE_WRITE));
}

void discard(u64 address, u64 size_bytes) {
  const int rc = madvise(reinterpret_cast<void*>(address), round_up(size_bytes, kPageSize), MADV_DONTNEED);
  CHECK(rc == 0, "madvise {:#x}+{:#x}: {}", address, size_bytes, std::strerror(errno));
}

void EngineHeap::reset(u64 base, u64 size_bytes) {
  base_ = base;
  next_ = base;
  end_ = base + size_bytes;
  std::fill(std::begin(free_), std::end(free_), nullptr);
}

void* EngineHeap::do_allocate(size_t bytes, size_t alignment) {
  const u64 size = std::bit_ceil(std::max<u64>({bytes, alignment, 16}));
  const u32 size_class = static_cast<u32>(std::countr_zero(size));
  CHECK(size_class < kClasses);
  if (void* const head = free_[size_class]; head != nullptr) {
    std::memcpy(&free_[size_class], head, sizeof(void*));
    return head;
  }
  // Blocks above a page are only page-aligned, so that a big table does not waste as much again.
  return take_zeroed(size, std::max<u64>(alignment, std::min(size, kPageSize)));
}

void* EngineHeap::take_zeroed(size_t bytes, size_t alignment) {
  const u64 at = round_up(next_, alignment);
  if (at + bytes > end_) throw std::bad_alloc();
  next_ = at + bytes;
  return reinterpret_cast<void*>(at);
}

void EngineHeap::do_deallocate(void* p, size_t bytes, size_t alignment) {
  const u64 size = std::bit_ceil(std::max<u64>({bytes, alignment, 16}));
  const u32 size_class = static_cast<u32>(std::countr_zero(size));
  std::memcpy(p, &free_[size_class], sizeof(void*));
  free_[size_class] = p;
}

Status World::reserve_ram() {
  ram_fd_ = memfd_create("koi-ram", MFD_CLOEXEC);
  if (ram_fd_ < 0 || ftruncate(ram_fd_, static_cast<off_t>(config_.ram_bytes)) != 0) {
    return make_errno(errno, "cannot make a memory file for {} MiB of RAM: {}", config_.ram_bytes >> 20,
                      std::strerror(errno));
  }
  TRY(reserve_range("RAM", kDirectMap, config_.ram_bytes, Protection::kNone));
  if (!map_ram(kDirectMap, 0, config_.ram_bytes / kPageSize, Protection::kReadWrite)) {
    return make_errno(errno, "cannot map {} MiB of RAM: {}", config_.ram_bytes >> 20, std::strerror(errno));
  }
  return Ok{};
}

bool World::map_ram(u64 address, u64 first_pfn, u64 pages, Protection protection) {
  void* const at =
      mmap(reinterpret_cast<void*>(address), pages * kPageSize, to_prot(protection),
           MAP_SHARED | MAP_FIXED | MAP_NORESERVE, ram_fd_, static_cast<off_t>(first_pfn * kPageSize));
  return at != MAP_FAILED;
}

void World::unmap_ram(u64 address, u64 pages) {
  void* const at = mmap(reinterpret_cast<void*>(address), pages * kPageSize, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  CHECK(at != MAP_FAILED, "{}", std::strerror(errno));
}

Status World::reserve() {
  vmalloc_size_ = std::clamp<u64>(config_.ram_bytes, 128ULL << 20, 1ULL << 30);
  const u64 pages = config_.ram_bytes / kPageSize;
  heap_size_ = kEngineHeapSize + pages * kEngineHeapPerPage;
  TRY(reserve_range("module window", kWindow, kWindowSize, Protection::kNone));
  TRY(reserve_ram());
  TRY(reserve_range("page array", kVmemmap, round_up(pages * kStructPageSize, kPageSize),
                    Protection::kReadWrite));
  TRY(reserve_range("vmalloc area", kVmalloc, vmalloc_size_, Protection::kNone));
  TRY(reserve_range("engine heap", kEngineHeap, heap_size_, Protection::kReadWrite));
  TRY(reserve_range("task stacks", kHostStacks, kMaxTasks * kHostStackSize, Protection::kNone));
  TRY(reserve_range("per-CPU areas", kPercpuAreas, config_.vcpus * kPercpuAreaSize, Protection::kReadWrite));
  TRY(reserve_range("user memory", kUserMemory, kUserMemorySize, Protection::kNone));
  return Ok{};
}

Result<World*> World::create(const WorldConfig& config) {
  // The World object itself lies at the start of its own heap.
  World staging(config);
  if (Status reserved = staging.reserve(); !reserved.ok()) return std::move(reserved).error();
  auto* world = new (reinterpret_cast<void*>(kEngineHeap)) World(config);
  const u64 taken = round_up(sizeof(World), kPageSize);
  world->vmalloc_size_ = staging.vmalloc_size_;
  world->heap_size_ = staging.heap_size_;
  world->ram_fd_ = staging.ram_fd_;
  world->heap_.reset(kEngineHeap + taken, world->heap_size_ - taken);
  world->window_next_ = kWindow;
  auto* holes =
      world->heap_.allocate(sizeof(std::pmr::vector<WindowHole>), alignof(std::pmr::vector<WindowHole>));
  world->window_holes_ = new (holes) std::pmr::vector<WindowHole>(&world->heap_);
  return world;
}

void World::destroy(World* world) {
  const WorldConfig config = world->config_;
  const u64 pages = config.ram_bytes / kPageSize;
  const u64 vmalloc_size = world->vmalloc_size_;
  munmap(reinterpret_cast<void*>(kWindow), kWindowSize);
  munmap(reinterpret_cast<void*>(kDirectMap), config.ram_bytes);
  munmap(reinterpret_cast<void*>(kVmemmap), round_up(pages * kStructPageSize, kPageSize));
  munmap(reinterpret_cast<void*>(kVmalloc), vmalloc_size);
  munmap(reinterpret_cast<void*>(kHostStacks), kMaxTasks * kHostStackSize);
  munmap(reinterpret_cast<void*>(kPercpuAreas), config.vcpus * kPercpuAreaSize);
  munmap(reinterpret_cast<void*>(kUserMemory), kUserMemorySize);
  const u64 heap_size = world->heap_size_;
  close(world->ram_fd_);
  munmap(reinterpret_cast<void*>(kEngineHeap), heap_size);
}

u64 World::percpu_area(VcpuId cpu) const {
  CHECK(cpu.value < config_.vcpus);
  return kPercpuAreas + cpu.value * kPercpuAreaSize;
}

Result<u64> World::window_take(u64 size_bytes) {
  const u64 size = round_up(size_bytes, kPageSize);
  for (auto hole = window_holes_->begin(); hole != window_holes_->end(); ++hole) {
    if (hole->size_bytes < size) continue;
    const u64 address = hole->address;
    hole->address += size;
    hole->size_bytes -= size;
    if (hole->size_bytes == 0) window_holes_->erase(hole);
    return address;
  }
  if (window_next_ + size > kWindowEnd) {
    return make_errno(ENOMEM, "the module window is full: {} KiB wanted, {} KiB left", size >> 10,
                      (kWindowEnd - window_next_) >> 10);
  }
  const u64 address = window_next_;
  window_next_ += size;
  return address;
}

void World::window_release(u64 address, u64 size_bytes) {
  const u64 size = round_up(size_bytes, kPageSize);
  discard(address, size);
  protect(address, size, Protection::kNone);
  auto after = std::find_if(window_holes_->begin(), window_holes_->end(),
                            [&](const WindowHole& hole) { return hole.address > address; });
  after = window_holes_->insert(after, WindowHole{address, size});
  if (auto next = after + 1;
      next != window_holes_->end() && after->address + after->size_bytes == next->address) {
    after->size_bytes += next->size_bytes;
    window_holes_->erase(next);
  }
  if (after != window_holes_->begin()) {
    auto before = after - 1;
    if (before->address + before->size_bytes == after->address) {
      before->size_bytes += after->size_bytes;
      window_holes_->erase(after);
    }
  }
}

}  // namespace koi::host
