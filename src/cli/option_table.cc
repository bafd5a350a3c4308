// SPDX-License-Identifier: GPL-2.0-only
#include "cli/option_table.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

namespace koi::cli {

namespace {

constexpr std::size_t kColumns = 80;
constexpr std::size_t kHelpIndent = 26;

OptionRow describe_option(const CLI::Option& option) {
  OptionRow row;
  row.positional = option.get_positional();
  if (row.positional) {
    row.names.push_back(option.get_single_name());
  } else {
    for (const std::string& name : option.get_snames()) row.names.push_back("-" + name);
    for (const std::string& name : option.get_lnames()) row.names.push_back("--" + name);
  }
  if (option.get_items_expected_max() > 0) row.value = option.get_type_name();
  row.help = option.get_description();
  row.default_text = option.get_default_str();
  row.required = option.get_required();
  row.repeats = option.get_expected_max() >= CLI::detail::expected_max_vector_size;
  return row;
}

CommandPage describe_below(const CLI::App& app, const std::string& parent) {
  CommandPage page;
  page.name = parent.empty() ? app.get_name() : parent + " " + app.get_name();
  page.summary = app.get_description();
  page.footer = app.get_footer();
  for (const CLI::Option* option : app.get_options()) {
    // An empty group is CLI11's way to keep an option out of the help.
    if (!option->get_group().empty()) page.options.push_back(describe_option(*option));
  }
  // CLI11 gives the help flag first; people look for it last.
  std::stable_partition(page.options.begin(), page.options.end(), [](const OptionRow& row) {
    return row.names.back() != "--help" && row.names.back() != "--version";
  });
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    page.commands.push_back(describe_below(*sub, page.name));
  }
  return page;
}

std::string join(const std::vector<std::string>& words, std::string_view between) {
  return fmt::format("{}", fmt::join(words, between));
}

std::string positional_usage(const OptionRow& row) {
  std::string text = row.names.front() + (row.repeats ? "..." : "");
  return row.required ? text : "[" + text + "]";
}

std::string usage(const CommandPage& page) {
  std::string text = page.name;
  if (std::any_of(page.options.begin(), page.options.end(),
                  [](const OptionRow& r) { return !r.positional; })) {
    text += " [OPTIONS]";
  }
  for (const OptionRow& row : page.options) {
    if (row.positional) text += " " + positional_usage(row);
  }
  if (!page.commands.empty()) text += " COMMAND";
  return text;
}

// Breaks `text` at blanks so that no line passes kColumns; lines after the first start at `indent`.
std::string wrap(std::string_view text, std::size_t column, std::size_t indent) {
  std::string out;
  bool first_on_line = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!first_on_line && column + 1 + word.size() > kColumns) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
      first_on_line = true;
    }
    if (!first_on_line) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    first_on_line = false;
  }
  return out;
}

std::string help_row(const std::string& left, const std::string& right) {
  std::string line = "  " + left;
  if (line.size() + 2 > kHelpIndent) {
    line += "\n" + std::string(kHelpIndent, ' ');
  } else {
    line.resize(kHelpIndent, ' ');
  }
  return line + wrap(right, kHelpIndent, kHelpIndent) + "\n";
}

std::string option_names(const OptionRow& row) {
  return join(row.names, ", ") + (row.value.empty() || row.positional ? "" : " " + row.value);
}

std::string help_with_default(const OptionRow& row) {
  return row.default_text.empty() ? row.help : fmt::format("{} (default: {})", row.help, row.default_text);
}

std::string last_word(const std::string& name) { return name.substr(name.rfind(' ') + 1); }

// roff: a leading dot or quote is a request, a backslash an escape, a bare '-' a hyphen.
std::string roff(std::string_view text) {
  std::string out;
  if (!text.empty() && (text.front() == '.' || text.front() == '\'')) out += "\\&";
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string roff_options(const CommandPage& page) {
  std::string out;
  for (const OptionRow& row : page.options) {
    out += ".TP\n";
    if (row.positional) {
      out += fmt::format("\\fI{}\\fR{}\n", roff(row.names.front()), row.repeats ? "..." : "");
    } else {
      std::vector<std::string> names;
      for (const std::string& name : row.names) names.push_back("\\fB" + roff(name) + "\\fR");
      out += join(names, ", ") + (row.value.empty() ? "" : " \\fI" + roff(row.value) + "\\fR") + "\n";
    }
    out += roff(help_with_default(row)) + "\n";
  }
  return out;
}

// What the shell should offer for a value: words, or nothing for it to decide.
std::vector<std::string> choices_of(const OptionRow& row) {
  std::vector<std::string> words;
  if (row.value.find('|') == std::string::npos) return words;
  std::string_view rest = row.value;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('|'), rest.size());
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return words;
}

std::string single_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string bash_command_case(const CommandPage& command) {
  std::vector<std::string> flags;
  std::string after;
  for (const OptionRow& row : command.options) {
    const std::vector<std::string> choices = choices_of(row);
    if (row.positional) {
      if (!choices.empty()) flags.insert(flags.begin(), choices.begin(), choices.end());
      continue;
    }
    flags.insert(flags.end(), row.names.begin(), row.names.end());
    if (row.value.empty()) continue;
    after += fmt::format("        {}) ", join(row.names, "|"));
    if (!choices.empty()) {
      after += fmt::format("COMPREPLY=($(compgen -W {} -- \"$word\")); return;;\n",
                           single_quoted(join(choices, " ")));
    } else if (row.value == "RELEASE") {
      after += "COMPREPLY=($(compgen -W \"$(ls /lib/modules 2>/dev/null)\" -- \"$word\")); return;;\n";
    } else if (row.value == "FILE" || row.value == "DIR") {
      after += "COMPREPLY=($(compgen -f -- \"$word\")); return;;\n";
    } else {
      after += "return;;\n";
    }
  }
  std::string out = fmt::format("    {})\n", last_word(command.name));
  if (!after.empty()) out += "      case $before in\n" + after + "      esac\n";
  out += fmt::format("      words={};;\n", single_quoted(join(flags, " ")));
  return out;
}

// zsh's _arguments takes a colon or a bracket in a description as its own punctuation.
std::string zsh_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_action(const OptionRow& row) {
  const std::vector<std::string> choices = choices_of(row);
  if (!choices.empty()) return "(" + join(choices, " ") + ")";
  if (row.value == "RELEASE") return "($(ls /lib/modules 2>/dev/null))";
  if (row.value == "DIR") return "_files -/";
  if (row.value == "FILE" || row.positional) return "_files";
  return " ";
}

std::string zsh_arguments(const CommandPage& command) {
  std::string out;
  for (const OptionRow& row : command.options) {
    if (row.positional) {
      out += fmt::format(" \\\n        {}",
                         single_quoted(fmt::format("{}:{}:{}", row.repeats ? "*" : "",
                                                   zsh_text(row.names.front()), zsh_action(row))));
      continue;
    }
    for (const std::string& name : row.names) {
      std::string spec = fmt::format("{}[{}]", name, zsh_text(row.help));
      if (!row.value.empty()) spec += fmt::format(":{}:{}", zsh_text(row.value), zsh_action(row));
      out += " \\\n        " + single_quoted(spec);
    }
  }
  return out;
}

}  // namespace

CommandPage describe(const CLI::App& app) {
  std::string parent;
  for (const CLI::App* above = app.get_parent(); above != nullptr; above = above->get_parent()) {
    parent = parent.empty() ? above->get_name() : above->get_name() + " " + parent;
  }
  return describe_below(app, parent);
}

std::string help_text(const CLI::App& app) {
  const CommandPage page = describe(app);
  std::string out = wrap(page.summary, 0, 0) + "\n\nUsage: " + wrap(usage(page), 7, 9) + "\n";
  if (!page.commands.empty()) {
    out += "\nCommands:\n";
    for (const CommandPage& command : page.commands)
      out += help_row(last_word(command.name), command.summary);
    out += fmt::format("\n'{} COMMAND --help' says more about one of them.\n", page.name);
  }
  bool headed = false;
  for (const OptionRow& row : page.options) {
    if (!row.positional) continue;
    if (!headed) out += "\nArguments:\n";
    headed = true;
    out += help_row(row.names.front() + (row.repeats ? "..." : ""), help_with_default(row));
  }
  if (!page.options.empty()) out += "\nOptions:\n";
  for (const OptionRow& row : page.options) {
    if (!row.positional) out += help_row(option_names(row), help_with_default(row));
  }
  if (!page.footer.empty()) out += "\n" + wrap(page.footer, 0, 0) + "\n";
  return out;
}

std::string man_page(const CommandPage& root, std::string_view version) {
  std::string out = fmt::format(".TH KOI 1 \"\" \"{}\" \"User Commands\"\n", version);
  out += ".SH NAME\nkoi \\- run Linux kernel modules in an ordinary process\n.SH SYNOPSIS\n";
  for (const CommandPage& command : root.commands) {
    out += fmt::format(".B {}\n", roff(command.name));
    out += roff(usage(command).substr(command.name.size() + 1)) + "\n.br\n";
  }
  out += ".SH DESCRIPTION\n" + roff(root.summary) + "\n.SH COMMANDS\n";
  for (const CommandPage& command : root.commands) {
    out += fmt::format(".SS {}\n{}.\n", roff(usage(command)), roff(command.summary));
    out += roff_options(command);
    if (!command.footer.empty()) out += ".PP\n" + roff(command.footer) + "\n";
  }
  out += ".SH OPTIONS\n" + roff_options(root);
  out += ".SH NOTES\n" + roff(root.footer) + "\n";
  out += ".PP\nkoi is not a security boundary: a module runs with the rights of the user who started koi.\n";
  out += ".SH SEE ALSO\n.BR insmod (8),\n.BR modinfo (8),\n.BR dmesg (1)\n";
  return out;
}

std::string bash_completion(const CommandPage& root) {
  std::vector<std::string> names;
  std::string cases;
  for (const CommandPage& command : root.commands) {
    names.push_back(last_word(command.name));
    cases += bash_command_case(command);
  }
  for (const OptionRow& row : root.options) names.insert(names.end(), row.names.begin(), row.names.end());
  return fmt::format(
      R"(# bash completion for koi; made by `koi completion bash`
_koi() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}} words=
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W {} -- "$word"))
    return
  fi
  case ${{COMP_WORDS[1]}} in
{}  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
  case $word in -*) ;; *) COMPREPLY+=($(compgen -f -- "$word")) ;; esac
}}
complete -o filenames -F _koi koi
)",
      single_quoted(join(names, " ")), cases);
}

std::string zsh_completion(const CommandPage& root) {
  std::string names;
  std::string cases;
  for (const CommandPage& command : root.commands) {
    const std::string name = last_word(command.name);
    names += "    " + single_quoted(name + ":" + zsh_text(command.summary)) + "\n";
    cases += fmt::format("    {})\n      _arguments{};;\n", name, zsh_arguments(command));
  }
  return fmt::format(
      R"(#compdef koi
# zsh completion for koi; made by `koi completion zsh`
_koi() {{
  local -a commands
  commands=(
{}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
{}  esac
}}
compdef _koi koi
)",
      names, cases);
}

}  // namespace koi::cli
