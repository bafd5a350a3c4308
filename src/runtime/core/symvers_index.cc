// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/core/symvers_index.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <vector>

#include "runtime/core/core_build.h"

namespace koi::runtime {
namespace {

// Takes the field up to the next tab.
std::string_view next_field(std::string_view& line) {
  const size_t tab = line.find('\t');
  const std::string_view field = line.substr(0, tab);
  line.remove_prefix(tab == std::string_view::npos ? line.size() : tab + 1);
  return field;
}

std::optional<SymversRecord> parse_line(std::string_view line) {
  const std::string_view crc = next_field(line);
  SymversRecord record;
  record.name = next_field(line);
  if (next_field(line) != "vmlinux" || crc.size() <= 2) return std::nullopt;
  record.gpl_only = next_field(line) == "EXPORT_SYMBOL_GPL";
  record.name_space = next_field(line);
  std::from_chars(crc.data() + 2, crc.data() + crc.size(), record.crc, 16);
  return record;
}

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::string text;
  if (!in) return text;
  text.resize(static_cast<size_t>(in.tellg()));
  in.seekg(0);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

bool write_all(const std::string& path, std::string_view bytes) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return false;
  bool good = true;
  while (good && !bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    good = written > 0;
    if (good) bytes.remove_prefix(static_cast<size_t>(written));
  }
  return close(fd) == 0 && good;
}

}  // namespace

struct SymversIndex::Text {
  std::string bytes;
  std::vector<SymversRecord> records;  // views into bytes
  std::unordered_map<std::string_view, const SymversRecord*> by_name;
};

SymversIndex SymversIndex::of_release(const std::string& release, const std::string& build_dir) {
  return {build_dir + "/Module.symvers", fmt::format("{}/symvers/{}", cache_directory(), release)};
}

void SymversIndex::parse() {
  auto text = std::make_shared<Text>();
  text->bytes = read_text(path_);
  std::string_view rest = text->bytes;
  text->records.reserve(rest.size() / 64);
  while (!rest.empty()) {
    const size_t newline = rest.find('\n');
    if (const auto record = parse_line(rest.substr(0, newline))) text->records.push_back(*record);
    rest.remove_prefix(newline == std::string_view::npos ? rest.size() : newline + 1);
  }
  text->by_name.reserve(text->records.size());
  for (const SymversRecord& record : text->records) text->by_name.emplace(record.name, &record);
  // Only a text that was the same before and after is worth keeping.
  if (source_ && identity_of(path_) == source_) write_cache(*text);
  text_ = std::move(text);
}

void SymversIndex::write_cache(const Text& text) const {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::create_directories(fs::path(cache_path_).parent_path(), error);
  const std::string fresh = fmt::format("{}.{}", cache_path_, getpid());
  const bool written = write_all(fresh, encode_symvers(text.records, *source_));
  // What cannot be kept is made again by the next run.
  if (!written || rename(fresh.c_str(), cache_path_.c_str()) != 0) unlink(fresh.c_str());
}

std::optional<SymversIndex::Entry> SymversIndex::look_up(std::string_view name) {
  if (!was_opened_) {
    was_opened_ = true;
    source_ = identity_of(path_);
    if (source_) file_ = SymversFile::open(cache_path_, *source_);
  }
  if (file_) {
    SymversFile::Found found;
    const SymversFile::Answer answer = file_->find(name, found);
    if (answer == SymversFile::Answer::kFound) return Entry{found.crc, found.gpl_only, found.name_space};
    if (answer == SymversFile::Answer::kAbsent) return std::nullopt;
    file_.reset();  // damaged: the text has the truth
  }
  if (text_ == nullptr) parse();
  const auto it = text_->by_name.find(name);
  if (it == text_->by_name.end()) return std::nullopt;
  return Entry{it->second->crc, it->second->gpl_only, std::string(it->second->name_space)};
}

const SymversIndex::Entry* SymversIndex::find(std::string_view name) {
  auto it = answers_.find(std::string(name));
  if (it == answers_.end()) it = answers_.emplace(name, look_up(name)).first;
  return it->second ? &*it->second : nullptr;
}

}  // namespace koi::runtime
