// SPDX-License-Identifier: GPL-2.0-only
#include "report/page.h"

extern "C" {
extern const char koi_report_page[] __attribute__((visibility("hidden")));
extern const char koi_report_page_end[] __attribute__((visibility("hidden")));
}

namespace koi::report {

std::string_view page_template() {
  return {koi_report_page, static_cast<size_t>(koi_report_page_end - koi_report_page)};
}

}  // namespace koi::report
