// SPDX-License-Identifier: GPL-2.0-only
#include "cli/signature_info.h"

#include <gtest/gtest.h>

namespace koi::cli {
namespace {

using Bytes = std::vector<u8>;

Bytes der(u8 tag, std::initializer_list<Bytes> parts) {
  Bytes contents;
  for (const Bytes& part : parts) contents.insert(contents.end(), part.begin(), part.end());
  Bytes out;
  out.reserve(contents.size() + 4);
  out.push_back(tag);
  if (contents.size() < 0x80) {
    out.push_back(static_cast<u8>(contents.size()));
  } else {
    for (const u64 byte : {u64{0x82}, contents.size() >> 8, contents.size()})
      out.push_back(static_cast<u8>(byte));
  }
  for (const u8 byte : contents) out.push_back(byte);
  return out;
}

Bytes text(std::string_view words) { return {words.begin(), words.end()}; }

// What sign-file writes: no certificates, no attributes, one signer.
Bytes message() {
  const Bytes signed_data_id = der(0x06, {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02}});
  const Bytes data_id = der(0x06, {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01}});
  const Bytes sha256 = der(0x30, {der(0x06, {{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01}})});
  const Bytes rsa = der(0x30, {der(0x06, {{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01}})});
  const Bytes name =
      der(0x30, {der(0x31, {der(0x30, {der(0x06, {{0x55, 0x04, 0x03}}), der(0x0c, {text("A key")})})})});
  const Bytes serial = der(0x02, {{0x00, 0xab, 0x01}});
  const Bytes signer =
      der(0x30, {der(0x02, {{1}}), der(0x30, {name, serial}), sha256, rsa, der(0x04, {Bytes(21, 0x5a)})});
  const Bytes signed_data =
      der(0x30, {der(0x02, {{1}}), der(0x31, {sha256}), der(0x30, {data_id}), der(0x31, {signer})});
  return der(0x30, {signed_data_id, der(0xa0, {signed_data})});
}

TEST(SignatureInfo, FieldsAreThoseOfModinfo) {
  const auto info = read_signature(message());
  ASSERT_TRUE(info.has_value());
  const auto fields = signature_fields(*info);
  ASSERT_EQ(fields.size(), 5u);
  EXPECT_EQ(fields[0].second, "PKCS#7");
  EXPECT_EQ(fields[1].second, "A key");
  EXPECT_EQ(fields[2].second, "AB:01");
  EXPECT_EQ(fields[3].second, "sha256");
  EXPECT_EQ(fields[4].second, "5A:5A:5A:5A:5A:5A:5A:5A:5A:5A:5A:5A:5A:5A:5A:5A:5A:5A:5A:5A:\n\t\t5A");
}

TEST(SignatureInfo, NothingIsReadFromDamagedMessages) {
  const Bytes whole = message();
  EXPECT_FALSE(read_signature({}).has_value());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(read_signature(ByteSpan(whole).first(length)).has_value()) << length;
  }
  // Any single damaged byte may change what is read, never reach outside the message.
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const u8 value : {0x00, 0x7f, 0x80, 0x84, 0xff}) {
      Bytes damaged = whole;
      damaged[at] = value;
      static_cast<void>(read_signature(damaged));
    }
  }
}

}  // namespace
}  // namespace koi::cli
