#pragma once

#include "roomcast/core/error.hpp"

#include <cassert>
#include <optional>
#include <system_error>
#include <utility>

namespace roomcast::core {

/// A value, or the reason why there is none. A result is an error exactly when `error()` is set.
template <class T>
class [[nodiscard]] result {
public:
    result(T value) : value_(std::move(value)) {}
    result(errc code) : error_(make_error_code(code)) {}
    result(std::error_code error) : error_(error) { assert(error); }

    explicit operator bool() const noexcept { return value_.has_value(); }
    bool has_value() const noexcept { return value_.has_value(); }
    std::error_code error() const noexcept { return error_; }

    T& operator*() & { return *value_; }
    const T& operator*() const& { return *value_; }
    T&& operator*() && { return std::move(*value_); }
    T* operator->() { return &*value_; }
    const T* operator->() const { return &*value_; }

private:
    std::optional<T> value_;
    std::error_code error_;
};

} // namespace roomcast::core
