// SPDX-License-Identifier: GPL-2.0-only
// What modinfo(8) shows of a module's appended signature: a PKCS#7 SignedData message (RFC 2315) in DER.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/types.h"

namespace koi::cli {

struct SignatureInfo {
  std::string signer;          // the issuer's common name
  std::vector<u8> key_serial;  // serial number of the signer's certificate
  std::string hash;            // "sha256"
  std::vector<u8> signature;
};

// nullopt: the message is damaged, or of a form that sign-file does not write.
[[nodiscard]] std::optional<SignatureInfo> read_signature(ByteSpan pkcs7);

// The (field, value) pairs of modinfo(8), in its order.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> signature_fields(const SignatureInfo& info);

}  // namespace koi::cli
