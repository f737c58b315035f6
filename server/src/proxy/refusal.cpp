#include "proxy/refusal.hpp"

namespace roomcast::server::proxy {

namespace {

struct wording {
    unsigned status;
    std::string_view code;
    std::string_view title;
    std::string_view what;
    std::string_view advice;
};

wording wording_of(refused_because reason) {
    switch (reason) {
    case refused_because::unreachable:
        return {502, "app_unreachable", "The application is not running",
                "roomcast runs, but nothing answers at",
                "Start the application there, then load this page again."};
    case refused_because::timeout:
        return {504, "app_timeout", "The application does not answer",
                "roomcast runs, but no answer came in time from",
                "It may be starting, or be busy. Try again in a moment."};
    case refused_because::bad_answer:
        return {502, "app_bad_answer", "The application's answer cannot be understood",
                "roomcast runs, but what came was no complete HTTP answer from",
                "Its log may say more. Is it an http server that listens there?"};
    case refused_because::busy:
        return {503, "app_busy", "Too many requests at once", "All connections are in use to",
                "Try again in a moment."};
    case refused_because::bad_request:
        return {400, "bad_request", "Bad Request", "The request's body cannot be passed on to", ""};
    case refused_because::slow_request:
        return {408, "request_timeout", "Request Timeout", "The request's body did not come in time for", ""};
    }
    return {502, "app_unreachable", "", "", ""};
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char each : text) {
        switch (each) {
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '&': out += "&amp;"; break;
        case '"': out += "&quot;"; break;
        default: out += each;
        }
    }
    return out;
}

} // namespace

refusal describe_refusal(refused_because reason, const std::string& url, bool as_json) {
    const wording words = wording_of(reason);
    refusal made{words.status, as_json ? "application/json" : "text/html; charset=utf-8", {}};
    if (as_json) {
        // An address has no quotes or backslashes: the configuration sees to it.
        made.body = R"({"error":{"code":")" + std::string{words.code} + R"(","message":")" +
                    std::string{words.what} + ' ' + url + R"("},"upstream":")" + url + "\"}";
        return made;
    }
    made.body = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">"
                "<meta name=\"viewport\" content=\"width=device-width\"><title>" +
                std::string{words.title} +
                "</title><style>body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:15vh auto;"
                "padding:0 1rem;color-scheme:light dark}code{font-size:1.05em}</style><h1>" +
                std::string{words.title} + "</h1><p>" + std::string{words.what} + " <code>" + escaped(url) +
                "</code>.<p>" + std::string{words.advice} + "</html>\n";
    return made;
}

bool wants_json(std::string_view accept) {
    return accept.find("application/json") != std::string_view::npos &&
           accept.find("text/html") == std::string_view::npos;
}

} // namespace roomcast::server::proxy
