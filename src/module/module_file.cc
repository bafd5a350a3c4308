// SPDX-License-Identifier: GPL-2.0-only
#include "module/module_file.h"

#include <fcntl.h>
#include <lzma.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string_view>

namespace koi::module {
namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;

bool starts_with(ByteSpan bytes, std::string_view magic) {
  return bytes.size() >= magic.size() && std::memcmp(bytes.data(), magic.data(), magic.size()) == 0;
}

Error damaged(const std::string& path, std::string_view format) {
  return make_errno(ENOEXEC, "{}: the {} data is damaged or cut off; copy or build the file again", path,
                    format);
}

Error too_large(const std::string& path, u64 limit_bytes) {
  return make_errno(EFBIG, "{}: unpacks to more than {} MiB, which no module does; it is not loaded", path,
                    limit_bytes >> 20);
}

// Collects what a decompressor produces, up to the limit.
class BoundedOutput {
 public:
  explicit BoundedOutput(u64 limit_bytes) : limit_bytes_(limit_bytes) {}
  // false: the limit is passed.
  [[nodiscard]] bool append(const u8* data, std::size_t size_bytes) {
    if (size_bytes > limit_bytes_ - bytes_.size()) return false;
    bytes_.insert(bytes_.end(), data, data + size_bytes);
    return true;
  }
  std::vector<u8> take() { return std::move(bytes_); }

 private:
  u64 limit_bytes_;
  std::vector<u8> bytes_;
};

Result<std::vector<u8>> unpack_gzip(const std::string& path, ByteSpan packed, u64 limit_bytes) {
  z_stream stream{};
  CHECK(inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK);
  std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  stream.next_in = const_cast<u8*>(packed.data());  // zlib's interface lacks const; it only reads
  stream.avail_in = static_cast<uInt>(packed.size());
  std::vector<u8> chunk(kChunkBytes);
  BoundedOutput output(limit_bytes);
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    stream.next_out = chunk.data();
    stream.avail_out = static_cast<uInt>(chunk.size());
    status = inflate(&stream, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END) return damaged(path, "gzip");
    if (!output.append(chunk.data(), chunk.size() - stream.avail_out)) return too_large(path, limit_bytes);
  }
  return output.take();
}

Result<std::vector<u8>> unpack_xz(const std::string& path, ByteSpan packed, u64 limit_bytes) {
  constexpr u64 kMemoryLimitBytes = u64{256} << 20;
  lzma_stream stream = LZMA_STREAM_INIT;
  CHECK(lzma_stream_decoder(&stream, kMemoryLimitBytes, LZMA_CONCATENATED) == LZMA_OK);
  std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> guard(&stream, lzma_end);
  stream.next_in = packed.data();
  stream.avail_in = packed.size();
  std::vector<u8> chunk(kChunkBytes);
  BoundedOutput output(limit_bytes);
  lzma_ret status = LZMA_OK;
  while (status != LZMA_STREAM_END) {
    stream.next_out = chunk.data();
    stream.avail_out = chunk.size();
    status = lzma_code(&stream, LZMA_FINISH);
    if (status != LZMA_OK && status != LZMA_STREAM_END) return damaged(path, "xz");
    if (!output.append(chunk.data(), chunk.size() - stream.avail_out)) return too_large(path, limit_bytes);
  }
  return output.take();
}

Result<std::vector<u8>> unpack_zstd(const std::string& path, ByteSpan packed, u64 limit_bytes) {
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  CHECK(context != nullptr);
  ZSTD_inBuffer input{packed.data(), packed.size(), 0};
  std::vector<u8> chunk(kChunkBytes);
  BoundedOutput output(limit_bytes);
  std::size_t status = 1;
  while (status != 0 || input.pos < input.size) {
    ZSTD_outBuffer out{chunk.data(), chunk.size(), 0};
    const std::size_t pos_before = input.pos;
    status = ZSTD_decompressStream(context.get(), &out, &input);
    if (ZSTD_isError(status) != 0) return damaged(path, "zstd");
    if (!output.append(chunk.data(), out.pos)) return too_large(path, limit_bytes);
    if (status != 0 && out.pos == 0 && input.pos == pos_before) return damaged(path, "zstd");
  }
  return output.take();
}

Result<std::vector<u8>> unpack(const std::string& path, std::vector<u8> bytes, u64 limit_bytes) {
  using namespace std::string_view_literals;
  if (starts_with(bytes, "\x1f\x8b"sv)) return unpack_gzip(path, bytes, limit_bytes);
  if (starts_with(bytes,
                  "\xfd"
                  "7zXZ\0"sv))
    return unpack_xz(path, bytes, limit_bytes);
  if (starts_with(bytes, "\x28\xb5\x2f\xfd"sv)) return unpack_zstd(path, bytes, limit_bytes);
  return bytes;
}

// The trailer that `sign-file` appends: signature, this, the marker (include/linux/module_signature.h).
struct SignatureTrailer {
  u8 algo, hash, id_type, signer_len, key_id_len;
  u8 pad[3];
  u8 sig_len_be[4];
};
static_assert(sizeof(SignatureTrailer) == 12);

Status strip_signature(ModuleFile& file) {
  constexpr std::string_view kMarker = "~Module signature appended~\n";
  constexpr u8 kIdTypePkcs7 = 2;
  std::vector<u8>& bytes = file.bytes;
  if (bytes.size() <= kMarker.size() ||
      std::memcmp(bytes.data() + bytes.size() - kMarker.size(), kMarker.data(), kMarker.size()) != 0) {
    return Ok{};
  }
  bytes.resize(bytes.size() - kMarker.size());
  SignatureTrailer trailer{};
  if (bytes.size() <= sizeof(trailer)) {
    return make_errno(EBADMSG, "{}: the signature marker has no signature before it", file.path);
  }
  std::memcpy(&trailer, bytes.data() + bytes.size() - sizeof(trailer), sizeof(trailer));
  const u64 room_bytes = bytes.size() - sizeof(trailer);
  const u64 signature_bytes = u64{trailer.sig_len_be[0]} << 24 | u64{trailer.sig_len_be[1]} << 16 |
                              u64{trailer.sig_len_be[2]} << 8 | trailer.sig_len_be[3];
  if (signature_bytes >= room_bytes) {
    return make_errno(EBADMSG, "{}: the appended signature claims {} bytes of a {}-byte file; sign it again",
                      file.path, signature_bytes, bytes.size());
  }
  if (trailer.id_type != kIdTypePkcs7) {
    file.signature = Signature::kUnsupported;
  } else if (trailer.algo != 0 || trailer.hash != 0 || trailer.signer_len != 0 || trailer.key_id_len != 0 ||
             trailer.pad[0] != 0 || trailer.pad[1] != 0 || trailer.pad[2] != 0) {
    return make_errno(EBADMSG, "{}: the appended signature has non-zero reserved fields; sign it again",
                      file.path);
  } else {
    file.signature = Signature::kWellFormed;
    file.signature_bytes.assign(bytes.data() + room_bytes - signature_bytes, bytes.data() + room_bytes);
    bytes.resize(room_bytes - signature_bytes);
  }
  return Ok{};
}

struct FileDescriptor {
  int fd;
  ~FileDescriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

Result<ModuleFile> module_file_from_bytes(std::string name, std::vector<u8> bytes, u64 limit_bytes) {
  if (bytes.empty()) return make_errno(EINVAL, "{}: the file is empty; a module was expected", name);
  ModuleFile file;
  file.path = std::move(name);
  file.bytes = TRY(unpack(file.path, std::move(bytes), limit_bytes));
  TRY(strip_signature(file));
  return file;
}

Result<ModuleFile> read_module_file(const std::string& path, u64 limit_bytes) {
  FileDescriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) {
    const int error = errno;
    return make_errno(error, "{}: cannot open: {}; give the path of a .ko file", path, std::strerror(error));
  }
  struct stat status {};
  if (::fstat(file.fd, &status) != 0) {
    const int error = errno;
    return make_errno(error, "{}: cannot stat: {}", path, std::strerror(error));
  }
  if (S_ISDIR(status.st_mode)) {
    return make_errno(EINVAL, "{}: is a directory; give the path of a .ko file (koi build makes one)", path);
  }
  if (!S_ISREG(status.st_mode))
    return make_errno(EINVAL, "{}: is not a regular file; give the path of a .ko file", path);
  if (static_cast<u64>(status.st_size) > limit_bytes) return too_large(path, limit_bytes);
  std::vector<u8> bytes(static_cast<std::size_t>(status.st_size));
  std::size_t have = 0;
  while (have < bytes.size()) {
    const ssize_t got = ::read(file.fd, bytes.data() + have, bytes.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int error = errno;
      return make_errno(error, "{}: cannot read: {}", path, std::strerror(error));
    }
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  bytes.resize(have);
  return module_file_from_bytes(path, std::move(bytes), limit_bytes);
}

}  // namespace koi::module
