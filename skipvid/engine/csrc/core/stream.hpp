// The state of one video on one plan, and the execution of a frame.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "layout.hpp"
#include "plan.hpp"

namespace skipvid {

struct Rectangle {
    int x0, y0, x1, y1;
};

struct InputRule {
    float threshold = 0.0f;
    int dilation = 0;
    std::vector<Rectangle> ignore;
};

// How an image becomes the input: value = table[channel][image[order[channel]]].
struct PixelTable {
    std::vector<float> table;  // [channel][256]
    std::vector<int> order;
    std::vector<float> unit;  // one grey level in units of the input, per channel
};

class Stream {
  public:
    Stream(std::shared_ptr<const Plan> plan, int input, PixelTable pixels, int threads);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    // One rule per tensor; those of tensors that no operator writes are ignored.
    void configure(InputRule input, const std::vector<Gate>& gates);
    void reset();

    // Take in the next frame; whether the whole frame must be recomputed is decided here (the first always).
    void begin(const float* chw, bool refresh);
    void begin_image(const uint8_t* hwc, bool refresh);
    // Execute operators [first, last) of the frame.
    void run(int first, int last);
    // The result of an island, (height, width, channels) with the given strides in floats.
    void write(int tensor, const float* values, ptrdiff_t row, ptrdiff_t pixel, ptrdiff_t channel);

    const Plan& plan() const { return *plan_; }
    const Map& map(int tensor) const { return maps_[tensor]; }
    const BitMap& active(int op) const { return active_[op]; }
    const std::vector<int64_t>& counts() const { return counts_; }
    const std::vector<double>& ms() const { return ms_; }
    bool refreshing() const { return refresh_; }
    bool profiling = false;

    // (height, width): MAC-weighted share recomputed around each cell of a grid over the picture.
    void heat(int height, int width, float* out) const;

  private:
    void relayout();
    void bind();
    void take(const float* chw);
    void take_image(const uint8_t* image);
    void spread(BitMap& candidates, BitMap& spread) const;
    void convert(const uint8_t* image, int y, int x, float* values) const;
    void run_op(int index);
    void run_blocks(int index, int64_t pixels);
    void run_concat(int index);

    std::shared_ptr<const Plan> plan_;
    int input_;
    PixelTable pixels_;
    int threads_;
    InputRule rule_;
    std::vector<bool> gated_;  // by tensor: has or had a threshold since the last reset
    Layout layout_;
    std::vector<Map> maps_;
    std::vector<BitMap> active_;
    std::vector<std::unique_ptr<Node>> nodes_;
    std::vector<int64_t> counts_;
    std::vector<double> ms_;
    std::vector<uint8_t> image_;  // the image behind the input map; empty after a tensor
    std::vector<int32_t> before_;
    std::vector<Buffer> scratch_;  // one per worker
    bool started_ = false;
    bool refresh_ = false;
};

}  // namespace skipvid
