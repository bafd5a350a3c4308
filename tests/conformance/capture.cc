// SPDX-License-Identifier: GPL-2.0-only
#include "capture.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include "text.h"

namespace koi::conformance {
namespace fs = std::filesystem;
namespace {

// Runs a program with both outputs in files. Its exit code, 128 + signal, or -1 after the time is up.
int run_program(const std::vector<std::string>& arguments, const std::string& out, const std::string& err,
                int timeout_seconds) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    setpgid(0, 0);
    // Under `make check` the outer make's flags are not for Kbuild.
    for (const char* name : {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}) unsetenv(name);
    const int in_fd = open("/dev/null", O_RDONLY);
    const int out_fd = open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const int err_fd = open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (in_fd < 0 || out_fd < 0 || err_fd < 0) _exit(126);
    dup2(in_fd, 0);
    dup2(out_fd, 1);
    dup2(err_fd, 2);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(timeout_seconds);
  int status = 0;
  while (true) {
    const pid_t ended = waitpid(child, &status, WNOHANG);
    if (ended == child) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    if (ended < 0 && errno != EINTR) return -1;
    if (std::chrono::steady_clock::now() > deadline) {
      kill(-child, SIGKILL);
      waitpid(child, &status, 0);
      return -1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

// FNV-1a over the names and contents of a directory's regular files: when it changes, the modules are built anew.
Result<std::string> content_key(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory)) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  unsigned long long hash = 14695981039346656037ULL;
  const auto add = [&hash](std::string_view bytes) {
    for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211ULL;
  };
  for (const fs::path& file : files) {
    add(file.filename().string());
    add(TRY(read_file(file.string())));
  }
  return fmt::format("{:016x}\n", hash);
}

// The module of locking patterns stands in no Kbuild of the reference: it was built for a kernel with lockdep.
constexpr std::string_view kLockdepKbuild =
    "ccflags-y += -fmacro-prefix-map=$(src)/=/build/ -Wno-format -Wno-format-security\n"
    "obj-m += orc_hello.o orc_lockdep.o orc_splat.o\n";

std::vector<std::string> command_of(const Host& host, const Run& run, const std::string& release) {
  std::vector<std::string> command = {host.koi,   run.module.empty() ? "shell" : "run",
                                      "--kernel", release,
                                      "--cpus",   std::to_string(run.cpus),
                                      "--memory", run.memory,
                                      "--checks", run.checks};
  if (run.lazy) command.emplace_back("--lazy");
  if (!run.boot_options.empty()) {
    command.emplace_back("--cmdline");
    command.push_back(run.boot_options);
  }
  if (run.module.empty()) {
    command.emplace_back("--script");
    command.push_back(fmt::format("{}/{}.script", host.captures, run.id));
    return command;
  }
  command.insert(command.end(),
                 {"--log-format", run.log_format, "--log-level", run.log_format == "dmesg" ? "7" : "8"});
  command.push_back(fmt::format("{}/{}/{}.ko", host.build, run.kernel, run.module));
  if (!run.parameter.empty()) command.push_back(run.parameter);
  return command;
}

Status execute_one(const Host& host, const Run& run) {
  const std::string base = fmt::format("{}/{}", host.captures, run.id);
  std::error_code failure;
  fs::create_directories(fs::path(base).parent_path(), failure);
  if (failure) return make_error("{}: {}", base, failure.message());
  const std::string release = TRY(release_of(host, run.kernel));
  if (run.module.empty()) {
    // Scripts say $M for the directory of the modules.
    std::string script = run.script;
    const std::string modules = fmt::format("{}/{}", host.build, run.kernel);
    for (std::size_t at = script.find("$M/"); at != std::string::npos; at = script.find("$M/", at)) {
      script.replace(at, 2, modules);
    }
    TRY(write_file(base + ".script", script));
  }
  const int status =
      run_program(command_of(host, run, release), base + ".out", base + ".err", host.timeout_seconds);
  if (status == 127) return make_error("{}: cannot be run", host.koi);
  return write_file(base + ".status", fmt::format("{}\n", status));
}

}  // namespace

Result<std::string> release_of(const Host& host, const std::string& kernel) {
  const std::string series = kernel.substr(0, kernel.find('-'));
  const std::string path = fmt::format("{}/{}/version.txt", host.reference, series);
  const std::string text = TRY(read_file(path));
  constexpr std::string_view kBefore = "Linux version ";
  const std::size_t start = text.find(kBefore);
  if (start == std::string::npos) return make_error("{}: no \"{}\"", path, kBefore);
  const std::size_t begin = start + kBefore.size();
  return text.substr(begin, text.find(' ', begin) - begin);
}

Status build_modules(const Host& host, const std::string& kernel) {
  const std::string release = TRY(release_of(host, kernel));
  const fs::path sources = fs::path(host.reference) / "modules";
  const fs::path target = fs::path(host.build) / kernel;
  const fs::path stamp = target / "built_from";
  const std::string damage = host.script_tools + "/make_damaged.py";
  const std::string key = release + " " + TRY(content_key(sources)) + TRY(read_file(damage));
  const Result<std::string> built = read_file(stamp.string());
  if (built.ok() && *built == key) return Ok{};

  std::error_code failure;
  fs::create_directories(target, failure);
  for (const fs::directory_entry& entry : fs::directory_iterator(sources, failure)) {
    if (entry.is_regular_file()) {
      fs::copy_file(entry.path(), target / entry.path().filename(), fs::copy_options::overwrite_existing,
                    failure);
    }
  }
  if (failure) return make_error("{}: {}", target.string(), failure.message());
  if (is_lockdep(kernel)) TRY(write_file((target / "Kbuild").string(), kLockdepKbuild));
  const std::string headers = fmt::format("/lib/modules/{}/build", release);
  if (!fs::exists(headers)) {
    return make_error("{}: no kernel headers; apt-get install linux-headers-{}", headers, release);
  }
  const std::string log = (target / "build.log").string();
  if (run_program({"make", "-C", headers, "M=" + fs::absolute(target).string(), "modules"}, log, log + ".err",
                  600) != 0) {
    return make_error("{}: building the reference's modules failed", log + ".err");
  }
  if (!is_lockdep(kernel) &&
      run_program({"python3", damage, target.string()}, log + ".damage", log + ".err", 60) != 0) {
    return make_error("{}: {} failed", log + ".err", damage);
  }
  return write_file(stamp.string(), key);
}

Status check_kernel(const Host& host, const std::string& kernel) {
  Run hello;
  hello.id = fmt::format("{}/orc_hello", kernel);
  hello.kernel = kernel;
  hello.module = "orc_hello";
  // The first run for a kernel may have to compile koi's core.
  Host patient = host;
  patient.timeout_seconds = std::max(host.timeout_seconds, 300);
  TRY(execute_one(patient, hello));
  const Capture capture = load_captures(host.captures, {hello}).begin()->second;
  if (capture.out.find("hello: init") != std::string::npos) return Ok{};
  return make_error("koi does not run orc_hello on {} (status {}): {}", kernel, capture.status,
                    shorten(capture.err, 600));
}

Status execute(const Host& host, const std::vector<Run>& runs) {
  std::atomic<std::size_t> next{0};
  std::mutex lock;
  std::string first_error;
  const auto work = [&] {
    for (std::size_t i = next++; i < runs.size(); i = next++) {
      const Status done = execute_one(host, runs[i]);
      if (done.ok()) continue;
      const std::lock_guard<std::mutex> hold(lock);
      if (first_error.empty()) first_error = done.error().message;
      next = runs.size();
    }
  };
  std::vector<std::thread> workers;
  for (int i = 0; i < std::max(1, host.jobs); ++i) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  if (!first_error.empty()) return make_error("{}", first_error);
  return Ok{};
}

Captures load_captures(const std::string& directory, const std::vector<Run>& runs) {
  Captures captures;
  for (const Run& run : runs) {
    Capture capture;
    const std::string base = fmt::format("{}/{}", directory, run.id);
    Result<std::string> out = read_file(base + ".out");
    Result<std::string> err = read_file(base + ".err");
    const Result<std::string> status = read_file(base + ".status");
    capture.present = out.ok() && status.ok();
    if (capture.present) {
      capture.out = std::move(*out);
      capture.err = err.ok() ? std::move(*err) : std::string();
      capture.status = std::atoi(status->c_str());
    }
    captures.emplace(run.id, std::move(capture));
  }
  return captures;
}

namespace {

// Addresses, counts and times as one "N", so that equal endings fall together.
std::string without_numbers(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) {
      out += text[i];
      continue;
    }
    while (i + 1 < text.size() &&
           (std::isxdigit(static_cast<unsigned char>(text[i + 1])) != 0 || text[i + 1] == 'x'))
      ++i;
    out += 'N';
  }
  return out;
}

}  // namespace

std::string trouble(const std::vector<Run>& runs, const Captures& captures) {
  // 0 and 1 are the module's own affair, 3 is a finding.
  std::map<std::string, std::pair<int, std::string>> groups;
  for (const Run& run : runs) {
    const auto found = captures.find(run.id);
    if (found == captures.end() || !found->second.present) continue;
    const Capture& capture = found->second;
    if (capture.status == 0 || capture.status == 1 || capture.status == 3) continue;
    // koi's own word on its end, else its last line.
    std::string_view words;
    for (std::string_view line : split_lines(capture.err)) {
      if (!words.starts_with("koi: internal")) words = line;
    }
    const std::string ending =
        capture.status < 0 ? "killed after its time" : fmt::format("exit {}", capture.status);
    std::pair<int, std::string>& group =
        groups[fmt::format("{}: {}", ending, without_numbers(shorten(words, 300)))];
    if (group.first++ == 0) group.second = run.id;
  }
  std::string text;
  for (const auto& [message, group] : groups)
    text += fmt::format("{} runs ({}): {}\n", group.first, group.second, message);
  return text;
}

}  // namespace koi::conformance
