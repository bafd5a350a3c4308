// SPDX-License-Identifier: GPL-2.0-only
// Traces as files: the text, compressed with zstd.
#include <zstd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>

#include "report/trace.h"

namespace koi::report {
namespace {

constexpr int kCompressionLevel = 3;
constexpr u64 kMostBytes = 8ULL << 30;
constexpr size_t kChunkBytes = 256 * 1024;

Error cannot(std::string_view what, const std::string& path) {
  return make_error("{}: cannot be {}: {}", path, what, std::strerror(errno));
}

Result<std::string> unpack(const std::string& packed, const std::string& path) {
  std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  CHECK(context != nullptr);
  ZSTD_inBuffer input{packed.data(), packed.size(), 0};
  std::string text;
  std::string chunk(kChunkBytes, '\0');
  size_t status = 1;
  while (status != 0 || input.pos < input.size) {
    ZSTD_outBuffer output{chunk.data(), chunk.size(), 0};
    const size_t before = input.pos;
    status = ZSTD_decompressStream(context.get(), &output, &input);
    if (ZSTD_isError(status) != 0) return make_error("{}: not compressed with zstd, or damaged", path);
    text.append(chunk.data(), output.pos);
    if (text.size() > kMostBytes)
      return make_error("{}: unpacks to more than {} GiB", path, kMostBytes >> 30);
    if (status != 0 && output.pos == 0 && input.pos == before) return make_error("{}: cut off", path);
  }
  return text;
}

}  // namespace

Status write_trace(const Trace& trace, const std::string& path) {
  const std::string text = trace_text(trace);
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  const size_t bytes =
      ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), kCompressionLevel);
  if (ZSTD_isError(bytes) != 0) return make_error("{}: zstd: {}", path, ZSTD_getErrorName(bytes));
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(packed.data(), static_cast<std::streamsize>(bytes));
  file.close();
  if (!file) return cannot("written", path);
  return Ok{};
}

Result<Trace> read_trace(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return cannot("read", path);
  const std::string packed{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) return cannot("read", path);
  return parse_trace(TRY(unpack(packed, path)), path);
}

}  // namespace koi::report
