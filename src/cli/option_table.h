// SPDX-License-Identifier: GPL-2.0-only
// What a CLI::App holds, as a plain table, and the texts made from it: --help, the man page, completion.
// CLI::App is where an option is declared; nothing else repeats it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace CLI {
class App;
}

namespace koi::cli {

struct OptionRow {
  std::vector<std::string> names;  // "-h", "--help"; one bare word for a positional
  std::string value;               // "N", "FILE", "auto|always|never"; empty: takes no value
  std::string help;
  std::string default_text;  // empty: none to speak of
  bool positional = false;
  bool required = false;
  bool repeats = false;
};

struct CommandPage {
  std::string name;  // "koi", "koi run"
  std::string summary;
  std::string footer;
  std::vector<OptionRow> options;
  std::vector<CommandPage> commands;
};

[[nodiscard]] CommandPage describe(const CLI::App& app);

// The text of --help, 80 columns.
[[nodiscard]] std::string help_text(const CLI::App& app);
// The manual page koi(1) in roff. `version`: as in "koi 0.1.0".
[[nodiscard]] std::string man_page(const CommandPage& root, std::string_view version);
[[nodiscard]] std::string bash_completion(const CommandPage& root);
[[nodiscard]] std::string zsh_completion(const CommandPage& root);

}  // namespace koi::cli
