// SPDX-License-Identifier: GPL-2.0-only
// What koi itself says to the user: lines on stderr that start with "koi: ", and text on stdout.
// Output that cannot be written (a closed pipe) is dropped: the exit code still says what happened.
#pragma once

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace koi::cli {

void print_text(std::string_view text);
void print_error_text(std::string_view text);

// "koi: " and the message on a line of its own. Control characters (of a file's name, or of what a damaged module says)
// are written as escapes: a message stays one line, and no terminal obeys it.
void print_error_line(std::string_view message);

template <class... Args>
void print_error(fmt::format_string<Args...> format, Args&&... args) {
  print_error_line(fmt::format(format, std::forward<Args>(args)...));
}

enum class ColorWhen { kAutomatic, kAlways, kNever };
// Whether stdout should get colours: NO_COLOR and a stdout that is no terminal say no to `kAutomatic`.
[[nodiscard]] bool use_color(ColorWhen when, int descriptor);

}  // namespace koi::cli
