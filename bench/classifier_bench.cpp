// How long it takes to find the row of a request whose view exists already.
#include "command/classifier.hpp"
#include "resp/reply_writer.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

namespace portal::command {
namespace {

std::string request_of(std::initializer_list<std::string_view> words) {
    std::string out;
    resp::write_array_header(out, words.size());
    for (const std::string_view word : words) {
        resp::write_bulk(out, word);
    }
    return out;
}

void classify_one(benchmark::State& state, const std::string& bytes) {
    const resp::RequestView request(bytes);
    for (auto _ : state) {
        benchmark::DoNotOptimize(&classify(request));
    }
    state.SetItemsProcessed(state.iterations());
}

/// View, row, deny list and blocking together: what each command of a client costs before it is routed.
void view_classify_and_judge(benchmark::State& state, const std::string& bytes) {
    const DenyList deny({"replicaof", "slaveof", "failover", "shutdown", "debug", "backup"});
    for (auto _ : state) {
        const resp::RequestView request(bytes);
        const CommandRow& row = classify(request);
        benchmark::DoNotOptimize(deny.denies(row, request));
        benchmark::DoNotOptimize(may_block(row, request));
    }
    state.SetItemsProcessed(state.iterations());
}

/// Names in turn, so that neither branch predictor nor cache knows the next one.
void classify_all_rows(benchmark::State& state) {
    std::vector<std::string> frames;
    for (const CommandRow& row : command_table()) {
        frames.push_back(row.subcommand.empty() ? request_of({row.name}) : request_of({row.name, row.subcommand}));
    }
    std::vector<resp::RequestView> views(frames.begin(), frames.end());
    for (auto _ : state) {
        for (const resp::RequestView& request : views) {
            benchmark::DoNotOptimize(&classify(request));
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(views.size()));
}

BENCHMARK_CAPTURE(classify_one, get_upper_case, request_of({"GET", "key"}));
BENCHMARK_CAPTURE(classify_one, set_lower_case, request_of({"set", "key", "value"}));
BENCHMARK_CAPTURE(classify_one, long_name, request_of({"ZREMRANGEBYSCORE", "key", "0", "1"}));
BENCHMARK_CAPTURE(classify_one, subcommand, request_of({"CONFIG", "GET", "*"}));
BENCHMARK_CAPTURE(classify_one, unknown, request_of({"JSON.GET", "key"}));
BENCHMARK_CAPTURE(view_classify_and_judge, get, request_of({"GET", "key"}));
BENCHMARK_CAPTURE(view_classify_and_judge, set, request_of({"SET", "key", "value"}));
BENCHMARK(classify_all_rows);

}  // namespace
}  // namespace portal::command
