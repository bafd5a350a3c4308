// SPDX-License-Identifier: GPL-2.0-only
#include "cli/log_output.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

#include "cli/terminal.h"
#include "engine/printk/log_render.h"
#include "runtime/console.h"

namespace koi::cli {
namespace {

constexpr size_t kBufferBytes = 1U << 16;

constexpr std::string_view kStampColor = "\x1b[32m";
constexpr std::string_view kPlain = "\x1b[0m";

// As dmesg colours them: what is worse is redder.
std::string_view level_color(u8 level) {
  if (level <= 2) return "\x1b[1;31m";
  if (level == 3) return "\x1b[31m";
  if (level == 4) return "\x1b[33m";
  return level == 7 ? "\x1b[2m" : "";
}

// `text`: lines "[    0.000000] words".
void append_colored(std::string& out, std::string_view text, u8 level) {
  const std::string_view color = level_color(level);
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    const size_t stamp = line.starts_with('[') ? line.find("] ") + 1 : 0;
    out += kStampColor;
    out += line.substr(0, stamp);
    out += kPlain;
    out += color;
    out += line.substr(stamp);
    if (!color.empty()) out += kPlain;
    out += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

s32 shown_level(const runtime::Kernel& kernel, const MachineOptions& options) {
  constexpr s32 kEverything = 8;
  if (options.log_level) return static_cast<s32>(*options.log_level);
  const runtime::BootOptions& boot = kernel.config().boot;
  return boot.ignore_loglevel ? kEverything : boot.console_loglevel.value_or(kEverything);
}

LogOutput::LogOutput(runtime::Kernel& kernel, const MachineOptions& options, int descriptor)
    : kernel_(kernel),
      options_(options),
      level_(shown_level(kernel, options)),
      descriptor_(descriptor),
      colored_(options.log_format == LogFormat::kDmesg && use_color(options.color, descriptor)) {
  kernel_.console().log().subscribe(this);
}

LogOutput::~LogOutput() {
  kernel_.console().log().unsubscribe(this);
  finish();
}

void LogOutput::on_record(const printk::Record& record, printk::LogEvent event) {
  if (event != printk::LogEvent::kFinal || record.info.level >= level_) return;
  const Release release = kernel_.console().log().options().release;
  switch (options_.log_format) {
    case LogFormat::kDmesg:
      if (colored_) {
        std::string text;
        printk::append_text(text, record, release, printk::LevelPrefix::kNo, printk::Stamp::kYes);
        append_colored(buffer_, text, record.info.level);
      } else {
        printk::append_text(buffer_, record, release, printk::LevelPrefix::kNo, printk::Stamp::kYes);
      }
      break;
    case LogFormat::kRaw:
      printk::append_text(buffer_, record, release, printk::LevelPrefix::kYes, printk::Stamp::kYes);
      break;
    case LogFormat::kKmsg:
      printk::append_kmsg(buffer_, record, release);
      break;
  }
  if (buffer_.size() >= kBufferBytes) finish();
}

void LogOutput::finish() {
  size_t done = 0;
  while (done < buffer_.size()) {
    const ssize_t n = write(descriptor_, buffer_.data() + done, buffer_.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // a closed pipe: the exit code still tells
    done += static_cast<size_t>(n);
  }
  buffer_.clear();
}

}  // namespace koi::cli
