// SPDX-License-Identifier: GPL-2.0-only
// Log: the kernel's record log (kernel/printk/printk.c and printk_ringbuffer.c of Linux 6.1 and 6.12).
//
//   slots     [ seq % slot_count ] -> RecordInfo, where the text lies, open or final
//   text ring head and tail are positions that only grow; a block is 8 bytes and the text, aligned to 8, and
//             never split: one that would cross the end lies at the ring's start instead
//
// A record whose text ended in a newline is final; any other stays open, may be continued by KERN_CONT from the
// same caller, and becomes final when the next record begins. Only final records are visible to readers, as in the
// kernel: a last line without a newline shows up with the next message (or with finalize_open()).
// New records push the oldest out, for want of text or of slots. Storing is O(text), reading a record O(text).
//
// Its memory comes from the given resource and is touched only as it fills. Not reentrant.
#pragma once

#include <memory_resource>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"
#include "engine/printk/environment.h"
#include "engine/printk/guest_va_list.h"

namespace koi::printk {

inline constexpr s32 kLevelDefault =
    -1;  // LOGLEVEL_DEFAULT: what the text's prefix says, else the log's default
inline constexpr u32 kFacilityKernel = 0;
inline constexpr u32 kFacilityUser = 1;

enum RecordFlag : u8 {
  kRecordNewline = 2,  // LOG_NEWLINE
  kRecordCont = 8,     // LOG_CONT
};

// What dev_printk() attaches; both empty for all other messages.
struct DeviceInfo {
  char subsystem[16];
  char device[48];
};

struct RecordInfo {
  u64 seq;
  u64 ts_nsec;
  u32 caller_id;  // PID, or CPU number with bit 31 set
  u16 text_len;
  u8 facility;
  u8 level;
  u8 flags;
  DeviceInfo device;
};

struct Record {
  RecordInfo info;
  std::string_view text;  // valid until the next store
};

enum class LogEvent : u8 {
  kNew,       // a record began; it may be open
  kExtended,  // a continuation was added
  kFinal,     // the record will not change any more: what a console prints
};

class LogSubscriber {
 public:
  virtual ~LogSubscriber() = default;
  virtual void on_record(const Record& record, LogEvent event) = 0;
};

struct LogOptions {
  Release release = Release::k6_1;
  u64 log_buf_len = u64{1} << 17;  // a power of two, at least 4096
  s32 default_message_loglevel = 4;
};

// Who stores, and when.
struct LogCall {
  u32 facility = kFacilityKernel;
  s32 level = kLevelDefault;
  u64 ts_nsec = 0;
  u32 caller_id = 0;
  const DeviceInfo* device = nullptr;
};

// `console_loglevel`, `ignore_loglevel`: which records reach a console.
struct ConsoleFilter {
  s32 console_loglevel = 7;
  bool ignore_loglevel = false;
  [[nodiscard]] bool shows(s32 level) const { return level < console_loglevel || ignore_loglevel; }
};

class Log {
 public:
  Log(std::pmr::memory_resource* memory, const LogOptions& options);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  // Formatted text longer than this many bytes is never stored (LOG_LINE_MAX, PRINTKRB_RECORD_MAX).
  [[nodiscard]] u32 record_limit() const { return record_limit_; }

  // vprintk_store: stores `text`, the first bytes (at least min(full_length, record_limit() - 1)) of a message that
  // is `full_length` bytes long, with its level prefix ("\0016") and its newline, if it has them.
  // Returns what printk() returns: the bytes stored, without prefix and newline.
  s32 store(const LogCall& call, std::string_view text, u64 full_length);
  s32 store(const LogCall& call, std::string_view text) { return store(call, text, text.size()); }

  // vprintk_emit: formats the guest's message and stores it. Errors: a fault of the format; then nothing is stored.
  struct [[nodiscard]] PrintResult {
    s32 length = 0;
    std::optional<guest::Fault> fault;
  };
  PrintResult print(const LogCall& call, guest::Address format, VaList& arguments,
                    FormatEnvironment& environment);

  // Makes the last record final if it is open (the end of a run, a panic).
  void finalize_open();

  // The first record at or after `seq` that is there; nullopt: none yet.
  [[nodiscard]] std::optional<Record> read(u64 seq) const;
  [[nodiscard]] u64 first_seq() const { return first_seq_; }
  // One past the last record, open or final.
  [[nodiscard]] u64 next_seq() const { return next_seq_; }

  // `subscriber` is not owned. Events come in the order of the records, during store() and finalize_open(); a
  // subscriber must not store.
  void subscribe(LogSubscriber* subscriber) { subscribers_.push_back(subscriber); }
  void unsubscribe(LogSubscriber* subscriber);

  [[nodiscard]] const LogOptions& options() const { return options_; }

  // CHECKs the ring's order and bounds; for randomised tests.
  void check_invariants() const;

 private:
  struct Slot {
    RecordInfo info;
    u64 begin;
    u64 next;
    bool final;
  };

  [[nodiscard]] Slot& slot(u64 seq) const { return slots_[seq % slot_count_]; }
  [[nodiscard]] u64 wrap_of(u64 position) const { return position / options_.log_buf_len; }
  [[nodiscard]] u64 block_end(u64 begin, u64 block_size) const;
  [[nodiscard]] char* text_of(const Slot& slot) const;
  [[nodiscard]] Record record(const Slot& slot) const {
    return {slot.info, {text_of(slot), slot.info.text_len}};
  }
  bool push_tail(u64 position, u64 keep_seq);
  Slot* reserve(u64 size_bytes);
  Slot* reserve_in_last(u32 caller_id, u64 size_bytes);
  static std::string_view kept_text(const LogCall& call, std::string_view text, u32 room, u8& flags);
  std::optional<s32> extend_last(const LogCall& call, std::string_view text, u32 reserve_bytes, u8 flags);
  void notify(const Slot& slot, LogEvent event);
  void make_final(Slot& slot);

  std::pmr::memory_resource* memory_;
  LogOptions options_;
  u32 record_limit_;
  u64 slot_count_;
  char* ring_;
  Slot* slots_;
  u64 head_ = 0;
  u64 tail_ = 0;
  u64 first_seq_ = 0;
  u64 next_seq_ = 0;
  std::pmr::vector<LogSubscriber*> subscribers_;
};

// What the prefix of a message says: "\0016" is level 6, "\001c" a continuation. The first level counts.
struct MessagePrefix {
  u32 length = 0;
  s32 level = kLevelDefault;
  bool cont = false;
};
[[nodiscard]] MessagePrefix parse_prefix(std::string_view text);

// A line written to /dev/kmsg: "<13>text". Without a prefix the level is kLevelDefault, the facility 1.
struct KmsgWrite {
  u32 facility = kFacilityUser;
  s32 level = kLevelDefault;
  std::string_view text;
};
[[nodiscard]] KmsgWrite parse_kmsg_write(std::string_view line);

}  // namespace koi::printk
