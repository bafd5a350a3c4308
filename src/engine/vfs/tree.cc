// SPDX-License-Identifier: GPL-2.0-only
#include "engine/vfs/tree.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/check.h"

namespace koi::vfs {
namespace {

constexpr u32 kMaxLinks = 40;  // as the kernel's path walk

struct StandardDirectory {
  Place place;
  Place parent;
  std::string_view name;
};
// In the order of their numbers.
constexpr StandardDirectory kStandard[] = {
    {kProc, kRoot, "proc"},
    {kSys, kRoot, "sys"},
    {kDev, kRoot, "dev"},
    {kSysKernel, kSys, "kernel"},
    {kSysKernelDebug, kSysKernel, "debug"},
    {kSysKernelMm, kSysKernel, "mm"},
    {kSysClass, kSys, "class"},
    {kSysDevices, kSys, "devices"},
    {kSysDevicesVirtual, kSysDevices, "virtual"},
    {kSysBus, kSys, "bus"},
    {kSysFs, kSys, "fs"},
    {kSysFirmware, kSys, "firmware"},
    {kSysHypervisor, kSys, "hypervisor"},
    {kSysPower, kSys, "power"},
    {kSysModule, kSys, "module"},
    {kSysDev, kSys, "dev"},
    {kSysDevChar, kSysDev, "char"},
    {kSysDevBlock, kSysDev, "block"},
    {kSysDevicesPlatform, kSysDevices, "platform"},
    {kProcDriver, kProc, "driver"},
    {kProcFs, kProc, "fs"},
    {kProcSys, kProc, "sys"},
    {kProcBus, kProc, "bus"},
    {kProcIrq, kProc, "irq"},
    {kProcNet, kProc, "net"},
};

}  // namespace

Tree::Tree(std::pmr::memory_resource* resource) : nodes_(resource), names_(resource) {
  Node root{next_++, kNoNode, std::pmr::string("/", resource), kDirectory | 0755,
            0,       0,       std::pmr::string(resource)};
  nodes_.emplace(kRoot, std::move(root));
  for (const StandardDirectory& directory : kStandard) {
    const s64 made = add({directory.parent, directory.name, kDirectory | 0755, 0, 0, {}});
    CHECK(made == directory.place, "standard directory {} got number {}", directory.name, made);
  }
}

s64 Tree::add(const NewNode& wanted) {
  const Node* const parent = node(wanted.parent);
  if (parent == nullptr) return -ENOENT;
  if (!parent->is_directory()) return -ENOTDIR;
  if (wanted.name.empty() || wanted.name.find('/') != std::string_view::npos) return -EINVAL;
  if (child(wanted.parent, wanted.name) != kNoNode) return -EEXIST;
  std::pmr::memory_resource* const resource = nodes_.get_allocator().resource();
  const NodeId id = next_++;
  Node made{id,
            wanted.parent,
            std::pmr::string(wanted.name, resource),
            wanted.mode,
            wanted.object,
            wanted.owner,
            std::pmr::string(wanted.target, resource)};
  nodes_.emplace(id, std::move(made));
  names_.emplace(std::pair(wanted.parent, std::pmr::string(wanted.name, resource)), id);
  return id;
}

void Tree::remove(NodeId id) {
  if (id <= kLastPlace || node(id) == nullptr) return;
  // Below comes before above, so that no node is ever without its parent.
  std::vector<NodeId> doomed{id};
  for (size_t i = 0; i < doomed.size(); ++i) {
    const std::vector<NodeId> below = children(doomed[i]);
    doomed.insert(doomed.end(), below.begin(), below.end());
  }
  for (auto it = doomed.rbegin(); it != doomed.rend(); ++it) {
    const auto at = nodes_.find(*it);
    names_.erase(names_.find(std::pair(at->second.parent, std::string_view(at->second.name))));
    nodes_.erase(at);
  }
}

void Tree::set_target(NodeId id, std::string_view target) {
  if (const auto at = nodes_.find(id); at != nodes_.end()) at->second.target = target;
}

void Tree::disown_below(NodeId top) {
  const auto is_below = [&](NodeId id) {
    for (const Node* at = node(id); at != nullptr; at = node(at->parent)) {
      if (at->id == top) return true;
    }
    return false;
  };
  for (auto& [id, made] : nodes_) {
    if (made.owner != 0 && is_below(id)) made.owner = 0;
  }
}

s64 Tree::rename(NodeId id, std::string_view name) {
  const auto at = nodes_.find(id);
  if (at == nodes_.end() || id <= kLastPlace) return -ENOENT;
  if (name.empty() || name.find('/') != std::string_view::npos) return -EINVAL;
  Node& renamed = at->second;
  if (child(renamed.parent, name) != kNoNode) return -EEXIST;
  names_.erase(names_.find(std::pair(renamed.parent, std::string_view(renamed.name))));
  renamed.name = name;
  names_.emplace(std::pair(renamed.parent, renamed.name), id);
  return 0;
}

const Node* Tree::node(NodeId id) const {
  const auto at = nodes_.find(id);
  return at == nodes_.end() ? nullptr : &at->second;
}

NodeId Tree::child(NodeId parent, std::string_view name) const {
  const auto at = names_.find(std::pair(parent, name));
  return at == names_.end() ? kNoNode : at->second;
}

NodeId Tree::first_child(NodeId parent) const {
  const auto at = names_.lower_bound(std::pair(parent, std::string_view()));
  return at == names_.end() || at->first.first != parent ? kNoNode : at->second;
}

std::vector<NodeId> Tree::children(NodeId parent) const {
  std::vector<NodeId> list;
  for (auto at = names_.lower_bound(std::pair(parent, std::string_view())); at != names_.end(); ++at) {
    if (at->first.first != parent) break;
    list.push_back(at->second);
  }
  return list;
}

NodeId Tree::find(std::string_view path, Follow follow) const { return walk(path, follow, kMaxLinks); }

NodeId Tree::walk(std::string_view path, Follow follow, u32 links_left) const {
  if (!path.starts_with('/')) return kNoNode;
  NodeId at = kRoot;
  while (!path.empty() && at != kNoNode) {
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    if (path.empty()) break;
    const std::string_view name = path.substr(0, path.find('/'));
    path.remove_prefix(name.size());
    if (name == ".") continue;
    if (name == "..") {
      if (at != kRoot) at = node(at)->parent;
      continue;
    }
    at = child(at, name);
    const Node* const here = node(at);
    const bool last = path.find_first_not_of('/') == std::string_view::npos;
    if (here == nullptr || !here->is_link() || (last && follow == Follow::kNo)) continue;
    if (links_left == 0) return kNoNode;
    at = walk(here->target, Follow::kYes, --links_left);
  }
  return at;
}

std::string Tree::path(NodeId id) const {
  if (id == kRoot) return "/";
  std::string text;
  for (const Node* at = node(id); at != nullptr && at->id != kRoot; at = node(at->parent)) {
    text = fmt::format("/{}{}", std::string_view(at->name), text);
  }
  return text;
}

std::vector<NodeId> Tree::owned_by(u64 owner) const {
  std::vector<NodeId> list;
  if (owner == 0) return list;
  for (const auto& [id, made] : nodes_) {
    if (made.owner != owner) continue;
    const Node* const parent = node(made.parent);
    if (parent == nullptr || parent->owner != owner) list.push_back(id);
  }
  return list;
}

void Tree::disown(u64 owner) {
  for (auto& [id, made] : nodes_) {
    if (made.owner == owner) made.owner = 0;
  }
}

void Tree::check_invariants() const {
  CHECK(names_.size() + 1 == nodes_.size(), "{} names for {} nodes", names_.size(), nodes_.size());
  for (const auto& [key, id] : names_) {
    const Node* const named = node(id);
    CHECK(named != nullptr && named->id == id && named->parent == key.first && named->name == key.second);
    const Node* const parent = node(named->parent);
    CHECK(parent != nullptr && parent->is_directory(), "node {} has no directory", id);
  }
}

}  // namespace koi::vfs
