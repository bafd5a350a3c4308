// SPDX-License-Identifier: GPL-2.0-only
// koi build: the usual Kbuild line, for people who have no Makefile habits.
#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "cli/child_process.h"
#include "cli/command.h"
#include "cli/common_options.h"
#include "cli/header_trees.h"
#include "cli/sanitize.h"
#include "cli/terminal.h"

namespace koi::cli {

namespace {

namespace fs = std::filesystem;

struct BuildOptions {
  std::string directory;
  std::vector<std::string> make_arguments;
  std::string kernel;
  std::string sanitize;
  bool clean = false;
};

Result<std::string> checked_directory(const std::string& given) {
  std::error_code error;
  if (!fs::is_directory(given, error)) return make_error("{} is not a directory", given);
  const fs::path path = fs::canonical(given, error);
  if (error) return make_error("{}: {}", given, error.message());
  if (!fs::exists(path / "Kbuild") && !fs::exists(path / "Makefile")) {
    return make_error(
        "{} holds neither a Kbuild file nor a Makefile; for a module x.c it needs a file Kbuild with the "
        "line 'obj-m := x.o'",
        given);
  }
  // Kbuild hands M= to make, which splits at blanks and takes a colon for a rule.
  if (path.string().find_first_of(" \t:") != std::string::npos) {
    return make_error("{}: Kbuild cannot build in a directory whose path holds a blank or a colon",
                      path.string());
  }
  return path.string();
}

Result<ExitCode> build(const BuildOptions& options) {
  const std::string directory = TRY(checked_directory(options.directory));
  const HeaderTree tree = TRY(choose_header_tree(find_header_trees(), options.kernel, running_release()));
  std::vector<std::string> argv = {"make", "-C", tree.build_dir, "M=" + directory};
  if (!options.sanitize.empty()) {
    const std::vector<std::string> instrumented = TRY(sanitizer_arguments(options.sanitize));
    argv.insert(argv.end(), instrumented.begin(), instrumented.end());
  }
  argv.insert(argv.end(), options.make_arguments.begin(), options.make_arguments.end());
  argv.emplace_back(options.clean ? "clean" : "modules");
  print_error_text(fmt::format("{}\n", fmt::join(argv, " ")));
  Result<int> status = run_child(argv);
  if (!status) return make_error("{}; install it: apt-get install make gcc", status.error().message);
  if (*status == 0) return ExitCode::kSuccess;
  return make_error("Kbuild failed in {} (make exited with {})", options.directory, *status);
}

}  // namespace

Runner setup_build(CLI::App& app) {
  auto options = std::make_shared<BuildOptions>();
  app.add_option("DIR", options->directory,
                 "directory with the module's sources and its Kbuild file or Makefile")
      ->required()
      ->type_name("DIR");
  app.add_option("MAKEARG", options->make_arguments,
                 "given to make as it is: V=1, KCFLAGS=-g; options after --: -- -j4 -s")
      ->type_name("MAKEARG");
  add_kernel_option(app, options->kernel);
  add_sanitize_option(app, options->sanitize);
  app.add_flag("--clean", options->clean, "remove what a build made");
  app.footer(
      "Runs make -C /lib/modules/RELEASE/build M=DIR modules and leaves DIR/*.ko. Without --kernel it takes "
      "the "
      "headers of the running kernel when koi supports it, else the newest 6.1, else the newest 6.12.");
  return [options] {
    const Result<ExitCode> result = build(*options);
    if (result) return *result;
    print_error("{}", result.error().message);
    return ExitCode::kUnusable;
  };
}

}  // namespace koi::cli
