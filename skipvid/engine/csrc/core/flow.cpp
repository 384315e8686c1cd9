#include "flow.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace skipvid {
namespace {

constexpr double kStep = 100000.0;  // multiply-adds that an operator is worth before it computes anything

}  // namespace

Flow::Flow(const Plan& plan)
    : readers_(plan.ops().size()),
      writers_(plan.ops().size()),
      place_(plan.ops().size()),
      at_(plan.ops().size()),
      waiting_(plan.ops().size()),
      ready_((plan.ops().size() + 63) / 64) {
    const int count = static_cast<int>(plan.ops().size());
    std::vector<int> writer(plan.tensors().size(), -1);
    for (int op = 0; op < count; ++op) {
        for (const int input : plan.ops()[op]->inputs) {
            const int from = writer[input];
            if (from < 0 || std::ranges::find(writers_[op], from) != writers_[op].end()) continue;
            writers_[op].push_back(from);
            readers_[from].push_back(op);
        }
        writer[plan.ops()[op]->output] = op;
        for (const int output : plan.ops()[op]->extra_outputs) writer[output] = op;
    }
    std::vector<double> way(count);
    for (int op = count - 1; op >= 0; --op) {
        for (const int reader : readers_[op]) way[op] = std::max(way[op], way[reader]);
        way[op] += plan.ops()[op]->macs + kStep;
    }
    std::iota(at_.begin(), at_.end(), 0);
    std::ranges::stable_sort(at_, [&](int a, int b) { return way[a] > way[b]; });
    for (int i = 0; i < count; ++i) place_[at_[i]] = i;
}

void Flow::begin(int first, int last) {
    last_ = last;
    left_.store(last - first, std::memory_order_relaxed);
    for (int op = first; op < last; ++op) {
        const auto inside = std::ranges::count_if(writers_[op], [&](int from) { return from >= first; });
        waiting_[op].store(static_cast<int>(inside), std::memory_order_relaxed);
        if (inside == 0) ready(op);
    }
}

void Flow::ready(int op) {
    ready_[place_[op] / 64].fetch_or(uint64_t{1} << place_[op] % 64, std::memory_order_release);
}

int Flow::take() {
    for (size_t word = 0; word < ready_.size(); ++word) {
        uint64_t bits = ready_[word].load(std::memory_order_acquire);
        while (bits != 0)
            if (ready_[word].compare_exchange_weak(bits, bits & (bits - 1), std::memory_order_acq_rel))
                return at_[word * 64 + std::countr_zero(bits)];
    }
    return -1;
}

int Flow::finished(int op) {
    int next = -1;
    for (const int reader : readers_[op]) {
        if (reader >= last_ || waiting_[reader].fetch_sub(1, std::memory_order_acq_rel) != 1) continue;
        if (next < 0)
            next = reader;
        else
            ready(place_[reader] < place_[next] ? std::exchange(next, reader) : reader);
    }
    left_.fetch_sub(1, std::memory_order_acq_rel);
    return next;
}

}  // namespace skipvid
