// The thread pool under ThreadSanitizer: `make sanitize-pool` builds and runs this. It ends with status 0 when every
// chunk of every job ran exactly once; the sanitizer ends it otherwise on the first race.
#include <atomic>
#include <cstdio>
#include <thread>
#include <vector>

#include "../../../skipvid/engine/csrc/core/threads.hpp"

namespace {

// Jobs of changing length and thread count, back to back and with pauses long enough for the workers to park.
bool stress(int seed) {
    for (int job = 0; job < 2000; ++job) {
        const int chunks = 1 + (job * 7 + seed) % 61, threads = 1 + (job + seed) % 4;
        std::vector<int> runs(chunks, 0);  // plain ints: a chunk that two workers run is a race
        skipvid::Pool::instance().run(threads, chunks, [&](int chunk, int) { ++runs[chunk]; });
        for (const int count : runs)
            if (count != 1) return false;
        if (job % 500 == 499) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

// Workers of one job that begin jobs of their own, and help with each other's in between, as the operators of a frame
// do.
bool stress_nested() {
    skipvid::Pool& pool = skipvid::Pool::instance();
    for (int frame = 0; frame < 500; ++frame) {
        const int threads = 2 + frame % 3, tasks = 1 + frame % 17;
        std::atomic<int> next{0}, left{tasks};
        std::vector<std::vector<int>> runs(tasks);
        const skipvid::Pool::Frame awake;
        pool.run(threads, threads, [&](int, int) {
            for (skipvid::Patience patience; left.load(std::memory_order_acquire) > 0;) {
                const int task = next.fetch_add(1);
                if (task < tasks) {
                    runs[task].assign(1 + (task * 5 + frame) % 23, 0);
                    const int worker = skipvid::Pool::worker();
                    pool.run(threads, static_cast<int>(runs[task].size()), [&](int chunk, int who) {
                        if (who == skipvid::Pool::worker()) ++runs[task][chunk];
                    });
                    if (worker != skipvid::Pool::worker()) ++runs[task][0];
                    left.fetch_sub(1, std::memory_order_acq_rel);
                } else if (!pool.help()) {
                    patience.wait();
                }
            }
        });
        for (const auto& task : runs)
            for (const int count : task)
                if (count != 1) return false;
    }
    return true;
}

}  // namespace

int main() {
    // Two callers at once, as two streams in two threads are.
    std::atomic<bool> good{true};
    std::vector<std::thread> callers;
    for (int caller = 0; caller < 2; ++caller)
        callers.emplace_back([&good, caller] {
            if (!stress(caller)) good = false;
        });
    for (std::thread& caller : callers) caller.join();
    if (!stress_nested()) good = false;
    std::puts(good ? "the pool ran every chunk once" : "the pool lost or repeated a chunk");
    return good ? 0 : 1;
}
