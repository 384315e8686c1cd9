#include "commit.hpp"

#include <algorithm>
#include <atomic>

namespace skipvid {
namespace {

// Sets bits of several workers: words are shared between blocks.
class BitWriter {
  public:
    explicit BitWriter(BitMap& map) : map_(map) {}
    ~BitWriter() { flush(); }
    void set(int y, int x) {
        uint64_t* word = map_.row(y) + (x >> 6);
        if (word != word_) {
            flush();
            word_ = word;
        }
        bits_ |= uint64_t{1} << (x & 63);
    }

  private:
    void flush() {
        if (bits_ != 0) std::atomic_ref<uint64_t>(*word_).fetch_or(bits_, std::memory_order_relaxed);
        bits_ = 0;
    }
    BitMap& map_;
    uint64_t* word_ = nullptr;
    uint64_t bits_ = 0;
};

}  // namespace

void commit_block(const Kernels& kernels, const Activation& activation, CommitMode mode, const Pixels& px, float* rows,
                  int stride, Map& out) {
    float* target[kMaxBlock];
    uint8_t committed[kMaxBlock];
    for (int i = 0; i < px.n; ++i) target[i] = out.view.at(px.y[i], px.x[i]);
    float distance[kMaxBlock];
    float* moved = out.residual.wanted() ? distance : nullptr;
    kernels.commit({px.n, out.view.channels, target, rows, stride, activation, mode, out.gate.norm, out.gate.threshold,
                    committed, moved});
    if (mode == CommitMode::kRefresh) return;
    BitWriter bits(out.changed);
    for (int i = 0; i < px.n; ++i) {
        if (!committed[i]) continue;
        bits.set(px.y[i], px.x[i]);
        if (moved != nullptr) out.residual.note(px.y[i], px.x[i], out.view.width, moved[i]);
    }
}

}  // namespace skipvid
