// SPDX-License-Identifier: GPL-2.0-only
// SymversIndex: what the presented kernel itself exports (the vmlinux lines of its Module.symvers), answered from the
// cached SymversFile. Where there is none for this very text, the text is parsed once (some milliseconds for 25,000 lines)
// and the file written for the next run; a cache that cannot be written costs only that time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/types.h"
#include "runtime/core/symvers_file.h"

namespace koi::runtime {

class SymversIndex {
 public:
  // `cache_path`: of the SymversFile; its folder is made when it is written.
  SymversIndex(std::string path, std::string cache_path)
      : path_(std::move(path)), cache_path_(std::move(cache_path)) {}
  // The Module.symvers of the header tree `build_dir`, cached under the release's name.
  static SymversIndex of_release(const std::string& release, const std::string& build_dir);

  struct Entry {
    u32 crc = 0;
    bool gpl_only = false;
    std::string name_space;
  };
  // nullptr: the kernel does not export it. The entry stays where it is.
  [[nodiscard]] const Entry* find(std::string_view name);

 private:
  struct Text;
  void parse();
  void write_cache(const Text& text) const;
  [[nodiscard]] std::optional<Entry> look_up(std::string_view name);

  std::string path_;
  std::string cache_path_;
  bool was_opened_ = false;
  std::optional<FileIdentity> source_;
  std::optional<SymversFile> file_;
  std::shared_ptr<const Text> text_;  // where the file does not serve
  std::unordered_map<std::string, std::optional<Entry>> answers_;
};

}  // namespace koi::runtime
