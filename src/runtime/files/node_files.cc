// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/files/node_files.h"

#include <algorithm>
#include <cerrno>
#include <optional>

#include "engine/mm/proc_text.h"
#include "runtime/files/memory_files.h"
#include "runtime/kernel.h"
#include "runtime/memory/memory.h"

namespace koi::runtime {
namespace {

constexpr std::string_view kNodeRoot = "/sys/devices/system/node";

const mm::NodeMap& nodes_of(Kernel& kernel) { return kernel.memory().pages().nodes(); }

std::vector<u32> cpus_of(Kernel& kernel, mm::NodeId node) {
  std::vector<u32> cpus;
  for (u32 cpu = 0; cpu < kernel.config().cpus; ++cpu) {
    if (nodes_of(kernel).of(VcpuId{cpu}) == node) cpus.push_back(cpu);
  }
  return cpus;
}

std::string all_nodes(Kernel& kernel) {
  std::vector<u32> nodes;
  for (u32 node = 0; node < nodes_of(kernel).count(); ++node) nodes.push_back(node);
  return list_text(nodes) + "\n";
}

std::string nodes_with_cpus(Kernel& kernel) {
  std::vector<u32> nodes;
  for (u32 node = 0; node < nodes_of(kernel).count(); ++node) {
    if (!cpus_of(kernel, mm::NodeId{node}).empty()) nodes.push_back(node);
  }
  return list_text(nodes) + "\n";
}

std::string no_nodes(Kernel& /*kernel*/) { return "\n"; }

struct MaskFile {
  std::string_view name;
  std::string (*read)(Kernel& kernel);
};
constexpr MaskFile kMasks[] = {{"has_cpu", nodes_with_cpus}, {"has_generic_initiator", no_nodes},
                               {"has_memory", all_nodes},    {"has_normal_memory", all_nodes},
                               {"online", all_nodes},        {"possible", all_nodes}};

std::string cpulist(Kernel& kernel, mm::NodeId node) { return list_text(cpus_of(kernel, node)) + "\n"; }

// Hexadecimal, in groups of 32 CPUs, as many as the machine's CPUs need.
std::string cpumap(Kernel& kernel, mm::NodeId node) {
  const u32 cpus = kernel.config().cpus;
  std::string text;
  for (u32 group = (cpus - 1) / 32 + 1; group-- > 0;) {
    u32 bits = 0;
    const u32 in_group = std::min(cpus - group * 32, 32u);
    for (u32 cpu = 0; cpu < in_group; ++cpu) {
      if (nodes_of(kernel).of(VcpuId{group * 32 + cpu}) == node) bits |= 1u << cpu;
    }
    text += fmt::format("{:0{}x}{}", bits, (in_group + 3) / 4, group == 0 ? "" : ",");
  }
  return text + "\n";
}

std::string distance(Kernel& kernel, mm::NodeId node) {
  std::string text;
  for (u32 to = 0; to < nodes_of(kernel).count(); ++to)
    text += fmt::format("{}{}", to == 0 ? "" : " ", mm::NodeMap::distance(node, mm::NodeId{to}));
  return text + "\n";
}

std::string meminfo(Kernel& kernel, mm::NodeId node) {
  return mm::node_meminfo_text(kernel.memory().pages(), kernel.memory().slabs(), memory_use(kernel), node);
}

std::string numastat(Kernel& kernel, mm::NodeId node) {
  return mm::node_numastat_text(kernel.memory().pages(), node);
}

struct NodeFile {
  std::string_view name;
  std::string (*read)(Kernel& kernel, mm::NodeId node);
};
constexpr NodeFile kNodeFiles[] = {{"cpulist", cpulist},
                                   {"cpumap", cpumap},
                                   {"distance", distance},
                                   {"meminfo", meminfo},
                                   {"numastat", numastat}};

// "node1" -> 1, of a node that there is.
std::optional<mm::NodeId> node_named(Kernel& kernel, std::string_view name) {
  if (name.size() != 5 || !name.starts_with("node")) return std::nullopt;
  const auto number = static_cast<u32>(name[4] - '0');
  if (name[4] < '0' || number >= nodes_of(kernel).count()) return std::nullopt;
  return mm::NodeId{number};
}

}  // namespace

std::string list_text(const std::vector<u32>& numbers) {
  std::string text;
  for (size_t i = 0; i < numbers.size();) {
    size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[i]);
    if (last > i) text += fmt::format("-{}", numbers[last]);
    i = last + 1;
  }
  return text;
}

bool is_node_path(std::string_view path) {
  return path.starts_with(kNodeRoot) && (path.size() == kNodeRoot.size() || path[kNodeRoot.size()] == '/');
}

Result<std::string> read_node_file(Kernel& kernel, std::string_view path) {
  const std::string_view rest = path.substr(std::min(path.size(), kNodeRoot.size() + 1));
  const size_t slash = rest.find('/');
  const auto node = node_named(kernel, rest.substr(0, slash));
  if (rest.empty() || (node && slash == std::string_view::npos))
    return make_errno(EISDIR, "{}: Is a directory", path);
  if (node) {
    for (const NodeFile& file : kNodeFiles) {
      if (file.name == rest.substr(slash + 1)) return file.read(kernel, *node);
    }
  } else {
    for (const MaskFile& file : kMasks) {
      if (file.name == rest) return file.read(kernel);
    }
  }
  return make_errno(ENOENT, "{}: No such file or directory", path);
}

std::vector<FileEntry> list_node_files(Kernel& kernel, std::string_view path) {
  std::vector<FileEntry> entries;
  const std::string_view rest = path.substr(std::min(path.size(), kNodeRoot.size() + 1));
  if (rest.empty()) {
    for (const MaskFile& file : kMasks) entries.push_back({std::string(file.name), 0444, false});
    for (u32 node = 0; node < nodes_of(kernel).count(); ++node)
      entries.push_back({fmt::format("node{}", node), 0755, true});
  } else if (node_named(kernel, rest)) {
    for (const NodeFile& file : kNodeFiles) entries.push_back({std::string(file.name), 0444, false});
  }
  return entries;
}

}  // namespace koi::runtime
