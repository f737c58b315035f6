#include <roomcast/server/server.hpp>

#include <iostream>

int main() {
    roomcast::server::server io{{.host = "127.0.0.1", .port = 0}};
    io.of("/").on("message",
                  [](auto& socket, auto& event) { socket.emit("message-back", event.args().copy()); });
    io.listen();
    io.start();
    std::cout << "listening on port " << io.port() << '\n';
    io.stop();
    return io.port() != 0 ? 0 : 1;
}
