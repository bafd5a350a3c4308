// SPDX-License-Identifier: GPL-2.0-only
// The checks of a parsed ELF file that go beyond the kernel's own: sizes, overlaps, relocation places.
#pragma once

#include <string_view>

#include "base/result.h"
#include "module/elf_image.h"

namespace koi::module {

// The NUL-terminated string at `offset` of a table whose last byte is NUL. Requires: offset < table.size().
[[nodiscard]] std::string_view string_at(ByteSpan table, u64 offset);

// Alignments are powers of two, no section is compressed, and what is loaded fits `rules.max_loaded_bytes`.
[[nodiscard]] Status check_sizes(const ElfImage& image, const ElfRules& rules);

// No two sections share bytes of the file, nor do they lie over the headers.
[[nodiscard]] Status check_overlaps(const ElfImage& image, const elf::FileHeader& header);

// Each relocation of a loaded section: record size, symbol index, place inside the section. Fills
// `relocations`.
[[nodiscard]] Status check_relocations(ElfImage& image);

// The error with everything in its message that is not printable ASCII as \xNN: names in damaged files hold
// anything, and a refusal is one line.
[[nodiscard]] Error one_line(Error error);

}  // namespace koi::module
