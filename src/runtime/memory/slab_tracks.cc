// SPDX-License-Identifier: GPL-2.0-only
#include "runtime/memory/slab_tracks.h"

namespace koi::runtime {

void SlabTracks::note(const void* object, mm::ObjectUse now, SlabTrack track, const std::vector<u64>& trace) {
  std::pmr::vector<u64> key(trace.begin(), trace.end(), depot_.get_allocator().resource());
  const auto kept = depot_.try_emplace(std::move(key), 0).first;
  ++kept->second;
  track.trace = &kept->first;
  tracks_[object][static_cast<size_t>(now)] = track;
}

const SlabTrack* SlabTracks::find(const void* object, mm::ObjectUse use) const {
  const auto found = tracks_.find(object);
  if (found == tracks_.end()) return nullptr;
  const SlabTrack& track = found->second[static_cast<size_t>(use)];
  return track.trace == nullptr ? nullptr : &track;
}

void SlabTracks::forget(const void* begin, const void* end) {
  tracks_.erase(tracks_.lower_bound(begin), tracks_.lower_bound(end));
}

}  // namespace koi::runtime
