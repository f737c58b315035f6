// A chat in a room, as a C++ program of its own. Any Socket.IO client may connect:
//   const socket = io("http://localhost:3001");
//   socket.emit("join", "lobby");
//   socket.on("message", (from, text) => …);
//   socket.emit("message", "lobby", "hello", (reply) => …);
#include <roomcast/server/server.hpp>

#include <cstdio>

int main() {
    roomcast::server::server io{{.port = 3001}};
    auto chat = io.of("/");

    chat.on_connection([](auto& socket) { socket.broadcast().emit("arrived", {socket.id()}); });
    chat.on("join", [](auto& socket, auto& event) {
        if (const auto room = event.text(0)) socket.join(*room);
        event.ack();
    });
    chat.on("message", [&chat](auto& socket, auto& event) {
        const auto room = event.text(0);
        const auto text = event.text(1);
        if (!room || !text || !socket.is_in(*room)) {
            event.ack({"join the room first"});
            return;
        }
        chat.to(*room).emit("message", {socket.id(), *text});
        event.ack({"delivered"});
    });
    chat.on_disconnect([](auto& socket, std::string_view reason) {
        std::printf("%s left: %.*s\n", socket.id().c_str(), static_cast<int>(reason.size()), reason.data());
    });

    std::puts("listening on port 3001");
    io.run();
}
