// SPDX-License-Identifier: GPL-2.0-only
// koi symbols: what modules import, and which of it koi provides. It asks the booted machine that `koi run` would
// boot, so that its answer and the loader's are the same.
#include <CLI/CLI.hpp>

#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/common_options.h"
#include "cli/header_trees.h"
#include "cli/symbol_survey.h"
#include "cli/terminal.h"
#include "kapi/kernel_ref.h"
#include "runtime/core/symvers_index.h"

namespace koi::cli {

namespace {

struct SymbolsOptions {
  std::vector<std::string> files;
  std::string kernel;
  bool all = false;
  bool json = false;
};

std::string_view word_of(Provider provider) {
  switch (provider) {
    case Provider::kKoi:
      return "koi";
    case Provider::kModule:
      return "module";
    case Provider::kWeak:
      return "weak";
    case Provider::kMissing:
      return "missing";
    case Provider::kGplOnly:
      return "gpl-only";
    case Provider::kOtherVersion:
      return "version";
  }
  return "";
}

void print_survey(const ModuleSurvey& survey, bool all) {
  std::string line = fmt::format("{}: {} imports: {} from koi", survey.path, survey.imports.size(),
                                 survey.count(Provider::kKoi));
  for (const auto& [provider, words] : {std::pair{Provider::kModule, "from other modules"},
                                        {Provider::kWeak, "weak and absent"},
                                        {Provider::kGplOnly, "for GPL modules only"},
                                        {Provider::kOtherVersion, "of another version"}}) {
    if (survey.count(provider) != 0) line += fmt::format(", {} {}", survey.count(provider), words);
  }
  print_text(fmt::format("{}, {} missing\n", line, survey.count(Provider::kMissing)));
  for (const SurveyedImport& import : survey.imports) {
    if (!all && !prevents_loading(import.provider)) continue;
    print_text(fmt::format("  {:<8} {}{}\n", word_of(import.provider), import.name,
                           import.module.empty() ? "" : "  (" + import.module + ")"));
  }
}

void print_json(const std::vector<ModuleSurvey>& surveys) {
  nlohmann::json list = nlohmann::json::array();
  for (const ModuleSurvey& survey : surveys) {
    nlohmann::json imports = nlohmann::json::array();
    for (const SurveyedImport& import : survey.imports) {
      nlohmann::json row = {{"name", import.name}, {"provider", word_of(import.provider)}};
      if (!import.module.empty()) row["module"] = import.module;
      imports.push_back(std::move(row));
    }
    list.push_back({{"module", survey.path}, {"loads", survey.loads()}, {"imports", std::move(imports)}});
  }
  print_text(list.dump(2) + "\n");
}

Result<ExitCode> symbols(const SymbolsOptions& options) {
  std::vector<ModuleView> modules;
  for (const std::string& file : options.files) modules.push_back(TRY(open_module(file)));
  const std::string vermagic(modules.front().info.get("vermagic").value_or(""));
  const HeaderTree tree = TRY(header_tree_for_module(find_header_trees(), options.kernel, vermagic));
  runtime::KernelConfig config;
  config.release = tree.release;
  config.build_dir = tree.build_dir;
  const std::unique_ptr<runtime::Kernel> kernel = TRY(kapi::boot(config));
  auto symvers = runtime::SymversIndex::of_release(tree.release, tree.build_dir);
  // As the loader asks: the kernel must export the name, and koi must have it.
  const auto provides = [&](const std::string& name) -> std::optional<KoiSymbol> {
    const runtime::SymversIndex::Entry* entry = symvers.find(name);
    if (entry == nullptr || !kernel->provided_symbol(name)) return std::nullopt;
    return KoiSymbol{entry->gpl_only, entry->crc};
  };
  const std::vector<ModuleSurvey> surveys = survey_symbols(modules, provides);
  ExitCode code = ExitCode::kSuccess;
  for (const ModuleSurvey& survey : surveys) {
    if (!options.json) print_survey(survey, options.all);
    if (!survey.loads()) code = ExitCode::kUnusable;
  }
  if (options.json) print_json(surveys);
  return code;
}

}  // namespace

Runner setup_symbols(CLI::App& app) {
  auto options = std::make_shared<SymbolsOptions>();
  app.add_option("FILE", options->files, "module files; what one exports, the others may import")
      ->required()
      ->type_name("FILE");
  add_kernel_option(app, options->kernel);
  app.add_flag("-a,--all", options->all, "list every import, not only the missing ones");
  app.add_flag("--json", options->json, "print the survey as JSON");
  app.footer("Exits with 0 when nothing is missing, else with 2.");
  return [options] {
    const Result<ExitCode> result = symbols(*options);
    if (result) return *result;
    print_error("{}", result.error().message);
    return ExitCode::kUnusable;
  };
}

}  // namespace koi::cli
