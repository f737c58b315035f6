// The peer of bench/rules.yaml: the same event with a handler in C++, on the same server.
#include <roomcast/server/server.hpp>

#include <cstdlib>
#include <string>

int main() {
    const char* port = std::getenv("PORT");
    roomcast::server::options chosen;
    chosen.host = "127.0.0.1";
    chosen.port = static_cast<std::uint16_t>(port == nullptr ? 3001 : std::atoi(port));
    roomcast::server::server io{chosen};
    io.of("/").on("act", [](auto& socket, auto& event) {
        const auto text = event.text(0);
        if (event.size() != 1 || !text || text->empty() || text->size() > 1000) {
            event.ack({"invalid"});
            return;
        }
        const std::string room = "room-" + socket.id();
        socket.join(room);
        socket.to(room).emit("acted", {*text});
        event.ack({*text});
    });
    io.run();
}
