// SPDX-License-Identifier: GPL-2.0-only
#include "cli/terminal.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace koi::cli {

namespace {

void write_all(std::FILE* stream, std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stream) != text.size()) std::clearerr(stream);
}

}  // namespace

void print_text(std::string_view text) { write_all(stdout, text); }

void print_error_text(std::string_view text) {
  std::fflush(stdout);  // what was said before stands before it, also in a log that takes both
  write_all(stderr, text);
}

void print_error_line(std::string_view message) {
  constexpr unsigned char kFirstPrintable = 0x20;
  constexpr unsigned char kDelete = 0x7f;
  std::string line = "koi: ";
  for (const char c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte == '\n') {
      line += "\\n";
    } else if (byte < kFirstPrintable || byte == kDelete) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  print_error_text(line + '\n');
}

bool use_color(ColorWhen when, int descriptor) {
  if (when != ColorWhen::kAutomatic) return when == ColorWhen::kAlways;
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && isatty(descriptor) == 1;
}

}  // namespace koi::cli
