// One fork-join pool per process. Every worker has a range of a job's chunks and helps with the others' when it is done
// with it: chunks are in raster order, so a worker meets the pixels again that it wrote last, in its own cache. Idle
// workers stay awake while a frame is computed, then spin for a moment, then park.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace skipvid {

class Pool {
  public:
    static Pool& instance();
    ~Pool();

    // While one exists, workers that took part in the last job wait for the next one awake: waking one takes longer than
    // most operators.
    class Frame {
      public:
        Frame() { instance().frames_.fetch_add(1, std::memory_order_relaxed); }
        ~Frame() { instance().frames_.fetch_sub(1, std::memory_order_relaxed); }
        Frame(const Frame&) = delete;
        Frame& operator=(const Frame&) = delete;
    };

    // Calls body(chunk, worker) for every chunk of [0, chunks), on at most `threads` threads, the caller being worker
    // 0; returns when all are done. When another stream holds the pool the caller does all the work itself.
    template <class Body>
    void run(int threads, int chunks, const Body& body) {
        if (threads <= 1 || chunks <= 1 || !acquire(threads)) {
            for (int i = 0; i < chunks; ++i) body(i, 0);
            return;
        }
        fork([](const void* context, int chunk, int worker) { (*static_cast<const Body*>(context))(chunk, worker); },
             &body, threads, chunks);
    }

  private:
    using Call = void (*)(const void* context, int chunk, int worker);

    Pool() = default;
    bool acquire(int threads);
    void fork(Call call, const void* context, int threads, int chunks);
    void work(int worker);
    bool enter(uint64_t& seen);
    void claim(int worker);

    // state_: job number << 16 | open << 15 | workers inside. A worker may only read the job while it is counted
    // inside.
    std::atomic<uint64_t> state_{0};
    struct alignas(64) Range {
        std::atomic<int> next{0};
    };
    std::vector<Range> ranges_;  // by worker: the next chunk of its own
    Call call_ = nullptr;
    const void* context_ = nullptr;
    int chunks_ = 0, threads_ = 0;
    int first(int worker) const { return static_cast<int>(int64_t{chunks_} * worker / threads_); }

    std::mutex owner_;
    std::mutex parking_;
    std::condition_variable wake_;
    std::atomic<int> parked_{0};
    std::atomic<int> frames_{0};
    bool stop_ = false;
    std::vector<std::thread> workers_;
};

}  // namespace skipvid
