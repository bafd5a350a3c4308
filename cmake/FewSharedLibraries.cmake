# SPDX-License-Identifier: GPL-2.0-only
# Each shared library costs every start of koi 0.1 to 0.4 ms: it is looked for, mapped, relocated and its symbols are looked
# up, and libstdc++ costs most. So what is there as an archive is linked from it, and fmt is compiled from its own headers.
# libdw is opened when a splat needs it (module/dwarf_lines.cc).

# koi_archive(<name> <pkg-config target> [<targets its archive needs>...]): the target koi_<name>, which is lib<name>.a if that is
# there, else what pkg-config says.
function(koi_archive name shared)
  find_library(KOI_ARCHIVE_${name} lib${name}.a)
  mark_as_advanced(KOI_ARCHIVE_${name})
  if(KOI_ARCHIVE_${name})
    add_library(koi_${name} STATIC IMPORTED GLOBAL)
    get_target_property(includes ${shared} INTERFACE_INCLUDE_DIRECTORIES)
    if(NOT includes)
      set(includes "")
    endif()
    set_target_properties(koi_${name} PROPERTIES IMPORTED_LOCATION "${KOI_ARCHIVE_${name}}"
                          INTERFACE_LINK_LIBRARIES "${ARGN}" INTERFACE_INCLUDE_DIRECTORIES "${includes}")
  else()
    add_library(koi_${name} INTERFACE IMPORTED GLOBAL)
    target_link_libraries(koi_${name} INTERFACE ${shared})
  endif()
endfunction()

# koi_fmt: fmt as every layer links it.
function(koi_define_fmt)
  if(fmt_VERSION VERSION_LESS 9 OR fmt_VERSION VERSION_GREATER_EQUAL 10)
    add_library(koi_fmt INTERFACE)
    target_link_libraries(koi_fmt INTERFACE fmt::fmt)
    return()
  endif()
  add_library(koi_fmt STATIC ${PROJECT_SOURCE_DIR}/cmake/fmt_library.cc)
  get_target_property(definitions fmt::fmt INTERFACE_COMPILE_DEFINITIONS)
  get_target_property(includes fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
  if(definitions)
    target_compile_definitions(koi_fmt PUBLIC ${definitions})
  endif()
  target_include_directories(koi_fmt SYSTEM PUBLIC ${includes})
endfunction()

# koi_link_for_start(<executable>): the C++ runtime inside, and relocations that are quick to read; at a fixed address just
# above the window (host/address_map.h), since processors take longer to predict a jump out of its 4 GiB: a nanosecond each
# way between a module and koi. Not below the window: the kernel starts the heap up to a gigabyte behind the image.
function(koi_link_for_start executable)
  include(CheckLinkerFlag)
  if(NOT KOI_SANITIZE AND NOT KOI_FUZZ)
    target_link_options(${executable} PRIVATE -static-libstdc++ -static-libgcc)
    set_target_properties(${executable} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_link_options(${executable} PRIVATE -no-pie -Wl,-Ttext-segment=0x58000000)
  endif()
  check_linker_flag(CXX "-Wl,-z,pack-relative-relocs" KOI_LINKER_PACKS_RELOCATIONS)
  if(KOI_LINKER_PACKS_RELOCATIONS)
    target_link_options(${executable} PRIVATE -Wl,-z,pack-relative-relocs)
  endif()
  target_link_options(${executable} PRIVATE -Wl,--as-needed)
endfunction()
