// SPDX-License-Identifier: GPL-2.0-only
// `koi shell`: a session on one machine, one command a line, no quoting. `koi shell --script FILE` runs a file.
//
//   insmod FILE [params]     rmmod NAME      lsmod       dmesg [-r] [-c]
//   finit_module FILE FLAGS [params]    init_module FILE [params]    delete_module NAME [nonblock|force|block]
//   cat FILE     ls [-l] DIR     echo [-n] TEXT [> FILE]     sleep SECONDS
//   mknod /dev/NAME c MAJOR MINOR
//   COMMAND &    wait            $? is the status of the command before
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "cli/common_options.h"
#include "runtime/files/virtual_files.h"
#include "runtime/kernel.h"

namespace koi::cli {

class Shell {
 public:
  Shell(runtime::Kernel& kernel, const MachineOptions& options);
  ~Shell();
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;

  // Runs one line. False: the session is over (`exit`, or the machine is dead).
  bool run_line(std::string_view line);
  [[nodiscard]] int last_status() const { return status_; }

 private:
  struct Job;
  // Runs `body` in a task named `comm`, to its end unless the line ends in `&`; its value is $?.
  void in_task(std::string_view comm, std::function<s32()> body);
  void out(std::string_view text);
  void execute(std::string_view command, std::string_view rest);
  void load(std::string_view call, std::string_view rest);
  void unload(std::string_view rest);
  void insmod(std::string_view rest);
  void rmmod(std::string_view rest);
  void dmesg(std::string_view rest);
  void cat(std::string_view rest);
  void read_link(std::string_view rest);
  void list(std::string_view rest);
  void echo(std::string_view rest);
  void free();
  void raise_irq(std::string_view line);
  void make_node(std::string_view rest);
  void wait_for_jobs();

  runtime::Kernel& kernel_;
  const MachineOptions& options_;
  std::deque<std::unique_ptr<Job>> jobs_;
  bool background_ = false;
  int status_ = 0;
  u64 dmesg_from_ = 0;  // dmesg -c clears up to here
};

}  // namespace koi::cli
