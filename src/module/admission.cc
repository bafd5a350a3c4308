// SPDX-License-Identifier: GPL-2.0-only
#include "module/admission.h"

#include <algorithm>
#include <cerrno>

namespace koi::module {
namespace {

void taint_out_of_tree(LoadContext& context) {
  if (!context.info.has("intree")) {
    if (!context.kernel_taint.has(Taint::kOutOfTreeModule)) {
      context.log.line(kLogWarning, "{}: loading out-of-tree module taints kernel.", context.name());
    }
    context.taint(Taint::kOutOfTreeModule, LockDebugging::kStillReliable);
  }
  if (context.kernel.retpoline && !context.info.has("retpoline")) {
    context.log.print(kLogErr, "Spectre V2 : System may be vulnerable to spectre v2");
    context.log.line(kLogWarning, "{}: loading module not compiled with retpoline compiler.", context.name());
  }
  if (context.info.has("staging")) {
    context.taint(Taint::kCrap, LockDebugging::kStillReliable);
    context.log.line(
        kLogWarning,
        "{}: module is from the staging directory, the quality is unknown, you have been warned.",
        context.name());
  }
}

void taint_livepatch(LoadContext& context) {
  if (!context.info.has("livepatch")) return;
  context.taint(Taint::kLivepatch, LockDebugging::kStillReliable);
  if (context.kernel_taint.said_livepatch) return;
  context.kernel_taint.said_livepatch = true;
  context.log.line(kLogNotice, "{}: tainting kernel with TAINT_LIVEPATCH", context.name());
}

void taint_license_and_test(LoadContext& context) {
  const std::string_view license = context.info.get("license").value_or("unspecified");
  if (!license_is_gpl_compatible(license)) {
    if (!context.kernel_taint.has(Taint::kProprietaryModule)) {
      context.log.line(kLogWarning, "{}: module license '{}' taints kernel.", context.name(), license);
    }
    context.taint(Taint::kProprietaryModule, LockDebugging::kNowUnreliable);
  }
  if (context.info.has("test")) {
    if (!context.kernel_taint.has(Taint::kTest)) {
      context.log.line(kLogWarning, "{}: loading test module taints kernel.", context.name());
    }
    context.taint(Taint::kTest, LockDebugging::kStillReliable);
  }
}

void taint_signature(LoadContext& context) {
  if (!context.kernel.module_signatures || context.signature == Signature::kWellFormed) return;
  if (!context.kernel_taint.said_signature_missing) {
    context.kernel_taint.said_signature_missing = true;
    context.log.line(
        kLogNotice, "{}: module verification failed: signature and/or required key missing - tainting kernel",
        context.name());
  }
  context.taint(Taint::kUnsignedModule, LockDebugging::kStillReliable);
}

// Modules that claimed a licence which they did not have.
void taint_by_name(LoadContext& context) {
  if (context.name() == "ndiswrapper") {
    // It needs GPL-only symbols itself, so only the kernel is tainted.
    context.kernel_taint.add(Taint::kProprietaryModule, LockDebugging::kNowUnreliable, context.log);
  } else if (context.name() == "driverloader" || context.name() == "lve") {
    context.taint(Taint::kProprietaryModule, LockDebugging::kNowUnreliable);
  }
}

}  // namespace

Status check_signature(const KernelFacts& kernel, const ModuleFile& file, KernelLog& log) {
  if (!kernel.module_signatures) return Ok{};
  if (file.signature == Signature::kUnsupported) {
    log.line(kLogErr, "module: Module is not signed with expected PKCS#7 message");
  }
  if (file.signature == Signature::kWellFormed || !kernel.enforce_signatures) return Ok{};
  const char* reason =
      file.signature == Signature::kAbsent ? "unsigned module" : "module with unsupported crypto";
  log.line(kLogNotice, "Loading of {} is rejected", reason);
  return make_errno(EKEYREJECTED,
                    "{}: is an {} and module.sig_enforce is set; sign it, or load without sig_enforce",
                    file.path, reason);
}

Status check_blacklist(const LoadContext& context) {
  if (std::ranges::find(context.kernel.blacklist, context.name()) == context.kernel.blacklist.end())
    return Ok{};
  context.log.line(kLogErr, "Module {} is blacklisted", context.name());
  return make_errno(EPERM, "{}: module_blacklist= names {}", context.image.path, context.name());
}

VersionMatch check_version(LoadContext& context, std::string_view name, std::optional<u32> kernel_crc) {
  if (!context.kernel.modversions || !kernel_crc) return VersionMatch::kAgrees;
  if (!context.has_versions) {
    context.force_load(name);
    return VersionMatch::kAgrees;
  }
  const std::optional<u64> expected = context.versions.find(name);
  if (!expected) {
    // A broken toolchain: said once a boot, then let go.
    if (!context.kernel_taint.said_no_symbol_version) {
      context.kernel_taint.said_no_symbol_version = true;
      context.log.line(kLogWarning, "{}: no symbol version for {}", context.name(), name);
    }
    return VersionMatch::kAgrees;
  }
  if (*expected == *kernel_crc) return VersionMatch::kAgrees;
  context.log.line(kLogWarning, "{}: disagrees about version of symbol {}", context.name(), name);
  return VersionMatch::kDisagrees;
}

Status check_module_layout_version(LoadContext& context, SymbolSource& symbols) {
  const auto layout = symbols.find("module_layout");
  if (!layout || check_version(context, "module_layout", layout->crc) == VersionMatch::kAgrees) return Ok{};
  return make_errno(ENOEXEC,
                    "{}: was built against other headers than this kernel's ({}): the CRC of module_layout "
                    "differs; build it again",
                    context.image.path, context.kernel.release);
}

Status check_modinfo(LoadContext& context) {
  const std::optional<std::string_view> magic = context.info.get("vermagic");
  if (!magic || context.flags.vermagic == VersionPolicy::kIgnore) {
    context.force_load("bad vermagic");
  } else {
    const HasVersions versions =
        context.kernel.modversions && context.has_versions ? HasVersions::kYes : HasVersions::kNo;
    if (!same_vermagic(*magic, context.kernel.vermagic, versions)) {
      context.log.line(kLogErr, "{}: version magic '{}' should be '{}'", context.name(), *magic,
                       context.kernel.vermagic);
      return make_errno(ENOEXEC,
                        "{}: is built for '{}', this kernel is '{}'; build it against linux-headers-{}",
                        context.image.path, *magic, context.kernel.vermagic, context.kernel.release);
    }
  }
  const bool taints_here = context.era == LoaderEra::kCoreAndInit;
  if (taints_here) taint_out_of_tree(context);
  if (context.info.has("livepatch") && !context.kernel.livepatch) {
    context.log.line(kLogErr, "{}: module is marked as livepatch module, but livepatch support is disabled",
                     context.name());
    return make_errno(ENOEXEC, "{}: is a livepatch module and this kernel has no livepatch support",
                      context.image.path);
  }
  if (taints_here) {
    taint_livepatch(context);
    taint_license_and_test(context);
  }
  return Ok{};
}

void taint_by_origin(LoadContext& context) {
  if (context.era == LoaderEra::kCoreAndInit) {
    taint_signature(context);
    const bool was_proprietary = context.kernel_taint.has(Taint::kProprietaryModule);
    taint_by_name(context);
    if (!was_proprietary && context.kernel_taint.has(Taint::kProprietaryModule)) {
      context.log.line(kLogWarning, "{}: module license taints kernel.", context.name());
    }
    return;
  }
  const bool was_proprietary = context.kernel_taint.has(Taint::kProprietaryModule);
  taint_out_of_tree(context);
  taint_livepatch(context);
  taint_license_and_test(context);
  taint_signature(context);
  taint_by_name(context);
  if (!was_proprietary && context.kernel_taint.has(Taint::kProprietaryModule)) {
    context.log.line(kLogWarning, "{}: module license taints kernel.", context.name());
  }
}

void check_export_versions(LoadContext& context) {
  if (!context.kernel.modversions) return;
  const auto lacks_crcs = [&](std::string_view table, std::string_view crcs) {
    const Section* section = context.image.find(table);
    return section != nullptr && section->header.size != 0 && context.image.find(crcs) == nullptr;
  };
  if (lacks_crcs("__ksymtab", "__kcrctab") || lacks_crcs("__ksymtab_gpl", "__kcrctab_gpl")) {
    context.force_load("no versions for exported symbols");
  }
}

}  // namespace koi::module
