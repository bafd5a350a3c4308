// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/splat/macro_place.h"

#include <algorithm>

#include "runtime/kernel.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {

std::optional<MacroPlace> macro_place(Kernel& kernel, u64 ip) {
  ModuleInstance* const module = kernel.modules().find_by_address(ip - 1);
  if (module == nullptr) return std::nullopt;
  const auto places = module->source_places(ip - 1);
  // might_sleep() and cond_resched() are macros: they name the place of their use, not these functions'.
  const auto shown = std::find_if(places.begin(), places.end(), [](const SourcePlace& place) {
    return place.function != "might_resched" && place.function != "_cond_resched";
  });
  if (shown == places.end()) return std::nullopt;
  std::string file = shown->file;
  if (const auto at = file.rfind("/include/"); at != std::string::npos) file.erase(0, at + 1);
  return MacroPlace{file, shown->line};
}

}  // namespace koi::runtime
