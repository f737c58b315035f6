#include "pattern.hpp"

#include "json_text.hpp"

namespace roomcast::core::contract {

bool has_match(const form& loaded, const word* pattern, std::string_view text) {
    const word classes = pattern[1];
    word state = pattern[2];
    const char* const ascii = loaded.pool(pattern[3]);
    const char* const accepts = loaded.pool(pattern[4]);
    const char* const transitions = loaded.pool(pattern[5]);
    const char* at = text.data();
    const char* const end = at + text.size();
    while (at != end && state > 1) {
        const std::uint32_t point = next_point(at, end);
        word which = 0;
        if (point < 0x80U) {
            which = static_cast<unsigned char>(ascii[point]);
        } else {
            word low = 0;
            word high = pattern[6];
            while (high - low > 1) {
                const word middle = (low + high) / 2;
                (pattern[pattern_head + middle] >> 8U <= point ? low : high) = middle;
            }
            which = pattern[pattern_head + low] & 0xffU;
        }
        const char* const entry = transitions + (std::size_t{state} * classes + which) * 2;
        state = static_cast<unsigned char>(entry[0]) | static_cast<word>(static_cast<unsigned char>(entry[1]))
                                                           << 8U;
    }
    return state == 1 || (state > 1 && accepts[state] != 0);
}

} // namespace roomcast::core::contract
