// SPDX-License-Identifier: GPL-2.0-only
#include "report/lanes.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <unordered_map>
#include <vector>

namespace koi::report {
namespace {

using runtime::Lane;
using runtime::LaneEvent;

constexpr size_t kMostLaneRows = 200;  // of text; more are left out in the middle
constexpr size_t kNarrowest = 12;
constexpr size_t kWidest = 44;

std::string cell_text(const LaneEvent& event) {
  const std::string at = event.place.empty() ? std::string() : fmt::format(" ({})", event.place);
  switch (event.kind) {
    case LaneEvent::Kind::kRuns:
      return fmt::format("runs on CPU {}", event.cpu);
    case LaneEvent::Kind::kGivesWay:
      return fmt::format("gives way{}", at);
    case LaneEvent::Kind::kTakes:
      return fmt::format("lock({}){}", event.text, at);
    case LaneEvent::Kind::kGives:
      return fmt::format("unlock({})", event.text);
    case LaneEvent::Kind::kWaits:
      return event.text.empty() ? fmt::format("sleeps{}", at) : fmt::format("WAITS for {}", event.text);
    case LaneEvent::Kind::kEnds:
      return "ends";
  }
  return {};
}

// The lanes that say something: of tasks that hold a lock or share the machine's time with another one.
std::vector<Lane> shown_lanes(std::span<const Lane> lanes, std::span<const LaneEvent> events) {
  std::vector<Lane> shown;
  for (const Lane& lane : lanes) {
    if (std::any_of(events.begin(), events.end(), [&](const LaneEvent& e) { return e.pid == lane.pid; }))
      shown.push_back(lane);
  }
  return shown;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

class Grid {
 public:
  Grid(std::span<const Lane> lanes, std::span<const LaneEvent> events) : lanes_(shown_lanes(lanes, events)) {}

  [[nodiscard]] const std::vector<Lane>& lanes() const { return lanes_; }
  // What of the lanes is to be seen beside the event's own cell.
  enum class State : u8 { kNone, kAlive, kHolds };
  // Takes the event in; the states of all lanes after it.
  void take(const LaneEvent& event) {
    State& state = states_[event.pid];
    state = event.kind == LaneEvent::Kind::kEnds ? State::kNone
            : event.held != 0                    ? State::kHolds
                                                 : State::kAlive;
  }
  [[nodiscard]] State state(s32 pid) { return states_[pid]; }

 private:
  std::vector<Lane> lanes_;
  std::unordered_map<s32, State> states_;
};

char mark_of(Grid::State state) {
  return state == Grid::State::kHolds ? '#' : state == Grid::State::kAlive ? '|' : ' ';
}

}  // namespace

std::string lanes_text(std::span<const Lane> lanes, std::span<const LaneEvent> events) {
  Grid grid(lanes, events);
  std::unordered_map<s32, size_t> widths;
  for (const Lane& lane : grid.lanes()) widths[lane.pid] = std::max(kNarrowest, lane.name.size());
  for (const LaneEvent& event : events) {
    size_t& width = widths[event.pid];
    width = std::max(width, std::min(kWidest, cell_text(event).size() + 3));
  }
  std::string text;
  auto out = std::back_inserter(text);
  fmt::format_to(out, "  step");
  for (const Lane& lane : grid.lanes()) fmt::format_to(out, "  {:<{}}", lane.name, widths[lane.pid]);
  text.erase(text.find_last_not_of(' ') + 1);
  text += '\n';
  for (size_t i = 0; i < events.size(); ++i) {
    const LaneEvent& event = events[i];
    grid.take(event);
    if (events.size() > kMostLaneRows && i >= kMostLaneRows / 2 && i < events.size() - kMostLaneRows / 2) {
      if (i == kMostLaneRows / 2)
        fmt::format_to(out, "        ... {} steps ...\n", events.size() - kMostLaneRows);
      continue;
    }
    std::string row = fmt::format("{:>6}", i + 1);
    for (const Lane& lane : grid.lanes()) {
      const std::string cell = lane.pid == event.pid ? fmt::format(" {}", cell_text(event)) : std::string();
      row += fmt::format("  {}{:<{}}", mark_of(grid.state(lane.pid)), cell, widths[lane.pid] - 1);
    }
    row.erase(row.find_last_not_of(' ') + 1);
    text += row + "\n";
  }
  return text;
}

// Of the task's virtual CPU: they need not agree.
static std::string time_text(u64 ns) {
  if (ns < 10'000) return fmt::format("{} ns", ns);
  if (ns < 10'000'000) return fmt::format("{:.1f} us", static_cast<double>(ns) / 1e3);
  if (ns < 10'000'000'000) return fmt::format("{:.1f} ms", static_cast<double>(ns) / 1e6);
  return fmt::format("{:.1f} s", static_cast<double>(ns) / 1e9);
}

std::string lanes_html(std::span<const Lane> lanes, std::span<const LaneEvent> events) {
  Grid grid(lanes, events);
  std::string html =
      "<table class=\"lanes\"><thead><tr><th class=\"step\">step</th><th class=\"time\">time</th>";
  auto out = std::back_inserter(html);
  for (const Lane& lane : grid.lanes()) fmt::format_to(out, "<th>{}</th>", escaped(lane.name));
  html += "</tr></thead><tbody>\n";
  for (size_t i = 0; i < events.size(); ++i) {
    const LaneEvent& event = events[i];
    grid.take(event);
    fmt::format_to(out, "<tr><td class=\"step\">{}</td><td class=\"time\">{}</td>", i + 1,
                   time_text(event.time_ns));
    for (const Lane& lane : grid.lanes()) {
      const bool own = lane.pid == event.pid;
      const Grid::State state = grid.state(lane.pid);
      const bool stuck = own && event.kind == LaneEvent::Kind::kWaits && !event.text.empty();
      fmt::format_to(out, "<td class=\"{}{}{}\">{}</td>",
                     state == Grid::State::kHolds   ? "holds"
                     : state == Grid::State::kAlive ? "alive"
                                                    : "none",
                     own ? " own" : "", stuck ? " stuck" : "",
                     own ? escaped(cell_text(event)) : std::string());
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table>\n";
}

std::string lanes_page(std::string_view title, std::string_view summary, std::string_view lanes) {
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{0}</title><style>\n"
      "body {{ font: 14px system-ui, sans-serif; margin: 2em; color: #222; background: #fff; }}\n"
      "pre {{ background: #f4f4f4; padding: 1em; white-space: pre-wrap; overflow-wrap: anywhere; }}\n"
      ".scroll {{ overflow-x: auto; }}\n"
      ".lanes {{ border-collapse: collapse; }} .lanes th {{ text-align: left; padding: 4px 12px; position: "
      "sticky; top: 0; "
      "background: #fff; }}\n"
      ".lanes td {{ padding: 2px 12px; border-left: 6px solid transparent; color: #666; }}\n"
      ".lanes td.alive {{ border-left-color: #9bb; }} .lanes td.holds {{ border-left-color: #c60; "
      "background: #fff4e8; }}\n"
      ".lanes td.own {{ color: #111; }} .lanes td.stuck {{ background: #c22; color: #fff; }}\n"
      "@media (max-width: 700px) {{ body {{ font-size: 11px; margin: 8px; }} h1 {{ font-size: 18px; }} h2 {{ "
      "font-size: 15px; }}\n"
      " .lanes {{ width: 100%; }} .lanes th, .lanes td {{ padding: 2px 3px; border-left-width: 3px; "
      "overflow-wrap: anywhere; "
      "min-width: 6em; }}\n"
      " .lanes .step {{ min-width: 1.5em; }} .lanes .time {{ display: none; }} }}\n"
      "</style></head><body>\n<h1>{0}</h1>\n<pre>{1}</pre>\n"
      "<h2>Who ran and who held what</h2>\n<p>A column for each task; an orange edge: it holds a "
      "lock; red: it waits for one that another has.</p>\n<div "
      "class=\"scroll\">\n{2}</div>\n</body></html>\n",
      escaped(title), escaped(summary), lanes);
}

}  // namespace koi::report
