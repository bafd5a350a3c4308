// SPDX-License-Identifier: GPL-2.0-only
#include "module/resolve.h"

#include <algorithm>
#include <cerrno>

namespace koi::module {
namespace {

// gas before 2.37 leaves this undefined name in objects that never use it.
constexpr std::string_view kIgnoredUndefined = "_GLOBAL_OFFSET_TABLE_";

class Resolver {
 public:
  Resolver(LoadContext& context, const LinkedImage& linked, SymbolSource& source)
      : context_(context), linked_(linked), source_(source) {}

  Result<Resolution> run() {
    const std::vector<Symbol>& symbols = context_.image.symbols;
    out_.values.resize(symbols.size());
    for (std::size_t i = 1; i < symbols.size(); ++i) out_.values[i] = value_of(symbols[i]);
    if (last_errno_ == 0) return std::move(out_);
    return make_errno(last_errno_, "{}: {}", context_.image.path, complaint());
  }

 private:
  // The address of an undefined symbol, or why there is none.
  struct Lookup {
    u64 value = 0;
    bool found = false;
    int error = 0;
    std::string why;  // for the user, in brackets behind the name; empty: nobody exports it
  };

  static Lookup refused(int error, std::string why) { return {0, false, error, std::move(why)}; }

  u64 value_of(const Symbol& symbol) {
    switch (symbol.shndx) {
      case elf::kShnCommon:
        if (symbol.name.starts_with("__gnu_lto")) return 0;
        context_.log.line(kLogWarning, "{}: please compile with -fno-common", context_.name());
        fail(ENOEXEC, fmt::format("{} is a common symbol (compile with -fno-common)", symbol.name));
        return 0;
      case elf::kShnAbs:
      case elf::kShnLivepatch:
        return symbol.value;
      case elf::kShnUndef:
        return undefined(symbol);
      default:
        break;
    }
    if (symbol.shndx >= context_.image.sections.size()) {
      context_.log.line(kLogErr, "{}: Symbol {} has an invalid section index {} (max {})", context_.name(),
                        symbol.name, symbol.shndx, context_.image.sections.size() - 1);
      fail(ENOEXEC, fmt::format("{} lies in section {}, which does not exist", symbol.name, symbol.shndx));
      return 0;
    }
    return linked_.section_address(symbol.shndx).value_or(0) + symbol.value;
  }

  u64 undefined(const Symbol& symbol) {
    const Lookup lookup = look_up(symbol.name);
    if (lookup.found) return lookup.value;
    if (lookup.error == 0) {
      if (symbol.bind() == elf::kStbWeak) {
        out_.weak_missing.emplace_back(symbol.name);
        return 0;
      }
      if (symbol.name == kIgnoredUndefined) return 0;
      const auto stub = lookup.why.empty() ? source_.stand_in(symbol.name) : std::nullopt;
      if (stub) {
        out_.stand_ins.emplace_back(symbol.name);
        return *stub;
      }
    }
    const int error = lookup.error == 0 ? ENOENT : lookup.error;
    context_.log.line(kLogWarning, "{}: Unknown symbol {} (err {})", context_.name(), symbol.name, -error);
    missing_.push_back(lookup.why.empty() ? std::string(symbol.name)
                                          : fmt::format("{} ({})", symbol.name, lookup.why));
    last_errno_ = error;
    return 0;
  }

  Lookup look_up(std::string_view name) {
    const auto symbol = source_.find(name);
    if (!symbol) return {};
    const bool proprietary = (context_.module_taints & taint_bit(Taint::kProprietaryModule)) != 0;
    if (symbol->gpl_only && proprietary) {
      return refused(0, "only for modules with a GPL-compatible licence");
    }
    if (symbol->gpl_only) out_.uses_gpl_only = true;
    if (!inherit_taint(*symbol, name)) {
      return refused(0, fmt::format("exported by the proprietary module {}", symbol->owner));
    }
    if (check_version(context_, name, symbol->crc) == VersionMatch::kDisagrees) {
      return refused(EINVAL, "its CRC differs from this kernel's: build the module again");
    }
    if (!namespace_is_imported(*symbol, name)) {
      return refused(EINVAL, fmt::format("needs MODULE_IMPORT_NS({})", symbol->name_space));
    }
    if (symbol->owner_errno != 0) {
      return refused(symbol->owner_errno, fmt::format("{} is being loaded or removed", symbol->owner));
    }
    if (!symbol->owner.empty() &&
        std::ranges::find(out_.used_owners, symbol->owner) == out_.used_owners.end()) {
      out_.used_owners.emplace_back(symbol->owner);
    }
    return {symbol->value, true, 0, {}};
  }

  // Who uses a proprietary module's symbols becomes proprietary, unless it has used GPL-only ones already.
  bool inherit_taint(const ExportedSymbol& symbol, std::string_view name) {
    if (!symbol.owner_is_proprietary) return true;
    if (out_.uses_gpl_only) {
      context_.log.line(kLogErr,
                        "{}: module using GPL-only symbols uses symbols {} from proprietary module {}.",
                        context_.name(), name, symbol.owner);
      return false;
    }
    if ((context_.module_taints & taint_bit(Taint::kProprietaryModule)) == 0) {
      context_.log.line(kLogWarning,
                        "{}: module uses symbols {} from proprietary module {}, inheriting taint.",
                        context_.name(), name, symbol.owner);
      context_.module_taints |= taint_bit(Taint::kProprietaryModule);
    }
    return true;
  }

  bool namespace_is_imported(const ExportedSymbol& symbol, std::string_view name) {
    if (symbol.name_space.empty()) return true;
    const auto imported = context_.info.get_all("import_ns");
    if (std::ranges::find(imported, symbol.name_space) != imported.end()) return true;
    const bool allowed = context_.kernel.allow_missing_namespaces;
    context_.log.line(allowed ? kLogWarning : kLogErr,
                      "{}: module uses symbol ({}) from namespace {}, but does not import it.",
                      context_.name(), name, symbol.name_space);
    return allowed;
  }

  void fail(int error, std::string why) {
    last_errno_ = error;
    others_.push_back(std::move(why));
  }

  // One line for the user: what is missing first, then the rest.
  [[nodiscard]] std::string complaint() const {
    std::string text;
    if (!missing_.empty()) {
      text = fmt::format("{} symbol{} cannot be resolved: {}", missing_.size(),
                         missing_.size() == 1 ? "" : "s", fmt::join(missing_, ", "));
    }
    for (const std::string& other : others_) text += (text.empty() ? "" : "; ") + other;
    return text;
  }

  LoadContext& context_;
  const LinkedImage& linked_;
  SymbolSource& source_;
  Resolution out_;
  std::vector<std::string> missing_, others_;
  int last_errno_ = 0;
};

}  // namespace

Result<Resolution> resolve_symbols(LoadContext& context, const LinkedImage& linked, SymbolSource& source) {
  return Resolver(context, linked, source).run();
}

std::vector<Import> imports(const ElfImage& image) {
  std::vector<Import> names;
  for (std::size_t i = 1; i < image.symbols.size(); ++i) {
    const Symbol& symbol = image.symbols[i];
    if (symbol.shndx != elf::kShnUndef || symbol.name == kIgnoredUndefined) continue;
    names.push_back({symbol.name, symbol.bind() == elf::kStbWeak});
  }
  return names;
}

}  // namespace koi::module
