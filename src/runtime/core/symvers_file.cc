// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/core/symvers_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/byte_hash.h"
#include "base/check.h"

namespace koi::runtime {
namespace {

constexpr std::array<char, 8> kMagic = {'k', 'o', 'i', 's', 'y', 'm', 'v', '1'};
constexpr size_t kRecordsPerBucket = 4;
constexpr u8 kGplOnly = 1;

struct Header {
  std::array<char, 8> magic = kMagic;
  FileIdentity source;
  u32 buckets = 0;  // a power of two
  u32 file_bytes = 0;
  u64 check = 0;
};
static_assert(sizeof(Header) == 56 && offsetof(Header, check) == 48);

struct RecordHead {
  u32 crc = 0;
  u16 name_bytes = 0;
  u16 name_space_bytes = 0;
  u8 flags = 0;
};
constexpr size_t kRecordHeadBytes = 9;

u64 check_of(const Header& header) {
  ByteHash hash;
  hash.add(std::string_view(reinterpret_cast<const char*>(&header), offsetof(Header, check)));
  return hash.value();
}

u64 check_of(const FileIdentity& source, u32 bucket, std::string_view records) {
  ByteHash hash;
  hash.add(source.inode);
  hash.add(source.size_bytes);
  hash.add(source.modified_ns);
  hash.add(source.changed_ns);
  hash.add(u64{bucket});
  hash.add(records);
  return hash.value();
}

u32 bucket_of(std::string_view name, u32 buckets) {
  ByteHash hash;
  hash.add(name);
  return static_cast<u32>(hash.value()) & (buckets - 1);
}

template <class T>
void append(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <class T>
T take(std::string_view& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  bytes.remove_prefix(sizeof(value));
  return value;
}

void append_record(std::string& out, const SymversRecord& record) {
  append(out, record.crc);
  append(out, static_cast<u16>(record.name.size()));
  append(out, static_cast<u16>(record.name_space.size()));
  append(out, record.gpl_only ? kGplOnly : u8{0});
  out += record.name;
  out += record.name_space;
}

// All of [offset, offset + size), or false.
bool read_at(int fd, void* bytes, size_t size, u64 offset) {
  return pread(fd, bytes, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

}  // namespace

std::optional<FileIdentity> identity_of(const std::string& path) {
  struct stat st {};
  if (stat(path.c_str(), &st) != 0) return std::nullopt;
  const auto ns = [](const timespec& at) {
    return static_cast<u64>(at.tv_sec) * 1'000'000'000 + static_cast<u64>(at.tv_nsec);
  };
  return FileIdentity{st.st_ino, static_cast<u64>(st.st_size), ns(st.st_mtim), ns(st.st_ctim)};
}

std::string encode_symvers(std::span<const SymversRecord> records, const FileIdentity& source) {
  constexpr size_t kLongest = std::numeric_limits<u16>::max();
  const auto count = static_cast<u32>(std::bit_ceil(records.size() / kRecordsPerBucket + 1));
  std::vector<std::string> buckets(count);
  std::unordered_set<std::string_view> names;
  names.reserve(records.size());
  for (const SymversRecord& record : records) {
    if (record.name.size() > kLongest || record.name_space.size() > kLongest) continue;
    if (names.insert(record.name).second) append_record(buckets[bucket_of(record.name, count)], record);
  }
  std::string directory;
  std::string body;
  const size_t body_begin = sizeof(Header) + (size_t{count} + 1) * sizeof(u32);
  for (u32 i = 0; i < count; ++i) {
    append(directory, static_cast<u32>(body_begin + body.size()));
    append(body, check_of(source, i, buckets[i]));
    body += buckets[i];
  }
  append(directory, static_cast<u32>(body_begin + body.size()));
  Header header;
  header.source = source;
  header.buckets = count;
  header.file_bytes = static_cast<u32>(body_begin + body.size());
  header.check = check_of(header);
  std::string out;
  out.reserve(header.file_bytes);
  append(out, header);
  return out + directory + body;
}

std::optional<SymversFile> SymversFile::open(const std::string& path, const FileIdentity& source) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return std::nullopt;
  Header header;
  const bool good = read_at(fd, &header, sizeof(header), 0) && header.magic == kMagic &&
                    header.check == check_of(header) && header.source == source &&
                    std::has_single_bit(header.buckets);
  SymversFile file(fd, source, header.buckets, header.file_bytes);
  return good ? std::optional<SymversFile>(std::move(file)) : std::nullopt;
}

SymversFile::SymversFile(SymversFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      source_(other.source_),
      buckets_(other.buckets_),
      file_bytes_(other.file_bytes_) {}

SymversFile& SymversFile::operator=(SymversFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  source_ = other.source_;
  buckets_ = other.buckets_;
  file_bytes_ = other.file_bytes_;
  return *this;
}

SymversFile::~SymversFile() {
  if (fd_ >= 0) close(fd_);
}

SymversFile::Answer SymversFile::find(std::string_view name, Found& found) const {
  constexpr u32 kLargestBucket = 1 << 20;
  const u32 bucket = bucket_of(name, buckets_);
  std::array<u32, 2> range{};
  if (!read_at(fd_, range.data(), sizeof(range), sizeof(Header) + u64{bucket} * sizeof(u32)))
    return Answer::kDamaged;
  if (range[1] > file_bytes_ || range[0] > range[1] || range[1] - range[0] > kLargestBucket)
    return Answer::kDamaged;
  std::string bytes(range[1] - range[0], '\0');
  if (bytes.size() < sizeof(u64) || !read_at(fd_, bytes.data(), bytes.size(), range[0]))
    return Answer::kDamaged;
  std::string_view rest = bytes;
  if (take<u64>(rest) != check_of(source_, bucket, rest)) return Answer::kDamaged;
  while (rest.size() >= kRecordHeadBytes) {
    RecordHead head;
    head.crc = take<u32>(rest);
    head.name_bytes = take<u16>(rest);
    head.name_space_bytes = take<u16>(rest);
    head.flags = take<u8>(rest);
    if (size_t{head.name_bytes} + head.name_space_bytes > rest.size()) return Answer::kDamaged;
    if (rest.substr(0, head.name_bytes) == name) {
      found.crc = head.crc;
      found.gpl_only = (head.flags & kGplOnly) != 0;
      found.name_space = rest.substr(head.name_bytes, head.name_space_bytes);
      return Answer::kFound;
    }
    rest.remove_prefix(size_t{head.name_bytes} + head.name_space_bytes);
  }
  return rest.empty() ? Answer::kAbsent : Answer::kDamaged;
}

}  // namespace koi::runtime
