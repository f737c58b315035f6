#include "engine/poller.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace roomcast::server::engine {

poller::poller() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error{errno, std::generic_category(), "epoll_create1"};
}

poller::~poller() {
    ::close(fd_);
}

namespace {

epoll_event all_events_for(pollable& who) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
    event.data.ptr = &who;
    return event;
}

} // namespace

bool poller::add(int fd, pollable& who) {
    epoll_event event = all_events_for(who);
    return ::epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) == 0;
}

void poller::hand_over(int fd, pollable& to) {
    epoll_event event = all_events_for(to);
    ::epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event);
}

void poller::remove(int fd) {
    ::epoll_ctl(fd_, EPOLL_CTL_DEL, fd, nullptr);
}

bool poller::dispatch() {
    std::array<epoll_event, 256> events;
    const int count = ::epoll_wait(fd_, events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        static_cast<pollable*>(event.data.ptr)->on_ready(event.events);
    }
    return count == static_cast<int>(events.size());
}

} // namespace roomcast::server::engine
