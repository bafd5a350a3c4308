// SPDX-License-Identifier: GPL-2.0-only
// For tests: traces made line by line.
#pragma once

#include "report/trace.h"

namespace koi::report::testing {

class TraceBuilder {
 public:
  explicit TraceBuilder(std::string release = "6.1.0-56-amd64") {
    trace.machine = {std::move(release), 2, 256ULL << 20, 1, "koi"};
    trace.modules.emplace_back("driver");
  }
  u32 site(std::string callee, std::string function, std::string source = "") {
    trace.sites.push_back({std::move(callee), "driver", std::move(function), std::move(source)});
    return static_cast<u32>(trace.sites.size() - 1);
  }
  u32 cache(std::string name) {
    trace.caches.push_back(std::move(name));
    return static_cast<u32>(trace.caches.size() - 1);
  }
  TraceEvent& alloc(u32 site, u64 address, u64 requested, u64 actual,
                    AllocatorKind kind = AllocatorKind::kSlab, u32 cache = 0) {
    TraceEvent& e = next(TraceEventType::kAlloc);
    e.site = site;
    e.address = address;
    e.requested = requested;
    e.actual = actual;
    e.kind = kind;
    e.cache = cache;
    e.gfp = 0xcc0;
    return e;
  }
  TraceEvent& free(u64 address, u64 actual = 0) {
    TraceEvent& e = next(TraceEventType::kFree);
    e.address = address;
    e.actual = actual;
    return e;
  }
  TraceEvent& resize(u64 address, u64 requested) {
    TraceEvent& e = next(TraceEventType::kResize);
    e.address = address;
    e.requested = requested;
    return e;
  }
  void unload() { next(TraceEventType::kUnload).module = 1; }

  Trace trace;
  u64 step_ns = 100;

 private:
  TraceEvent& next(TraceEventType type) {
    now_ns_ += step_ns;
    TraceEvent& e = trace.events.emplace_back();
    e.type = type;
    e.time_ns = now_ns_;
    return e;
  }
  u64 now_ns_ = 0;
};

}  // namespace koi::report::testing
