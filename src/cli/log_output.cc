// SPDX-License-Identifier: GPL-2.0-only
#include "cli/log_output.h"

#include <unistd.h>

#include <cerrno>

#include "engine/printk/log_render.h"
#include "runtime/console.h"

namespace koi::cli {
namespace {

constexpr size_t kBufferBytes = 1U << 16;

}  // namespace

LogOutput::LogOutput(runtime::Kernel& kernel, const MachineOptions& options, int descriptor)
    : kernel_(kernel), options_(options), descriptor_(descriptor) {
  kernel_.console().log().subscribe(this);
}

LogOutput::~LogOutput() {
  kernel_.console().log().unsubscribe(this);
  finish();
}

void LogOutput::on_record(const printk::Record& record, printk::LogEvent event) {
  if (event != printk::LogEvent::kFinal || record.info.level >= options_.log_level) return;
  const Release release = kernel_.console().log().options().release;
  switch (options_.log_format) {
    case LogFormat::kDmesg:
      printk::append_text(buffer_, record, release, printk::LevelPrefix::kNo, printk::Stamp::kYes);
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
