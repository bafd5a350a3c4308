// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/console.h"

#include <bit>
#include <cstring>
#include <new>

#include "runtime/kernel.h"
#include "runtime/splat/preempt_count.h"
#include "runtime/splat/traps.h"

namespace koi::runtime {
namespace {

// splitmix64: spreads the seed over the keys that are made of it.
u64 derive(u64 seed, u64 salt) {
  u64 z = seed + salt * 0x9e3779b97f4a7c15ULL;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
  return z ^ z >> 31;
}

}  // namespace

Console::Console(Kernel& kernel) : kernel_(kernel) {
  const Release release = kernel.series();
  std::pmr::memory_resource* const heap = kernel.world().heap();
  printk::LogOptions options;
  options.release = release;
  // The kernel takes a larger buffer than its own only, rounded up to a power of two.
  if (const u64 wanted = kernel.config().boot.log_buf_len; wanted > options.log_buf_len)
    options.log_buf_len = std::bit_ceil(wanted);
  log_ = new (heap->allocate(sizeof(printk::Log), alignof(printk::Log))) printk::Log(heap, options);
  environment_ = printk::debian_environment(release);
  environment_.host = this;
  no_hash_pointers_ = reinterpret_cast<const bool*>(kernel.core().address_of("no_hash_pointers"));
  environment_.ptr_key_ready = true;
  const CoreImage& core = kernel.core();
  environment_.offsets.resource_start = static_cast<u32>(core.layout_or_die("resource.start"));
  environment_.offsets.resource_end = static_cast<u32>(core.layout_or_die("resource.end"));
  environment_.offsets.resource_flags = static_cast<u32>(core.layout_or_die("resource.flags"));
  environment_.offsets.dentry_parent = static_cast<u32>(core.layout_or_die("dentry.d_parent"));
  environment_.offsets.dentry_name =
      static_cast<u32>(core.layout_or_die("dentry.d_name") + core.layout_or_die("qstr.name"));
  environment_.offsets.file_dentry = static_cast<u32>(core.layout_or_die("file.f_path.dentry"));
}

void Console::apply_seed(u64 seed) { environment_.ptr_key = {derive(seed, 1), derive(seed, 2)}; }

printk::FormatEnvironment& Console::environment() {
  environment_.in_interrupt = (static_cast<u32>(kernel_.preempt_count()) & preempt_count::kInInterrupt) != 0;
  environment_.no_hash_pointers = *no_hash_pointers_;
  return environment_;
}

printk::LogCall Console::call() {
  printk::LogCall call;
  call.ts_nsec = kernel_.sched().now().value;
  const sched::Task* const task = kernel_.sched().current();
  const bool in_task = (static_cast<u32>(kernel_.preempt_count()) & preempt_count::kInInterrupt) == 0;
  call.caller_id = in_task && task != nullptr ? static_cast<u32>(task->pid)
                                              : 0x8000'0000U | kernel_.sched().running_vcpu().value;
  return call;
}

void Console::print(int level, std::string_view line) {
  printk::LogCall made = call();
  made.level = level;
  std::string text(line);
  text += '\n';
  log_->store(made, text);
}

void Console::print(const SplatText& lines) {
  for (const SplatLine& line : lines) print(line.level, line.text);
}

std::string Console::levels() const {
  s32 levels[4] = {};
  std::memcpy(levels, reinterpret_cast<const void*>(kernel_.core().address_of("console_printk")),
              sizeof(levels));
  return fmt::format("{}\t{}\t{}\t{}\n", levels[0], levels[1], levels[2], levels[3]);
}

bool Console::symbolise(u64 address, printk::Symbol& symbol) {
  const auto found = kernel_.traps().symbols().lookup(address);
  if (!found) return false;
  symbol_ = *found;
  symbol.name = symbol_.name;
  symbol.offset = symbol_.offset;
  symbol.size = symbol_.size;
  symbol.module = symbol_.module;
  return true;
}

void Console::warn_once(printk::FormatWarning kind, std::string_view text) {
  kernel_.traps().format_warning(kind, text);
}

void Console::unsupported(std::string_view conversion) {
  kernel_.note(observe::EventKind::kUnsupported, fmt::format("the printk conversion {}", conversion));
}

}  // namespace koi::runtime
