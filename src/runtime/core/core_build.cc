// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/core/core_build.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string_view>
#include <vector>

#include "base/byte_hash.h"
#include "base/types.h"

extern char** environ;

extern "C" {
struct KoiCoreSource {
  const char* name;
  const char* begin;
  const char* end;
};
extern const KoiCoreSource koi_core_sources[] __attribute__((visibility("hidden")));
}
extern const char koi_core_sources_hash[];  // of their names and bytes

namespace koi::runtime {
namespace {

namespace fs = std::filesystem;

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

// Large files that a package owns are identified by inode, size and time of change instead of their bytes.
void add_identity(ByteHash& hasher, const std::string& path) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) {
    hasher.add("absent");
    return;
  }
  hasher.add(
      fmt::format("{} {} {} {}.{}", path, st.st_ino, st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec));
}

std::string find_in_path(std::string_view program) {
  const char* const path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "/usr/bin:/bin" : path;
  while (!rest.empty()) {
    const size_t colon = rest.find(':');
    std::string candidate = fmt::format("{}/{}", rest.substr(0, colon), program);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  return {};
}

std::string cache_key(const std::string& build_dir) {
  ByteHash hasher;
  hasher.add(koi_core_sources_hash);
  add_identity(hasher, build_dir + "/include/generated/autoconf.h");
  add_identity(hasher, build_dir + "/Module.symvers");
  for (const char* const compiler : {"gcc", "gcc-12", "make"}) add_identity(hasher, find_in_path(compiler));
  const char* const flags = std::getenv("KCFLAGS");
  hasher.add(flags == nullptr ? "" : flags);
  return fmt::format("{:016x}", hasher.value());
}

Status write_sources(const std::string& directory) {
  for (const KoiCoreSource* source = koi_core_sources; source->name != nullptr; ++source) {
    const fs::path path = fs::path(directory) / source->name;
    std::error_code error;
    fs::create_directories(path.parent_path(), error);
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(source->begin, source->end - source->begin);
    out.close();
    if (!out) return make_error("cannot write {}: {}", path.string(), std::strerror(errno));
  }
  return Ok{};
}

// Runs make with its output in `log`. The value is its exit status.
Result<int> run_make(const std::string& build_dir, const std::string& directory, const std::string& log) {
  const std::string source_option = "M=" + directory;
  const std::vector<const char*> arguments = {
      "make", "-s", "-C", build_dir.c_str(), source_option.c_str(), "core.o", nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  // The caller's make must not hand its job server or its variables to this one.
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with("MAKEFLAGS=") && !text.starts_with("MFLAGS=") && !text.starts_with("MAKELEVEL=")) {
      environment.push_back(*entry);
    }
  }
  environment.push_back(nullptr);
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, "make", &actions, nullptr, const_cast<char* const*>(arguments.data()),
                                 environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return make_error("cannot run make: {} (apt-get install make gcc)", std::strerror(error));
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Status compile(const std::string& release, const std::string& build_dir, const std::string& directory) {
  const std::string work = fmt::format("{}/build.{}", directory, getpid());
  std::error_code error;
  fs::create_directories(work, error);
  if (error) return make_error("cannot create {}: {}", work, error.message());
  TRY(write_sources(work));
  const std::string log = directory + "/build.log";
  const int status = TRY(run_make(build_dir, work, log));
  if (status != 0) {
    return make_error("compiling koi's core for {} failed (make exited with {}); its output is in {}",
                      release, status, log);
  }
  if (rename((work + "/core.o").c_str(), (directory + "/core.o").c_str()) != 0) {
    return make_error("cannot move core.o into {}: {}", directory, std::strerror(errno));
  }
  fs::remove_all(work, error);
  return Ok{};
}

}  // namespace

std::string cache_directory() {
  if (const char* const xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg == '/') {
    return std::string(xdg) + "/koi";
  }
  if (const char* const home = std::getenv("HOME");
      home != nullptr && *home == '/' && access(home, W_OK) == 0) {
    return std::string(home) + "/.cache/koi";
  }
  return fmt::format("/tmp/koi-{}", getuid());
}

Result<std::string> ensure_cached_text(std::string_view name, std::string_view text) {
  ByteHash hasher;
  hasher.add(text);
  const std::string directory = fmt::format("{}/files/{:016x}", cache_directory(), hasher.value());
  std::string path = fmt::format("{}/{}", directory, name);
  if (access(path.c_str(), R_OK) == 0) return path;
  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    return make_error("cannot create the cache {}: {} (set XDG_CACHE_HOME)", directory, error.message());
  const std::string unfinished = fmt::format("{}.{}", path, getpid());
  std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out || rename(unfinished.c_str(), path.c_str()) != 0)
    return make_error("cannot write {}: {}", path, std::strerror(errno));
  return path;
}

Result<std::string> ensure_core_source(std::string_view name) {
  for (const KoiCoreSource* source = koi_core_sources; source->name != nullptr; ++source) {
    if (name != source->name) continue;
    const std::string_view text(source->begin, static_cast<size_t>(source->end - source->begin));
    return ensure_cached_text(name.substr(name.rfind('/') + 1), text);
  }
  return make_error("koi has no source {}", name);
}

Result<CoreObject> ensure_core_object(const std::string& release, const std::string& build_dir) {
  if (access((build_dir + "/Makefile").c_str(), R_OK) != 0) {
    return make_error("no kernel headers for {}: {} is missing (apt-get install linux-headers-{})", release,
                      build_dir, release);
  }
  const std::string directory =
      fmt::format("{}/core/{}-{}", cache_directory(), release, cache_key(build_dir));
  const std::string object = directory + "/core.o";
  if (access(object.c_str(), R_OK) == 0) return CoreObject{object, false};

  std::error_code error;
  fs::create_directories(directory, error);
  if (error)
    return make_error("cannot create the cache {}: {} (set XDG_CACHE_HOME)", directory, error.message());
  const FileDescriptor lock(open((directory + "/lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (lock.get() < 0 || flock(lock.get(), LOCK_EX) != 0) {
    return make_error("cannot lock the cache {}: {}", directory, std::strerror(errno));
  }
  if (access(object.c_str(), R_OK) == 0) return CoreObject{object, false};
  TRY(compile(release, build_dir, directory));
  return CoreObject{object, true};
}

}  // namespace koi::runtime
