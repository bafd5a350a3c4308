// SPDX-License-Identifier: GPL-2.0-only
#include "cli/run_json.h"

#include "cli/log_output.h"
#include "cli/terminal.h"
#include "observe/finding_kinds.h"
#include "observe/journal.h"
#include "runtime/checks/lock_checks.h"
#include "runtime/console.h"

namespace koi::cli {
namespace {

constexpr int kFormatVersion = 1;

nlohmann::ordered_json findings_of(const observe::Journal& journal) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const observe::Event& event : journal.events()) {
    const char* const name = observe::finding_name(event.kind);
    if (name == nullptr) continue;
    list.push_back({{"kind", name},
                    {"time_ns", event.time.value},
                    {"cpu", event.cpu.value},
                    {"pid", event.pid},
                    {"text", std::string(event.text)}});
  }
  return list;
}

nlohmann::ordered_json stat_of(const lockdep::LockStat& stat) {
  return {{"acquisitions", stat.acquisitions},    {"hold_total_ns", stat.hold_total_ns},
          {"hold_min_ns", stat.hold_min_ns},      {"hold_max_ns", stat.hold_max_ns},
          {"contentions", stat.contentions},      {"wait_total_ns", stat.wait_total_ns},
          {"wait_min_ns", stat.wait_min_ns},      {"wait_max_ns", stat.wait_max_ns},
          {"acq_bounces", stat.acquired_bounces}, {"con_bounces", stat.contended_bounces}};
}

nlohmann::ordered_json places_of(const std::vector<runtime::LockStatPlace>& places) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const runtime::LockStatPlace& place : places)
    list.push_back({{"at", place.text}, {"count", place.count}});
  return list;
}

nlohmann::ordered_json lock_stat_of(const std::vector<runtime::LockStatRow>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const runtime::LockStatRow& row : rows) {
    list.push_back({{"class", row.name},
                    {"exclusive", stat_of(row.exclusive)},
                    {"shared", stat_of(row.shared)},
                    {"waited_at", places_of(row.waiters)},
                    {"held_from", places_of(row.holders)}});
  }
  return list;
}

}  // namespace

// What modules log may be no UTF-8.
void print_document(const nlohmann::ordered_json& document) {
  print_text(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

nlohmann::ordered_json document_begin() { return {{"format", kFormatVersion}, {"koi", KOI_VERSION}}; }

RunJson::RunJson(runtime::Kernel& kernel, const MachineOptions& options)
    : kernel_(kernel), options_(options) {
  kernel_.console().log().subscribe(this);
}

RunJson::~RunJson() { kernel_.console().log().unsubscribe(this); }

void RunJson::on_record(const printk::Record& record, printk::LogEvent event) {
  if (event != printk::LogEvent::kFinal || record.info.level >= shown_level(kernel_, options_)) return;
  log_.push_back({{"seq", record.info.seq},
                  {"time_ns", record.info.ts_nsec},
                  {"level", record.info.level},
                  {"facility", record.info.facility},
                  {"text", std::string(record.text)}});
}

void RunJson::note_module(const std::string& path, const std::string& arguments, std::string_view state,
                          s32 value, const std::string& message) {
  nlohmann::ordered_json module = {
      {"path", path}, {"arguments", arguments}, {"state", state}, {"unloaded", false}};
  if (value < 0) module["errno"] = -value;
  if (!message.empty()) module["message"] = message;
  modules_.push_back(std::move(module));
}

void RunJson::note_unloaded(const std::string& path) {
  for (auto& module : modules_) {
    if (module["path"] == path) module["unloaded"] = true;
  }
}

void RunJson::print(const Verdict& verdict) const {
  nlohmann::ordered_json document = document_begin();
  document["kernel"] = kernel_.config().release;
  document["seed"] = options_.seed;
  document["cpus"] = options_.cpus;
  document["virtual_time_ns"] = kernel_.sched().now().value;
  document["modules"] = modules_;
  document["log"] = log_;
  document["findings"] = findings_of(kernel_.journal());
  if (options_.lock_stat) document["lock_stat"] = lock_stat_of(kernel_.locks().lock_stat(true));
  document["verdict"] = verdict.text;
  document["exit"] = static_cast<int>(verdict.exit);
  print_document(document);
}

void print_json_error(const std::string& message, ExitCode exit) {
  nlohmann::ordered_json document = document_begin();
  document["error"] = message;
  document["exit"] = static_cast<int>(exit);
  print_document(document);
}

}  // namespace koi::cli
