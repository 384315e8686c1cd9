#include "threads.hpp"

#include <chrono>

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace skipvid {
namespace {

constexpr uint64_t kOpen = uint64_t{1} << 15;
constexpr uint64_t kInside = kOpen - 1;
// How long an idle thread keeps its processor to itself, in nanoseconds. After that, within a frame, it lets others
// have it between two looks; without one it parks.
constexpr int64_t kSpin = 10000;

void relax() {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && !defined(_MSC_VER)
    asm volatile("yield");
#endif
}

int64_t now() { return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Where the calling thread stands.
struct Place {
    int worker = -1;             // in the outer job; below 0: in none
    bool inside = false;         // an inner job: what it begins there it does itself
    std::vector<uint64_t> seen;  // numbers of the inner jobs it took part in last
};
thread_local Place place;

}  // namespace

bool Patience::exhausted() {
    if (exhausted_ || ++spins_ % 64 != 0) return exhausted_;
    if (since_ == 0) since_ = now();
    return exhausted_ = now() - since_ >= kSpin;
}

void Patience::wait() {
    if (exhausted())
        std::this_thread::yield();
    else
        relax();
}

void Job::reserve(int threads) {
    if (static_cast<int>(ranges_.size()) < threads) ranges_ = std::vector<Range>(threads);
}

void Job::open(Call call, const void* context, int threads, int chunks) {
    call_ = call;
    context_ = context;
    threads_ = threads;
    chunks_ = chunks;
    for (int i = 0; i < threads; ++i) ranges_[i].next.store(first(i), std::memory_order_relaxed);
    const uint64_t number = (state_.load(std::memory_order_relaxed) >> 16) + 1;
    state_.store(number << 16 | kOpen, std::memory_order_seq_cst);
}

void Job::close() {
    state_.fetch_and(~kOpen, std::memory_order_acq_rel);
    // One inside may have lost its processor to another program, which then needs ours the more.
    for (Patience patience; (state_.load(std::memory_order_acquire) & kInside) != 0;) patience.wait();
}

bool Job::news(uint64_t seen) const {
    const uint64_t state = state_.load(std::memory_order_seq_cst);
    return (state & kOpen) != 0 && state >> 16 != seen;
}

bool Job::enter(uint64_t& seen) {
    uint64_t state = state_.load(std::memory_order_acquire);
    while ((state & kOpen) != 0 && state >> 16 != seen) {
        if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acq_rel)) {
            seen = state >> 16;
            return true;
        }
    }
    return false;
}

void Job::claim(int worker) {
    for (int k = 0; k < threads_; ++k) {
        const int owner = (worker + k) % threads_, end = first(owner + 1);
        for (int i; (i = ranges_[owner].next.fetch_add(1, std::memory_order_relaxed)) < end;)
            call_(context_, i, worker);
    }
}

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

int Pool::worker() { return place.worker < 0 ? 0 : place.worker; }

Job* Pool::acquire(int threads) {
    if (place.worker >= 0) return place.inside || threads > outer_.threads() ? nullptr : inner_[place.worker].get();
    if (!owner_.try_lock()) return nullptr;
    outer_.reserve(threads);
    if (static_cast<int>(inner_.size()) < threads) {
        while (static_cast<int>(inner_.size()) < threads) inner_.push_back(std::make_unique<Job>());
        for (const auto& job : inner_) job->reserve(threads);
    }
    while (static_cast<int>(workers_.size()) < threads - 1) {
        const int id = static_cast<int>(workers_.size()) + 1;
        workers_.emplace_back([this, id] { work(id); });
    }
    return &outer_;
}

void Pool::fork(Job& job, Job::Call call, const void* context, int threads, int chunks) {
    job.open(call, context, threads, chunks);
    if (&job != &outer_) {
        claim(job);
        job.close();
        return;
    }
    if (parked_.load(std::memory_order_seq_cst) > 0) {
        {
            const std::lock_guard lock(parking_);
        }  // a worker between its last look and its wait must not miss this
        wake_.notify_all();
    }
    place.worker = 0;
    job.claim(0);
    place.worker = -1;
    job.close();
    owner_.unlock();
}

void Pool::claim(Job& job) {
    place.inside = true;
    job.claim(place.worker);
    place.inside = false;
}

bool Pool::help() {
    if (place.worker < 0 || place.inside) return false;
    const int threads = outer_.threads();
    if (static_cast<int>(place.seen.size()) < threads) place.seen.resize(threads);
    for (int other = 0; other < threads; ++other) {
        if (other == place.worker || !inner_[other]->enter(place.seen[other])) continue;
        claim(*inner_[other]);
        inner_[other]->leave();
        return true;
    }
    return false;
}

void Pool::work(int worker) {
    uint64_t seen = 0;
    bool wanted = false;
    place.worker = worker;
    for (Patience patience;;) {
        if (outer_.enter(seen)) {
            wanted = worker < outer_.threads();
            if (wanted) outer_.claim(worker);
            outer_.leave();
            patience = Patience();
            continue;
        }
        if (!patience.exhausted() || (wanted && frames_.load(std::memory_order_relaxed) > 0)) {
            patience.wait();
            continue;
        }
        std::unique_lock lock(parking_);
        parked_.fetch_add(1, std::memory_order_seq_cst);
        wake_.wait(lock, [&] { return stop_ || outer_.news(seen); });
        parked_.fetch_sub(1, std::memory_order_seq_cst);
        if (stop_) return;
        patience = Patience();
    }
}

}  // namespace skipvid
