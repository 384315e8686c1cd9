// One fork-join pool per process. Every worker has a range of a job's chunks and helps with the others' when it is done
// with it: chunks are in raster order, so a worker meets the pixels again that it wrote last, in its own cache. Idle
// workers stay awake while a frame is computed, then spin for a moment, then park.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace skipvid {

// Chunks that several workers share. Opened and closed by one thread; others enter in between.
class Job {
  public:
    using Call = void (*)(const void* context, int chunk, int worker);

    // Makes room for the ranges of so many workers; not while open.
    void reserve(int threads);
    void open(Call call, const void* context, int threads, int chunks);
    // Waits until everybody left.
    void close();
    bool news(uint64_t seen) const;  // whether another job than number `seen` is open
    // Enters such a job, if the caller may, and takes down its number.
    bool enter(uint64_t& seen);
    void leave() { state_.fetch_sub(1, std::memory_order_acq_rel); }
    // Runs chunks until none is left; by the one who opened it or who is inside.
    void claim(int worker);
    int threads() const { return threads_; }

  private:
    struct alignas(64) Range {
        std::atomic<int> next{0};
    };
    int first(int worker) const { return static_cast<int>(int64_t{chunks_} * worker / threads_); }

    // Number << 16 | open << 15 | workers inside.
    std::atomic<uint64_t> state_{0};
    std::vector<Range> ranges_;  // by worker: the next chunk of its own
    Call call_ = nullptr;
    const void* context_ = nullptr;
    int chunks_ = 0, threads_ = 0;
};

class Pool {
  public:
    static Pool& instance();
    ~Pool();

    // While one exists, workers that took part in the last job wait for the next one awake: waking one takes longer
    // than most operators.
    class Frame {
      public:
        Frame() { instance().frames_.fetch_add(1, std::memory_order_relaxed); }
        ~Frame() { instance().frames_.fetch_sub(1, std::memory_order_relaxed); }
        Frame(const Frame&) = delete;
        Frame& operator=(const Frame&) = delete;
    };

    // Calls body(chunk, worker) for every chunk of [0, chunks), on at most `threads` threads, the caller being worker
    // 0; returns when all are done. When another stream holds the pool the caller does all the work itself. From within
    // a body: a job of this worker, at which those help who call help() in theirs.
    template <class Body>
    void run(int threads, int chunks, const Body& body) {
        Job* job = threads > 1 && chunks > 1 ? acquire(threads) : nullptr;
        if (job == nullptr) {
            for (int i = 0; i < chunks; ++i) body(i, worker());
            return;
        }
        fork(
            *job,
            [](const void* context, int chunk, int worker) { (*static_cast<const Body*>(context))(chunk, worker); },
            &body, threads, chunks);
    }
    // From within a body: works on a job that another worker began in its own; whether there was one.
    bool help();
    // The number of the calling thread in the job it works on; 0 outside of jobs.
    static int worker();

  private:
    Pool() = default;
    Job* acquire(int threads);
    void fork(Job& job, Job::Call call, const void* context, int threads, int chunks);
    // Runs chunks of an inner job.
    static void claim(Job& job);
    void work(int worker);

    Job outer_;
    std::vector<std::unique_ptr<Job>> inner_;  // by worker: what it began within the outer job

    std::mutex owner_;
    std::mutex parking_;
    std::condition_variable wake_;
    std::atomic<int> parked_{0};
    std::atomic<int> frames_{0};
    bool stop_ = false;
    std::vector<std::thread> workers_;
};

// Waits a moment: some clock cycles at first, then until other threads have had the processor.
class Patience {
  public:
    void wait();
    // Whether it was long enough to let others have the processor.
    bool exhausted();

  private:
    int spins_ = 0;
    int64_t since_ = 0;  // the first look at the clock
    bool exhausted_ = false;
};

}  // namespace skipvid
