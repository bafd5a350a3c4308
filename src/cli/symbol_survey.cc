// SPDX-License-Identifier: GPL-2.0-only
#include "cli/symbol_survey.h"

#include <algorithm>
#include <unordered_map>

#include "module/resolve.h"

namespace koi::cli {

std::size_t ModuleSurvey::count(Provider provider) const {
  return static_cast<std::size_t>(
      std::count_if(imports.begin(), imports.end(),
                    [&](const SurveyedImport& import) { return import.provider == provider; }));
}

std::vector<ModuleSurvey> survey_symbols(const std::vector<ModuleView>& modules,
                                         const KoiProvides& koi_provides) {
  std::unordered_map<std::string_view, const ModuleView*> exporters;
  for (const ModuleView& view : modules) {
    for (const std::string_view name : exports_of(view.image)) exporters.emplace(name, &view);
  }
  std::vector<ModuleSurvey> surveys;
  for (const ModuleView& view : modules) {
    ModuleSurvey survey{view.file->path, {}};
    for (const module::Import& wanted : module::imports(view.image)) {
      SurveyedImport import{std::string(wanted.name), Provider::kNobody, ""};
      const auto exporter = exporters.find(wanted.name);
      if (koi_provides(import.name)) {
        import.provider = Provider::kKoi;
      } else if (exporter != exporters.end() && exporter->second != &view) {
        import.provider = Provider::kModule;
        import.module = exporter->second->file->path;
      } else if (wanted.weak) {
        import.provider = Provider::kNobodyWeak;
      }
      survey.imports.push_back(std::move(import));
    }
    std::sort(survey.imports.begin(), survey.imports.end(),
              [](const SurveyedImport& a, const SurveyedImport& b) { return a.name < b.name; });
    surveys.push_back(std::move(survey));
  }
  return surveys;
}

}  // namespace koi::cli
