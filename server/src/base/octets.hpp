#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace roomcast::server::base {

/// Appends numbers (little endian) and texts with their length in front.
class octet_writer {
public:
    explicit octet_writer(std::string& out) : out_(&out) {}

    void octet(std::uint8_t value) { out_->push_back(static_cast<char>(value)); }
    void u16(std::uint16_t value) { number(value, 2); }
    void u32(std::uint32_t value) { number(value, 4); }
    void u64(std::uint64_t value) { number(value, 8); }
    void i64(std::int64_t value) { u64(static_cast<std::uint64_t>(value)); }
    /// A number of things that follow; more than 2^32 of them do not fit into memory anyway.
    void count(std::size_t value) { u32(static_cast<std::uint32_t>(value)); }
    void text(std::string_view value) {
        count(value.size());
        out_->append(value);
    }

private:
    void number(std::uint64_t value, int bytes) {
        for (int i = 0; i < bytes; ++i) octet(static_cast<std::uint8_t>(value >> (8 * i)));
    }

    std::string* out_;
};

/// Reads them again. What is not there is 0 or empty, and from then on `is_good` says no: one look at the end
/// is enough, as long as counts come from `count`.
class octet_reader {
public:
    explicit octet_reader(std::string_view from) : rest_(from) {}

    bool is_good() const { return is_good_; }
    bool is_at_end() const { return rest_.empty(); }
    void fail() {
        is_good_ = false;
        rest_ = {};
    }

    std::uint8_t octet() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    std::int64_t i64() { return static_cast<std::int64_t>(number(8)); }
    /// @param least bytes that each of the things takes at least; so many that they cannot follow are none
    std::size_t count(std::size_t least) {
        const std::size_t value = u32();
        if (value <= rest_.size() / least) return value;
        fail();
        return 0;
    }
    std::string_view text() {
        const std::size_t size = count(1);
        const std::string_view value = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return value;
    }

private:
    std::uint64_t number(std::size_t bytes) {
        if (rest_.size() < bytes) {
            fail();
            return 0;
        }
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < bytes; ++i) {
            value |= static_cast<std::uint64_t>(static_cast<unsigned char>(rest_[i])) << (8 * i);
        }
        rest_.remove_prefix(bytes);
        return value;
    }

    std::string_view rest_;
    bool is_good_ = true;
};

} // namespace roomcast::server::base
