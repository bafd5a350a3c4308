// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/files/machine_files.h"

#include <cstring>

#include "engine/mm/proc_text.h"
#include "runtime/files/memory_files.h"
#include "runtime/irq_script.h"
#include "runtime/kernel.h"
#include "runtime/memory/memory.h"
#include "runtime/memory/vm_events.h"

namespace koi::runtime {
namespace {

constexpr u32 kTimerInterrupt = kIrqLines, kCallInterrupt = kIrqLines + 1;  // of koi_irq_count()
constexpr u32 kNever = ~0u;

std::string cpu_names(Kernel& kernel, u32 blanks) {
  std::string text(blanks, ' ');
  for (u32 cpu = 0; cpu < kernel.config().cpus; ++cpu) text += fmt::format("CPU{:<8}", cpu);
  return text + '\n';
}

// The interrupts of the processors themselves. Those that nothing in koi's machine raises never came.
struct ProcessorInterrupt {
  std::string_view name, text;
  u32 number = kNever;
};
constexpr ProcessorInterrupt kProcessorInterrupts[] = {{"NMI", "Non-maskable interrupts"},
                                                       {"LOC", "Local timer interrupts", kTimerInterrupt},
                                                       {"SPU", "Spurious interrupts"},
                                                       {"PMI", "Performance monitoring interrupts"},
                                                       {"IWI", "IRQ work interrupts"},
                                                       {"RTR", "APIC ICR read retries"},
                                                       {"RES", "Rescheduling interrupts"},
                                                       {"CAL", "Function call interrupts", kCallInterrupt},
                                                       {"TLB", "TLB shootdowns"},
                                                       {"TRM", "Thermal event interrupts"},
                                                       {"THR", "Threshold APIC interrupts"},
                                                       {"DFR", "Deferred Error APIC interrupts"},
                                                       {"MCE", "Machine check exceptions"},
                                                       {"MCP", "Machine check polls"},
                                                       {"ERR", ""},
                                                       {"MIS", ""},
                                                       {"PIN", "Posted-interrupt notification event"},
                                                       {"NPI", "Nested posted-interrupt event"},
                                                       {"PIW", "Posted-interrupt wakeup event"}};

constexpr std::string_view kSoftirqs[] = {"HI",       "TIMER",   "NET_TX", "NET_RX",  "BLOCK",
                                          "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU"};

}  // namespace

std::string proc_interrupts(Kernel& kernel) {
  const auto action = kernel.core().function<const char*(u32, u32)>("koi_irq_action");
  const auto count = kernel.core().function<u32(u32, u32)>("koi_irq_count");
  const auto counts = [&](u32 number) {
    std::string text;
    for (u32 cpu = 0; cpu < kernel.config().cpus; ++cpu)
      text += fmt::format("{:10} ", number == kNever ? 0 : count(cpu, number));
    return text;
  };
  std::string text = cpu_names(kernel, 11);
  for (u32 irq = 0; irq < kIrqLines; ++irq) {
    const char* name = action(irq, 0);
    if (name == nullptr) continue;
    // The timer's line leads to the IO-APIC's third input.
    text += fmt::format("{:3}: {}{:>9} {:3}-{:<8}  {}", irq, counts(irq), "IO-APIC", irq == 0 ? 2 : irq,
                        irq == 9 ? "fasteoi" : "edge", name);
    for (u32 i = 1; (name = action(irq, i)) != nullptr; ++i) text += fmt::format(", {}", name);
    text += '\n';
  }
  for (const ProcessorInterrupt& interrupt : kProcessorInterrupts) {
    if (interrupt.text.empty())
      text += fmt::format("{:>3}: {:10}\n", interrupt.name, 0);
    else
      text += fmt::format("{:>3}: {}  {}\n", interrupt.name, counts(interrupt.number), interrupt.text);
  }
  return text;
}

std::string proc_softirqs(Kernel& kernel) {
  const auto count = kernel.core().function<u32(u32, u32)>("koi_softirq_count");
  std::string text = cpu_names(kernel, 20);
  for (u32 number = 0; number < std::size(kSoftirqs); ++number) {
    text += fmt::format("{:>12}:", kSoftirqs[number]);
    for (u32 cpu = 0; cpu < kernel.config().cpus; ++cpu) text += fmt::format(" {:10}", count(cpu, number));
    text += '\n';
  }
  return text;
}

std::string proc_misc(Kernel& kernel) {
  const auto device = kernel.core().function<const char*(u32, u32*)>("koi_misc_device");
  std::string text;
  u32 minor = 0;
  for (u32 i = 0; const char* const name = device(i, &minor); ++i)
    text += fmt::format("{:3} {}\n", minor, name);
  return text;
}

// Those that koi has a tree of; a module that brings another one is refused for want of register_filesystem().
std::string proc_filesystems(Kernel& /*kernel*/) {
  std::string text;
  for (const std::string_view name : {"sysfs", "proc", "devtmpfs", "debugfs"})
    text += fmt::format("nodev\t{}\n", name);
  return text;
}

std::string proc_vmstat(Kernel& kernel) {
  Memory& memory = kernel.memory();
  return mm::vmstat_text(memory.pages(), memory.slabs(), memory_use(kernel)) +
         mm::vmstat_events_text(memory.pages(), memory.slabs().release(), vm_events(kernel));
}

std::string min_free_kbytes(Kernel& kernel) {
  return fmt::format("{}\n", kernel.memory().pages().min_free_kbytes());
}
// As mm::Buddy computes its reserves and watermarks; the last two zones have no memory to keep for others.
std::string lowmem_reserve_ratio(Kernel& /*kernel*/) { return "256\t256\t32\t0\t0\n"; }
std::string watermark_scale_factor(Kernel& /*kernel*/) { return "10\n"; }
std::string numa_zonelist_order(Kernel& /*kernel*/) { return "Node\n"; }

}  // namespace koi::runtime
