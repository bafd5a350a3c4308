// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/modules/module_params.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "host/address_map.h"
#include "host/guest_memory.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/memory/memory.h"
#include "runtime/modules/modules.h"

namespace koi::runtime {
namespace {

// What parameters need: the standard operations are known by the addresses of their symbols in the core.
class Params final : public module::ParamHost {
 public:
  explicit Params(Kernel& kernel) : kernel_(kernel) {
    for (const char* const name :
         {"byte", "short", "ushort", "int", "uint", "long", "ulong", "ullong", "hexint", "bool", "invbool",
          "bint", "bool_enable_only", "charp", "string"}) {
      note(fmt::format("param_ops_{}", name));
    }
    note("param_array_ops");
  }

  module::ParamKind kind_of(u64 ops) override {
    const auto it = kinds_.find(ops);
    return it == kinds_.end() ? module::ParamKind::kCustom : it->second;
  }
  u64 keep_string(std::string_view text) override {
    const u64 copy = kernel_.memory().duplicate(text);
    if (copy != 0) kept_.push_back(copy);
    return copy;
  }
  void drop_string(u64 address) override {
    const auto it = std::find(kept_.begin(), kept_.end(), address);
    if (it == kept_.end()) return;
    kept_.erase(it);
    kernel_.memory().drop(address);
  }
  int custom_set(const module::Param& param, std::optional<std::string>& value) override {
    const auto ops = guest::load<module::KernelParamOpsRecord>(param.ops);
    if (!ops || ops->set == 0) return -EPERM;
    u64 text = 0;
    if (value) text = page_with(*value);
    const int result = static_cast<int>(host::upcall(ops->set, text, param.record_address));
    if (value) {
      value = guest::load_string(text, host::kPageSize).value_or(*value);
      drop_string(text);
    }
    return result;
  }
  std::string custom_get(const module::Param& param, int& error) override {
    const auto ops = guest::load<module::KernelParamOpsRecord>(param.ops);
    error = ops && ops->get != 0 ? 0 : -EPERM;
    if (error != 0) return {};
    const u64 buffer = page_with({});
    const int length = static_cast<int>(host::upcall(ops->get, buffer, param.record_address));
    std::string text(reinterpret_cast<const char*>(buffer), static_cast<size_t>(std::clamp(length, 0, 4096)));
    drop_string(buffer);
    error = std::min(length, 0);
    return text;
  }
  void dyndbg(std::string_view query) override {
    // A bad query has told the log why; the load goes on.
    static_cast<void>(kernel_.modules().dynamic_debug().run(query, kernel_.modules().all().back()->name()));
  }

 private:
  void note(const std::string& symbol) {
    const auto address = kernel_.core().find(symbol);
    if (address) kinds_.emplace(address->value, *module::standard_param_kind(symbol));
  }
  // A page of guest memory that starts with `text`.
  u64 page_with(std::string_view text) {
    std::string page(text);
    page.resize(host::kPageSize - 1, '\0');
    return keep_string(page);
  }

  Kernel& kernel_;
  std::unordered_map<u64, module::ParamKind> kinds_;
  std::vector<u64> kept_;
};

}  // namespace

std::unique_ptr<module::ParamHost> make_param_host(Kernel& kernel) {
  return std::make_unique<Params>(kernel);
}

s32 ModuleTable::param_set(std::string_view ops, std::optional<std::string> value, u64 record) {
  auto params = module::read_params({record, sizeof(module::KernelParamRecord)});
  if (!params.ok()) return -EINVAL;
  params->front().ops = kernel_.core().address_of(ops);
  return module::set_param(params->front(), value, *params_, kernel_.console());
}

std::string ModuleTable::param_get(std::string_view ops, u64 record, int& error) {
  auto params = module::read_params({record, sizeof(module::KernelParamRecord)});
  error = params.ok() ? 0 : -EINVAL;
  if (error != 0) return {};
  params->front().ops = kernel_.core().address_of(ops);
  return module::get_param(params->front(), *params_, error);
}

}  // namespace koi::runtime
