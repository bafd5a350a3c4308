// SPDX-License-Identifier: GPL-2.0-only
// A record as text: the forms in which the kernel gives its log away.
#pragma once

#include <string>

#include "engine/printk/log.h"

namespace koi::printk {

enum class Stamp : u8 { kNo, kYes };        // "[    0.000000] "
enum class LevelPrefix : u8 { kNo, kYes };  // "<6>", of facility and level

// The record's lines, each with its prefix and newline: a console's copy and `dmesg` (no level prefix), syslog(2)
// and `dmesg -r` (with it). Lines that do not fit the kernel's buffer (1024 bytes in 6.1, 2048 in 6.12) are cut off.
void append_text(std::string& out, const Record& record, Release release, LevelPrefix level, Stamp stamp);

// The form of /dev/kmsg: "6,seq,usec,-;text\n", everything but printable ASCII as \xNN, then SUBSYSTEM and DEVICE
// lines if a device is attached. Cut at 8192 bytes in 6.1, 2048 in 6.12.
void append_kmsg(std::string& out, const Record& record, Release release);

// All final records of a log, oldest first.
[[nodiscard]] std::string dmesg(const Log& log, LevelPrefix level, Stamp stamp);
[[nodiscard]] std::string dev_kmsg(const Log& log);

}  // namespace koi::printk
