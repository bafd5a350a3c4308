// SPDX-License-Identifier: GPL-2.0-only
#include "cli/schedule_runner.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/check.h"
#include "cli/log_output.h"
#include "cli/terminal.h"
#include "host/fault_signals.h"
#include "observe/finding_kinds.h"
#include "observe/journal.h"
#include "report/lanes.h"
#include "runtime/checks/lane_recorder.h"

namespace koi::cli {
namespace {

using observe::EventKind;

// ---- what a child tells: fields of so many bytes ----

void put(std::string& out, std::string_view field) {
  out += fmt::format("{}:", field.size());
  out += field;
}
void put(std::string& out, u64 number) { put(out, std::string_view(fmt::format("{}", number))); }

class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text) {}
  std::string_view take() {
    const size_t colon = rest_.find(':');
    if (colon == std::string_view::npos) return fail();
    const u64 size = std::strtoull(std::string(rest_.substr(0, colon)).c_str(), nullptr, 10);
    if (rest_.size() - colon - 1 < size) return fail();
    const std::string_view field = rest_.substr(colon + 1, size);
    rest_.remove_prefix(colon + 1 + size);
    return field;
  }
  u64 number() { return std::strtoull(std::string(take()).c_str(), nullptr, 10); }
  [[nodiscard]] bool good() const { return good_; }

 private:
  std::string_view fail() {
    good_ = false;
    rest_ = {};
    return {};
  }
  std::string_view rest_;
  bool good_ = true;
};

// ---- findings ----

// The worse of two decides which finding of a run is told of.
u32 severity_of(EventKind kind) {
  switch (kind) {
    case EventKind::kUnsupported:
    case EventKind::kForcedPreemption:
      return 0;
    case EventKind::kLeak:
    case EventKind::kFalseSharing:
      return 1;
    case EventKind::kWarning:
      return 2;
    case EventKind::kLock:
    case EventKind::kRace:
      return 3;
    default:
      return 5;
  }
}

std::optional<RunFinding> finding_of(const observe::Event& event) {
  const char* const name = observe::finding_name(event.kind);
  if (name == nullptr) return std::nullopt;
  return RunFinding{name, std::string(event.text), severity_of(event.kind)};
}

// Addresses, numbers of tasks and CPUs differ from schedule to schedule; the finding is the same.
std::string without_numbers(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool word_before = i > 0 && std::isalnum(static_cast<unsigned char>(text[i - 1])) != 0;
    if (word_before || std::isdigit(static_cast<unsigned char>(text[i])) == 0) {
      out += text[i];
      continue;
    }
    while (i + 1 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) != 0) ++i;
    if (i + 1 < text.size() && text[i] == '0' && text[i + 1] == 'x') {
      while (i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 2])) != 0) ++i;
      ++i;
    }
    out += 'N';
  }
  return out;
}

// "INFO: task saver:93 blocked for more than 120 seconds." and its like are one finding: who hangs with whom.
bool take_hung_task(const RunFinding& finding, std::vector<std::string>& hung) {
  constexpr std::string_view kHead = "INFO: task ";
  if (finding.kind != "lockup" || !finding.text.starts_with(kHead)) return false;
  const std::string rest = finding.text.substr(kHead.size());
  const size_t end = rest.find(" blocked");
  if (end == std::string::npos) return false;
  const std::string task = rest.substr(0, end);
  hung.push_back(task.substr(0, task.rfind(':')));
  return true;
}

std::vector<RunFinding> findings_of(const observe::Journal& journal, const Verdict& verdict) {
  std::vector<RunFinding> findings;
  std::vector<std::string> hung;
  const auto add = [&](RunFinding finding) {
    finding.text = without_numbers(finding.text);
    if (std::find(findings.begin(), findings.end(), finding) == findings.end())
      findings.push_back(std::move(finding));
  };
  for (const observe::Event& event : journal.events()) {
    auto finding = finding_of(event);
    if (finding && !take_hung_task(*finding, hung)) add(std::move(*finding));
  }
  if (!hung.empty()) {
    std::sort(hung.begin(), hung.end());
    hung.erase(std::unique(hung.begin(), hung.end()), hung.end());
    findings.push_back({"deadlock", fmt::format("{} blocked for ever", fmt::join(hung, ", ")), 5});
  }
  for (const std::string& remark : verdict.remarks)
    findings.push_back({"module", remark, kModuleErrorSeverity});
  std::stable_sort(findings.begin(), findings.end(),
                   [](const RunFinding& a, const RunFinding& b) { return a.severity > b.severity; });
  return findings;
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) _exit(4);
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

bool ScheduleResult::has(const RunFinding& finding) const {
  return std::find(findings.begin(), findings.end(), finding) != findings.end();
}

Result<std::unique_ptr<ScheduleRunner>> ScheduleRunner::create(const MachineOptions& options,
                                                               const std::vector<std::string>& words) {
  std::unique_ptr<ScheduleRunner> runner(new ScheduleRunner(options));
  runner->requests_ = TRY(parse_requests(words));
  runner->first_ = TRY(module::read_module_file(runner->requests_.front().path));
  runner->kernel_ = TRY(boot_machine(options, &runner->first_));
  runner->ram_ = TRY(host::RamFork::prepare());
  return runner;
}

void ScheduleRunner::run_in_child(const ScheduleJob& job, int pipe) {
  const Status taken = ram_.take();
  CHECK(taken.ok(), "{}", taken.error().message);
  // A fork does not inherit it.
  static_cast<void>(host::catch_module_system_calls());
  if (!show_logs_) {
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    dup2(nowhere, STDOUT_FILENO);
    dup2(nowhere, STDERR_FILENO);
  }
  runtime::Kernel& kernel = *kernel_;
  MachineOptions options = options_;
  options.seed = job.seed;
  options.schedule = job.schedule;
  kernel.apply_seed(job.seed, job.schedule);
  std::optional<LogOutput> log;
  if (show_logs_) log.emplace(kernel, options, STDOUT_FILENO);
  std::optional<runtime::LaneRecorder> lanes;
  if (job.lanes) lanes.emplace(kernel);
  const RunOutput out{log ? &*log : nullptr, nullptr};
  const Verdict verdict = run_requests(kernel, options, requests_, std::move(first_), out);
  if (show_logs_) print_error_text(verdict.text + "\n");
  if (lanes) lanes->finish();

  std::string text;
  put(text, static_cast<u64>(verdict.exit));
  put(text, kernel.sched().interleaver().choices());
  const auto& switches = kernel.sched().interleaver().taken();
  put(text, sched::format_schedule(sched::Schedule(switches.begin(), switches.end())));
  put(text, lanes ? report::lanes_text(lanes->lanes(), lanes->events()) : std::string());
  put(text, lanes ? report::lanes_html(lanes->lanes(), lanes->events()) : std::string());
  const std::vector<RunFinding> findings = findings_of(kernel.journal(), verdict);
  put(text, findings.size());
  for (const RunFinding& finding : findings) {
    put(text, finding.kind);
    put(text, finding.text);
    put(text, finding.severity);
  }
  write_all(pipe, text);
  _exit(0);
}

ScheduleRunner::Child ScheduleRunner::start(const ScheduleJob& job) {
  int ends[2] = {};
  CHECK(pipe2(ends, O_CLOEXEC) == 0, "pipe: {}", std::strerror(errno));
  const int pid = fork();
  CHECK(pid >= 0, "fork: {}", std::strerror(errno));
  if (pid == 0) run_in_child(job, ends[1]);
  close(ends[1]);
  return Child{pid, ends[0], 0, {}};
}

ScheduleResult ScheduleRunner::finish(Child& child) {
  close(child.pipe);
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
  }
  ScheduleResult result;
  if (status != 0) return result;
  Fields fields(child.text);
  result.exit = static_cast<ExitCode>(fields.number());
  result.choices = fields.number();
  const auto taken = sched::parse_schedule(fields.take());
  if (taken.ok()) result.taken = *taken;
  result.lanes_text = fields.take();
  result.lanes_html = fields.take();
  for (u64 left = fields.number(); left != 0 && fields.good(); --left) {
    RunFinding finding;
    finding.kind = fields.take();
    finding.text = fields.take();
    finding.severity = static_cast<u32>(fields.number());
    result.findings.push_back(std::move(finding));
  }
  result.complete = fields.good() && taken.ok();
  return result;
}

void ScheduleRunner::run_all(u64 count, u32 jobs, const std::function<ScheduleJob(u64)>& job,
                             const std::function<void(u64, ScheduleResult)>& done) {
  std::vector<Child> running;
  std::vector<pollfd> wanted;
  for (u64 next = 0; next < count || !running.empty();) {
    while (next < count && running.size() < jobs) {
      running.push_back(start(job(next)));
      running.back().index = next++;
    }
    wanted.clear();
    for (const Child& child : running) wanted.push_back({child.pipe, POLLIN, 0});
    if (poll(wanted.data(), wanted.size(), -1) < 0) continue;
    for (size_t i = running.size(); i-- > 0;) {
      if (wanted[i].revents == 0) continue;
      char buffer[65536];
      const ssize_t got = read(running[i].pipe, buffer, sizeof(buffer));
      if (got > 0) {
        running[i].text.append(buffer, static_cast<size_t>(got));
      } else if (got == 0) {
        Child child = std::move(running[i]);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
        const u64 index = child.index;
        done(index, finish(child));
      }
    }
  }
}

ScheduleResult ScheduleRunner::run(const ScheduleJob& job) {
  ScheduleResult result;
  run_all(
      1, 1, [&](u64) { return job; }, [&](u64, ScheduleResult one) { result = std::move(one); });
  return result;
}

}  // namespace koi::cli
