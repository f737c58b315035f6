#include <roomcast/core/eio/packet.hpp>

#include <iostream>
#include <stdexcept>

// A consumer compiles with exceptions and RTTI; the core does without.
int main() try {
    const auto packet = roomcast::core::eio::decode_text("4hello");
    if (!packet || packet->type != roomcast::core::eio::packet_type::message || packet->data != "hello") {
        throw std::runtime_error{"4hello is a message that says hello"};
    }
    if (roomcast::core::eio::decode_text("9")) throw std::runtime_error{"9 is no packet"};
    std::cout << "decoded\n";
    return 0;
} catch (const std::exception& problem) {
    std::cerr << problem.what() << '\n';
    return 1;
}
