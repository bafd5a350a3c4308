// SPDX-License-Identifier: GPL-2.0-only
// The kernel header trees of this machine: /lib/modules/<release>/build, where Kbuild lives.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace koi::cli {

struct HeaderTree {
  std::string release;    // "6.1.0-56-amd64"
  std::string build_dir;  // "/lib/modules/6.1.0-56-amd64/build"
};

// Every tree below `modules_dir` that has a Makefile and a configuration, ordered by release (numbers
// compared as numbers), supported or not.
[[nodiscard]] std::vector<HeaderTree> find_header_trees(const std::string& modules_dir = "/lib/modules");

// koi presents kernels of the series 6.1 and 6.12.
[[nodiscard]] bool is_supported_release(std::string_view release);

// The tree to use. `wanted` is a release, a series ("6.12", "6.1-cloud-amd64": its newest), or empty: then the running kernel's own tree when koi supports that
// kernel, else the newest plain 6.1 tree, else the newest supported one.
// Errors: no such tree; the message holds the apt line that installs it.
[[nodiscard]] Result<HeaderTree> choose_header_tree(const std::vector<HeaderTree>& trees,
                                                    std::string_view wanted,
                                                    std::string_view running_release);

// The tree for a module: `wanted` (a release or a series) when there is one, else the release in the module's vermagic, else the newest tree
// of the same series and flavour (the version CRCs decide then, as they do for insmod).
// Errors: no such tree, a series that koi does not present; the message holds the apt line.
[[nodiscard]] Result<HeaderTree> header_tree_for_module(const std::vector<HeaderTree>& trees,
                                                        std::string_view wanted, std::string_view vermagic);

// "apt-get install linux-headers-<release>", the metapackage of the series that `release` names, or the metapackage of a series when `release` is empty.
[[nodiscard]] std::string install_headers_command(std::string_view release);

// uname -r
[[nodiscard]] std::string running_release();

// -1, 0, 1: releases ordered as `sort -V` does.
[[nodiscard]] int compare_releases(std::string_view a, std::string_view b);

}  // namespace koi::cli
