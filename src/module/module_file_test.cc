// SPDX-License-Identifier: GPL-2.0-only
#include "module/module_file.h"

#include <gtest/gtest.h>
#include <lzma.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>

#include "module/testing/elf_builder.h"

namespace koi::module {
namespace {

std::vector<u8> gzip(const std::vector<u8>& in) {
  z_stream s{};
  deflateInit2(&s, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::vector<u8> out(deflateBound(&s, in.size()) + 64);
  s.next_in = const_cast<u8*>(in.data());
  s.avail_in = static_cast<uInt>(in.size());
  s.next_out = out.data();
  s.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&s, Z_FINISH), Z_STREAM_END);
  out.resize(s.total_out);
  deflateEnd(&s);
  return out;
}

std::vector<u8> xz(const std::vector<u8>& in) {
  std::vector<u8> out(lzma_stream_buffer_bound(in.size()));
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, nullptr, in.data(), in.size(), out.data(), &size,
                                    out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

std::vector<u8> zstd(const std::vector<u8>& in) {
  std::vector<u8> out(ZSTD_compressBound(in.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), in.data(), in.size(), 3));
  return out;
}

TEST(ModuleFile, EveryCompressionUnpacks) {
  const std::vector<u8> plain = testing::ElfBuilder::hello().build();
  for (const auto& packed : {plain, gzip(plain), xz(plain), zstd(plain)}) {
    const auto file = module_file_from_bytes("x.ko", packed);
    ASSERT_TRUE(file.ok()) << file.error().message;
    EXPECT_EQ(file->bytes, plain);
    EXPECT_EQ(file->signature, Signature::kAbsent);
  }
}

TEST(ModuleFile, BombsAreRefused) {
  const std::vector<u8> zeros(u64{4} << 20, 0);
  for (const auto& packed : {gzip(zeros), xz(zeros), zstd(zeros)}) {
    const auto file = module_file_from_bytes("bomb.ko", packed, u64{1} << 20);
    ASSERT_FALSE(file.ok());
    EXPECT_EQ(file.error().errno_value, EFBIG);
    EXPECT_NE(file.error().message.find("more than 1 MiB"), std::string::npos);
  }
}

TEST(ModuleFile, EveryCutIsRefused) {
  const std::vector<u8> plain = testing::ElfBuilder::hello().build();
  for (const auto& packed : {gzip(plain), xz(plain), zstd(plain)}) {
    for (std::size_t size = 6; size < packed.size(); size += 13) {
      const auto file = module_file_from_bytes(
          "cut.ko", std::vector<u8>(packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(size)));
      ASSERT_FALSE(file.ok()) << size;
      EXPECT_EQ(file.error().errno_value, ENOEXEC);
      EXPECT_NE(file.error().message.find("damaged or cut off"), std::string::npos);
    }
  }
}

TEST(ModuleFile, DirectoriesEmptyAndMissingFiles) {
  EXPECT_EQ(read_module_file("/nonexistent/none.ko").error().errno_value, ENOENT);
  const auto directory = read_module_file("/");
  EXPECT_EQ(directory.error().errno_value, EINVAL);
  EXPECT_EQ(directory.error().message,
            "/: is a directory; give the path of a .ko file (koi build makes one)");
  EXPECT_EQ(read_module_file("/dev/null").error().errno_value, EINVAL);
  char path[] = "/tmp/koi_module_file_XXXXXX";
  const int fd = ::mkstemp(path);
  ASSERT_GE(fd, 0);
  const auto empty = read_module_file(path);
  EXPECT_EQ(empty.error().errno_value, EINVAL);
  EXPECT_NE(empty.error().message.find("is empty"), std::string::npos);
  EXPECT_EQ(::write(fd, "abc", 3), 3);
  const auto small = read_module_file(path);
  ASSERT_TRUE(small.ok());
  EXPECT_EQ(small->bytes.size(), 3U);
  ::close(fd);
  ::unlink(path);
}

std::vector<u8> signed_file(u32 signature_bytes, u8 id_type, u8 algo) {
  std::vector<u8> bytes = testing::ElfBuilder::hello().build();
  bytes.insert(bytes.end(), 100, 0x55);
  const u8 trailer[12] = {algo,
                          0,
                          id_type,
                          0,
                          0,
                          0,
                          0,
                          0,
                          static_cast<u8>(signature_bytes >> 24),
                          static_cast<u8>(signature_bytes >> 16),
                          static_cast<u8>(signature_bytes >> 8),
                          static_cast<u8>(signature_bytes)};
  bytes.insert(bytes.end(), trailer, trailer + 12);
  const std::string marker = "~Module signature appended~\n";
  bytes.insert(bytes.end(), marker.begin(), marker.end());
  return bytes;
}

TEST(ModuleFile, SignaturesAreTakenOff) {
  const std::vector<u8> plain = testing::ElfBuilder::hello().build();
  const auto good = module_file_from_bytes("s.ko", signed_file(100, 2, 0));
  ASSERT_TRUE(good.ok());
  EXPECT_EQ(good->bytes, plain);
  EXPECT_EQ(good->signature, Signature::kWellFormed);
  const auto other = module_file_from_bytes("s.ko", signed_file(100, 1, 0));
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->signature, Signature::kUnsupported);
  EXPECT_EQ(module_file_from_bytes("s.ko", signed_file(1 << 30, 2, 0)).error().errno_value, EBADMSG);
  EXPECT_EQ(module_file_from_bytes("s.ko", signed_file(100, 2, 7)).error().errno_value, EBADMSG);
  const std::string marker = "x~Module signature appended~\n";
  EXPECT_EQ(module_file_from_bytes("s.ko", {marker.begin(), marker.end()}).error().errno_value, EBADMSG);
}

}  // namespace
}  // namespace koi::module
