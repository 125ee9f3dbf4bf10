// How long it takes to bring replies into request order. Each iteration opens and finishes one pipeline.
#include "conversation/reply_sequencer.hpp"

#include <cstdint>
#include <string>

#include <benchmark/benchmark.h>

namespace portal::conversation {
namespace {

const std::string kReply = "$64\r\n" + std::string(64, 'x') + "\r\n";

/// The usual way: all commands travel on one link, so each reply is due when it comes.
void replies_in_order(benchmark::State& state) {
    const auto pipeline = static_cast<std::uint64_t>(state.range(0));
    ReplySequencer sequencer;
    std::string out;
    for (auto _ : state) {
        const ReplySequencer::Slot first = sequencer.open();
        for (std::uint64_t i = 1; i < pipeline; ++i) {
            benchmark::DoNotOptimize(sequencer.open());
        }
        for (std::uint64_t i = 0; i < pipeline; ++i) {
            if (sequencer.is_front(first + i)) {
                out += kReply;
                sequencer.finish_front(out);
            }
        }
        benchmark::DoNotOptimize(out.data());
        out.clear();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// The oldest reply comes last, so all others are stored first: a slow first command beside quick ones on another link.
void oldest_reply_last(benchmark::State& state) {
    const auto pipeline = static_cast<std::uint64_t>(state.range(0));
    ReplySequencer sequencer;
    std::string out;
    for (auto _ : state) {
        const ReplySequencer::Slot first = sequencer.open();
        for (std::uint64_t i = 1; i < pipeline; ++i) {
            sequencer.finish(sequencer.open(), kReply, out);
        }
        sequencer.finish(first, kReply, out);
        benchmark::DoNotOptimize(out.data());
        out.clear();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

/// Replies come in the opposite order of the requests.
void replies_reversed(benchmark::State& state) {
    const auto pipeline = static_cast<std::uint64_t>(state.range(0));
    ReplySequencer sequencer;
    std::string out;
    for (auto _ : state) {
        const ReplySequencer::Slot first = sequencer.open();
        for (std::uint64_t i = 1; i < pipeline; ++i) {
            benchmark::DoNotOptimize(sequencer.open());
        }
        for (std::uint64_t i = pipeline; i > 0; --i) {
            sequencer.finish(first + i - 1, kReply, out);
        }
        benchmark::DoNotOptimize(out.data());
        out.clear();
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(replies_in_order)->Arg(1)->Arg(16)->Arg(1000);
BENCHMARK(oldest_reply_last)->Arg(2)->Arg(16)->Arg(1000);
BENCHMARK(replies_reversed)->Arg(16)->Arg(256);

}  // namespace
}  // namespace portal::conversation
