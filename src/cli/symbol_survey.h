// SPDX-License-Identifier: GPL-2.0-only
// Which imports of a set of modules are provided, by whom, and which keep the module from loading: the rules of the
// loader's symbol resolution, asked without loading anything.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/module_views.h"

namespace koi::cli {

enum class Provider {
  kKoi,
  kModule,        // another module of the same survey
  kWeak,          // nobody, but the reference is weak: the module loads without it
  kMissing,       // nobody
  kGplOnly,       // koi, but not for a module with this licence
  kOtherVersion,  // koi, but the module was built against another version of it (CRC)
};
[[nodiscard]] bool prevents_loading(Provider provider);

struct SurveyedImport {
  std::string name;
  Provider provider = Provider::kMissing;
  std::string module;  // kModule: its path
};

struct ModuleSurvey {
  std::string path;
  std::vector<SurveyedImport> imports;  // by name
  [[nodiscard]] std::size_t count(Provider provider) const;
  [[nodiscard]] bool loads() const;
};

struct KoiSymbol {
  bool gpl_only = false;
  u32 crc = 0;
};
// What koi exports as `name`; nullopt: nothing.
using KoiProvides = std::function<std::optional<KoiSymbol>(const std::string& name)>;

[[nodiscard]] std::vector<ModuleSurvey> survey_symbols(const std::vector<ModuleView>& modules,
                                                       const KoiProvides& koi_provides);

}  // namespace koi::cli
