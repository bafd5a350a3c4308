// SPDX-License-Identifier: GPL-2.0-only
#include "engine/sched/schedule.h"

#include <fmt/format.h>

#include <charconv>

namespace koi::sched {
namespace {

// Takes a number and the character after it off `text`. `end` 0: the text's end.
template <class T>
bool take_number(std::string_view& text, char end, T& number) {
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(rest - text.data()));
  if (end == 0) return text.empty();
  if (text.empty() || text.front() != end) return false;
  text.remove_prefix(1);
  return true;
}

Result<Switch> parse_switch(std::string_view word) {
  constexpr u32 kMostCpus = 64;
  Switch one;
  std::string_view text = word;
  bool good = false;
  if (text.starts_with("0.")) {
    text.remove_prefix(2);
    good = take_number(text, '@', one.idle_cpu);
  } else {
    good = take_number(text, '@', one.pid) && one.pid > 0;
  }
  good = good && take_number(text, '>', one.point) && one.point != 0 && take_number(text, 0, one.to_cpu);
  if (!good || one.to_cpu >= kMostCpus || one.idle_cpu >= kMostCpus)
    return make_error("'{}' is no switch of a schedule: PID@POINT>CPU", word);
  return one;
}

}  // namespace

std::string format_schedule(const Schedule& schedule) {
  std::string text;
  for (const Switch& one : schedule) {
    if (!text.empty()) text += ',';
    if (one.pid == 0)
      text += fmt::format("0.{}@{}>{}", one.idle_cpu, one.point, one.to_cpu);
    else
      text += fmt::format("{}@{}>{}", one.pid, one.point, one.to_cpu);
  }
  return text;
}

Result<Schedule> parse_schedule(std::string_view text) {
  Schedule schedule;
  while (!text.empty()) {
    const char first = text.front();
    if (first == '#') {
      text.remove_prefix(std::min(text.find('\n'), text.size()));
    } else if (first == ',' || first == ' ' || first == '\t' || first == '\n' || first == '\r') {
      text.remove_prefix(1);
    } else {
      const std::string_view word = text.substr(0, text.find_first_of(", \t\r\n#"));
      schedule.push_back(TRY(parse_switch(word)));
      text.remove_prefix(word.size());
    }
  }
  return schedule;
}

}  // namespace koi::sched
