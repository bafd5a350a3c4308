// SPDX-License-Identifier: GPL-2.0-only
#include "text.h"

#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace koi::conformance {

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> pieces;
  std::size_t start = 0;
  while (true) {
    const std::size_t end = text.find(separator, start);
    if (end == std::string_view::npos) break;
    pieces.push_back(text.substr(start, end - start));
    start = end + 1;
  }
  pieces.push_back(text.substr(start));
  return pieces;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines = split(text, '\n');
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

std::string join(const std::vector<std::string_view>& pieces, std::string_view separator) {
  std::string text;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    if (i > 0) text += separator;
    text += pieces[i];
  }
  return text;
}

std::string shorten(std::string_view line, std::size_t limit) {
  std::string text;
  for (const char byte : line.substr(0, limit)) {
    if (byte != '\t' && std::iscntrl(static_cast<unsigned char>(byte)) != 0) {
      text += fmt::format("\\x{:02x}", static_cast<unsigned char>(byte));
    } else {
      text += byte;
    }
  }
  return line.size() <= limit ? text : text + "...";
}

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return make_errno(errno, "{}: {}", path, std::strerror(errno));
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

Status write_file(const std::string& path, std::string_view text) {
  const std::string temporary = path + ".new";
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    if (!file) return make_errno(errno, "{}: {}", temporary, std::strerror(errno));
    file.write(text.data(), static_cast<std::streamsize>(text.size()));
    if (!file.flush()) return make_error("{}: cannot write", temporary);
  }
  std::error_code failure;
  std::filesystem::rename(temporary, path, failure);
  if (failure) return make_error("{}: {}", path, failure.message());
  return Ok{};
}

LogLine parse_log_line(std::string_view line) {
  LogLine parts;
  std::size_t position = 0;
  if (line.size() >= 3 && line[0] == '<') {
    const std::size_t end = line.find('>');
    if (end != std::string_view::npos && end <= 4 && end > 1 &&
        std::isdigit(static_cast<unsigned char>(line[1])) != 0) {
      parts.level = line.substr(0, end + 1);
      position = end + 1;
    }
  }
  // "[" spaces digits "." six digits "] "
  std::size_t at = position;
  if (at < line.size() && line[at] == '[') {
    ++at;
    while (at < line.size() && line[at] == ' ') ++at;
    const std::size_t digits = at;
    while (at < line.size() && std::isdigit(static_cast<unsigned char>(line[at])) != 0) ++at;
    if (at > digits && at + 7 < line.size() && line[at] == '.' && line[at + 7] == ']') {
      at += 8;
      if (at < line.size() && line[at] == ' ') ++at;
      parts.stamp = line.substr(position, at - position);
      position = at;
    }
  }
  parts.text = line.substr(position);
  return parts;
}

}  // namespace koi::conformance
