// SPDX-License-Identifier: GPL-2.0-only
#include "cli/signature_info.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace koi::cli {

namespace {

constexpr u8 kInteger = 0x02;
constexpr u8 kOctetString = 0x04;
constexpr u8 kObjectId = 0x06;
constexpr u8 kSequence = 0x30;
constexpr u8 kSet = 0x31;
constexpr u8 kContext0 = 0xa0;
constexpr u8 kContext1 = 0xa1;

// A cursor over DER: tag, length, contents.
class Der {
 public:
  explicit Der(ByteSpan bytes) : rest_(bytes) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool next_is(u8 tag) const { return !rest_.empty() && rest_[0] == tag; }

  // The contents of the next value, whatever its tag; nullopt: the length is damaged.
  std::optional<ByteSpan> take_any() {
    if (rest_.size() < 2) return std::nullopt;
    u64 length = rest_[1];
    u64 header = 2;
    if (length >= 0x80) {
      const u64 length_bytes = length & 0x7f;
      if (length_bytes == 0 || length_bytes > 4 || rest_.size() < 2 + length_bytes) return std::nullopt;
      length = 0;
      for (u64 i = 0; i < length_bytes; ++i) length = length << 8 | rest_[2 + i];
      header += length_bytes;
    }
    if (length > rest_.size() - header) return std::nullopt;
    const ByteSpan contents = rest_.subspan(header, length);
    rest_ = rest_.subspan(header + length);
    return contents;
  }
  // The contents of the next value; nullopt: it has another tag.
  std::optional<ByteSpan> take(u8 tag) {
    if (!next_is(tag)) return std::nullopt;
    return take_any();
  }
  // Enters the next value. An empty cursor where it has another tag: all that follows fails.
  Der enter(u8 tag) { return Der(take(tag).value_or(ByteSpan{})); }
  void skip_if(u8 tag) {
    if (next_is(tag) && !take_any()) rest_ = {};
  }

 private:
  ByteSpan rest_;
};

bool is_object(ByteSpan id, std::initializer_list<u8> expected) {
  return std::equal(id.begin(), id.end(), expected.begin(), expected.end());
}

std::string hash_name(ByteSpan id) {
  struct Known {
    std::string_view name;
    u8 last;
  };
  constexpr Known kSha2[] = {{"sha256", 1}, {"sha384", 2}, {"sha512", 3}, {"sha224", 4}};
  for (const Known& hash : kSha2) {
    if (is_object(id, {0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash.last}))
      return std::string(hash.name);
  }
  if (is_object(id, {0x2b, 0x0e, 0x03, 0x02, 0x1a})) return "sha1";
  if (is_object(id, {0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05})) return "md5";
  return "unknown";
}

// The common name (2.5.4.3) of a Name: a sequence of sets of (type, value).
std::string common_name(ByteSpan name) {
  Der sets(name);
  while (!sets.at_end()) {
    const std::optional<ByteSpan> set = sets.take(kSet);
    if (!set) return "";
    Der attribute = Der(*set).enter(kSequence);
    const ByteSpan type = attribute.take(kObjectId).value_or(ByteSpan{});
    const ByteSpan value = attribute.take_any().value_or(ByteSpan{});
    if (is_object(type, {0x55, 0x04, 0x03})) return {value.begin(), value.end()};
  }
  return "";
}

// "AB:CD:...", 20 bytes a line; further lines start with two tabs.
std::string colon_hex(const std::vector<u8>& bytes) {
  constexpr std::size_t kBytesPerLine = 20;
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    out += fmt::format("{:02X}", bytes[i]);
    if (i + 1 == bytes.size()) break;
    out += (i + 1) % kBytesPerLine == 0 ? ":\n\t\t" : ":";
  }
  return out;
}

}  // namespace

std::optional<SignatureInfo> read_signature(ByteSpan pkcs7) {
  Der content_info = Der(pkcs7).enter(kSequence);
  content_info.take(kObjectId);
  Der signed_data = content_info.enter(kContext0).enter(kSequence);
  signed_data.take(kInteger);
  signed_data.take(kSet);
  signed_data.take(kSequence);
  signed_data.skip_if(kContext0);  // certificates
  signed_data.skip_if(kContext1);  // revocation lists
  Der signer = signed_data.enter(kSet).enter(kSequence);
  signer.take(kInteger);
  Der issuer_and_serial = signer.enter(kSequence);
  const std::optional<ByteSpan> issuer = issuer_and_serial.take(kSequence);
  std::optional<ByteSpan> serial = issuer_and_serial.take(kInteger);
  const std::optional<ByteSpan> digest = signer.enter(kSequence).take(kObjectId);
  signer.skip_if(kContext0);  // signed attributes
  signer.take(kSequence);
  const std::optional<ByteSpan> signature = signer.take(kOctetString);
  if (!issuer || !serial || !digest || !signature) return std::nullopt;
  // A zero in front only keeps the number positive.
  if (serial->size() > 1 && serial->front() == 0) serial = serial->subspan(1);
  return SignatureInfo{common_name(*issuer),
                       {serial->begin(), serial->end()},
                       hash_name(*digest),
                       {signature->begin(), signature->end()}};
}

std::vector<std::pair<std::string, std::string>> signature_fields(const SignatureInfo& info) {
  return {{"sig_id", "PKCS#7"},
          {"signer", info.signer},
          {"sig_key", colon_hex(info.key_serial)},
          {"sig_hashalgo", info.hash},
          {"signature", colon_hex(info.signature)}};
}

}  // namespace koi::cli
