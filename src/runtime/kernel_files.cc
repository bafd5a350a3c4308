// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/kernel_files.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "runtime/kernel.h"

namespace koi::runtime {
namespace {

s32 core_word(Kernel& kernel, std::string_view name) {
  s32 value = 0;
  std::memcpy(&value, reinterpret_cast<const void*>(kernel.core().address_of(name)), sizeof(value));
  return value;
}

// A number that lies in the core, where modules see it too.
template <const char* kVariable>
std::string read_word(Kernel& kernel) {
  return fmt::format("{}\n", core_word(kernel, kVariable));
}
template <const char* kVariable>
bool write_word(Kernel& kernel, s32 value) {
  std::memcpy(reinterpret_cast<void*>(kernel.core().address_of(kVariable)), &value, sizeof(value));
  return true;
}
constexpr char kPanicTimeout[] = "panic_timeout";
constexpr char kPanicOnWarn[] = "panic_on_warn";

std::string cmdline(Kernel& kernel) { return kernel.config().boot.text + "\n"; }
std::string panic_on_oops(Kernel& kernel) { return kernel.panic_on_oops() ? "1\n" : "0\n"; }
bool set_panic_on_oops(Kernel& kernel, s32 value) {
  kernel.set_panic_on_oops(value != 0);
  return true;
}

struct File {
  std::string_view path;
  u16 mode;
  std::string (*read)(Kernel& kernel);
  bool (*write)(Kernel& kernel, s32 value);  // null: it cannot be written
};

constexpr File kFiles[] = {
    {"/proc/cmdline", 0444, cmdline, nullptr},
    {"/proc/sys/kernel/panic", 0644, read_word<kPanicTimeout>, write_word<kPanicTimeout>},
    {"/proc/sys/kernel/panic_on_oops", 0644, panic_on_oops, set_panic_on_oops},
    {"/proc/sys/kernel/panic_on_warn", 0644, read_word<kPanicOnWarn>, write_word<kPanicOnWarn>},
};

const File* find(std::string_view path) {
  const auto* const it = std::find_if(std::begin(kFiles), std::end(kFiles),
                                      [path](const File& file) { return file.path == path; });
  return it == std::end(kFiles) ? nullptr : it;
}

}  // namespace

bool KernelFiles::has(std::string_view path) const { return find(path) != nullptr; }

Result<std::string> KernelFiles::read(std::string_view path) {
  const File* const file = find(path);
  if (file == nullptr) return make_errno(ENOENT, "{}: No such file or directory", path);
  return file->read(kernel_);
}

Status KernelFiles::write(std::string_view path, std::string_view text) {
  const File* const file = find(path);
  if (file == nullptr) return make_errno(ENOENT, "{}: No such file or directory", path);
  if (file->write == nullptr) return make_errno(EACCES, "{}: Permission denied", path);
  while (!text.empty() && text.back() == '\n') text.remove_suffix(1);
  s32 value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || rest != text.data() + text.size() || !file->write(kernel_, value))
    return make_errno(EINVAL, "{}: Invalid argument", path);
  return Ok{};
}

std::vector<FileEntry> KernelFiles::list(std::string_view path) const {
  std::vector<FileEntry> entries;
  for (const File& file : kFiles) {
    const size_t slash = file.path.rfind('/');
    if (file.path.substr(0, slash) == path)
      entries.push_back({std::string(file.path.substr(slash + 1)), file.mode, false});
  }
  return entries;
}

}  // namespace koi::runtime
