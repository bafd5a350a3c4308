# SPDX-License-Identifier: GPL-2.0-only
# cmake -DLIST=file -DROOT=dir -DOUT=file -P HashCoreSources.cmake: one hash of the names (below ROOT) and the bytes of the
# files that LIST names, as a C++ constant in OUT.
file(STRINGS ${LIST} files)
set(all "")
foreach(path IN LISTS files)
  file(SHA256 ${path} hash)
  file(RELATIVE_PATH name ${ROOT} ${path})
  string(APPEND all "${hash} ${name}\n")
endforeach()
string(SHA256 all_hash "${all}")
file(WRITE ${OUT} "// Generated: a hash of the C core's sources.
extern const char koi_core_sources_hash[];
const char koi_core_sources_hash[] = \"${all_hash}\";
")
