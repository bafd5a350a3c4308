// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/memory/call_sites.h"

#include <utility>

#include "base/check.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {
namespace {

constexpr u64 kDisplacementBytes = 4;

}  // namespace

bool is_kernel_header(const SourcePlace& place) {
  return place.file.find("/include/linux/") != std::string::npos ||
         place.file.find("/include/asm") != std::string::npos ||
         place.file.find("/linux-headers-") != std::string::npos;
}

const SourcePlace* own_place(const std::vector<SourcePlace>& places) {
  for (const SourcePlace& place : places) {
    if (!is_kernel_header(place)) return &place;
  }
  return places.empty() ? nullptr : &places.front();
}

std::string CallSite::function_text() const {
  if (function.empty()) return fmt::format("{:#x}", address);
  return fmt::format("{}+{:#x}/{:#x}", function, function_offset, function_size);
}

std::string CallSite::text() const { return fmt::format("{} [{}]", function_text(), module); }

CallSites::CallSites(host::SiteStubs stubs, observe::AllocationSites& totals,
                     std::function<bool(u64)> in_core)
    : stubs_(std::move(stubs)), totals_(totals), in_core_(std::move(in_core)) {
  stubs_.seal();
}

void CallSites::declare(const std::vector<std::string_view>& functions) {
  functions_.insert(functions.begin(), functions.end());
}

void CallSites::begin(std::string_view module) {
  loading_ = module;
  taken_.clear();
  first_ = end();
  stubs_.open();
}

u64 CallSites::target_for(const module::RelocationSite& site) {
  if (!site.is_branch || site.value == 0) return site.value;
  if (!functions_.contains(site.symbol)) return in_core_(site.value) ? clearing_stub(site.value) : site.value;
  // A full area leaves the call without a number, as a call through a pointer.
  const u64 stub = stubs_.add(end(), site.value);
  if (stub == 0) return site.value;
  CallSite fresh;
  fresh.module = loading_;
  fresh.callee = site.symbol;
  fresh.address = site.address + kDisplacementBytes;
  sites_.push_back(std::move(fresh));
  const observe::SiteNumber number = totals_.add();
  CHECK(number == end() - 1);
  taken_.push_back(stub);
  return stub;
}

u64 CallSites::clearing_stub(u64 function) {
  const auto known = clearing_.find(function);
  if (known != clearing_.end()) return known->second;
  const u64 stub = stubs_.add(observe::kNoSite, function);
  if (stub == 0) return function;
  clearing_.emplace(function, stub);
  return stub;
}

void CallSites::abandon() {
  for (const u64 stub : taken_) stubs_.give_back(stub);
  taken_.clear();
  for (observe::SiteNumber n = first_; n < end(); ++n) sites_[n - 1].in_memory = false;
  first_ = end();
  stubs_.seal();
}

void CallSites::adopt(ModuleInstance& module) {
  module.site_stubs = std::exchange(taken_, {});
  module.first_site = std::exchange(first_, end());
  module.end_site = end();
  stubs_.seal();
}

void CallSites::name_functions(const ModuleInstance& module) {
  for (observe::SiteNumber n = module.first_site; n < module.end_site; ++n) {
    CallSite& site = sites_[n - 1];
    const auto found = module.symbols->find(site.address - 1, module::ModuleSymbols::Init::kPresent);
    if (!found) continue;
    site.function = found->name;
    site.function_offset = found->offset + 1;
    site.function_size = found->size;
  }
}

void CallSites::unload(ModuleInstance& module) {
  stubs_.open();
  for (const u64 stub : module.site_stubs) stubs_.give_back(stub);
  stubs_.seal();
  module.site_stubs.clear();
  for (observe::SiteNumber n = module.first_site; n < module.end_site; ++n) sites_[n - 1].in_memory = false;
}

void CallSites::find_lines(ModuleInstance& module) {
  for (observe::SiteNumber n = module.first_site; n < module.end_site; ++n) {
    CallSite& site = sites_[n - 1];
    if (site.source.empty()) site.source = module.source_places(site.address - 1);
  }
}

}  // namespace koi::runtime
