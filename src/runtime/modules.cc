// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/modules.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "base/check.h"
#include "host/address_map.h"
#include "host/guest_memory.h"
#include "runtime/console.h"
#include "runtime/kernel.h"
#include "runtime/memory.h"
#include "runtime/symvers_index.h"
#include "runtime/traps.h"
#include "runtime/virtual_files.h"

namespace koi::runtime {
namespace {

// What koi_module_init reads: struct koi_module_facts.
struct ModuleFacts {
  u64 text_base, text_size;
  u64 init_base, init_size;
  u64 percpu, percpu_size;
  u64 kp, num_kp;
  u64 syms, num_syms, gpl_syms, num_gpl_syms;
  u64 extable, num_exentries;
  u64 bug_table, num_bugs;
  u64 jump_entries, num_jump_entries;
  u64 taints;
  u64 args;
};

host::Protection protection_of(module::MemoryKind kind) {
  switch (kind) {
    case module::MemoryKind::kText:
    case module::MemoryKind::kInitText:
      return host::Protection::kReadExecute;
    case module::MemoryKind::kRodata:
    case module::MemoryKind::kInitRodata:
      return host::Protection::kRead;
    case module::MemoryKind::kRoAfterInit:
    case module::MemoryKind::kData:
    case module::MemoryKind::kInitData:
      return host::Protection::kReadWrite;
  }
  return host::Protection::kNone;
}

constexpr u64 kNamesakePollNs = 1'000'000;

u64 block_base(const module::Placement& placement, module::Block block) {
  return block == module::Block::kInit ? placement.init_base : placement.core_base;
}

}  // namespace

// Where symbols come from: loaded modules first, then what both koi provides and the presented kernel exports.
class ModuleTable::Host final : public module::LoadHost, public module::SymbolSource {
 public:
  Host(Kernel& kernel, ModuleTable& table)
      : kernel_(kernel), table_(table), symvers_(kernel.config().build_dir + "/Module.symvers") {}

  int reserve_name(std::string_view name) override {
    if (reserved_ == name) return 0;
    const ModuleInstance* there = table_.find(name);
    if (there == nullptr) {
      reserved_ = name;
      return 0;
    }
    // A namesake is being loaded: the kernel waits how that ends, and gives up if it fails.
    while (there != nullptr && there->state == ModuleState::kComing) {
      kernel_.sleep_ns(kNamesakePollNs);
      there = table_.find(name);
    }
    return there != nullptr && there->state == ModuleState::kLive ? EEXIST : EBUSY;
  }
  void begin() { reserved_.clear(); }

  Result<module::Placement> place(std::string_view /*name*/, const module::Layout& layout) override {
    module::Placement placement;
    placement.core_base = TRY(kernel_.world().window_take(layout.core_bytes));
    if (layout.init_bytes != 0) placement.init_base = TRY(kernel_.world().window_take(layout.init_bytes));
    if (layout.percpu_bytes != 0) {
      const auto percpu = kernel_.memory().percpu().alloc_static(layout.percpu_bytes, layout.percpu_align);
      if (percpu.outcome != mm::PercpuOutcome::kOk) {
        return make_errno(ENOMEM, "no room for {} bytes of per-CPU variables", layout.percpu_bytes);
      }
      placement.percpu_address = percpu.offset;
    }
    return placement;
  }

  module::SymbolSource& symbols() override { return *this; }

  std::optional<module::ExportedSymbol> find(std::string_view name) override {
    for (const auto& module : table_.modules_) {
      for (const module::Export& exported : module->loaded.exports) {
        if (exported.name != name) continue;
        module::ExportedSymbol symbol;
        symbol.value = exported.address;
        symbol.owner = module->name();
        symbol.gpl_only = exported.gpl_only;
        symbol.crc = exported.crc;
        symbol.name_space = exported.name_space;
        symbol.owner_is_proprietary =
            (module->loaded.taints & module::taint_bit(module::Taint::kProprietaryModule)) != 0;
        if (module->state == ModuleState::kComing) symbol.owner_errno = EBUSY;
        if (module->state == ModuleState::kGoing) symbol.owner_errno = ENODEV;
        return symbol;
      }
    }
    return find_in_kernel(name);
  }

  std::optional<u64> stand_in(std::string_view name) override {
    if (!kernel_.config().lazy) return std::nullopt;
    return kernel_.missing_stub(name);
  }

 private:
  std::optional<module::ExportedSymbol> find_in_kernel(std::string_view name) {
    const SymversIndex::Entry* const entry = symvers_.find(name);
    if (entry == nullptr) return std::nullopt;
    // Nobody calls module_layout: it stands for the CRC of struct module.
    std::optional<u64> address =
        name == "module_layout" ? std::optional<u64>(0) : kernel_.provided_symbol(name);
    if (name == "jiffies") address = kernel_.traps().jiffies_page();
    if (!address) return std::nullopt;
    module::ExportedSymbol symbol;
    symbol.value = *address;
    symbol.gpl_only = entry->gpl_only;
    symbol.crc = entry->crc;
    symbol.name_space = entry->name_space;
    return symbol;
  }

  Kernel& kernel_;
  ModuleTable& table_;
  SymversIndex symvers_;
  std::string reserved_;
};

// What parameters need: the standard operations are known by the addresses of their symbols in the core.
class ModuleTable::Params final : public module::ParamHost {
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
    void* const p =
        kernel_.memory().kmalloc().alloc(text.size() + 1, kernel_.memory().pages().gfp().kernel(), VcpuId{0});
    if (p == nullptr) return 0;
    std::memcpy(p, text.data(), text.size());
    static_cast<char*>(p)[text.size()] = '\0';
    kept_.push_back(reinterpret_cast<u64>(p));
    return kept_.back();
  }
  void drop_string(u64 address) override {
    const auto it = std::find(kept_.begin(), kept_.end(), address);
    if (it == kept_.end()) return;
    kept_.erase(it);
    static_cast<void>(kernel_.memory().kmalloc().free(reinterpret_cast<void*>(address), VcpuId{0}));
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

ModuleTable::ModuleTable(Kernel& kernel)
    : kernel_(kernel),
      jump_labels_(kernel),
      dynamic_debug_(kernel, jump_labels_),
      host_(std::make_unique<Host>(kernel, *this)),
      params_(std::make_unique<Params>(kernel)) {
  facts_.release = kernel.config().release;
  facts_.vermagic = kernel.core().text_symbol("koi_vermagic");
  facts_.struct_module_bytes = kernel.core().layout_or_die("sizeof module");
}

ModuleTable::~ModuleTable() = default;

module::ParamHost& ModuleTable::param_host() { return *params_; }

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

ModuleInstance* ModuleTable::find(std::string_view name) {
  const auto it =
      std::find_if(modules_.begin(), modules_.end(), [name](const auto& m) { return m->name() == name; });
  return it == modules_.end() ? nullptr : it->get();
}

ModuleInstance* ModuleTable::find_by_address(u64 address) {
  const auto it = std::find_if(modules_.begin(), modules_.end(),
                               [address](const auto& m) { return m->contains(address); });
  return it == modules_.end() ? nullptr : it->get();
}

ModuleInstance* ModuleTable::find_by_struct(u64 this_module) {
  const auto it = std::find_if(modules_.begin(), modules_.end(),
                               [this_module](const auto& m) { return m->this_module == this_module; });
  return it == modules_.end() ? nullptr : it->get();
}

s32 ModuleTable::reference_count(const ModuleInstance& module) const {
  return kernel_.core().function<s32(u64)>("koi_module_refcount")(module.this_module);
}

std::vector<std::string> ModuleTable::users_of(std::string_view name) const {
  std::vector<std::string> users;
  for (const auto& module : modules_) {
    if (std::find(module->uses.begin(), module->uses.end(), name) != module->uses.end())
      users.push_back(module->name());
  }
  // The kernel lists the youngest user first.
  std::reverse(users.begin(), users.end());
  return users;
}

std::string ModuleTable::proc_modules(bool show_addresses) const {
  std::string text;
  for (auto it = modules_.rbegin(); it != modules_.rend(); ++it) {
    const ModuleInstance& module = **it;
    if (module.state == ModuleState::kUnformed) continue;
    std::string users;
    for (const std::string& user : users_of(module.name())) users += user + ",";
    if (module.exit == 0 && module.init != 0) users += "[permanent],";
    const char* const state = module.state == ModuleState::kGoing    ? "Unloading"
                              : module.state == ModuleState::kComing ? "Loading"
                                                                     : "Live";
    const std::string letters = module::module_taint_letters(module.loaded.taints);
    const std::string mark = module.state == ModuleState::kGoing    ? "-"
                             : module.state == ModuleState::kComing ? "+"
                                                                    : "";
    const u64 size =
        module.loaded.layout.core_bytes + (module.init_freed ? 0 : module.loaded.layout.init_bytes);
    text += fmt::format("{} {} {} {} {} 0x{:016x}{}\n", module.name(), size, reference_count(module),
                        users.empty() ? "-" : users, state,
                        show_addresses ? module.loaded.placement.core_base : 0,
                        letters.empty() && mark.empty() ? "" : fmt::format(" ({}{})", letters, mark));
  }
  return text;
}

std::vector<std::string> ModuleTable::mentions() const {
  std::vector<std::string> list;
  for (auto it = modules_.rbegin(); it != modules_.rend(); ++it) {
    const ModuleInstance& module = **it;
    if (module.state == ModuleState::kUnformed) continue;
    const ModuleMark mark = module.state == ModuleState::kComing  ? ModuleMark::kComing
                            : module.state == ModuleState::kGoing ? ModuleMark::kGoing
                                                                  : ModuleMark::kLive;
    list.push_back(module_mention(module.name(), module::module_taint_letters(module.loaded.taints), mark));
  }
  return list;
}

// ---- loading ----

ModuleCall ModuleTable::finit_module(const std::string& path, std::string_view args,
                                     const module::LoadFlags& flags) {
  if (loading_disabled_) return {-EPERM, "loading modules is disabled (modules_disabled)"};
  Result<module::ModuleFile> file = module::read_module_file(path);
  if (!file.ok())
    return {-(file.error().errno_value == 0 ? ENOEXEC : file.error().errno_value), file.error().message};
  prepare_core();
  host_->begin();
  Result<module::LoadedModule> loaded =
      module::load_module(std::make_unique<module::ModuleFile>(std::move(*file)), facts_, flags, *host_,
                          taint_, kernel_.console());
  if (!loaded.ok()) {
    const int error = loaded.error().errno_value;
    return {-(error == 0 ? ENOEXEC : error), loaded.error().message};
  }
  modules_.push_back(std::make_unique<ModuleInstance>());
  ModuleInstance& module = *modules_.back();
  module.loaded = std::move(*loaded);
  module.uses = module.loaded.resolution.used_owners;
  for (const std::string& owner : module.uses) use_module(owner, +1);
  if (Status prepared = prepare(module, args); !prepared.ok()) {
    const Error error = std::move(prepared).error();
    unload(module);
    return {-error.errno_value, error.message};
  }
  return run_init(module);
}

// What the kernel does at boot and the core needs a task for.
void ModuleTable::prepare_core() {
  if (std::exchange(core_prepared_, true)) return;
  host::upcall(kernel_.core().address_of("radix_tree_init"));
}

s32 ModuleTable::notify(ModuleInstance& module, ModuleState state) {
  return static_cast<s32>(host::upcall(kernel_.core().address_of("koi_module_notify"), module.this_module,
                                       static_cast<u64>(state)));
}

void ModuleTable::tell_gdb(ModuleInstance& module) {
  std::vector<module::LoadedSection> sections;
  for (u32 index = 1; index < module.loaded.image.sections.size(); ++index) {
    const auto address = module.loaded.linked->section_address(index);
    if (address && module.loaded.image.sections[index].name != ".data..percpu")
      sections.push_back({index, *address});
  }
  auto registered = module::GdbJitModule::create(module.loaded.image.file, sections);
  if (registered.ok()) module.gdb = std::move(*registered);
}

// The image stands in memory, its tables are known and its parameters set; of module code only parameter operations ran.
Status ModuleTable::prepare(ModuleInstance& module, std::string_view args) {
  const module::ElfImage& image = module.loaded.image;
  module::LinkedImage& linked = *module.loaded.linked;
  const std::vector<u64>& values = module.loaded.resolution.values;
  module.args = args;
  module.tables = TRY(module::read_tables(image, linked));
  module.symbols.emplace(image, module.loaded.layout, linked, values, module::loader_era(facts_.release),
                         kernel_.world().heap());
  set_trap_sites(module);
  map_image(module);
  fill_struct_module(module);
  if (const u32 ip = image.find_index(".orc_unwind_ip"), rows = image.find_index(".orc_unwind");
      ip != 0 && rows != 0) {
    auto table = module::OrcTable::create(
        linked.section_bytes(ip), linked.section_address(ip).value_or(0), linked.section_bytes(rows),
        kernel_.is_6_12() ? module::OrcFormat::kSignalBit : module::OrcFormat::kEndBit);
    if (table.ok()) module.orc.emplace(std::move(*table));
  }
  set_state(module, ModuleState::kComing);
  TRY(jump_labels_.add_module(module));
  dynamic_debug_.add_module(module);
  return read_parameters(module);
}

void ModuleTable::set_state(ModuleInstance& module, ModuleState state) {
  module.state = state;
  kernel_.core().function<void(u64, int)>("koi_module_set_state")(module.this_module,
                                                                  static_cast<int>(state));
}

void ModuleTable::fill_struct_module(ModuleInstance& module) {
  const auto find = [&](std::string_view name) {
    return module::locate(module.loaded.image, *module.loaded.linked, name);
  };
  module.this_module = find(".gnu.linkonce.this_module").address;
  ModuleFacts facts{};
  facts.text_base = module.loaded.placement.core_base;
  facts.text_size = module.loaded.layout.core_bytes;
  facts.init_base = module.loaded.placement.init_base;
  facts.init_size = module.loaded.layout.init_bytes;
  facts.percpu = module.loaded.placement.percpu_address;
  facts.percpu_size = module.loaded.layout.percpu_bytes;
  facts.kp = module.tables.params.address;
  facts.num_kp = module.tables.params.size / sizeof(module::KernelParamRecord);
  facts.syms = find("__ksymtab").address;
  facts.num_syms = find("__ksymtab").size / sizeof(module::KernelSymbolRecord);
  facts.gpl_syms = find("__ksymtab_gpl").address;
  facts.num_gpl_syms = find("__ksymtab_gpl").size / sizeof(module::KernelSymbolRecord);
  facts.extable = find("__ex_table").address;
  facts.num_exentries = module.tables.exceptions.size();
  facts.bug_table = find("__bug_table").address;
  facts.num_bugs = module.tables.bugs.size();
  facts.jump_entries = find("__jump_table").address;
  facts.num_jump_entries = module.tables.jump_labels.size();
  facts.taints = module.loaded.taints;
  const CoreImage& core = kernel_.core();
  core.function<void(u64, const ModuleFacts*)>("koi_module_init")(module.this_module, &facts);
  const auto word = [&](std::string_view field) {
    u64 value = 0;
    std::memcpy(&value, reinterpret_cast<const void*>(module.this_module + core.layout_or_die(field)),
                sizeof(value));
    return value;
  };
  module.init = word("module.init");
  module.exit = word("module.exit");
}

// Instructions that must come to koi become ud2 in the image, before it is copied to its pages.
void ModuleTable::set_trap_sites(ModuleInstance& module) {
  module::LinkedImage& linked = *module.loaded.linked;
  const auto scan = module::scan_trap_sites(module.loaded.image, linked, module.loaded.resolution.values);
  for (const module::TrapSite& site : scan.sites) {
    if (!Traps::stands_in_for(site.kind)) continue;
    const ByteSpan bytes = linked.at(site.address, site.length);
    CHECK(!bytes.empty() && site.length >= 2);
    u8* const text = const_cast<u8*>(bytes.data());
    const std::array<u8, 2> original = {text[0], text[1]};
    text[0] = 0x0f;
    text[1] = 0x0b;
    kernel_.traps().add_site(site, original);
  }
}

Status ModuleTable::read_parameters(ModuleInstance& module) {
  module.params = TRY(module::read_params(module.tables.params));
  const module::ParsedArgs parsed = module::parse_module_args(module.name(), module.args, module.params,
                                                              *params_, taint_, kernel_.console());
  if (parsed.error != 0) {
    return make_errno(-parsed.error, "{}: its parameters were refused: {}", module.name(), module.args);
  }
  return Ok{};
}

std::vector<SourcePlace> ModuleInstance::source_places(u64 address) {
  const module::ElfImage& image = loaded.image;
  for (u32 index = 1; index < image.sections.size(); ++index) {
    const auto base = loaded.linked->section_address(index);
    if (!base || address < *base || address >= *base + image.sections[index].header.size) continue;
    if (!image.sections[index].executable()) continue;
    module::DwarfLines lines(name(), image.file);
    const auto found = lines.find(index, address - *base);
    if (!found) return {};
    std::vector<SourcePlace> places;
    for (const module::SourceLine& line : *found) places.push_back({line.file, line.line, line.function});
    return places;
  }
  return {};
}

void ModuleTable::map_image(ModuleInstance& module) {
  const module::LoadedModule& loaded = module.loaded;
  const auto copy = [](u64 base, const std::vector<u8>& bytes) {
    if (bytes.empty()) return;
    host::protect(base, bytes.size(), host::Protection::kReadWrite);
    std::memcpy(reinterpret_cast<void*>(base), bytes.data(), bytes.size());
  };
  copy(loaded.placement.core_base, loaded.linked->core);
  copy(loaded.placement.init_base, loaded.linked->init);
  for (u32 cpu = 0; cpu < kernel_.config().cpus && !loaded.linked->percpu.empty(); ++cpu) {
    std::memcpy(
        reinterpret_cast<void*>(kernel_.world().percpu_area(VcpuId{cpu}) + loaded.placement.percpu_address),
        loaded.linked->percpu.data(), loaded.linked->percpu.size());
  }
  for (const module::Region& region : loaded.layout.regions) {
    if (region.size == 0) continue;
    host::protect(block_base(loaded.placement, region.block) + region.offset, region.size,
                  protection_of(region.kind));
  }
}

ModuleCall ModuleTable::run_init(ModuleInstance& module) {
  s32 value = 0;
  const s32 preempt_count = kernel_.preempt_count();
  kernel_.sched().current()->context = static_cast<u8>(FrameContext::kModuleInit);
  if (module.init != 0) value = static_cast<s32>(host::upcall(module.init));
  if (module.init != 0) kernel_.traps().check_initcall(module.init, preempt_count);
  if (value < 0) {
    set_state(module, ModuleState::kGoing);
    static_cast<void>(notify(module, ModuleState::kGoing));
    kernel_.note(observe::EventKind::kModuleRefused,
                 fmt::format("{}: init returned {}", module.name(), value));
    kernel_.files().module_gone(module);
    unload(module);
    return {value, {}};
  }
  if (value > 0) suspicious_init(module, value);
  set_state(module, ModuleState::kLive);
  static_cast<void>(notify(module, ModuleState::kLive));
  kernel_.core().function<void(u64)>("koi_module_drop")(module.this_module);
  const module::Region& ro = module.loaded.layout.region(module::MemoryKind::kRoAfterInit);
  if (ro.size != 0)
    host::protect(module.loaded.placement.core_base + ro.offset, ro.size, host::Protection::kRead);
  free_init(module);
  kernel_.note(observe::EventKind::kModuleLoaded, module.name());
  return {0, {}};
}

void ModuleTable::free_init(ModuleInstance& module) {
  if (module.init_freed || module.loaded.layout.init_bytes == 0) return;
  module.init_freed = true;
  kernel_.traps().remove_sites(module.loaded.placement.init_base,
                               module.loaded.placement.init_base + module.loaded.layout.init_bytes);
  kernel_.world().window_release(module.loaded.placement.init_base, module.loaded.layout.init_bytes);
}

void ModuleTable::unload(ModuleInstance& module) {
  dynamic_debug_.remove_module(module);
  for (const std::string& owner : module.uses) use_module(owner, -1);
  free_init(module);
  const module::Placement placement = module.loaded.placement;
  const u64 size = module.loaded.layout.core_bytes;
  kernel_.traps().remove_sites(placement.core_base, placement.core_base + size);
  for (const module::Param& param : module.params) module::free_param(param, *params_);
  if (placement.percpu_address != 0)
    static_cast<void>(kernel_.memory().percpu().free(placement.percpu_address));
  const auto it =
      std::find_if(modules_.begin(), modules_.end(), [&](const auto& m) { return m.get() == &module; });
  CHECK(it != modules_.end());
  modules_.erase(it);
  kernel_.world().window_release(placement.core_base, size);
}

void ModuleTable::use_module(std::string_view owner, s32 change) {
  const ModuleInstance* const used = find(owner);
  if (used == nullptr) return;
  kernel_.core().function<void(u64, s32)>("koi_module_count")(used->this_module, change);
}

void ModuleTable::suspicious_init(const ModuleInstance& module, s32 value) {
  kernel_.console().line(
      module::kLogWarning,
      "do_init_module: '{}'->init suspiciously returned {}, it should follow 0/-E convention\n"
      "do_init_module: loading module anyway...",
      module.name(), value);
  kernel_.traps().dump_loader_stack();
}

// CONFIG_MODULE_FORCE_UNLOAD: `rmmod -f` taints and goes on.
bool ModuleTable::try_force_unload(bool force) {
  if (force)
    taint_.add(module::Taint::kForcedRmmod, module::LockDebugging::kNowUnreliable, kernel_.console());
  return force;
}

ModuleCall ModuleTable::delete_module(std::string_view name, bool force) {
  if (loading_disabled_) return {-EPERM, {}};
  ModuleInstance* const module = find(name);
  if (module == nullptr) return {-ENOENT, {}};
  if (!users_of(name).empty()) return {-EWOULDBLOCK, {}};
  if (module->state != ModuleState::kLive) return {-EBUSY, {}};
  bool forced = false;
  if (module->init != 0 && module->exit == 0) {
    forced = try_force_unload(force);
    if (!forced) return {-EBUSY, {}};
  }
  if (kernel_.core().function<s32(u64)>("koi_module_try_release")(module->this_module) != 0) {
    if (!forced && !try_force_unload(force)) return {-EWOULDBLOCK, {}};
  }
  set_state(*module, ModuleState::kGoing);
  kernel_.sched().current()->context = static_cast<u8>(FrameContext::kModuleExit);
  if (module->exit != 0) host::upcall(module->exit);
  static_cast<void>(notify(*module, ModuleState::kGoing));
  const std::string letters = module::module_taint_letters(module->loaded.taints);
  last_unloaded_ = module->name() + (letters.empty() ? "" : "(" + letters + ")");
  kernel_.note(observe::EventKind::kModuleUnloaded, module->name());
  kernel_.files().module_gone(*module);
  unload(*module);
  return {0, {}};
}

}  // namespace koi::runtime
