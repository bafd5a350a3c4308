// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/files/virtual_files.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "host/address_map.h"
#include "host/crossing.h"
#include "host/guest_memory.h"
#include "host/world.h"
#include "module/kernel_log.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {
namespace {

constexpr u64 kReadSize = 128ULL << 10;  // what cat(1) asks for at a time
constexpr u64 kMostRead = 64ULL << 20;   // a file that never ends is cut off
constexpr u32 kReadOnly = 0;
constexpr u32 kWriteOnly = 1;
constexpr u32 kTruncate = 01000;
constexpr u32 kLargeFile = 0100000;
constexpr u32 kMinorBits = 20;
constexpr u32 kMostFrames = 64;

Error failure(std::string_view path, s64 error) {
  return make_errno(static_cast<int>(-error), "{}: {}", path, std::strerror(static_cast<int>(-error)));
}

bool is_error(u64 value) { return value >= static_cast<u64>(-4095); }

}  // namespace

class VirtualFiles::OpenFile {
 public:
  static Result<OpenFile> open(Kernel& kernel, const vfs::Node& node, std::string_view path, u32 flags) {
    const u64 name = kernel.memory().duplicate(node.name);
    const u64 file =
        host::upcall(kernel.core().address_of("koi_file_open"), node.object, name, flags | kLargeFile);
    kernel.memory().drop(name);
    if (is_error(file)) return failure(path, static_cast<s64>(file));
    const auto buffer = kernel.files().take_buffer();
    if (!buffer) {
      host::upcall(kernel.core().address_of("koi_file_close"), file);
      return make_errno(ENOMEM, "{}: no room for a buffer", path);
    }
    return OpenFile(kernel, file, *buffer);
  }
  OpenFile(OpenFile&& other) noexcept
      : kernel_(other.kernel_), file_(std::exchange(other.file_, 0)), buffer_(other.buffer_) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (file_ == 0) return;
    host::upcall(kernel_.core().address_of("koi_file_close"), file_);
    kernel_.files().give_buffer(buffer_);
  }

  // What was read, or a negative errno.
  s64 read(std::string& text) {
    const auto got =
        static_cast<s64>(host::upcall(kernel_.core().address_of("koi_file_read"), file_, buffer_, kReadSize));
    if (got <= 0) return got;
    const u64 at = text.size();
    const u64 bytes = std::min<u64>(static_cast<u64>(got), kReadSize);
    text.resize(at + bytes);
    if (guest::copy_in(text.data() + at, buffer_, bytes) != 0) return -EFAULT;
    return got;
  }
  s64 write(std::string_view text) {
    const u64 bytes = std::min<u64>(text.size(), kReadSize);
    if (guest::copy_out(buffer_, text.data(), bytes) != 0) return -EFAULT;
    return static_cast<s64>(host::upcall(kernel_.core().address_of("koi_file_write"), file_, buffer_, bytes));
  }

 private:
  OpenFile(Kernel& kernel, u64 file, u64 buffer) : kernel_(kernel), file_(file), buffer_(buffer) {}

  Kernel& kernel_;
  u64 file_;
  u64 buffer_;
};

VirtualFiles::VirtualFiles(Kernel& kernel)
    : kernel_(kernel),
      module_files_(kernel),
      kernel_files_(kernel),
      buffers_(kernel.world().heap()),
      tree_(kernel.world().heap()),
      char_devices_(kernel.world().heap()) {
  for (const vfs::BootRegion& region : vfs::boot_regions(kernel.is_6_12())) {
    const auto taken = char_devices_.take(region.major, region.base_minor, region.count, region.name, 0);
    CHECK(taken.error == 0, "the boot table has {} twice", region.name);
  }
}

std::optional<u64> VirtualFiles::take_buffer() {
  // A task that an oops killed never came back to give its buffer.
  while (true) {
    const auto dead = std::find_if(buffers_.begin(), buffers_.end(), [this](const UserBuffer& b) {
      return kernel_.sched().find(b.pid) == nullptr;
    });
    if (dead == buffers_.end()) break;
    give_buffer(dead->address);
  }
  const auto buffer = kernel_.memory().user_ranges().take(kReadSize);
  if (!buffer) return std::nullopt;
  host::protect(*buffer, kReadSize, host::Protection::kReadWrite);
  buffers_.push_back({kernel_.sched().current()->pid, *buffer});
  return buffer;
}

void VirtualFiles::give_buffer(u64 buffer) {
  std::erase_if(buffers_, [buffer](const UserBuffer& b) { return b.address == buffer; });
  host::discard(buffer, kReadSize);
  host::protect(buffer, kReadSize, host::Protection::kNone);
  kernel_.memory().user_ranges().give(buffer, kReadSize);
}

Result<std::string> VirtualFiles::read(std::string_view path, std::string* partial) {
  if (path == "/proc/devices") return char_devices_.proc_devices() + "\nBlock devices:\n259 blkext\n";
  const vfs::Node* const node = tree_.node(tree_.find(path));
  if (node == nullptr && kernel_files_.has(path)) return kernel_files_.read(path);
  if (node == nullptr) return module_files_.read(path);
  if (node->is_directory()) {
    return make_errno(EISDIR, "{}: Is a directory", path);
  }
  if (node->object == 0) return failure(path, -ENOENT);
  // Root reads what nobody may, except where the file system looks at the mode itself.
  if (path.starts_with("/sys/") && (node->mode & 0444) == 0) return failure(path, -EACCES);
  auto file = OpenFile::open(kernel_, *node, path, kReadOnly);
  if (!file.ok()) return std::move(file).error();
  std::string text;
  while (text.size() < kMostRead) {
    const s64 got = file->read(text);
    if (got == 0) break;
    if (got < 0) {
      if (partial != nullptr) *partial = text;
      return failure(path, got);
    }
  }
  return text;
}

Status VirtualFiles::write(std::string_view path, std::string_view text) {
  const vfs::Node* const node = tree_.node(tree_.find(path));
  if (node == nullptr && kernel_files_.has(path)) return kernel_files_.write(path, text);
  if (node == nullptr) return module_files_.write(path, text);
  if (node->is_directory()) return failure(path, -EISDIR);
  if (node->object == 0) return failure(path, -ENOENT);
  if (path.starts_with("/sys/") && (node->mode & 0222) == 0) return failure(path, -EACCES);
  auto file = OpenFile::open(kernel_, *node, path, kWriteOnly | kTruncate);
  if (!file.ok()) return std::move(file).error();
  // The shell's echo writes again what was not taken.
  while (!text.empty()) {
    const s64 done = file->write(text);
    if (done < 0) return failure(path, done);
    if (done == 0) break;
    text.remove_prefix(std::min<u64>(static_cast<u64>(done), text.size()));
  }
  return Ok{};
}

Result<std::string> VirtualFiles::read_link(std::string_view path) {
  const vfs::Node* const node = tree_.node(tree_.find(path, vfs::Tree::Follow::kNo));
  if (node == nullptr && kernel_files_.has(path)) return kernel_files_.read_link(path);
  if (node == nullptr) return failure(path, -ENOENT);
  if (!node->is_link()) return failure(path, -EINVAL);
  return std::string(node->target);
}

Result<std::vector<FileEntry>> VirtualFiles::list(std::string_view path) {
  const vfs::Node* const node = tree_.node(tree_.find(path));
  std::vector<FileEntry> entries;
  if (node != nullptr && !node->is_directory()) {
    const size_t slash = path.rfind('/');
    entries.push_back({std::string(path.substr(slash + 1)), static_cast<u16>(node->mode & 07777), false});
    return entries;
  }
  entries = kernel_files_.list(path);
  auto others = module_files_.list(path);
  if (node == nullptr && entries.empty()) return others;
  if (others.ok()) entries.insert(entries.end(), others->begin(), others->end());
  if (node == nullptr) return entries;
  for (const vfs::NodeId id : tree_.children(node->id)) {
    const vfs::Node& child = *tree_.node(id);
    const bool there = std::any_of(entries.begin(), entries.end(), [&](const FileEntry& e) {
      return std::string_view(child.name) == e.name;
    });
    if (there) continue;
    entries.push_back({std::string(child.name), static_cast<u16>(child.mode & 07777), child.is_directory()});
  }
  std::sort(entries.begin(), entries.end(),
            [](const FileEntry& a, const FileEntry& b) { return a.name < b.name; });
  return entries;
}

Status VirtualFiles::make_device(std::string_view path, u32 major, u32 minor) {
  constexpr std::string_view kDevices = "/dev/";
  if (!path.starts_with(kDevices) || path.size() == kDevices.size()) return failure(path, -EPERM);
  const std::string name(path.substr(kDevices.size()));
  // The name is in user memory, as mknod(2)'s would be; the core copies it.
  const auto page = kernel_.memory().user_ranges().take(host::kPageSize);
  if (!page || name.size() >= host::kPageSize) return failure(path, -ENOMEM);
  host::protect(*page, host::kPageSize, host::Protection::kReadWrite);
  static_cast<void>(guest::copy_out(*page, name.c_str(), name.size() + 1));
  const auto error = static_cast<s32>(host::upcall(kernel_.core().address_of("koi_mknod"), *page, 0644,
                                                   (static_cast<u64>(major) << kMinorBits) | minor));
  host::discard(*page, host::kPageSize);
  host::protect(*page, host::kPageSize, host::Protection::kNone);
  kernel_.memory().user_ranges().give(*page, host::kPageSize);
  if (error != 0) return failure(path, error);
  return Ok{};
}

u64 VirtualFiles::calling_module() const {
  const auto record = guest::load<host::BorderRecord>(host::gs_area()->border);
  if (!record) return 0;
  u64 address = record->return_rip;
  u64 frame = record->rbp;
  for (u32 i = 0; i < kMostFrames; ++i) {
    if (const ModuleInstance* const module = kernel_.modules().find_by_address(address); module != nullptr) {
      return module->this_module;
    }
    if (!kernel_.core().in_text(address)) return 0;
    const auto next = guest::load<u64>(frame);
    const auto caller = guest::load<u64>(frame + sizeof(u64));
    if (!next || !caller) return 0;
    frame = *next;
    address = *caller;
  }
  return 0;
}

void VirtualFiles::left_behind(const ModuleInstance& module, std::string_view what) {
  const std::string text = fmt::format("{} left {}", module.name(), what);
  if (kernel_.config().checks == Checks::kAll) kernel_.console().print(module::kLogWarning, "koi: " + text);
  kernel_.note(observe::EventKind::kLeak, text);
}

void VirtualFiles::module_gone(const ModuleInstance& module) {
  for (const vfs::NodeId id : tree_.owned_by(module.this_module)) {
    left_behind(module, fmt::format("a file behind: {}", tree_.path(id)));
  }
  tree_.disown(module.this_module);
  for (const vfs::CharRegion& region : char_devices_.regions()) {
    if (region.owner != module.this_module) continue;
    left_behind(module,
                fmt::format("character device numbers behind: {}:{}-{} {}", region.major, region.base_minor,
                            region.base_minor + region.count - 1, std::string_view(region.name)));
  }
  char_devices_.disown(module.this_module);
}

}  // namespace koi::runtime
