// SPDX-License-Identifier: GPL-2.0-only
// What the C core's file systems call: the tree of names, and the numbers of character devices (kernel/koi_core.h).
#include <algorithm>
#include <cerrno>

#include "host/guest_memory.h"
#include "kapi/fault.h"
#include "kapi/kernel_ref.h"
#include "kapi/tables.h"
#include "runtime/console.h"
#include "runtime/files/virtual_files.h"

namespace koi::kapi {
namespace {

using guest::Address;

constexpr u64 kLongestName = 4096;
constexpr int kLevelError = 3;

vfs::Tree& tree() { return current().files().tree(); }

vfs::NodeId id_of(u64 node) { return static_cast<vfs::NodeId>(node); }

// A name that the module gave. nullopt: a bad pointer; the oops comes at the border.
std::optional<std::string> load_name(Address name) {
  auto text = guest::load_string(name, kLongestName);
  if (!text) raise(guest::last_fault());
  return text;
}

// Copies `text` with its NUL, cut to `size_bytes`.
s64 put_text(Address buffer, u64 size_bytes, std::string_view text) {
  if (size_bytes == 0) return 0;
  const std::string cut(text.substr(0, size_bytes - 1));
  if (guest::copy_out(buffer, cut.c_str(), cut.size() + 1) != 0) raise(guest::last_fault());
  return static_cast<s64>(cut.size());
}

s64 koi_vfs_add(u64 parent, Address name, u32 mode, Address object) {
  const auto text = load_name(name);
  if (!text) return -EFAULT;
  return tree().add({id_of(parent), *text, mode, object, current().files().calling_module(), {}});
}

void koi_vfs_remove(u64 node) { tree().remove(id_of(node)); }

s32 koi_vfs_rename(u64 node, Address name) {
  const auto text = load_name(name);
  return text ? static_cast<s32>(tree().rename(id_of(node), *text)) : -EFAULT;
}

void koi_vfs_set_target(u64 node, Address target) {
  const auto text = load_name(target);
  if (!text) return;
  const vfs::Node* const link = tree().node(id_of(node));
  if (link == nullptr) return;
  // A relative target starts at the link's directory.
  const bool absolute = text->starts_with('/');
  tree().set_target(id_of(node), absolute ? *text : tree().path(link->parent) + "/" + *text);
}

void koi_vfs_set_target_node(u64 node, u64 target) {
  tree().set_target(id_of(node), tree().path(id_of(target)));
}

u64 koi_vfs_child(u64 parent, Address name, u64 length) {
  std::string text(std::min(length, kLongestName), '\0');
  if (guest::copy_in(text.data(), name, text.size()) != 0) {
    raise(guest::last_fault());
    return 0;
  }
  return tree().child(id_of(parent), text);
}

u64 koi_vfs_find(Address path) {
  const auto text = load_name(path);
  if (!text) return 0;
  const u64 node = tree().find(*text);
  return node == 0 && current().files().is_own(*text) ? ~0ULL : node;
}

u64 koi_vfs_first_child(u64 parent) { return tree().first_child(id_of(parent)); }

Address koi_vfs_object(u64 node) {
  const vfs::Node* const found = tree().node(id_of(node));
  return found == nullptr ? 0 : found->object;
}

Address koi_vfs_parent_object(u64 node) {
  const vfs::Node* const found = tree().node(id_of(node));
  return found == nullptr ? 0 : koi_vfs_object(found->parent);
}

void koi_vfs_name(u64 node, Address buffer, u64 size_bytes) {
  const vfs::Node* const found = tree().node(id_of(node));
  put_text(buffer, size_bytes, found == nullptr ? std::string_view() : std::string_view(found->name));
}

s64 koi_vfs_path(u64 node, Address buffer, u64 size_bytes) {
  return put_text(buffer, size_bytes, tree().path(id_of(node)));
}

void koi_vfs_disown(u64 node) { tree().disown_below(id_of(node)); }

s32 koi_chrdev_take(u32 major, u32 base_minor, u32 count, Address name) {
  const auto text = load_name(name);
  if (!text) return -EFAULT;
  const auto taken = current().files().char_devices().take(major, base_minor, count, *text,
                                                           current().files().calling_module());
  if (!taken.message.empty()) current().console().print(kLevelError, taken.message);
  return taken.error != 0 ? taken.error : static_cast<s32>(taken.major);
}

s32 koi_chrdev_release(u32 major, u32 base_minor, u32 count) {
  return current().files().char_devices().release(major, base_minor, count) ? 1 : 0;
}

}  // namespace

runtime::ExportTable vfs_exports() {
  static const runtime::Export table[] = {
      {"koi_vfs_add", address(koi_vfs_add)},
      {"koi_vfs_remove", address(koi_vfs_remove)},
      {"koi_vfs_rename", address(koi_vfs_rename)},
      {"koi_vfs_set_target", address(koi_vfs_set_target)},
      {"koi_vfs_set_target_node", address(koi_vfs_set_target_node)},
      {"koi_vfs_child", address(koi_vfs_child)},
      {"koi_vfs_find", address(koi_vfs_find)},
      {"koi_vfs_first_child", address(koi_vfs_first_child)},
      {"koi_vfs_object", address(koi_vfs_object)},
      {"koi_vfs_parent_object", address(koi_vfs_parent_object)},
      {"koi_vfs_name", address(koi_vfs_name)},
      {"koi_vfs_path", address(koi_vfs_path)},
      {"koi_vfs_disown", address(koi_vfs_disown)},
      {"koi_chrdev_take", address(koi_chrdev_take)},
      {"koi_chrdev_release", address(koi_chrdev_release)},
  };
  return table;
}

}  // namespace koi::kapi
