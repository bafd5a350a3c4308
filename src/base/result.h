// SPDX-License-Identifier: GPL-2.0-only
// Result<T>: a value, or an Error that names what is wrong with the environment or the input.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace koi {

// What went wrong, where, and what to do about it, in one line without a final newline.
// `errno_value` is the positive errno that the kernel's own system call would have given (0: none applies).
struct Error {
  std::string message;
  int errno_value = 0;
};

template <class... Args>
[[nodiscard]] Error make_error(fmt::format_string<Args...> format, Args&&... args) {
  return Error{fmt::format(format, std::forward<Args>(args)...), 0};
}
template <class... Args>
[[nodiscard]] Error make_errno(int errno_value, fmt::format_string<Args...> format, Args&&... args) {
  return Error{fmt::format(format, std::forward<Args>(args)...), errno_value};
}

struct Ok {};

template <class T>
class [[nodiscard]] Result {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): `return value;` and `return make_error(...)` are the point.
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] T& value() & {
    CHECK(ok(), "{}", std::get<1>(state_).message);
    return std::get<0>(state_);
  }
  [[nodiscard]] const T& value() const& {
    CHECK(ok(), "{}", std::get<1>(state_).message);
    return std::get<0>(state_);
  }
  [[nodiscard]] T&& value() && {
    CHECK(ok(), "{}", std::get<1>(state_).message);
    return std::get<0>(std::move(state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  [[nodiscard]] const Error& error() const& { return std::get<1>(state_); }
  [[nodiscard]] Error&& error() && { return std::get<1>(std::move(state_)); }

 private:
  std::variant<T, Error> state_;
};

using Status = Result<Ok>;

}  // namespace koi

// TRY(expr): the value of a Result, or return its Error from the enclosing function.
#define TRY(expr)                                                       \
  __extension__({                                                       \
    auto&& koi_try_result = (expr);                                     \
    if (!koi_try_result.ok()) return std::move(koi_try_result).error(); \
    std::move(koi_try_result).value();                                  \
  })
