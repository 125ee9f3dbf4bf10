// How long it takes to find the end of requests and replies. Each iteration frames everything in the buffer once.
#include "resp/frame_scanner.hpp"
#include "resp/reply_writer.hpp"
#include "resp/request_view.hpp"

#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

namespace portal::resp {
namespace {

std::string get_request() {
    std::string out;
    write_request(out, "GET", "key:000000012345");
    return out;
}

std::string set_request(std::size_t value_size) {
    std::string out;
    write_request(out, "SET", "key:000000012345", std::string(value_size, 'x'));
    return out;
}

std::string repeated(const std::string& text, int times) {
    std::string out;
    for (int i = 0; i < times; ++i) {
        out += text;
    }
    return out;
}

/// Scans all values in `bytes`; false if one of them is not complete.
template <typename Scanner, typename Limits>
bool scan_all(const Limits& limits, std::string_view bytes) {
    Scanner scanner(limits);
    while (!bytes.empty()) {
        const ScanResult result = scanner.scan(bytes);
        if (result.status != ScanStatus::complete) {
            return false;
        }
        benchmark::DoNotOptimize(result.size);
        bytes.remove_prefix(result.size);
    }
    return true;
}

template <typename Scanner, typename Limits>
void scan(benchmark::State& state, const std::string& bytes, std::int64_t values) {
    const Limits limits;
    for (auto _ : state) {
        if (!scan_all<Scanner>(limits, bytes)) {
            state.SkipWithError("the input is not a run of complete values");
            break;
        }
    }
    state.SetItemsProcessed(state.iterations() * values);
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

void requests(benchmark::State& state, const std::string& bytes, std::int64_t values) {
    scan<RequestScanner, RequestLimits>(state, bytes, values);
}

void replies(benchmark::State& state, const std::string& bytes, std::int64_t values) {
    scan<ReplyScanner, ReplyLimits>(state, bytes, values);
}

/// The worst case of a slow network: the request grows by one byte before each call.
void request_byte_by_byte(benchmark::State& state, const std::string& bytes) {
    const RequestLimits limits;
    for (auto _ : state) {
        RequestScanner scanner(limits);
        for (std::size_t end = 1; end <= bytes.size(); ++end) {
            benchmark::DoNotOptimize(scanner.scan(std::string_view(bytes).substr(0, end)));
        }
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes.size()));
}

/// What a session does next: look at the name and the key.
void request_view_arguments(benchmark::State& state, const std::string& bytes) {
    for (auto _ : state) {
        const RequestView view(bytes);
        benchmark::DoNotOptimize(view.arg(0));
        benchmark::DoNotOptimize(view.arg(1));
    }
    state.SetItemsProcessed(state.iterations());
}

std::string bulk_reply(std::size_t size) {
    std::string out;
    write_bulk(out, std::string(size, 'x'));
    return out;
}

std::string array_of_ten() {
    std::string out;
    write_array_header(out, 10);
    for (int i = 0; i < 10; ++i) {
        write_bulk(out, "value:000000012345");
    }
    return out;
}

BENCHMARK_CAPTURE(requests, get, get_request(), 1);
BENCHMARK_CAPTURE(requests, set_64_bytes, set_request(64), 1);
BENCHMARK_CAPTURE(requests, set_4_kib, set_request(4096), 1);
BENCHMARK_CAPTURE(requests, pipeline_of_16_get, repeated(get_request(), 16), 16);
BENCHMARK_CAPTURE(request_byte_by_byte, get, get_request());
BENCHMARK_CAPTURE(request_view_arguments, get, get_request());
BENCHMARK_CAPTURE(replies, ok, std::string("+OK\r\n"), 1);
BENCHMARK_CAPTURE(replies, bulk_64_bytes, bulk_reply(64), 1);
BENCHMARK_CAPTURE(replies, array_of_10, array_of_ten(), 1);
BENCHMARK_CAPTURE(replies, pipeline_of_16_bulk_64_bytes, repeated(bulk_reply(64), 16), 16);

}  // namespace
}  // namespace portal::resp
