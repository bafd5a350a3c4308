// SPDX-License-Identifier: GPL-2.0-only
// libFuzzer target: any bytes as a module file, through every pass up to the point where its code would run;
// and the same bytes as an insmod command line. A refusal must be one line; anything that crashes becomes a
// named unit test.
//
//   cmake -S . -B build-fuzz -G Ninja -DKOI_FUZZ=ON -DKOI_SANITIZE=address,undefined
// -DCMAKE_CXX_COMPILER=clang++
//   ninja -C build-fuzz koi_module_fuzz && build-fuzz/tests/fuzz/koi_module_fuzz CORPUS
// tests/fuzz/corpus/module
#include <cstdint>

#include "module/params.h"
#include "module/testing/exercise.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace koi::module;
  constexpr koi::u64 kUnpackLimitBytes = koi::u64{4} << 20;
  const char* release = size % 2 == 0 ? "6.1.0" : "6.12.0";
  const testing::Exercised result = testing::exercise_loader({data, data + size}, release, kUnpackLimitBytes);
  CHECK(result.loaded || (!result.refusal.empty() && result.errno_value > 0));
  CHECK(result.refusal.find('\n') == std::string::npos, "{}", result.refusal);

  std::string_view line(reinterpret_cast<const char*>(data), size);
  while (!line.empty()) {
    const std::size_t before = line.size();
    static_cast<void>(next_argument(line));
    CHECK(line.size() < before);
  }
  return 0;
}
