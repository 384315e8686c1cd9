// The order of a frame's operators when several threads work at it: each as soon as its inputs are there, those with
// the longest way to the end of the network first.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "plan.hpp"

namespace skipvid {

class Flow {
  public:
    explicit Flow(const Plan& plan);
    // Before the operators [first, last), whose other inputs are there.
    void begin(int first, int last);
    // Takes an operator that can run; below 0: none can at present.
    int take();
    // One that can run now that `op` is done, for the same thread, whose caches hold what it reads; below 0: none.
    int finished(int op);
    bool done() const { return left_.load(std::memory_order_acquire) == 0; }

  private:
    void ready(int op);

    std::vector<std::vector<int>> readers_, writers_;  // by operator: which ones read it, and which it reads
    std::vector<int> place_;                           // by operator: in the order of the ways to the end
    std::vector<int> at_;                              // the operator at a place
    std::vector<std::atomic<int>> waiting_;            // by operator: inputs that are not there yet
    std::vector<std::atomic<uint64_t>> ready_;         // bits, by place
    int last_ = 0;
    std::atomic<int> left_{0};
};

}  // namespace skipvid
