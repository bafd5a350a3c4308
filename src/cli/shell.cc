// SPDX-License-Identifier: GPL-2.0-only
#include "cli/shell.h"

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <fstream>

#include "cli/kmod_messages.h"
#include "engine/printk/log_render.h"
#include "host/address_map.h"
#include "module/module_file.h"
#include "runtime/console.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/modules.h"

namespace koi::cli {
namespace {

constexpr u64 kIrqNs = 1'000'000;

constexpr int kIgnoreModversions = 1;
constexpr int kIgnoreVermagic = 2;
constexpr int kCompressedFile = 4;
constexpr int kKnownFlags = kIgnoreModversions | kIgnoreVermagic | kCompressedFile;

std::string_view trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

// The text up to the next blank; `rest` keeps what follows that one blank, byte for byte.
std::string_view take_word(std::string_view& rest) {
  const size_t blank = rest.find(' ');
  const std::string_view word = rest.substr(0, blank);
  rest.remove_prefix(blank == std::string_view::npos ? rest.size() : blank + 1);
  return word;
}

std::string base_name(std::string_view path) {
  const size_t slash = path.rfind('/');
  return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

enum class Compression : u8 { kNone, kGzip, kXz, kZstd };

// By the first bytes.
Compression compression_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  char magic[4] = {};
  in.read(magic, sizeof(magic));
  const std::string_view start(magic, sizeof(magic));
  if (start.starts_with("\x1f\x8b")) return Compression::kGzip;
  if (start ==
      "\xfd"
      "7zX")
    return Compression::kXz;
  return start == "\x28\xb5\x2f\xfd" ? Compression::kZstd : Compression::kNone;
}

// finit_module with MODULE_INIT_COMPRESSED_FILE: the kernel unpacks, if it can, the one format that it was configured for.
runtime::ModuleCall finit_compressed(runtime::Kernel& kernel, const std::string& path,
                                     std::string_view parameters, const module::LoadFlags& flags) {
  const auto configured = [&kernel](std::string_view option) {
    return kernel.core().layout(option).value_or(0) != 0;
  };
  if (!configured("CONFIG_MODULE_DECOMPRESS")) return {-EOPNOTSUPP, {}};
  Compression known = Compression::kZstd;
  std::string_view name = "a zstd";
  if (configured("CONFIG_MODULE_COMPRESS_GZIP")) {
    known = Compression::kGzip;
    name = "a gzip";
  } else if (configured("CONFIG_MODULE_COMPRESS_XZ")) {
    known = Compression::kXz;
    name = "an xz";
  }
  if (compression_of(path) != known) {
    kernel.console().print(3, fmt::format("not {} compressed module", name));
    return {-EINVAL, {}};
  }
  auto file = module::read_module_file(path);
  if (!file.ok()) return {-EINVAL, file.error().message};
  return kernel.modules().init_module(std::move(*file), parameters, flags);
}

// What the C library makes of a system call's value.
std::string syscall_line(std::string_view call, std::string_view argument, std::string_view parameters,
                         s32 value) {
  const bool failed = value < 0 && value >= -4095;
  const int error = failed ? -value : 0;
  const char* const name = error == 0 ? "OK" : strerrorname_np(error);
  return fmt::format("SYSCALL|{}|{}|{}|ret={}|errno={}|{}|{}\n", call, argument, parameters,
                     failed ? -1 : value, error, name == nullptr ? "(null)" : name,
                     error == 0 ? "Success" : std::strerror(error));
}

}  // namespace

// One command that runs as a task; its body must live as long as the task.
struct Shell::Job {
  std::string comm;
  std::function<s32()> body;
  std::unique_ptr<runtime::BackgroundTask> task;
};

Shell::Shell(runtime::Kernel& kernel, const MachineOptions& options) : kernel_(kernel), options_(options) {}

Shell::~Shell() { wait_for_jobs(); }

void Shell::out(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(STDOUT_FILENO, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<size_t>(n));
  }
}

void Shell::in_task(std::string_view comm, std::function<s32()> body) {
  if (background_) {
    auto job = std::make_unique<Job>();
    job->comm = comm;
    job->body = std::move(body);
    job->task = kernel_.start_task(job->comm, job->body);
    jobs_.push_back(std::move(job));
    status_ = 0;
    return;
  }
  const runtime::TaskEnd end = kernel_.run_task(comm, body);
  status_ =
      end.how == runtime::TaskEnd::How::kReturned ? end.value : 128 + (end.value != 0 ? end.value : SIGKILL);
}

bool Shell::run_line(std::string_view line) {
  std::string text(line);
  for (size_t at = text.find("$?"); at != std::string::npos; at = text.find("$?")) {
    text.replace(at, 2, std::to_string(status_));
  }
  std::string_view rest = text;
  while (!rest.empty() && (rest.back() == '\n' || rest.back() == '\r')) rest.remove_suffix(1);
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  if (rest.empty() || rest.front() == '#') return true;
  background_ = rest.ends_with(" &");
  if (background_) rest.remove_suffix(2);
  const std::string_view command = take_word(rest);
  if (command == "exit") return false;
  execute(command, rest);
  return !kernel_.halted();
}

void Shell::execute(std::string_view command, std::string_view rest) {
  if (command == "finit_module" || command == "init_module") return load(command, rest);
  if (command == "delete_module") return unload(rest);
  if (command == "insmod") return insmod(rest);
  if (command == "rmmod") return rmmod(rest);
  if (command == "lsmod") return out(kernel_.modules().proc_modules(true));
  if (command == "dmesg") return dmesg(rest);
  if (command == "cat") return cat(rest);
  if (command == "readlink") return read_link(rest);
  if (command == "ls") return list(rest);
  if (command == "echo") return echo(rest);
  if (command == "free") return free();
  if (command == "mknod") return make_node(rest);
  if (command == "wait") return wait_for_jobs();
  if (command == "irq") return raise_irq(rest);
  if (command == "sleep") {
    const double seconds = std::strtod(std::string(rest).c_str(), nullptr);
    kernel_.sched().run_until_time(
        VirtualTime{kernel_.sched().now().value + static_cast<u64>(seconds * 1e9)});
    status_ = 0;
    return;
  }
  out(fmt::format("koi shell: {}: command not found\n", command));
  status_ = 127;
}

void Shell::raise_irq(std::string_view line) {
  const u64 now = kernel_.sched().now().value;
  const auto irq = runtime::parse_scripted_irq(fmt::format("{}@{}ns", line, now));
  if (!irq.ok()) {
    out(fmt::format("irq: {}: no such line\n", line));
    status_ = 1;
    return;
  }
  runtime::schedule_irqs(kernel_, {*irq});
  // Its handlers and what they woke have run when the next command comes.
  kernel_.sched().run_until_time(VirtualTime{now + kIrqNs});
  status_ = 0;
}

void Shell::load(std::string_view call, std::string_view rest) {
  const std::string path(take_word(rest));
  int flags = 0;
  if (call == "finit_module") {
    const std::string_view word = take_word(rest);
    std::from_chars(word.data(), word.data() + word.size(), flags);
  }
  const std::string parameters(rest);
  in_task("koi-shell", [this, call = std::string(call), path, flags, parameters] {
    module::LoadFlags load_flags;
    if ((flags & kIgnoreModversions) != 0) load_flags.modversions = module::VersionPolicy::kIgnore;
    if ((flags & kIgnoreVermagic) != 0) load_flags.vermagic = module::VersionPolicy::kIgnore;
    runtime::ModuleCall made{-EINVAL, {}};
    if ((flags & kCompressedFile) != 0 && (flags & ~kKnownFlags) == 0) {
      made = finit_compressed(kernel_, path, parameters, load_flags);
    } else if (compression_of(path) != Compression::kNone) {
      // The system call takes plain files; insmod unpacks them first.
      kernel_.console().print(3,
                              "Invalid ELF header magic: != \x7f"
                              "ELF");
      made.value = -ENOEXEC;
    } else if ((flags & ~kKnownFlags) == 0) {
      made = kernel_.modules().finit_module(path, parameters, load_flags);
    }
    out(syscall_line(call, base_name(path), parameters, made.value));
    return made.value < 0 ? 1 : 0;
  });
}

void Shell::unload(std::string_view rest) {
  std::string name(take_word(rest));
  if (name == "\"\"") name.clear();
  const std::string how(rest.empty() ? "nonblock" : rest);
  in_task("koi-shell", [this, name, how] {
    const s32 value = kernel_.modules().delete_module(name, how == "force").value;
    out(syscall_line("delete_module", name, how, value));
    return value < 0 ? 1 : 0;
  });
}

void Shell::insmod(std::string_view rest) {
  const std::string path(take_word(rest));
  in_task("insmod", [this, path, parameters = std::string(rest)] {
    const s32 value = kernel_.modules().finit_module(path, parameters, {}).value;
    if (value >= 0) return 0;
    out(insmod_error(path, value) + "\n");
    return 1;
  });
}

void Shell::rmmod(std::string_view rest) {
  const std::string name(trim(rest));
  in_task("rmmod", [this, name] {
    const s32 value = kernel_.modules().delete_module(name, false).value;
    if (value >= 0) return 0;
    out(rmmod_error(name, value) + "\n");
    return 1;
  });
}

void Shell::dmesg(std::string_view rest) {
  const bool raw = rest.find("-r") != std::string_view::npos;
  const printk::Log& log = kernel_.console().log();
  kernel_.console().log().finalize_open();
  std::string text;
  for (u64 seq = std::max(dmesg_from_, log.first_seq()); seq < log.next_seq(); ++seq) {
    const auto record = log.read(seq);
    if (!record) continue;
    seq = record->info.seq;
    printk::append_text(text, *record, log.options().release,
                        raw ? printk::LevelPrefix::kYes : printk::LevelPrefix::kNo, printk::Stamp::kYes);
  }
  if (rest.find("-c") != std::string_view::npos) dmesg_from_ = log.next_seq();
  out(text);
  status_ = 0;
}

void Shell::cat(std::string_view rest) {
  in_task("cat", [this, path = std::string(trim(rest))] {
    std::string before;
    const auto text = kernel_.files().read(path, &before);
    if (text.ok()) {
      out(*text);
      return 0;
    }
    out(before);
    out(fmt::format("cat: {}\n", text.error().message));
    return 1;
  });
}

void Shell::read_link(std::string_view rest) {
  const auto target = kernel_.files().read_link(trim(rest));
  status_ = target.ok() ? 0 : 1;
  if (target.ok()) out(*target + "\n");  // readlink(1) is silent about what is no link
}

void Shell::list(std::string_view rest) {
  const bool with_modes = rest.starts_with("-l ");
  if (with_modes) rest.remove_prefix(3);
  const std::string path(trim(rest));
  const auto entries = kernel_.files().list(path);
  status_ = entries.ok() ? 0 : 1;
  if (!entries.ok()) return out(fmt::format("ls: {}\n", entries.error().message));
  if (with_modes) out("total 0\n");  // these files take no blocks
  for (const runtime::FileEntry& entry : *entries) {
    if (!with_modes) {
      out(entry.name + "\n");
      continue;
    }
    std::string mode = entry.directory ? "d" : "-";
    for (int bit = 8; bit >= 0; --bit) mode += (entry.mode >> bit & 1) != 0 ? "xwr"[bit % 3] : '-';
    out(fmt::format("{} {}\n", mode, entry.name));
  }
}

void Shell::echo(std::string_view rest) {
  const size_t redirect = rest.rfind(" > ");
  const bool to_file = redirect != std::string_view::npos || rest.starts_with("> ");
  std::string_view text = to_file ? rest.substr(0, redirect == std::string_view::npos ? 0 : redirect) : rest;
  const bool bare = text.starts_with("-n ") || text == "-n";
  if (bare) text.remove_prefix(std::min<size_t>(3, text.size()));
  const std::string line = std::string(text) + (bare ? "" : "\n");
  if (!to_file) {
    out(line);
    status_ = 0;
    return;
  }
  if (line.empty()) {
    status_ = 0;  // nothing is written, as write(2) is not called
    return;
  }
  const std::string path(
      trim(redirect == std::string_view::npos ? rest.substr(2) : rest.substr(redirect + 3)));
  in_task("sh", [this, path, line] {
    const auto written = kernel_.files().write(path, line);
    if (written.ok()) return 0;
    out(fmt::format("sh: write error: {}\n", std::strerror(written.error().errno_value)));
    return 1;
  });
}

// KiB of RAM that nothing uses (what per-CPU lists hold included), and of all.
void Shell::free() {
  const mm::Buddy& pages = kernel_.memory().pages();
  constexpr u64 kKibPerPage = host::kPageSize / 1024;
  out(fmt::format("{} free of {} KiB\n", (pages.free_pages() + pages.pcp_pages()) * kKibPerPage,
                  pages.managed_pages() * kKibPerPage));
  status_ = 0;
}

// mknod PATH c MAJOR MINOR
void Shell::make_node(std::string_view rest) {
  const std::string path(take_word(rest));
  const std::string_view type = take_word(rest);
  const std::string major(take_word(rest));
  const std::string minor(trim(rest));
  in_task("mknod", [this, path, character = type == "c", major, minor] {
    const auto made = !character ? Status(make_errno(EINVAL, "{}: only character devices", path))
                                 : kernel_.files().make_device(
                                       path, static_cast<u32>(std::strtoul(major.c_str(), nullptr, 0)),
                                       static_cast<u32>(std::strtoul(minor.c_str(), nullptr, 0)));
    if (made.ok()) return 0;
    out(fmt::format("mknod: {}\n", made.error().message));
    return 1;
  });
}

void Shell::wait_for_jobs() {
  for (const auto& job : jobs_) static_cast<void>(kernel_.finish_task(*job->task));
  jobs_.clear();
  status_ = 0;
}

}  // namespace koi::cli
