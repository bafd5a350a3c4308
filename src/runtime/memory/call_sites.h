// SPDX-License-Identifier: GPL-2.0-only
// Call sites: which call in which module a site number stands for, and the stubs that carry the numbers.
//
// The loader asks here for the target of each branch to an undefined symbol. A call of a declared allocating function
// (kapi/allocating.h) gets a number and a stub of its own. A call of another function of the C core goes through a stub that stores
// number 0, so that what the core allocates for itself is never charged to an earlier call. References that are no
// branches (function pointers) keep the function's one address: calls through them have number 0.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "host/site_stubs.h"
#include "module/relocate.h"
#include "observe/allocation_sites.h"
#include "runtime/splat/splat.h"

namespace koi::runtime {

struct ModuleInstance;

// The innermost place that is not in a header of the kernel (an inlined kmalloc() is in one); nullptr: none is known.
[[nodiscard]] const SourcePlace* own_place(const std::vector<SourcePlace>& places);
[[nodiscard]] bool is_kernel_header(const SourcePlace& place);

struct CallSite {
  std::string module;
  std::string callee;    // the kernel's name of what is called: "__kmalloc"
  u64 address = 0;       // of the byte behind the call: its return address
  std::string function;  // empty: no symbol covers the call
  u64 function_offset = 0;
  u64 function_size = 0;
  std::vector<SourcePlace> source;  // innermost first; empty: not looked up, or no debug information
  bool in_memory = true;            // its module is still loaded

  // "setup+0x42/0x1a0", as %pS without the module.
  [[nodiscard]] std::string function_text() const;
  // "setup+0x42/0x1a0 [driver]", as %pS.
  [[nodiscard]] std::string text() const;
};

class CallSites final : public module::SiteTargets {
 public:
  // `in_core`: does this address lie in the C core's text?
  CallSites(host::SiteStubs stubs, observe::AllocationSites& totals, std::function<bool(u64)> in_core);

  // The functions whose calls get numbers. Before the first module.
  void declare(const std::vector<std::string_view>& functions);

  // ---- one load, from its relocation on ----
  void begin(std::string_view module);
  u64 target_for(const module::RelocationSite& site) override;
  // The load failed: its stubs are free again.
  void abandon();
  // The load went well: stubs and numbers are the module's.
  void adopt(ModuleInstance& module);
  // Its symbols are known: so are the functions that its sites lie in.
  void name_functions(const ModuleInstance& module);
  // Before the module's memory goes.
  void unload(ModuleInstance& module);

  // Reads file and line of the module's sites from its debug information. Requires: it is loaded.
  void find_lines(ModuleInstance& module);

  // Requires: 0 < site < end().
  [[nodiscard]] const CallSite& at(observe::SiteNumber site) const { return sites_[site - 1]; }
  [[nodiscard]] observe::SiteNumber end() const {
    return static_cast<observe::SiteNumber>(sites_.size() + 1);
  }
  // The function that a stub at `address` stands for; 0: no such stub.
  [[nodiscard]] u64 function_behind(u64 address) const {
    return stubs_.owns(address) ? stubs_.target_of(address) : 0;
  }

 private:
  [[nodiscard]] u64 clearing_stub(u64 function);

  host::SiteStubs stubs_;
  observe::AllocationSites& totals_;
  std::function<bool(u64)> in_core_;
  std::unordered_set<std::string_view> functions_;
  std::deque<CallSite> sites_;  // of site n: [n - 1]
  std::unordered_map<u64, u64> clearing_;
  std::string loading_;
  std::vector<u64> taken_;
  observe::SiteNumber first_ = 1;
};

}  // namespace koi::runtime
