#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Damaged copies of good modules, for the loader's error paths: make_damaged.py DIR writes DIR/bad/*.ko."""
import gzip
import os
import struct
import subprocess
import sys

top = sys.argv[1]
out = os.path.join(top, "bad")
os.makedirs(out, exist_ok=True)


def read(name):
    with open(os.path.join(top, name + ".ko"), "rb") as file:
        return bytearray(file.read())


def write(name, data):
    with open(os.path.join(out, name + ".ko"), "wb") as file:
        file.write(bytes(data))


def sections(data):
    """name -> (offset of the contents, size, offset of the name)"""
    table = struct.unpack_from("<Q", data, 40)[0]
    count, names = struct.unpack_from("<HH", data, 60)
    rows = [struct.unpack_from("<IIQQQQIIQQ", data, table + 64 * i) for i in range(count)]
    strings = rows[names][4]
    found = {}
    for row in rows:
        at = strings + row[0]
        found[bytes(data[at:data.index(0, at)]).decode()] = (row[4], row[5], at)
    return found


def swap(data, old, new):
    assert len(old) == len(new) and old in data, old
    return bytearray(bytes(data).replace(old, new))


def patched(data, at, value):
    data = bytearray(data)
    data[at] = value
    return data


hello = read("orc_hello")
consumer = read("lm_cons")

magic = bytes(hello[hello.index(b"vermagic=") + 9:])
magic = magic[:magic.index(0)]
release = magic.split(b" ")[0]
other = release.replace(b"-56-", b"-99-") if b"-56-" in release else release.replace(b".117", b".999")
assert release != other
write("bad_vermagic_release", swap(hello, b"vermagic=" + magic, b"vermagic=" + magic.replace(release, other)))
write("bad_vermagic_flags", swap(hello, b"vermagic=" + magic, b"vermagic=" + magic.replace(b"preempt", b"preempX")))
write("no_vermagic", swap(hello, b"vermagic=", b"vermagix="))
write("no_license", swap(hello, b"license=GPL", b"licenst=GPL"))
write("cons_not_gpl", swap(consumer, b"license=GPL", b"license=XXX"))
write("cons_missing_symbol", swap(consumer, b"lm_prov_any", b"lm_prov_zzz"))
write("dupsym_copy", swap(read("lm_dupsym"), b"lm_dupsym", b"lm_dupsyn"))

for symbol in (b"module_layout", b"_printk"):
    data = read("orc_hello")
    start, size, _ = sections(data)["__versions"]
    for entry in range(start, start + size, 64):
        if data[entry + 8:entry + 9 + len(symbol)] == symbol + b"\0":
            data[entry] ^= 0xFF
            break
    else:
        raise SystemExit("no " + symbol.decode())
    write("bad_crc_" + symbol.decode(), data)

for section, name, target in (("__versions", b"__versionz", "no_versions_section"),
                              (".modinfo", b".modinfp", "no_modinfo"),
                              (".gnu.linkonce.this_module", b".gnu.linkonce.this_modulx", "no_this_module")):
    data = read("orc_hello")
    at = sections(data)[section][2]
    data[at:at + len(name)] = name
    write(target, data)

write("truncated_half", hello[:len(hello) // 2])
write("truncated_32_bytes", hello[:32])
write("truncated_last_100", hello[:-100])
write("empty_file", b"")
write("text_file", b"hello, this is no module\n" * 10)
write("elf_class32", patched(hello, 4, 1))
write("elf_machine_386", patched(hello, 18, 3))
write("elf_machine_aarch64", patched(hello, 18, 183))
write("elf_type_exec", patched(hello, 16, 2))
# A statically linked program as far as a loader looks: its ELF header, then 100,000 bytes in all.
write("executable", struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, 0x401000, 64, 0, 0, 64, 56, 1, 64, 0, 0)
      + bytes(100000 - 64))
write("bad_signature_marker", bytes(hello) + b"garbage garbage garbage " + b"~Module signature appended~\n")
write("trailing_garbage", bytes(hello) + b"garbage" * 10)
write("gzipped", gzip.compress(bytes(hello), mtime=0))
whole = os.path.join(top, "orc_hello.ko")
subprocess.run(["strip", "-o", os.path.join(out, "stripped_all.ko"), whole], check=True)
subprocess.run(["strip", "--strip-debug", "-o", os.path.join(out, "stripped_debug.ko"), whole], check=True)
