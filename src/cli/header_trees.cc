// SPDX-License-Identifier: GPL-2.0-only
#include "cli/header_trees.h"

#include <sys/utsname.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace koi::cli {

namespace {

constexpr std::string_view kSupportedSeries[] = {"6.1", "6.12"};
constexpr std::string_view kUsualFlavour = "amd64";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view take_number(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  std::string_view number = text.substr(0, end);
  text.remove_prefix(end);
  while (number.size() > 1 && number.front() == '0') number.remove_prefix(1);
  return number;
}

// "6.1.0-56-amd64" and no "-cloud-", "-rt-": what most people run.
bool is_plain_6_1(std::string_view release) {
  return release.substr(0, 4) == "6.1." && release.find("cloud") == std::string_view::npos &&
         release.find("-rt") == std::string_view::npos;
}

// "6.1" of "6.1.0-56-cloud-amd64".
std::string_view series_of(std::string_view release) {
  return release.substr(0, release.find('.', release.find('.') + 1));
}

// "cloud-amd64" of "6.1.0-56-cloud-amd64": what follows the last part that starts with a digit.
std::string_view flavour_of(std::string_view release) {
  std::string_view flavour;
  std::string_view rest = release;
  while (!rest.empty()) {
    const std::size_t dash = std::min(rest.find('-'), rest.size());
    if (is_digit(rest.front())) {
      flavour = rest.substr(std::min(dash + 1, rest.size()));
    }
    rest.remove_prefix(std::min(dash + 1, rest.size()));
  }
  return flavour;
}

// "6.1" or "6.12-cloud-amd64": a series, with a flavour or without.
bool names_series(std::string_view wanted) {
  const std::string_view series = wanted.substr(0, wanted.find('-'));
  return std::count(series.begin(), series.end(), '.') == 1;
}

// The newest tree of the series that `wanted` names; of its flavour, or without one of the usual flavour if it is there.
const HeaderTree* newest_of_series(const std::vector<HeaderTree>& trees, std::string_view wanted) {
  const std::size_t dash = wanted.find('-');
  const std::string_view series = wanted.substr(0, dash);
  const std::string_view flavour = dash == std::string_view::npos ? "" : wanted.substr(dash + 1);
  const HeaderTree* best = nullptr;
  for (const HeaderTree& tree : trees) {
    if (series_of(tree.release) != series) continue;
    if (!flavour.empty() && flavour_of(tree.release) != flavour) continue;
    const bool usual = flavour_of(tree.release) == kUsualFlavour;
    if (best == nullptr || usual || flavour_of(best->release) != kUsualFlavour) best = &tree;
  }
  return best;
}

}  // namespace

int compare_releases(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (is_digit(a.front()) && is_digit(b.front())) {
      const std::string_view x = take_number(a);
      const std::string_view y = take_number(b);
      if (x.size() != y.size()) return x.size() < y.size() ? -1 : 1;
      if (const int order = x.compare(y); order != 0) return order < 0 ? -1 : 1;
      continue;
    }
    if (a.front() != b.front()) return a.front() < b.front() ? -1 : 1;
    a.remove_prefix(1);
    b.remove_prefix(1);
  }
  if (a.empty() == b.empty()) return 0;
  return a.empty() ? -1 : 1;
}

std::vector<HeaderTree> find_header_trees(const std::string& modules_dir) {
  namespace fs = std::filesystem;
  std::vector<HeaderTree> trees;
  std::error_code error;
  for (fs::directory_iterator it(modules_dir, error), end; !error && it != end; it.increment(error)) {
    const fs::path build = it->path() / "build";
    std::error_code ignored;
    if (fs::exists(build / "Makefile", ignored) &&
        fs::exists(build / "include/generated/autoconf.h", ignored)) {
      trees.push_back({it->path().filename().string(), build.string()});
    }
  }
  std::sort(trees.begin(), trees.end(), [](const HeaderTree& a, const HeaderTree& b) {
    return compare_releases(a.release, b.release) < 0;
  });
  return trees;
}

bool is_supported_release(std::string_view release) {
  const std::string_view series = series_of(release);
  return std::find(std::begin(kSupportedSeries), std::end(kSupportedSeries),
                   series.substr(0, series.find('-'))) != std::end(kSupportedSeries);
}

Result<HeaderTree> choose_header_tree(const std::vector<HeaderTree>& trees, std::string_view wanted,
                                      std::string_view running) {
  const HeaderTree* best = names_series(wanted) ? newest_of_series(trees, wanted) : nullptr;
  for (const HeaderTree& tree : trees) {
    if (!wanted.empty()) {
      if (tree.release == wanted) return tree;
      continue;
    }
    if (!is_supported_release(tree.release)) continue;
    if (tree.release == running) return tree;
    // The list is ordered, so a later one is newer; a plain 6.1 gives way only to another plain 6.1.
    if (best == nullptr || is_plain_6_1(tree.release) || !is_plain_6_1(best->release)) best = &tree;
  }
  if (best != nullptr) return *best;
  if (!wanted.empty()) {
    return make_error("no kernel headers for {} in /lib/modules; install them: {}", wanted,
                      install_headers_command(wanted));
  }
  return make_error("no kernel headers that koi supports (6.1, 6.12) in /lib/modules; install them: {}",
                    install_headers_command(""));
}

Result<HeaderTree> header_tree_for_module(const std::vector<HeaderTree>& trees, std::string_view wanted,
                                          std::string_view vermagic) {
  const std::string_view release = wanted.empty() ? vermagic.substr(0, vermagic.find(' ')) : wanted;
  if (release.empty()) return choose_header_tree(trees, "", running_release());
  if (!is_supported_release(release)) {
    if (!wanted.empty()) return make_error("--kernel {}: koi presents 6.1 and 6.12", wanted);
    return make_error("the module is for Linux {}; koi presents 6.1 and 6.12 (choose one with --kernel)",
                      release);
  }
  const HeaderTree* best = names_series(release) ? newest_of_series(trees, release) : nullptr;
  for (const HeaderTree& tree : trees) {
    if (tree.release == release) return tree;
    // The list is ordered, so the last one is the newest.
    if (wanted.empty() && series_of(tree.release) == series_of(release) &&
        flavour_of(tree.release) == flavour_of(release)) {
      best = &tree;
    }
  }
  if (best != nullptr) return *best;
  return make_error("no kernel headers for {} in /lib/modules; install them: {}", release,
                    install_headers_command(release));
}

std::string install_headers_command(std::string_view release) {
  if (release.empty()) return fmt::format("apt-get install linux-headers-{}", kUsualFlavour);
  if (names_series(release)) {
    // Debian 12's own series has metapackages without a number.
    const std::size_t dash = release.find('-');
    const std::string_view flavour =
        dash == std::string_view::npos ? kUsualFlavour : release.substr(dash + 1);
    const std::string_view series = release.substr(0, dash);
    return series == "6.1" ? fmt::format("apt-get install linux-headers-{}", flavour)
                           : fmt::format("apt-get install linux-headers-{}-{}", series, flavour);
  }
  return fmt::format("apt-get install linux-headers-{}", release);
}

std::string running_release() {
  utsname names{};
  return uname(&names) == 0 ? names.release : "";
}

}  // namespace koi::cli
