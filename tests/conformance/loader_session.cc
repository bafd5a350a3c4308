// SPDX-License-Identifier: GPL-2.0-only
#include "loader_session.h"

#include <fmt/format.h>

#include <algorithm>

#include "log_text.h"
#include "text.h"

namespace koi::conformance {
namespace {

// Writes a session. Every method stands for one step of the boot script that made the reference.
class Session {
 public:
  void paragraph(std::string_view title) { line(fmt::format("echo @paragraph {}", title)); }
  void command(std::string_view text) {
    line("echo @raw");
    line(text);
  }
  void silently(std::string_view text) {
    line("echo @drop");
    line(text);
  }
  void log() {
    line("echo @log");
    line("dmesg -r -c");
  }
  void forget_log() { silently("dmesg -r -c"); }
  void load_file(std::string_view file, int flags, std::string_view parameters = "") {
    command(fmt::format("finit_module {} {}{}{}", file, flags, parameters.empty() ? "" : " ", parameters));
    log();
  }
  void load(std::string_view module, std::string_view parameters = "") {
    load_file(fmt::format("$M/{}.ko", module), 0, parameters);
  }
  void load_damaged(std::string_view name, int flags = 0) {
    load_file(fmt::format("$M/bad/{}.ko", name), flags);
  }
  void unload(std::string_view name, std::string_view how = "nonblock") {
    command(fmt::format("delete_module {} {}", name.empty() ? std::string_view("\"\"") : name, how));
    log();
  }
  void with_parameters(std::string_view parameters) {
    load("lm_param", parameters);
    silently("rmmod lm_param");
    forget_log();
  }
  void file(std::string_view path) { command(fmt::format("cat {}", path)); }
  // The lines of /proc/modules that name `part`.
  void modules_line(std::string_view part) {
    line(fmt::format("echo @only {}", part));
    line("cat /proc/modules");
  }
  // "NAME: contents", the contents on one line. The file may not end in a newline: an empty line follows.
  void value(std::string_view name, std::string_view path) {
    line(fmt::format("echo @value {}", name));
    line(fmt::format("cat {}", path));
    line("echo");
  }
  // "PREFIX[contents]"
  void bracketed(std::string_view prefix, std::string_view path) {
    line(fmt::format("echo @bracket {}", prefix));
    line(fmt::format("cat {}", path));
    line("echo");
  }
  void exit_status() { line("echo exit $?"); }
  void write(std::string_view parameter, std::string_view value) {
    const std::string path = fmt::format("/sys/module/lm_param/parameters/{}", parameter);
    command(fmt::format("echo write [{}] to {}", value, parameter));
    silently(value.empty() ? fmt::format("echo -n > {}", path) : fmt::format("echo -n {} > {}", value, path));
    line("echo @status $?");
    line(fmt::format("cat {}", path));
    line("echo");
    log();
  }
  void line(std::string_view text) {
    text_ += text;
    text_ += '\n';
  }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void first_steps(Session& s, bool has_property_note) {
  s.forget_log();
  s.paragraph("first out-of-tree unsigned module");
  s.load("orc_hello");
  s.paragraph("tainted");
  s.file("/proc/sys/kernel/tainted");
  s.paragraph("proc modules");
  s.file("/proc/modules");
  s.paragraph("sysfs of the module");
  std::vector<std::string> files = {"coresize", "initsize", "initstate", "notes/.note.Linux",
                                    "notes/.note.gnu.build-id"};
  if (has_property_note) files.emplace_back("notes/.note.gnu.property");
  files.insert(files.end(), {"refcnt", "taint", "uevent"});
  for (const std::string& file : files) s.value("./" + file, "/sys/module/orc_hello/" + file);
  s.line("echo @sorted ./sections/");
  s.line("ls /sys/module/orc_hello/sections");
  s.paragraph("duplicate load");
  s.load("orc_hello");
  s.paragraph("duplicate load by another file with the same name, damaged vermagic");
  s.load_damaged("bad_vermagic_release");
  s.paragraph("unload");
  s.unload("orc_hello");
  s.paragraph("tainted after unload");
  s.file("/proc/sys/kernel/tainted");
  s.paragraph("unload of a module that is not loaded");
  s.unload("orc_hello");
  s.paragraph("unload of an empty name");
  s.unload("");
  s.paragraph("second load of an unsigned module (no repeated taint lines)");
  s.load("orc_hello");
  s.unload("orc_hello");
  s.paragraph("init_module from memory");
  s.command("init_module $M/orc_hello.ko");
  s.log();
  s.unload("orc_hello");
  s.paragraph("busybox insmod: nonexistent file");
  s.command("insmod $M/none.ko");
  s.exit_status();
  s.log();
  s.paragraph("busybox insmod: duplicate");
  s.silently("insmod $M/orc_hello.ko");
  s.forget_log();
  s.command("insmod $M/orc_hello.ko");
  s.exit_status();
  s.log();
  s.silently("rmmod orc_hello");
  s.forget_log();
  s.paragraph("busybox rmmod: not loaded");
  s.command("rmmod orc_hello");
  s.exit_status();
  s.log();
}

constexpr std::string_view kAllGood =
    "i_int=5 i_uint=6 i_long=-7 i_ulong=8 i_ullong=18446744073709551615 i_short=-9 i_ushort=10 i_byte=255 "
    "i_hexint=0x1f "
    "i_bool=1 i_invbool=1 i_bint=1 i_boolen=1 i_charp=word i_str=seven77 i_arr=10,20,30 i_sarr=a,b,c "
    "hidden=9 pub_name=8 "
    "dash_name=7 unsafe_p=1";

constexpr std::string_view kParameters[] = {"i_int=abc",
                                            "i_int=",
                                            "i_int",
                                            "i_int=0x10",
                                            "i_int=010",
                                            "i_int=08",
                                            "i_int=+5",
                                            "i_int=-5",
                                            "i_int=5 i_int=6",
                                            "i_int=2147483647",
                                            "i_int=2147483648",
                                            "i_int=-2147483648",
                                            "i_int=-2147483649",
                                            "i_int=4294967295",
                                            "i_int=5x",
                                            "i_int=5.0",
                                            "i_int=\"5\"",
                                            "i_int=\" 5\"",
                                            "i_int=\"5 \"",
                                            "i_int=0b101",
                                            "i_int=1e3",
                                            "i_uint=-1",
                                            "i_uint=4294967295",
                                            "i_uint=4294967296",
                                            "i_uint=0xffffffff",
                                            "i_long=9223372036854775807",
                                            "i_long=9223372036854775808",
                                            "i_ulong=18446744073709551615",
                                            "i_ulong=18446744073709551616",
                                            "i_ulong=-1",
                                            "i_short=32767",
                                            "i_short=32768",
                                            "i_short=-32769",
                                            "i_ushort=65535",
                                            "i_ushort=65536",
                                            "i_byte=255",
                                            "i_byte=256",
                                            "i_byte=-1",
                                            "i_hexint=ff",
                                            "i_hexint=0xff",
                                            "i_hexint=10",
                                            "i_hexint=-1",
                                            "i_bool",
                                            "i_bool=1",
                                            "i_bool=0",
                                            "i_bool=y",
                                            "i_bool=Y",
                                            "i_bool=n",
                                            "i_bool=N",
                                            "i_bool=yes",
                                            "i_bool=no",
                                            "i_bool=on",
                                            "i_bool=off",
                                            "i_bool=ON",
                                            "i_bool=OFF",
                                            "i_bool=o",
                                            "i_bool=t",
                                            "i_bool=true",
                                            "i_bool=false",
                                            "i_bool=T",
                                            "i_bool=2",
                                            "i_bool=",
                                            "i_bool=maybe",
                                            "i_invbool=1",
                                            "i_invbool",
                                            "i_bint=1",
                                            "i_bint",
                                            "i_bint=7",
                                            "i_boolen=1",
                                            "i_boolen=0",
                                            "i_boolen",
                                            "i_charp=word",
                                            "i_charp=",
                                            "i_charp",
                                            "i_charp=\"two words\"",
                                            "i_charp=\"un",
                                            "i_charp=a=b",
                                            "i_charp=a\"b\"c",
                                            "i_charp=\"a\\\"b\"",
                                            "i_charp=a,b",
                                            "i_str=1234567",
                                            "i_str=12345678",
                                            "i_str=",
                                            "i_str",
                                            "i_arr=1",
                                            "i_arr=1,2,3,4",
                                            "i_arr=1,2,3,4,5",
                                            "i_arr=",
                                            "i_arr",
                                            "i_arr=1,,3",
                                            "i_arr=1,x",
                                            "i_arr=,1",
                                            "i_arr=1,",
                                            "i_sarr=a",
                                            "i_sarr=a,b,c,d",
                                            "i_sarr=a,,c",
                                            "i_sarr=\"a b\",c",
                                            "unknown=1",
                                            "unknown",
                                            "unknown=1 i_int=3",
                                            "i_int=3 unknown=abc",
                                            "bare words here",
                                            "hidden=4",
                                            "pub_name=3",
                                            "real_name=3",
                                            "dash-name=2",
                                            "dash_name=2",
                                            "i-int=4",
                                            "I_INT=4",
                                            "unsafe_p=1",
                                            "cb=ok",
                                            "cb=bad",
                                            "cb=",
                                            "cb",
                                            "cbna",
                                            "cbna=x",
                                            "cbna=bad",
                                            "  i_int=4   i_uint=5  ",
                                            "i_int=4,i_uint=5",
                                            "i_int =4",
                                            "i_int= 4",
                                            "-- i_int=4",
                                            "i_int=4 -- i_uint=7",
                                            "i_int=4;i_uint=5",
                                            "dyndbg",
                                            "dyndbg=+p",
                                            "dyndbg=bad",
                                            "async_probe",
                                            "async_probe=1",
                                            "lm_param.i_int=4"};

constexpr std::string_view kParameterFiles[] = {
    "cb",      "cbna",     "dash_name", "i_arr",     "i_bint",   "i_bool",  "i_boolen", "i_byte",
    "i_charp", "i_hexint", "i_int",     "i_invbool", "i_long",   "i_sarr",  "i_short",  "i_str",
    "i_uint",  "i_ullong", "i_ulong",   "i_ushort",  "pub_name", "unsafe_p"};

void parameter_steps(Session& s) {
  s.paragraph("params: none");
  s.with_parameters("");
  s.paragraph("params: all good");
  s.with_parameters(kAllGood);
  for (std::string_view parameters : kParameters) {
    s.paragraph(fmt::format("params: {}", parameters));
    s.with_parameters(parameters);
  }
  s.paragraph("param of 1100 characters (i_charp)");
  s.with_parameters("i_charp=" + std::string(1099, '0') + "7");
  s.log();
  s.paragraph("runtime writes");
  s.load("lm_param", "i_charp=start");
  s.line("echo @permissions");
  s.line("ls -l /sys/module/lm_param/parameters");
  for (std::string_view file : kParameterFiles) {
    s.bracketed(fmt::format("{} = ", file), fmt::format("/sys/module/lm_param/parameters/{}", file));
  }
  static constexpr std::pair<std::string_view, std::string_view> kWrites[] = {
      {"i_int", "12"},        {"i_int", "abc"},     {"i_int", "99999999999"}, {"i_bool", "y"},
      {"i_bool", "maybe"},    {"i_boolen", "1"},    {"i_boolen", "0"},        {"i_charp", "newtext"},
      {"i_charp", ""},        {"i_str", "1234567"}, {"i_str", "12345678"},    {"i_arr", "9,8"},
      {"i_arr", "1,2,3,4,5"}, {"i_uint", "3"},      {"cb", "hello"},          {"cb", "bad"},
      {"unsafe_p", "2"}};
  for (const auto& [parameter, value] : kWrites) s.write(parameter, value);
  s.silently("echo 12 > /sys/module/lm_param/parameters/i_int");
  s.value("with newline", "/sys/module/lm_param/parameters/i_int");
  s.silently("echo text > /sys/module/lm_param/parameters/i_charp");
  s.bracketed("charp with newline: ", "/sys/module/lm_param/parameters/i_charp");
  s.unload("lm_param");
}

void state_steps(Session& s) {
  for (const char* value : {"-1", "-2", "-5", "-12", "-14", "-16", "-17", "-19", "-22", "-95", "-512", "-517",
                            "-4095", "-4096", "-100000", "1", "2", "42", "2147483647"}) {
    s.paragraph(fmt::format("init returns {}", value));
    s.load("lm_ret", fmt::format("ret={}", value));
    s.unload("lm_ret");
  }
  s.paragraph("pinned module (try_module_get twice in init)");
  s.load("lm_ret", "pin=2");
  s.modules_line("lm_ret");
  s.unload("lm_ret");
  s.paragraph("forced unload of the pinned module");
  s.unload("lm_ret", "force");
  s.modules_line("lm_ret");
  s.paragraph("no exit function");
  s.load("lm_noexit");
  s.modules_line("lm_noexit");
  s.unload("lm_noexit");
  s.unload("lm_noexit", "force");
  s.modules_line("lm_noexit");
  for (const char* module : {"lm_noinit", "lm_empty"}) {
    s.paragraph(module == std::string_view("lm_empty") ? "neither init nor exit" : "no init function");
    s.load(module);
    s.modules_line(module);
    s.unload(module);
  }
}

void symbol_steps(Session& s) {
  s.paragraph("missing symbols (provider absent)");
  s.load("lm_cons");
  s.paragraph("provider then consumers");
  for (const char* module : {"lm_prov", "lm_cons", "lm_cons2"}) s.load(module);
  s.modules_line("lm_");
  s.line("echo @sorted");
  s.line("ls /sys/module/lm_prov/holders");
  s.paragraph("unload provider while used");
  s.unload("lm_prov");
  s.command("rmmod lm_prov");
  s.exit_status();
  s.paragraph("forced unload of the provider while used");
  s.unload("lm_prov", "force");
  s.paragraph("unload in order");
  for (const char* module : {"lm_cons2", "lm_cons", "lm_prov"}) s.unload(module);
  s.paragraph("consumer with a missing symbol next to a present one");
  s.load("lm_prov");
  s.load_damaged("cons_missing_symbol");
  s.paragraph("non-GPL consumer of a GPL-only symbol");
  s.load_damaged("cons_not_gpl");
  s.unload("lm_prov");
  s.paragraph("duplicate exported symbol");
  s.load("lm_dupsym");
  s.load_damaged("dupsym_copy");
  s.unload("lm_dupsym");
  s.paragraph("module without licence");
  s.load_damaged("no_license");
  s.file("/proc/sys/kernel/tainted");
  s.unload("orc_hello");
  s.paragraph("proprietary licence");
  s.load("lm_prop");
  s.modules_line("lm_prop");
  s.unload("lm_prop");
}

void file_step(Session& s, std::string_view name, std::string_view title_end, int flags) {
  s.paragraph(fmt::format("file: {}{}", name, title_end));
  s.load_damaged(name, flags);
  s.line("echo @ifok (it had loaded)");
  s.line("rmmod orc_hello");
  s.line("echo @done $?");
  s.forget_log();
}

void file_steps(Session& s) {
  for (const char* name : {"bad_vermagic_release",
                           "bad_vermagic_flags",
                           "no_vermagic",
                           "bad_crc_module_layout",
                           "bad_crc__printk",
                           "no_versions_section",
                           "no_modinfo",
                           "no_this_module",
                           "truncated_half",
                           "truncated_32_bytes",
                           "truncated_last_100",
                           "empty_file",
                           "text_file",
                           "elf_class32",
                           "elf_machine_386",
                           "elf_machine_aarch64",
                           "elf_type_exec",
                           "executable",
                           "bad_signature_marker",
                           "trailing_garbage",
                           "stripped_all",
                           "stripped_debug",
                           "gzipped"}) {
    file_step(s, name, "", 0);
  }
  for (const char* name : {"bad_vermagic_release", "bad_vermagic_flags", "no_vermagic"}) {
    file_step(s, name, " with MODULE_INIT_IGNORE_VERMAGIC", 2);
  }
  for (const char* name : {"bad_crc_module_layout", "bad_crc__printk", "no_versions_section"}) {
    file_step(s, name, " with MODULE_INIT_IGNORE_MODVERSIONS", 1);
  }
  s.paragraph("unknown finit_module flags");
  s.load_file("$M/orc_hello.ko", 64);
  s.paragraph("compressed-file flag on a plain file");
  s.load_file("$M/orc_hello.ko", 4);
  s.paragraph("compressed-file flag on a gzip file");
  s.load_damaged("gzipped", 4);
  s.paragraph("a directory");
  s.load_file("$M/", 0);
}

void concurrent_steps(Session& s) {
  s.paragraph("unload while init still runs");
  s.command("finit_module $M/lm_ret.ko 0 sleep=1500 &");
  s.line("sleep 0.5");
  s.modules_line("lm_ret");
  s.file("/sys/module/lm_ret/initstate");
  s.unload("lm_ret");
  s.paragraph("second load while init still runs");
  s.command("finit_module $M/lm_ret.ko 0");
  s.log();
  s.command("wait");
  s.log();
  s.unload("lm_ret");
  s.paragraph("load while exit still runs");
  s.load("lm_ret", "exitsleep=1500");
  s.command("delete_module lm_ret nonblock &");
  s.line("sleep 0.5");
  s.modules_line("lm_ret");
  s.file("/sys/module/lm_ret/initstate");
  s.command("delete_module lm_ret nonblock");
  s.line("finit_module $M/lm_ret.ko 0");
  s.line("wait");
  s.log();
  s.unload("lm_ret");
  s.paragraph("two concurrent loads, the first fails");
  s.command("finit_module $M/lm_ret.ko 0 sleep=1500 ret=-5 &");
  s.line("sleep 0.5");
  s.line("finit_module $M/lm_ret.ko 0");
  s.line("wait");
  s.log();
  s.unload("lm_ret");
  s.paragraph("end taint");
  s.file("/proc/sys/kernel/tainted");
  s.paragraph("modules_disabled");
  s.load("orc_hello");
  s.silently("echo 1 > /proc/sys/kernel/modules_disabled");
  s.unload("orc_hello");
  s.load("lm_empty");
}

Run loader_run(const std::string& kernel, std::string name, std::string script) {
  Run run;
  run.id = fmt::format("{}/loader_{}", kernel, name);
  run.kernel = kernel;
  run.script = std::move(script);
  run.cpus = 1;
  run.lazy = false;
  run.memory = "512M";
  return run;
}

void list_sysfs(Session& s) {
  s.paragraph("[fresh boot] sysfs listing of a loaded module");
  s.load("lm_param", "i_int=7");
  s.line("echo @tree .");
  s.line("ls /sys/module/lm_param");
  for (const char* directory : {"holders", "notes", "parameters", "sections"}) {
    s.line(fmt::format("echo @branch ./{}", directory));
    s.line(fmt::format("ls /sys/module/lm_param/{}", directory));
  }
  s.line("echo @end");
  for (const char* file : {"coresize", "initsize", "initstate", "refcnt", "taint", "version", "srcversion"}) {
    s.value(file, fmt::format("/sys/module/lm_param/{}", file));
  }
  s.modules_line("lm_param");
  s.line("echo @kallsyms [lm_param]");
  s.line("cat /proc/kallsyms");
}

std::vector<Run> fresh_boots(const std::string& kernel) {
  std::vector<Run> runs;
  const auto boot = [&](std::string_view title, auto steps, std::string options = "") {
    Session s;
    s.forget_log();
    s.paragraph(fmt::format("[fresh boot] {}", title));
    steps(s);
    s.file("/proc/sys/kernel/tainted");
    runs.push_back(loader_run(kernel, fmt::format("fresh_{}", runs.size()), s.take()));
    runs.back().boot_options = std::move(options);
  };
  boot("missing symbol, first module", [](Session& s) { s.load("lm_cons"); });
  boot("non-GPL consumer of a GPL-only symbol, second module", [](Session& s) {
    s.silently("insmod $M/lm_prov.ko");
    s.forget_log();
    s.load_damaged("cons_not_gpl");
  });
  boot("bad CRC, MODULE_INIT_IGNORE_MODVERSIONS, first module",
       [](Session& s) { s.load_damaged("bad_crc__printk", 1); });
  boot("duplicate export, first modules", [](Session& s) {
    s.load("lm_dupsym");
    s.load_damaged("dupsym_copy");
  });
  boot("forced unload, first module", [](Session& s) {
    s.load("lm_ret", "pin=1");
    s.unload("lm_ret", "force");
  });
  boot("forced unload of a module without exit, first module", [](Session& s) {
    s.load("lm_noexit");
    s.unload("lm_noexit", "force");
  });
  boot("module without licence, first module", [](Session& s) { s.load_damaged("no_license"); });
  boot("no .modinfo, first module", [](Session& s) { s.load_damaged("no_modinfo"); });
  boot("proprietary licence, first module", [](Session& s) { s.load("lm_prop"); });
  boot(
      "module.sig_enforce=1, unsigned module", [](Session& s) { s.load("orc_hello"); },
      "module.sig_enforce=1");
  Session listing;
  listing.forget_log();
  list_sysfs(listing);
  runs.push_back(loader_run(kernel, "fresh_listing", listing.take()));
  return runs;
}

}  // namespace

std::vector<Run> loader_runs(const std::string& kernel) {
  Session s;
  first_steps(s, kernel != "6.1");
  parameter_steps(s);
  state_steps(s);
  symbol_steps(s);
  file_steps(s);
  concurrent_steps(s);
  std::vector<Run> runs = {loader_run(kernel, "session", s.take())};
  for (Run& run : fresh_boots(kernel)) runs.push_back(std::move(run));
  return runs;
}

Document read_loader_reference(std::string_view text) {
  Document document;
  for (Line& line : without_noise(numbered_lines(text))) {
    if (line.text.starts_with("## ")) {
      document.push_back({line.text.substr(3), {}});
    } else if (!document.empty()) {
      document.back().lines.push_back(std::move(line));
    }
  }
  return document;
}

}  // namespace koi::conformance
