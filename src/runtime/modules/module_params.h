// SPDX-License-Identifier: GPL-2.0-only
// Module parameters at run time: custom operations are upcalls, strings live in the module's own heap.
#pragma once

#include <memory>

#include "module/params.h"

namespace koi::runtime {

class Kernel;

[[nodiscard]] std::unique_ptr<module::ParamHost> make_param_host(Kernel& kernel);

}  // namespace koi::runtime
