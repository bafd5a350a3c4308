// SPDX-License-Identifier: GPL-2.0-only
#include "engine/printk/log.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "base/check.h"
#include "engine/printk/format.h"
#include "engine/printk/kernel_ctype.h"

namespace koi::printk {
namespace {

constexpr char kStartOfHeader = '\001';  // KERN_SOH
constexpr u64 kBlockHeader = 8;
constexpr u64 kAverageText = 32;     // one slot for so many bytes of ring
constexpr u32 kPrefixBytesSeen = 7;  // the level is looked for in so many bytes of the message
constexpr u64 kLargestFraction = 4;  // a message that does not fit at all is cut to a quarter of the ring
constexpr std::string_view kTruncated = "<truncated>";

u64 block_size(u64 text_bytes) { return (kBlockHeader + text_bytes + 7) & ~u64{7}; }

}  // namespace

MessagePrefix parse_prefix(std::string_view text) {
  MessagePrefix prefix;
  while (text.size() >= 2 && text[0] == kStartOfHeader) {
    if (text[1] >= '0' && text[1] <= '7') {
      if (prefix.level == kLevelDefault) prefix.level = text[1] - '0';
    } else if (text[1] == 'c') {
      prefix.cont = true;
    } else {
      break;
    }
    prefix.length += 2;
    text.remove_prefix(2);
  }
  return prefix;
}

KmsgWrite parse_kmsg_write(std::string_view line) {
  KmsgWrite write{kFacilityUser, kLevelDefault, line};
  if (line.empty() || line[0] != '<') return write;
  u64 at = 1, value = 0;
  for (; at < line.size() && is_digit(line[at]); ++at) value = value * 10 + static_cast<u64>(line[at] - '0');
  if (at >= line.size() || line[at] != '>') return write;
  write.level = static_cast<s32>(value & 7);
  if (const u32 facility = static_cast<u32>(value >> 3) & 0xff; facility != 0) write.facility = facility;
  write.text = line.substr(at + 1);
  return write;
}

Log::Log(std::pmr::memory_resource* memory, const LogOptions& options)
    : memory_(memory),
      options_(options),
      record_limit_(options.release == Release::k6_1 ? 992 : 1024),
      slot_count_(options.log_buf_len / kAverageText),
      ring_(nullptr),
      slots_(nullptr),
      subscribers_(memory) {
  CHECK(std::has_single_bit(options.log_buf_len) && options.log_buf_len >= 4096, "log_buf_len {}",
        options.log_buf_len);
  ring_ = static_cast<char*>(memory_->allocate(options_.log_buf_len, 8));
  slots_ = static_cast<Slot*>(memory_->allocate(slot_count_ * sizeof(Slot), alignof(Slot)));
}

Log::~Log() {
  memory_->deallocate(slots_, slot_count_ * sizeof(Slot), alignof(Slot));
  memory_->deallocate(ring_, options_.log_buf_len, 8);
}

u64 Log::block_end(u64 begin, u64 size) const {
  const u64 end = begin + size;
  if (wrap_of(begin) == wrap_of(end)) return end;
  return wrap_of(end) * options_.log_buf_len + size;
}

char* Log::text_of(const Slot& s) const {
  const u64 at = wrap_of(s.begin) == wrap_of(s.next) ? s.begin % options_.log_buf_len : 0;
  return ring_ + at + kBlockHeader;
}

// Drops the oldest records until the tail has passed `position`. false: record `keep_seq` is in the way.
bool Log::push_tail(u64 position, u64 keep_seq) {
  while (static_cast<s64>(position - tail_) > 0) {
    if (first_seq_ == keep_seq || first_seq_ == next_seq_) return false;
    tail_ = slot(first_seq_).next;
    ++first_seq_;
  }
  return true;
}

Log::Slot* Log::reserve(u64 size_bytes) {
  const u64 size = block_size(size_bytes);
  if (size > options_.log_buf_len - kBlockHeader) return nullptr;
  if (next_seq_ != first_seq_ && !slot(next_seq_ - 1).final) make_final(slot(next_seq_ - 1));
  if (next_seq_ - first_seq_ == slot_count_) {
    tail_ = slot(first_seq_).next;
    ++first_seq_;
  }
  const u64 end = block_end(head_, size);
  if (!push_tail(end - options_.log_buf_len, next_seq_)) {
    CHECK(first_seq_ == next_seq_, "the ring is full of nothing");
    tail_ = head_;
  }
  Slot* s = new (&slot(next_seq_)) Slot{};
  s->info.seq = next_seq_++;
  s->begin = head_;
  s->next = end;
  head_ = end;
  return s;
}

// The last record again, with room for `size_bytes` more; nullptr: it may not or cannot be continued.
Log::Slot* Log::reserve_in_last(u32 caller_id, u64 size_bytes) {
  if (next_seq_ == first_seq_) return nullptr;
  Slot& s = slot(next_seq_ - 1);
  if (s.final || s.info.caller_id != caller_id) return nullptr;
  const u64 text_bytes = s.info.text_len + size_bytes;
  const u64 size = block_size(text_bytes);
  if (text_bytes > record_limit_ || size > options_.log_buf_len - kBlockHeader) return nullptr;
  const u64 end = block_end(s.begin, size);
  if (static_cast<s64>(end - head_) <= 0) return &s;
  if (!push_tail(end - options_.log_buf_len, next_seq_ - 1)) return nullptr;
  const char* old_text = text_of(s);
  s.next = end;
  head_ = end;
  if (char* text = text_of(s); text != old_text) std::memcpy(text, old_text, s.info.text_len);
  return &s;
}

void Log::notify(const Slot& s, LogEvent event) {
  const Record view = record(s);
  for (LogSubscriber* subscriber : subscribers_) subscriber->on_record(view, event);
}

void Log::make_final(Slot& s) {
  s.final = true;
  notify(s, LogEvent::kFinal);
}

void Log::finalize_open() {
  if (next_seq_ != first_seq_ && !slot(next_seq_ - 1).final) make_final(slot(next_seq_ - 1));
}

void Log::unsubscribe(LogSubscriber* subscriber) {
  subscribers_.erase(std::remove(subscribers_.begin(), subscribers_.end(), subscriber), subscribers_.end());
}

// What of `text` is kept when `room` bytes, with the NUL, are there for it: without its prefix (the kernel's own
// messages have one) and without its last newline, which becomes a flag.
std::string_view Log::kept_text(const LogCall& call, std::string_view text, u32 room, u8& flags) {
  std::string_view kept = text.substr(0, room == 0 ? 0 : room - 1);
  if (!kept.empty() && kept.back() == '\n') {
    kept.remove_suffix(1);
    flags |= kRecordNewline;
  }
  if (call.facility == kFacilityKernel) kept.remove_prefix(parse_prefix(kept).length);
  return kept;
}

// Adds to the last record. nullopt: it may not or cannot be continued.
std::optional<s32> Log::extend_last(const LogCall& call, std::string_view text, u32 reserve_bytes, u8 flags) {
  Slot* s = reserve_in_last(call.caller_id, reserve_bytes);
  if (s == nullptr) return std::nullopt;
  const std::string_view kept = kept_text(call, text, reserve_bytes, flags);
  std::copy(kept.begin(), kept.end(), text_of(*s) + s->info.text_len);
  s->info.text_len = static_cast<u16>(s->info.text_len + kept.size());
  s->info.flags |= flags & kRecordNewline;
  notify(*s, LogEvent::kExtended);
  if (flags & kRecordNewline) make_final(*s);
  return static_cast<s32>(kept.size());
}

s32 Log::store(const LogCall& call, std::string_view text, u64 full_length) {
  // The kernel counts in 16 bits, the NUL included.
  u32 reserve_bytes = std::min<u32>(static_cast<u16>(full_length + 1), record_limit_);
  MessagePrefix prefix;
  if (call.facility == kFacilityKernel) prefix = parse_prefix(text.substr(0, kPrefixBytesSeen));
  s32 level = call.level != kLevelDefault ? call.level : prefix.level;
  if (level == kLevelDefault) level = options_.default_message_loglevel;
  u8 flags = prefix.cont ? kRecordCont : 0;
  if (call.device != nullptr) flags |= kRecordNewline;

  if (prefix.cont) {
    if (const auto added = extend_last(call, text, reserve_bytes, flags); added) return *added;
  }

  std::string_view mark;
  Slot* s = reserve(reserve_bytes);
  if (s == nullptr) {
    reserve_bytes = std::min(reserve_bytes, static_cast<u32>(options_.log_buf_len / kLargestFraction));
    if (reserve_bytes >= kTruncated.size()) {
      mark = kTruncated;
      reserve_bytes -= static_cast<u32>(mark.size());
    }
    s = reserve(reserve_bytes + mark.size());
    if (s == nullptr) return 0;
  }
  const std::string_view kept = kept_text(call, text, reserve_bytes, flags);
  char* to = text_of(*s);
  std::copy(kept.begin(), kept.end(), to);
  std::copy(mark.begin(), mark.end(), to + kept.size());
  s->info.text_len = static_cast<u16>(kept.size() + mark.size());
  s->info.facility = static_cast<u8>(call.facility);
  s->info.level = static_cast<u8>(level & 7);
  s->info.flags = flags;
  s->info.ts_nsec = call.ts_nsec;
  s->info.caller_id = call.caller_id;
  if (call.device != nullptr) s->info.device = *call.device;
  notify(*s, LogEvent::kNew);
  if (flags & kRecordNewline) make_final(*s);
  return s->info.text_len;
}

Log::PrintResult Log::print(const LogCall& call, guest::Address format, VaList& arguments,
                            FormatEnvironment& environment) {
  char buffer[1024];
  const FormatResult result = format_into(buffer, sizeof(buffer), format, arguments, environment);
  if (result.fault) return {0, result.fault};
  return {store(call, std::string_view(buffer, result.written), static_cast<u64>(result.length)),
          std::nullopt};
}

std::optional<Record> Log::read(u64 seq) const {
  seq = std::max(seq, first_seq_);
  if (seq >= next_seq_ || !slot(seq).final) return std::nullopt;
  return record(slot(seq));
}

void Log::check_invariants() const {
  CHECK(next_seq_ - first_seq_ <= slot_count_);
  CHECK(head_ - tail_ <= options_.log_buf_len);
  u64 expected = tail_;
  for (u64 seq = first_seq_; seq != next_seq_; ++seq) {
    const Slot& s = slot(seq);
    CHECK(s.info.seq == seq);
    CHECK(s.begin == expected, "record {} begins at {} and not at {}", seq, s.begin, expected);
    CHECK(s.final || seq == next_seq_ - 1, "record {} is open but not the last", seq);
    CHECK(text_of(s) + s.info.text_len <= ring_ + options_.log_buf_len);
    expected = s.next;
  }
  CHECK(expected == head_);
}

}  // namespace koi::printk
