// SPDX-License-Identifier: GPL-2.0-only
// Which imports of a set of modules are provided, by whom, and which are missing.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/module_views.h"

namespace koi::cli {

enum class Provider {
  kKoi,
  kModule,      // another module of the same survey
  kNobodyWeak,  // missing, but the reference is weak: the module loads without it
  kNobody,
};

struct SurveyedImport {
  std::string name;
  Provider provider = Provider::kNobody;
  std::string module;  // kModule: its path
};

struct ModuleSurvey {
  std::string path;
  std::vector<SurveyedImport> imports;  // by name
  [[nodiscard]] std::size_t count(Provider provider) const;
  [[nodiscard]] bool loads() const { return count(Provider::kNobody) == 0; }
};

// Does koi export `name`?
using KoiProvides = std::function<bool(const std::string& name)>;

[[nodiscard]] std::vector<ModuleSurvey> survey_symbols(const std::vector<ModuleView>& modules,
                                                       const KoiProvides& koi_provides);

}  // namespace koi::cli
