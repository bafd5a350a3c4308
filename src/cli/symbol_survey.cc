// SPDX-License-Identifier: GPL-2.0-only
#include "cli/symbol_survey.h"

#include <algorithm>
#include <unordered_map>

#include "module/resolve.h"
#include "module/versions.h"

namespace koi::cli {

namespace {

// What the loader would say to koi's symbol `name` for this module.
Provider judge(const ModuleView& view, const std::string& name, const KoiSymbol& symbol) {
  if (symbol.gpl_only &&
      !module::license_is_gpl_compatible(view.info.get("license").value_or("unspecified"))) {
    return Provider::kGplOnly;
  }
  if (view.image.versions == 0) return Provider::kKoi;
  const module::VersionTable versions(view.image.sections[view.image.versions].bytes);
  const std::optional<u64> expected = versions.find(name);
  return expected && *expected != symbol.crc ? Provider::kOtherVersion : Provider::kKoi;
}

}  // namespace

bool prevents_loading(Provider provider) {
  return provider == Provider::kMissing || provider == Provider::kGplOnly ||
         provider == Provider::kOtherVersion;
}

std::size_t ModuleSurvey::count(Provider provider) const {
  return static_cast<std::size_t>(
      std::count_if(imports.begin(), imports.end(),
                    [&](const SurveyedImport& import) { return import.provider == provider; }));
}

bool ModuleSurvey::loads() const {
  return std::none_of(imports.begin(), imports.end(),
                      [](const SurveyedImport& import) { return prevents_loading(import.provider); });
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
      SurveyedImport import{std::string(wanted.name), Provider::kMissing, ""};
      const auto exporter = exporters.find(wanted.name);
      if (exporter != exporters.end() && exporter->second != &view) {
        import.provider = Provider::kModule;
        import.module = exporter->second->file->path;
      } else if (const std::optional<KoiSymbol> symbol = koi_provides(import.name)) {
        import.provider = judge(view, import.name, *symbol);
      } else if (wanted.weak) {
        import.provider = Provider::kWeak;
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
