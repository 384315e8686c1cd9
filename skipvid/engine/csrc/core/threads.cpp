#include "threads.hpp"

#include <chrono>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace skipvid {
namespace {

constexpr uint64_t kOpen = uint64_t{1} << 15;
constexpr uint64_t kInside = kOpen - 1;
// How long an idle worker keeps its processor to itself. After that, within a frame, it lets others have it between two
// looks; without one it parks.
constexpr auto kSpin = std::chrono::microseconds(60);

void relax() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
    asm volatile("yield");
#endif
}

}  // namespace

Pool& Pool::instance() {
    static Pool pool;
    return pool;
}

Pool::~Pool() {
    {
        const std::lock_guard lock(parking_);
        stop_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
}

bool Pool::acquire(int threads) {
    if (!owner_.try_lock()) return false;
    if (static_cast<int>(ranges_.size()) < threads) ranges_ = std::vector<Range>(threads);
    while (static_cast<int>(workers_.size()) < threads - 1) {
        const int id = static_cast<int>(workers_.size()) + 1;
        workers_.emplace_back([this, id] { work(id); });
    }
    return true;
}

void Pool::fork(Call call, const void* context, int threads, int chunks) {
    call_ = call;
    context_ = context;
    threads_ = threads;
    chunks_ = chunks;
    for (int i = 0; i < threads; ++i) ranges_[i].next.store(first(i), std::memory_order_relaxed);
    const uint64_t job = (state_.load(std::memory_order_relaxed) >> 16) + 1;
    state_.store(job << 16 | kOpen, std::memory_order_seq_cst);
    if (parked_.load(std::memory_order_seq_cst) > 0) {
        {
            const std::lock_guard lock(parking_);
        }  // a worker between its last look and its wait must not miss this
        wake_.notify_all();
    }
    claim(0);
    state_.fetch_and(~kOpen, std::memory_order_acq_rel);
    while ((state_.load(std::memory_order_acquire) & kInside) != 0) relax();
    owner_.unlock();
}

void Pool::claim(int worker) {
    for (int k = 0; k < threads_; ++k) {
        const int owner = (worker + k) % threads_, end = first(owner + 1);
        for (int i; (i = ranges_[owner].next.fetch_add(1, std::memory_order_relaxed)) < end;) call_(context_, i, worker);
    }
}

bool Pool::enter(uint64_t& seen) {
    uint64_t state = state_.load(std::memory_order_acquire);
    while ((state & kOpen) != 0 && state >> 16 != seen) {
        if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) {
            seen = state >> 16;
            return true;
        }
    }
    return false;
}

void Pool::work(int worker) {
    uint64_t seen = 0;
    bool wanted = false;
    auto idle_since = std::chrono::steady_clock::now();
    for (int spins = 0;;) {
        if (enter(seen)) {
            wanted = worker < threads_;
            if (wanted) claim(worker);
            state_.fetch_sub(1, std::memory_order_acq_rel);
            spins = 0;
            idle_since = std::chrono::steady_clock::now();
            continue;
        }
        relax();
        if (++spins % 64 != 0 || std::chrono::steady_clock::now() - idle_since < kSpin) continue;
        if (wanted && frames_.load(std::memory_order_relaxed) > 0) {
            std::this_thread::yield();
            continue;
        }
        std::unique_lock lock(parking_);
        parked_.fetch_add(1, std::memory_order_seq_cst);
        wake_.wait(lock, [&] {
            const uint64_t state = state_.load(std::memory_order_seq_cst);
            return stop_ || ((state & kOpen) != 0 && state >> 16 != seen);
        });
        parked_.fetch_sub(1, std::memory_order_seq_cst);
        if (stop_) return;
        idle_since = std::chrono::steady_clock::now();
    }
}

}  // namespace skipvid
