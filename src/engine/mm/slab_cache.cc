// SPDX-License-Identifier: GPL-2.0-only
// The slab allocator's caches: how they come, merge and go, and what can be seen of them.
#include <algorithm>

#include "engine/mm/slab.h"

namespace koi::mm {

using namespace slab_flag;

namespace {
// One entry of the table from page to slab, in bytes.
constexpr u64 kSlabPointer = sizeof(void*);
}  // namespace

SlabAllocator::SlabAllocator(Buddy& buddy, const MemoryLayout& layout, const SlabConfig& config,
                             std::pmr::memory_resource* resource)
    : buddy_(buddy),
      layout_(layout),
      config_(config),
      resource_(resource),
      first_page_(layout.direct_map + (buddy.first_pfn() << kPageShift)),
      page_count_(buddy.end_pfn() - buddy.first_pfn()),
      slab_pages_(static_cast<Slab**>(resource->allocate(page_count_ * kSlabPointer, 64))),
      zero_gfp_(buddy.gfp().zero),
      random_state_(config.seed),
      meta_(resource),
      debug_text_(config.slab_debug.value_or("-"), resource) {
  CHECK(config.cpus >= 1 && config.cpus <= kMaxCpus);
  if (config.zeroed_resource == Yes::kNo) std::fill_n(slab_pages_, page_count_, nullptr);
  std::fill(std::begin(last_freed_to_), std::end(last_freed_to_), &none_);
  config_.slab_debug = debug_text_;
  for (std::string_view rest = debug_text_; !rest.empty();) {
    const std::string_view block = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), block.size() + 1));
    if (parse_slab_debug_letters(block.substr(0, block.find(','))).no_higher_order)
      no_higher_order_debug_ = true;
  }
}

SlabAllocator::~SlabAllocator() {
  while (oldest_ != nullptr) release(oldest_);
  resource_->deallocate(slab_pages_, page_count_ * kSlabPointer, 64);
}

// ---- creating --------------------------------------------------------------------------------------------------

namespace {

bool name_matches(std::string_view pattern, std::string_view name) {
  const auto star = pattern.find('*');
  return star == std::string_view::npos ? pattern == name : name.substr(0, star) == pattern.substr(0, star);
}

}  // namespace

// slub_debug=<letters>[,<cache>[,<cache>...]][;...]: the flags that the boot option adds to a cache.
u32 SlabAllocator::flags_for(std::string_view name, u32 flags) const {
  if ((flags & kNoUserFlags) != 0) return flags;
  u32 everywhere = 0;
  std::string_view rest = debug_text_;
  do {
    std::string_view block = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(rest.size(), block.size() + 1));
    const auto comma = block.find(',');
    const u32 added = parse_slab_debug_letters(block.substr(0, comma)).flags;
    if (comma == std::string_view::npos) {
      everywhere = added;
      continue;
    }
    block.remove_prefix(comma + 1);
    while (!block.empty()) {
      const std::string_view pattern = block.substr(0, block.find(','));
      block.remove_prefix(std::min(block.size(), pattern.size() + 1));
      if (name_matches(pattern, name)) return flags | added;
    }
  } while (!rest.empty());
  if ((flags & kNoLeakTrace) != 0) everywhere &= ~kStoreUser;
  return flags | everywhere;
}

bool SlabAllocator::is_mergeable(const Cache* cache) const {
  return !config_.nomerge && (cache->geometry_.flags & kNeverMerge) == 0 && cache->constructor_ == 0 &&
         (cache->usercopy_size_ == 0 || !config_.hardened_usercopy) && cache->reference_count_ >= 0;
}

// The oldest cache whose objects can serve: same accounting and zone, fitting alignment, less than a word longer.
Cache* SlabAllocator::find_mergeable(const CacheRequest& request) const {
  if (config_.nomerge || request.constructor != 0) return nullptr;
  const u32 flags = flags_for(request.name, request.flags);
  if ((flags & kNeverMerge) != 0) return nullptr;
  u64 size = align_up(request.size, 8);
  const u32 align = calculate_alignment(flags, request.align, static_cast<u32>(size));
  size = align_up(size, align);
  for (Cache* cache = oldest_; cache != nullptr; cache = cache->newer_) {
    const u32 theirs = cache->geometry_.size;
    if (!is_mergeable(cache) || size > theirs) continue;
    if ((flags & kMergeSame) != (cache->geometry_.flags & kMergeSame)) continue;
    if ((theirs & ~(align - 1)) != theirs || theirs - size >= 8) continue;
    return cache;
  }
  return nullptr;
}

void SlabAllocator::prepare_random_sequence(Cache* cache) {
  const u32 count = cache->geometry_.objects;
  if (!config_.freelist_random || count < 2) return;
  cache->random_sequence_ = static_cast<u16*>(resource_->allocate(count * sizeof(u16), alignof(u16)));
  shuffle_random_sequence(cache);
}

void SlabAllocator::shuffle_random_sequence(Cache* cache) {
  const u32 count = cache->geometry_.objects;
  const u32 slots_per_object = cache->geometry_.size >> cache->shift_;
  for (u32 i = 0; i < count; ++i) cache->random_sequence_[i] = static_cast<u16>(i * slots_per_object);
  for (u32 i = count - 1; i > 0; --i) {
    std::swap(cache->random_sequence_[i], cache->random_sequence_[random() % (i + 1)]);
  }
}

void SlabAllocator::apply_seed(u64 seed) {
  config_.seed = seed;
  random_state_ = seed;
  for (Cache* const cache : caches()) {
    if (cache->random_sequence_ != nullptr) shuffle_random_sequence(cache);
  }
}

Cache* SlabAllocator::build(const CacheRequest& request, u32 align, u32 flags) {
  const auto geometry = calculate_geometry({.release = config_.release,
                                            .cpus = config_.cpus,
                                            .object_size = request.size,
                                            .align = align,
                                            .flags = flags_for(request.name, flags),
                                            .has_constructor = request.constructor != 0,
                                            .no_higher_order_debug = no_higher_order_debug_,
                                            .free_pointer_offset = request.free_pointer_offset});
  if (!geometry) return nullptr;
  void* memory = resource_->allocate(Cache::bytes(config_.cpus, buddy_.node_count()), 64);
  Cache* cache = new (memory) Cache(resource_);
  cache->geometry_ = *geometry;
  cache->shift_ = static_cast<u8>(std::countr_zero(geometry->size));
  const u32 odd = geometry->size >> cache->shift_;
  u32 inverse = 1;
  for (u32 i = 0; i < 5; ++i) inverse *= 2 - odd * inverse;  // Newton, bits double
  cache->books_ = {u64{inverse} << 32 | cache->geometry_.size};
  cache->name_ = request.name;
  cache->constructor_ = request.constructor;
  cache->usercopy_offset_ = request.usercopy_offset;
  cache->usercopy_size_ = request.usercopy_size;
  cache->cpus_ = config_.cpus;
  cache->nodes_ = buddy_.node_count();
  for (u32 cpu = 0; cpu < config_.cpus; ++cpu) cache->cpu_slabs()[cpu] = {&none_, nullptr};
  std::ranges::fill(cache->partials(), SlabList{});
  const GfpBits& bits = buddy_.gfp();
  if (geometry->order != 0 || config_.release != Release::k6_1) cache->page_gfp_ |= bits.comp;
  if ((flags & kCacheDma) != 0) cache->page_gfp_ |= bits.dma;
  if ((flags & kCacheDma32) != 0) cache->page_gfp_ |= bits.dma32;
  if ((flags & kReclaimAccount) != 0) cache->page_gfp_ |= bits.reclaimable;
  const bool keeps_contents = (geometry->flags & (kTypesafeByRcu | kPoison)) != 0 || request.constructor != 0;
  cache->clears_freed_ = config_.init_on_free && !keeps_contents;
  cache->zero_bytes_ = config_.init_on_alloc && !keeps_contents ? request.size : 0;
  cache->clears_requested_only_ =
      config_.release != Release::k6_1 && SlabDebug(config_.release, cache->geometry_).keeps_requested_size();
  prepare_random_sequence(cache);
  cache->older_ = newest_;
  (newest_ != nullptr ? newest_->newer_ : oldest_) = cache;
  newest_ = cache;
  return cache;
}

CreateResult SlabAllocator::create(const CacheRequest& asked) {
  CreateResult result;
  CacheRequest request = asked;
  if ((request.flags & kUnknown) != 0) {
    result.outcome = CreateOutcome::kBadFlags;
    return result;
  }
  if (request.size == 0) {
    result.outcome = CreateOutcome::kZeroSize;
    return result;
  }
  const bool region_fits = request.usercopy_size <= request.size &&
                           request.usercopy_offset <= request.size - request.usercopy_size &&
                           (request.usercopy_size != 0 || request.usercopy_offset == 0);
  if (!region_fits) {
    result.bad_usercopy = true;
    request.usercopy_offset = request.usercopy_size = 0;
  }
  if (request.usercopy_size == 0) {
    if (Cache* shared = find_mergeable(request)) {
      ++shared->reference_count_;
      // The sharers' largest object must be cleared whole.
      Geometry& g = shared->geometry_;
      g.object_size = std::max(g.object_size, request.size);
      g.inuse = std::max(g.inuse, static_cast<u32>(align_up(request.size, 8)));
      if (shared->zero_bytes_ != 0) shared->zero_bytes_ = g.object_size;
      result.cache = shared;
      result.outcome = CreateOutcome::kMerged;
      return result;
    }
  }
  const u32 align = calculate_alignment(request.flags, request.align, request.size);
  result.cache = build(request, align, request.flags);
  if (result.cache == nullptr) result.outcome = CreateOutcome::kBadSize;
  return result;
}

Cache* SlabAllocator::create_boot(const CacheRequest& request, s32 reference_count) {
  Cache* cache = build(request, request.align, request.flags);
  CHECK(cache != nullptr, "boot cache {}", request.name);
  cache->reference_count_ = reference_count;
  return cache;
}

// ---- destroying ------------------------------------------------------------------------------------------------

void SlabAllocator::release(Cache* cache) {
  (cache->older_ != nullptr ? cache->older_->newer_ : oldest_) = cache->newer_;
  (cache->newer_ != nullptr ? cache->newer_->older_ : newest_) = cache->older_;
  if (cache->random_sequence_ != nullptr)
    resource_->deallocate(cache->random_sequence_, cache->geometry_.objects * sizeof(u16), alignof(u16));
  const u64 bytes = Cache::bytes(cache->cpus_, cache->nodes_);
  cache->~Cache();
  resource_->deallocate(cache, bytes, 64);
}

DestroyResult SlabAllocator::destroy(Cache* cache) {
  DestroyResult result;
  if (--cache->reference_count_ > 0) {
    result.outcome = DestroyOutcome::kStillReferenced;
    return result;
  }
  flush_cpus(cache);
  for (SlabList& partials : cache->partials()) {
    for (Slab* slab = partials.head; slab != nullptr;) {
      Slab* next = slab->next;
      if (slab->count() == slab->objects) {
        unlink(partials, slab);
        discard(slab);
      }
      slab = next;
    }
  }
  if (cache->slab_count_ != 0 || cache->constructing_.count != 0) {
    result.outcome = DestroyOutcome::kHasObjects;
    result.remaining = remaining_slabs(cache);
    return result;
  }
  release(cache);
  return result;
}

// ---- observers -------------------------------------------------------------------------------------------------

std::vector<Cache*> SlabAllocator::caches() const {
  std::vector<Cache*> all;
  for (Cache* cache = oldest_; cache != nullptr; cache = cache->newer_) all.push_back(cache);
  return all;
}

Cache* SlabAllocator::find_cache(std::string_view name) const {
  for (Cache* cache = oldest_; cache != nullptr; cache = cache->newer_) {
    if (cache->name_ == name) return cache;
  }
  return nullptr;
}

u32 SlabAllocator::ksize(const Cache* cache) const {
  const Geometry& g = cache->geometry_;
  if ((g.flags & (kRedZone | kPoison)) != 0) return g.object_size;
  if ((g.flags & (kTypesafeByRcu | kStoreUser)) != 0) return g.inuse;
  return g.size;
}

void SlabAllocator::forget_requested_size(const Cache* cache, const void* object) const {
  if (config_.release == Release::k6_1) return;
  SlabDebug(config_.release, cache->geometry_)
      .set_requested_size(static_cast<u8*>(const_cast<void*>(object)), cache->geometry_.object_size);
}

std::optional<SlabAllocator::ObjectAt> SlabAllocator::object_at(const void* address) const {
  const Slab* slab = slab_of(address);
  if (slab == nullptr) return std::nullopt;
  const Geometry& g = slab->cache->geometry_;
  const u64 distance = static_cast<u64>(static_cast<const u8*>(address) - (slab->base - g.red_left_pad));
  const u64 number = std::min<u64>(distance / g.size, slab->objects - 1);
  u8* start = slab->base + number * g.size;
  return ObjectAt{slab->cache, start, number, slab->is_live(slab->slot_of(start))};
}

std::vector<RemainingSlab> SlabAllocator::remaining_slabs(const Cache* cache) const {
  std::vector<RemainingSlab> slabs;
  for_each_slab(cache, [&](const Slab* slab) {
    RemainingSlab remaining{pfn_of(slab), slab->state, slab->objects, nullptr, {}};
    if (slab->has_free()) remaining.first_free = slab->object(*slab->top);
    for (u32 number = 0; number < slab->objects; ++number) {
      u8* object = slab->base + u64{number} * cache->geometry_.size;
      if (slab->is_live(slab->slot_of(object))) remaining.allocated.push_back(object);
    }
    if (!remaining.allocated.empty()) slabs.push_back(std::move(remaining));
  });
  return slabs;
}

u64 SlabAllocator::partial_slabs(const Cache* cache) const {
  u64 count = 0;
  for (const SlabList& partials : cache->partials()) count += partials.count;
  return count;
}

u64 SlabAllocator::cpu_slab_count(const Cache* cache) const {
  return cache->slab_count_ - partial_slabs(cache) - cache->full_.count;
}

SlabAllocator::NodeUse SlabAllocator::node_use(const Cache* cache, NodeId node) const {
  NodeUse use;
  for_each_slab(cache, [&](const Slab* slab) {
    if (node_of(slab) != node) return;
    ++use.slabs;
    use.objects += slab->objects;
    if (slab->state == SlabState::kNodePartial) {
      ++use.partial;
      use.free_objects += slab->count();
      use.partial_in_use += slab->objects - slab->free_objects();
    } else if (slab->state != SlabState::kFull) {
      ++use.cpu_slabs;
    }
  });
  return use;
}

void SlabAllocator::set_min_partial(Cache* cache, u32 slabs) { cache->geometry_.min_partial = slabs; }

// Chains are emptied, so that none is longer than it may be from now on.
void SlabAllocator::set_cpu_partial(Cache* cache, u32 objects) {
  Geometry& g = cache->geometry_;
  g.cpu_partial = objects;
  g.cpu_partial_slabs = (objects * 2 + g.objects - 1) / g.objects;
  flush_cpus(cache);
}

u64 SlabAllocator::partial_objects_in_use(const Cache* cache) const {
  u64 used = 0;
  for (const SlabList& partials : cache->partials()) {
    for (const Slab* slab = partials.head; slab != nullptr; slab = slab->next)
      used += slab->objects - slab->free_objects();
  }
  return used;
}

SlabInfo SlabAllocator::slab_info(const Cache* cache) const {
  const Geometry& g = cache->geometry_;
  u64 free = 0;  // only the nodes' partial slabs are searched; what CPUs hold counts as in use
  for (const SlabList& partials : cache->partials()) {
    for (const Slab* slab = partials.head; slab != nullptr; slab = slab->next) free += slab->count();
  }
  return {cache->name_, cache->object_count_ - free, cache->object_count_, g.size,
          g.objects,    u64{1} << g.order,           cache->slab_count_,   cache->slab_count_};
}

std::string SlabAllocator::sysfs_name(const Cache* cache) const {
  if (!is_mergeable(cache)) return std::string(cache->name_);
  const u32 flags = cache->geometry_.flags;
  std::string id = ":";
  if ((flags & kCacheDma) != 0) id += 'd';
  if ((flags & kCacheDma32) != 0) id += 'D';
  if ((flags & kReclaimAccount) != 0) id += 'a';
  if ((flags & kConsistencyChecks) != 0) id += 'F';
  if ((flags & kAccount) != 0) id += 'A';
  if (id.size() > 1) id += '-';
  return id + fmt::format("{:07}", cache->geometry_.size);
}

// ---- invariants ------------------------------------------------------------------------------------------------

std::optional<std::string> SlabAllocator::check_slab(const Slab* slab, SlabState state) const {
  const Cache* cache = slab->cache;
  const auto wrong = [&](std::string_view what) {
    return fmt::format("cache {} slab {}: {}", cache->name_, static_cast<const void*>(slab->base), what);
  };
  if (slab->state != state) return wrong("is on a list of another state");
  if (slab->push_below != push_below(slab, state)) return wrong("has the limit of another state");
  if (slab->free_objects() > slab->objects) return wrong("has more free objects than objects");
  const bool easy = !slab->watched && !cache->is_debug() && !cache->clears_freed_;
  if (slab->easy_slots != (easy ? slab->slots() : 0))
    return wrong("is freed to with too little or too much care");
  if (slab->remote != 0 && state != SlabState::kCurrent) return wrong("has remote frees and no CPU");
  if ((slab->cpu != Slab::kNoCpu) != (state == SlabState::kCurrent)) return wrong("names a CPU wrongly");
  std::vector<u8> free(slab->slots(), 0);
  const auto note = [&](u16 slot) {
    return slot < slab->slots() && slot % (cache->geometry_.size >> slab->shift) == 0 && free[slot]++ == 0 &&
           !slab->is_live(slot);
  };
  for (u32 i = 0; i < slab->count(); ++i) {
    if (!note(slab->stack()[i])) return wrong("has a bad entry on its freelist");
  }
  for (u32 i = 0; i < slab->remote; ++i) {
    if (!note(slab->stack()[slab->objects - 1 - i])) return wrong("has a bad entry among remote frees");
  }
  u64 live = 0;
  for (u32 slot = 0; slot < slab->slots(); ++slot) live += slab->is_live(slot) ? 1 : 0;
  if (live + slab->free_objects() + slab->lost != slab->objects)
    return wrong("has objects that are neither free nor live");
  if (slab_of(slab->base) != slab) return wrong("is not what its page says");
  return std::nullopt;
}

std::optional<std::string> SlabAllocator::check_cache(const Cache* cache) const {
  const Geometry& g = cache->geometry_;
  u64 slabs = 0, objects = 0;
  std::optional<std::string> error;
  const auto visit = [&](const Slab* slab, SlabState state) {
    if (!error) error = check_slab(slab, state);
    ++slabs;
    objects += slab->objects;
  };
  u64 listed = cache->full_.count;
  for (const SlabList& partials : cache->partials()) {
    listed += partials.count;
    for (const Slab* slab = partials.head; slab != nullptr; slab = slab->next) {
      visit(slab, SlabState::kNodePartial);
      if (!slab->has_free() && slab->lost == 0)
        error = fmt::format("cache {}: a full slab is on the partial list", cache->name_);
      if (&partial(slab) != &partials)
        error = fmt::format("cache {}: a slab is on another node's list", cache->name_);
    }
  }
  for (const Slab* slab = cache->full_.head; slab != nullptr; slab = slab->next) {
    visit(slab, SlabState::kFull);
    if (slab->has_free())
      error = fmt::format("cache {}: a slab with free objects is on the full list", cache->name_);
  }
  if (slabs != listed) return fmt::format("cache {}: a list's count is wrong", cache->name_);
  for (u32 cpu = 0; cpu < cache->cpus_; ++cpu) {
    const CpuSlab& here = cache->cpu_slabs()[cpu];
    if (here.current != &none_) visit(here.current, SlabState::kCurrent);
    u32 length = here.chain == nullptr ? 0 : here.chain->chain_length;
    if (length > g.cpu_partial_slabs + 2)
      return fmt::format("cache {}: a chain of {} slabs", cache->name_, length);
    for (const Slab* slab = here.chain; slab != nullptr; slab = slab->next, --length) {
      visit(slab, SlabState::kCpuPartial);
      if (slab->chain_length != length)
        return fmt::format("cache {}: a chain's lengths are wrong", cache->name_);
    }
  }
  if (error) return error;
  if (slabs != cache->slab_count_ || objects != cache->object_count_)
    return fmt::format("cache {}: {} slabs, counted {}", cache->name_, slabs, cache->slab_count_);
  return std::nullopt;
}

std::optional<std::string> SlabAllocator::check_invariants() const {
  if (none_.has_free()) return "the empty slab has objects";
  for (const Cache* cache = oldest_; cache != nullptr; cache = cache->newer_) {
    if (auto error = check_cache(cache)) return error;
  }
  return std::nullopt;
}

}  // namespace koi::mm
