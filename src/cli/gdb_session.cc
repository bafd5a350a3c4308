// SPDX-License-Identifier: GPL-2.0-only
#include "cli/gdb_session.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cli/terminal.h"

namespace koi::cli {
namespace {

// The words of this process's own command line.
std::vector<std::string> own_words() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(in), {});
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\0', at);
    words.push_back(text.substr(at, end - at));
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return words;
}

}  // namespace

ExitCode run_under_gdb() {
  std::vector<std::string> words = {"gdb", "-q"};
  for (const char* const command :
       {"set breakpoint pending on",
        "handle SIGSEGV SIGBUS SIGILL SIGFPE SIGTRAP SIGSYS SIGVTALRM nostop noprint pass",
        "set print thread-events off", "set debuginfod enabled off"}) {
    words.insert(words.end(), {"-ex", command});
  }
  words.emplace_back("--args");
  bool replaced = false;
  for (std::string& word : own_words()) {
    if (!replaced && word == "--gdb") {
      word = "--under-gdb";
      replaced = true;
    }
    words.push_back(std::move(word));
  }
  char self[4096];
  const ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
  if (length > 0) {
    self[length] = '\0';
    for (size_t i = 0; i + 1 < words.size(); ++i) {
      if (words[i] == "--args") words[i + 1] = self;
    }
  }
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  execvp("gdb", arguments.data());
  print_error("cannot start gdb: {} (apt-get install gdb)", std::strerror(errno));
  return ExitCode::kUnusable;
}

}  // namespace koi::cli
