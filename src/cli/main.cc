// SPDX-License-Identifier: GPL-2.0-only
// The koi command: parses the command line, runs one command, turns what happened into an exit code.
#include <fcntl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <exception>

#include "cli/command.h"
#include "cli/terminal.h"

namespace {

// A file opened while descriptor 0, 1 or 2 is closed would take its number, and get our messages.
void fill_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDWR) != fd) _exit(2);
  }
}

int run(int argc, char** argv) {
  using koi::cli::ExitCode;
  CLI::App app;
  koi::cli::Runner chosen;
  koi::cli::setup_root(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help_or_version) {
    app.exit(help_or_version);
    return static_cast<int>(ExitCode::kSuccess);
  } catch (const CLI::ParseError& error) {
    if (argc <= 1) {
      koi::cli::print_error_text(app.help());
    } else {
      koi::cli::print_error("{}", error.what());
      koi::cli::print_error_text("Try 'koi --help'.\n");
    }
    return static_cast<int>(ExitCode::kUnusable);
  }
  return static_cast<int>(chosen());
}

}  // namespace

int main(int argc, char** argv) {
  fill_standard_descriptors();
  // A reader that goes away (koi run x.ko | head) costs the output, never the run or its exit code.
  std::signal(SIGPIPE, SIG_IGN);
  int code = static_cast<int>(koi::cli::ExitCode::kKoiFault);
  try {
    code = run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "koi: internal error: %s\n", error.what());
  }
  std::fflush(stdout);
  return code;
}
