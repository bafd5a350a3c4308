// SPDX-License-Identifier: GPL-2.0-only
// Tree: the names of all virtual files of a machine.
//
//   "/" ── proc ── sys ── kernel ── debug ── dev ...     the standard directories are there from the start
//
// A node knows its name, mode, the address of the C core's object behind it (0: none) and which module made it (0: the
// kernel). Nothing is called from here. Cost: O(log nodes) a step; listing is in the order of names.
#pragma once

#include <map>
#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/types.h"

namespace koi::vfs {

using NodeId = u32;
inline constexpr NodeId kNoNode = 0;

// Directories that are always there. The C core knows them by these numbers (enum koi_vfs_place in kernel/koi_core.h).
enum Place : NodeId {
  kRoot = 1,
  kProc,
  kSys,
  kDev,
  kSysKernel,
  kSysKernelDebug,
  kSysKernelMm,
  kSysClass,
  kSysDevices,
  kSysDevicesVirtual,
  kSysBus,
  kSysFs,
  kSysFirmware,
  kSysHypervisor,
  kSysPower,
  kSysModule,
  kSysDev,
  kSysDevChar,
  kSysDevBlock,
  kSysDevicesPlatform,
  kProcDriver,
  kProcFs,
  kProcSys,
  kProcBus,
  kProcIrq,
  kProcNet,
  kLastPlace = kProcNet,
};

// The file type bits of a mode, as in <linux/stat.h>.
inline constexpr u32 kTypeMask = 0170000;
inline constexpr u32 kDirectory = 0040000;
inline constexpr u32 kRegular = 0100000;
inline constexpr u32 kLink = 0120000;
inline constexpr u32 kCharDevice = 0020000;

struct Node {
  NodeId id = kNoNode;
  NodeId parent = kNoNode;
  std::pmr::string name;
  u32 mode = 0;
  u64 object = 0;
  u64 owner = 0;
  std::pmr::string target;  // of links: an absolute path

  [[nodiscard]] bool is_directory() const { return (mode & kTypeMask) == kDirectory; }
  [[nodiscard]] bool is_link() const { return (mode & kTypeMask) == kLink; }
};

class Tree {
 public:
  explicit Tree(std::pmr::memory_resource* resource);

  struct NewNode {
    NodeId parent = kNoNode;
    std::string_view name;
    u32 mode = 0;
    u64 object = 0;
    u64 owner = 0;
    std::string_view target;
  };
  // The new node's number, or a negative errno: ENOENT (no such directory), ENOTDIR, EEXIST, EINVAL (no name for a
  // file).
  s64 add(const NewNode& wanted);
  // Removes a node with everything below it. The standard directories stay.
  void remove(NodeId id);
  void set_target(NodeId id, std::string_view target);
  // `top` and what is in it belong to no module, whoever made the call that made them.
  void disown_below(NodeId top);
  // -EEXIST: the name is taken.
  s64 rename(NodeId id, std::string_view name);

  [[nodiscard]] const Node* node(NodeId id) const;
  [[nodiscard]] NodeId child(NodeId parent, std::string_view name) const;
  [[nodiscard]] NodeId first_child(NodeId parent) const;
  [[nodiscard]] std::vector<NodeId> children(NodeId parent) const;
  // Walks an absolute path. Links on the way are followed; the last name's only if `follow` says so.
  enum class Follow : u8 { kNo, kYes };
  [[nodiscard]] NodeId find(std::string_view path, Follow follow = Follow::kYes) const;
  [[nodiscard]] std::string path(NodeId id) const;
  // What `owner` made and is still there; of a directory that it made, only the directory.
  [[nodiscard]] std::vector<NodeId> owned_by(u64 owner) const;
  // Nobody owns them any more: their owner is gone.
  void disown(u64 owner);
  [[nodiscard]] u64 size() const { return nodes_.size(); }

  void check_invariants() const;

 private:
  struct ByName {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const std::pair<NodeId, A>& a, const std::pair<NodeId, B>& b) const {
      if (a.first != b.first) return a.first < b.first;
      return std::string_view(a.second) < std::string_view(b.second);
    }
  };

  [[nodiscard]] NodeId walk(std::string_view path, Follow follow, u32 links_left) const;

  std::pmr::map<NodeId, Node> nodes_;
  std::pmr::map<std::pair<NodeId, std::pmr::string>, NodeId, ByName> names_;  // by (parent, name)
  NodeId next_ = kRoot;
};

}  // namespace koi::vfs
