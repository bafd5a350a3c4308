// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/irq_script.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "host/crossing.h"
#include "runtime/console.h"
#include "runtime/core/core_image.h"
#include "runtime/kernel.h"

namespace koi::runtime {
namespace {

constexpr u64 kSettleNs = 8'000'000;  // two ticks: for threads and softirqs
constexpr u64 kMostIrqs = 10'000'000;

struct Pending {
  Kernel* kernel;
  u32 line;
  u64 every_ns;
  u64 left;
  bool unheard;
};

bool parse_number(std::string_view text, u64& value, std::string_view& rest) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  rest = text.substr(static_cast<size_t>(end - text.data()));
  return true;
}

bool parse_time(std::string_view text, u64& ns) {
  std::string_view unit;
  u64 value = 0;
  if (!parse_number(text, value, unit)) return false;
  const u64 scale = unit == "ns"   ? 1
                    : unit == "us" ? 1'000
                    : unit == "ms" ? 1'000'000
                    : unit == "s"  ? 1'000'000'000
                                   : 0;
  if (scale == 0 || value > ~u64{0} / 1024 / scale) return false;
  ns = value * scale;
  return true;
}

void raise(void* argument);

void arm(Pending& pending, u64 at_ns, u32 cpu) {
  pending.kernel->sched().add_timer(VirtualTime{at_ns}, VcpuId{cpu}, raise, &pending);
}

void raise(void* argument) {
  Pending& pending = *static_cast<Pending*>(argument);
  Kernel& kernel = *pending.kernel;
  const auto cpu = static_cast<s32>(host::upcall(kernel.core().address_of("koi_irq_cpu"), pending.line));
  const u64 now = kernel.sched().now().value;
  if (cpu >= 0 && static_cast<u32>(cpu) != kernel.sched().running_vcpu().value) {
    arm(pending, now, static_cast<u32>(cpu));
    return;
  }
  host::GsArea* const area = host::gs_area();
  const u64 flag = area->interrupt_flag;
  area->interrupt_flag = 0;
  const auto answer =
      static_cast<s32>(host::upcall(kernel.core().address_of("koi_device_interrupt"), pending.line));
  area->interrupt_flag = flag;
  if (answer == -ENXIO && !std::exchange(pending.unheard, true))
    kernel.console().print(6,
                           fmt::format("koi: irq {} was raised, and nobody has requested it", pending.line));
  if (--pending.left != 0) arm(pending, now + pending.every_ns, kernel.sched().running_vcpu().value);
}

}  // namespace

Result<ScriptedIrq> parse_scripted_irq(const std::string& text) {
  ScriptedIrq irq;
  irq.text = text;
  u64 line = 0;
  std::string_view rest;
  const auto refuse = [&](std::string_view why) {
    return make_error("{}: {}; give LINE@TIME[,every=TIME,count=N], as in 5@10ms,every=100us,count=20", text,
                      why);
  };
  if (!parse_number(text, line, rest) || !rest.starts_with('@')) return refuse("no LINE@TIME");
  if (line >= kIrqLines || line == 2) return refuse("the lines are 0, 1 and 3 to 15");
  irq.line = static_cast<u32>(line);
  rest.remove_prefix(1);
  const size_t comma = rest.find(',');
  if (!parse_time(rest.substr(0, comma), irq.at_ns)) return refuse("TIME is a number and ns, us, ms or s");
  bool counted = false;
  while (rest.find(',') != std::string_view::npos) {
    rest = rest.substr(rest.find(',') + 1);
    const std::string_view part = rest.substr(0, rest.find(','));
    std::string_view nothing;
    if (part.starts_with("every=")) {
      if (!parse_time(part.substr(6), irq.every_ns) || irq.every_ns == 0) return refuse("no such period");
    } else if (part.starts_with("count=")) {
      counted = parse_number(part.substr(6), irq.count, nothing) && nothing.empty() && irq.count != 0 &&
                irq.count <= kMostIrqs;
      if (!counted) return refuse("count is a number from 1 to 10000000");
    } else {
      return refuse("nothing but every= and count= follows");
    }
  }
  if ((irq.every_ns != 0) != counted) return refuse("every= and count= go together");
  return irq;
}

void schedule_irqs(Kernel& kernel, const std::vector<ScriptedIrq>& irqs) {
  for (const ScriptedIrq& irq : irqs) {
    auto* const pending = new (kernel.world().heap()->allocate(sizeof(Pending)))
        Pending{&kernel, irq.line, irq.every_ns, irq.count, false};
    arm(*pending, irq.at_ns, 0);
  }
}

void wait_for_irqs(Kernel& kernel, const std::vector<ScriptedIrq>& irqs) {
  u64 last = 0;
  for (const ScriptedIrq& irq : irqs) last = std::max(last, irq.last_ns());
  const u64 now = kernel.sched().now().value;
  if (!irqs.empty() && last + kSettleNs > now) kernel.settle(last + kSettleNs - now);
}

}  // namespace koi::runtime
