// SPDX-License-Identifier: GPL-2.0-only
// koi modinfo: what a module says about itself, in the words and order of kmod's modinfo(8).
#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/module_views.h"
#include "cli/signature_info.h"
#include "cli/terminal.h"

namespace koi::cli {

namespace {

struct ModinfoOptions {
  std::vector<std::string> files;
  std::string field;
  bool null_separated = false;
};

// One module parameter: MODULE_PARM_DESC and module_param each tell half of it.
struct Parameter {
  std::string_view name;
  std::optional<std::string_view> description;
  std::optional<std::string_view> type;
};

// A list to which each new name is put in front, so that it ends up in the order of the source file: the
// compiler writes these strings in reverse.
std::vector<Parameter> collect_parameters(const module::ModInfo& info) {
  std::vector<Parameter> list;
  for (const auto& [key, value] : info.entries()) {
    if (key != "parm" && key != "parmtype") continue;
    const std::size_t colon = value.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = value.substr(0, colon);
    auto at = std::find_if(list.begin(), list.end(), [&](const Parameter& p) { return p.name == name; });
    if (at == list.end()) at = list.insert(list.begin(), Parameter{name, {}, {}});
    (key == "parm" ? at->description : at->type) = value.substr(colon + 1);
  }
  return list;
}

std::string parameter_text(const Parameter& parameter, bool whole_listing) {
  if (!parameter.type) return fmt::format("{}:{}", parameter.name, parameter.description.value_or(""));
  if (!parameter.description && whole_listing) return fmt::format("{}:{}", parameter.name, *parameter.type);
  return fmt::format("{}:{} ({})", parameter.name, parameter.description.value_or(""), *parameter.type);
}

void print_module(const std::string& path, const ModuleView& view, const ModinfoOptions& options) {
  const char end = options.null_separated ? '\0' : '\n';
  const auto labelled = [](std::string_view key, std::string_view value) {
    return fmt::format("{:<16}{}", fmt::format("{}:", key), value);
  };
  std::string out;
  if (options.field == "filename") {
    out = path + end;
  } else if (options.field.empty()) {
    out = labelled("filename", path) + end;
  }
  const auto add = [&](std::string_view key, std::string_view value) {
    if (options.field.empty() && (key == "parm" || key == "parmtype")) return;
    if (options.field == "parm" || (!options.field.empty() && options.field != key)) return;
    if (!options.field.empty()) {
      out += value;
    } else {
      out += options.null_separated ? fmt::format("{}={}", key, value) : labelled(key, value);
    }
    out += end;
  };
  for (const auto& [key, value] : view.info.entries()) add(key, value);
  if (const std::optional<SignatureInfo> signature = read_signature(view.file->signature_bytes)) {
    for (const auto& [key, value] : signature_fields(*signature)) add(key, value);
  }
  if (options.field.empty() || options.field == "parm") {
    for (const Parameter& parameter : collect_parameters(view.info)) {
      const std::string text = parameter_text(parameter, options.field.empty());
      out += (options.field.empty() ? labelled("parm", text) : text) + end;
    }
  }
  print_text(out);
}

std::string absolute(const std::string& path) {
  if (!path.empty() && path.front() == '/') return path;
  std::error_code error;
  return (std::filesystem::current_path(error) / path).string();
}

}  // namespace

Runner setup_modinfo(CLI::App& app) {
  auto options = std::make_shared<ModinfoOptions>();
  app.add_option("FILE", options->files, "module files; .ko.gz, .ko.xz and .ko.zst too")
      ->required()
      ->type_name("FILE");
  app.add_option("-F,--field", options->field, "print only this field, one value a line")->type_name("FIELD");
  app.add_flag("-0,--null", options->null_separated, "end each field with a NUL character, not a newline");
  return [options] {
    ExitCode code = ExitCode::kSuccess;
    for (const std::string& file : options->files) {
      const Result<ModuleView> view = open_module(file);
      if (view) {
        print_module(absolute(file), *view, *options);
        continue;
      }
      print_error("{}", view.error().message);
      code = ExitCode::kUnusable;
    }
    return code;
  };
}

}  // namespace koi::cli
