// SPDX-License-Identifier: GPL-2.0-only
#include "module/versions.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "module/elf_format.h"

namespace koi::module {

std::optional<u64> VersionTable::find(std::string_view name) const {
  for (u64 i = 0; i < count(); ++i) {
    const auto record = elf::record<VersionRecord>(section_, i);
    if (std::string_view(record.name, ::strnlen(record.name, sizeof(record.name))) == name) return record.crc;
  }
  return std::nullopt;
}

Result<SymversFile> SymversFile::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const int error = errno;
    return make_errno(error,
                      "{}: cannot open: {}; install the kernel's headers (apt install linux-headers-RELEASE)",
                      path, std::strerror(error));
  }
  struct stat status {};
  SymversFile file;
  int error = 0;
  if (::fstat(fd, &status) != 0) {
    error = errno;
  } else if (status.st_size > 0) {
    void* data = ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
      error = errno;
    } else {
      file.text_ = {static_cast<const char*>(data), static_cast<std::size_t>(status.st_size)};
      file.mapped_ = true;
    }
  }
  ::close(fd);
  if (error != 0) return make_errno(error, "{}: cannot map: {}", path, std::strerror(error));
  return file;
}

SymversFile SymversFile::over(std::string_view text) {
  SymversFile file;
  file.text_ = text;
  return file;
}

SymversFile::SymversFile(SymversFile&& other) noexcept
    : text_(std::exchange(other.text_, {})), mapped_(std::exchange(other.mapped_, false)) {}

SymversFile& SymversFile::operator=(SymversFile&& other) noexcept {
  std::swap(text_, other.text_);
  std::swap(mapped_, other.mapped_);
  return *this;
}

SymversFile::~SymversFile() {
  if (mapped_) ::munmap(const_cast<char*>(text_.data()), text_.size());
}

namespace {

std::string_view take_field(std::string_view& line) {
  const std::size_t tab = std::min(line.find('\t'), line.size());
  const std::string_view field = line.substr(0, tab);
  line.remove_prefix(std::min(tab + 1, line.size()));
  return field;
}

// `rest` is the line after the name.
std::optional<SymversEntry> parse_entry(std::string_view crc, std::string_view rest) {
  SymversEntry entry;
  if (!crc.starts_with("0x")) return std::nullopt;
  crc.remove_prefix(2);
  if (std::from_chars(crc.data(), crc.data() + crc.size(), entry.crc, 16).ec != std::errc())
    return std::nullopt;
  entry.module = take_field(rest);
  const std::string_view kind = take_field(rest);
  entry.gpl_only = kind.starts_with("EXPORT_SYMBOL_GPL");
  entry.name_space = take_field(rest);
  return entry;
}

}  // namespace

std::vector<std::optional<SymversEntry>> SymversFile::find_all(
    std::span<const std::string_view> names) const {
  std::unordered_map<std::string_view, std::size_t> wanted;
  wanted.reserve(names.size());
  for (std::size_t i = 0; i < names.size(); ++i) wanted.emplace(names[i], i);
  std::vector<std::optional<SymversEntry>> found(names.size());
  std::size_t missing = wanted.size();
  for (std::string_view rest = text_; !rest.empty() && missing != 0;) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::string_view crc = take_field(line);
    const auto want = wanted.find(take_field(line));
    if (want == wanted.end() || found[want->second]) continue;
    found[want->second] = parse_entry(crc, line);
    if (found[want->second]) --missing;
  }
  for (std::size_t i = 0; i < names.size(); ++i)
    found[i] = found[wanted[names[i]]];  // a name asked for twice
  return found;
}

std::optional<SymversEntry> SymversFile::find(std::string_view name) const {
  return find_all(std::span(&name, 1))[0];
}

}  // namespace koi::module
