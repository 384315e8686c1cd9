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
    std::puts(good ? "the pool ran every chunk once" : "the pool lost or repeated a chunk");
    return good ? 0 : 1;
}
