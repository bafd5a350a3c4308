// SPDX-License-Identifier: GPL-2.0-only
#include "host/fault_signals.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>

#include "base/check.h"
#include "host/address_map.h"
#include "host/crossing.h"
#include "host/guest_memory.h"

namespace koi::host {
namespace {

constexpr u64 kAlternateStackSize = 64ULL << 10;
constexpr u64 kTrapFlag = 0x100;
constexpr u64 kDirectionFlag = 0x400;
constexpr int kTickSignal = SIGVTALRM;

FaultSignalConfig g_config;
bool g_installed = false;
timer_t g_tick_timer;
bool g_tick_timer_made = false;
u64 g_last_crossings = 0;
u32 g_stalled = 0;

// Guest context: module or core text, the crossing prologue that still runs on the module's stack, or a wild jump made
// while the stack pointer is in the vmalloc area, where kernel stacks lie.
bool in_guest_context(u64 rip, u64 rsp, u64 address) {
  if (in_window(rip) || in_crossing_prologue(rip)) return true;
  // Koi's own, though it runs on a kernel stack, unless it is a push that finds no stack left.
  if (in_leaf_text(rip)) return address < rsp && rsp - address <= kLeafStackBytes;
  return rsp >= kVmalloc && rsp < kEngineHeap;
}

u64 cpu_vector(int signal, const ucontext_t* context) {
  switch (signal) {
    case SIGFPE:
      return static_cast<u64>(context->uc_mcontext.gregs[REG_TRAPNO]);
    case SIGTRAP:
      return static_cast<u64>(context->uc_mcontext.gregs[REG_TRAPNO]);
    case kTickSignal:
      return kTrapPreempt;
    case SIGSYS:
      return kTrapSyscall;
    default:
      return static_cast<u64>(context->uc_mcontext.gregs[REG_TRAPNO]);
  }
}

void divert_to_trap_entry(int signal, ucontext_t* context, u64 address) {
  greg_t* const g = context->uc_mcontext.gregs;
  TrapFrame* const frame = trap_staging();
  const auto get = [g](int index) { return static_cast<u64>(g[index]); };
  frame->r15 = get(REG_R15);
  frame->r14 = get(REG_R14);
  frame->r13 = get(REG_R13);
  frame->r12 = get(REG_R12);
  frame->rbp = get(REG_RBP);
  frame->rbx = get(REG_RBX);
  frame->r11 = get(REG_R11);
  frame->r10 = get(REG_R10);
  frame->r9 = get(REG_R9);
  frame->r8 = get(REG_R8);
  frame->rax = get(REG_RAX);
  frame->rcx = get(REG_RCX);
  frame->rdx = get(REG_RDX);
  frame->rsi = get(REG_RSI);
  frame->rdi = get(REG_RDI);
  frame->rip = get(REG_RIP);
  frame->rflags = get(REG_EFL);
  frame->rsp = get(REG_RSP);
  frame->trap_number = cpu_vector(signal, context);
  frame->error_code = get(REG_ERR);
  frame->cr2 = address;
  frame->signal = static_cast<u64>(signal);
  g[REG_RIP] = static_cast<greg_t>(trap_entry_address());
  g[REG_EFL] = static_cast<greg_t>(get(REG_EFL) & ~(kTrapFlag | kDirectionFlag));
}

void on_fault(int signal, siginfo_t* info, void* opaque) {
  auto* const context = static_cast<ucontext_t*>(opaque);
  const auto rip = static_cast<u64>(context->uc_mcontext.gregs[REG_RIP]);
  const auto rsp = static_cast<u64>(context->uc_mcontext.gregs[REG_RSP]);
  const bool page_fault = signal == SIGSEGV || signal == SIGBUS;
  const u64 address = page_fault ? reinterpret_cast<u64>(info->si_addr) : 0;
  if (page_fault) {
    const bool write = (static_cast<u64>(context->uc_mcontext.gregs[REG_ERR]) & 2U) != 0;
    if (const u64 landing = guest_fault_landing(rip, address, write); landing != 0) {
      context->uc_mcontext.gregs[REG_RIP] = static_cast<greg_t>(landing);
      return;
    }
  }
  if (in_guest_context(rip, rsp, address)) {
    divert_to_trap_entry(signal, context, address);
    return;
  }
  if (g_config.bug_reporter != nullptr) g_config.bug_reporter(signal, rip, address);
  _exit(4);
}

void on_tick(int signal, siginfo_t* /*info*/, void* opaque) {
  auto* const context = static_cast<ucontext_t*>(opaque);
  const bool at_once = g_config.cpu_tick != nullptr && g_config.cpu_tick();
  const auto rip = static_cast<u64>(context->uc_mcontext.gregs[REG_RIP]);
  if (!in_window(rip)) {
    g_stalled = 0;
    return;
  }
  VcpuClock* const clock = gs_area()->clock;
  if (at_once) {
    divert_to_trap_entry(signal, context, 0);
    return;
  }
  if (clock->crossings != g_last_crossings) {
    g_last_crossings = clock->crossings;
    g_stalled = 0;
    return;
  }
  if (++g_stalled < g_config.stalled_ticks) return;
  g_stalled = 0;
  divert_to_trap_entry(signal, context, 0);
}

}  // namespace

void install_fault_signals(const FaultSignalConfig& config) {
  g_config = config;
  if (g_installed) return;
  g_installed = true;
  void* const stack = mmap(nullptr, kAlternateStackSize, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  CHECK(stack != MAP_FAILED, "signal stack: {}", std::strerror(errno));
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = kAlternateStackSize;
  CHECK(sigaltstack(&alternate, nullptr) == 0);

  struct sigaction action {};
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  action.sa_sigaction = on_fault;
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, kTickSignal);
  for (const int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGSYS}) {
    CHECK(sigaction(signal, &action, nullptr) == 0);
  }
  action.sa_sigaction = on_tick;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  CHECK(sigaction(kTickSignal, &action, nullptr) == 0);
}

void start_cpu_ticks() {
  if (!g_tick_timer_made) {
    sigevent event{};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = kTickSignal;
    CHECK(timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &g_tick_timer) == 0, "{}", std::strerror(errno));
    g_tick_timer_made = true;
  }
  itimerspec spec{};
  spec.it_interval.tv_nsec = static_cast<long>(g_config.tick_ns);
  spec.it_value = spec.it_interval;
  CHECK(timer_settime(g_tick_timer, 0, &spec, nullptr) == 0);
}

void stop_cpu_ticks() {
  if (!g_tick_timer_made) return;
  const itimerspec off{};
  CHECK(timer_settime(g_tick_timer, 0, &off, nullptr) == 0);
}

bool catch_module_system_calls() {
  // Dispatch is by address: calls made from [offset, offset + length) pass; the range cannot be split, so the
  // selector byte stays at "block" only for text below the usual mmap area: everything from 4 GiB up is allowed.
  static volatile u8 selector = 1;  // SYSCALL_DISPATCH_FILTER_BLOCK
  constexpr u64 kAllowedFrom = 1ULL << 32;
  constexpr u64 kAllowedLength = (1ULL << 47) - kAllowedFrom;
  constexpr int kPrSetSyscallUserDispatch = 59;
  constexpr int kPrSysDispatchOn = 1;
  return prctl(kPrSetSyscallUserDispatch, kPrSysDispatchOn, kAllowedFrom, kAllowedLength, &selector) == 0;
}

}  // namespace koi::host
