// SPDX-License-Identifier: GPL-2.0-only
#include "cli/gdb_session.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cli/terminal.h"

extern "C" const char koi_gdb_script[] __attribute__((visibility("hidden")));  // gdb_script.gdb

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

// A file without a name that gdb inherits and reads its script from: nothing is left behind.
int script_file() {
  const size_t length = std::strlen(koi_gdb_script);
  const int fd = memfd_create("koi-gdb-script", 0);
  if (fd < 0) return -1;
  if (write(fd, koi_gdb_script, length) == static_cast<ssize_t>(length)) return fd;
  close(fd);
  return -1;
}

}  // namespace

ExitCode run_under_gdb() {
  const int script = script_file();
  if (script < 0) {
    print_error("cannot keep gdb's script in memory: {}", std::strerror(errno));
    return ExitCode::kUnusable;
  }
  std::vector<std::string> words = {"gdb", "-q", "-x", fmt::format("/proc/self/fd/{}", script)};
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
