// The state of one video on one plan, and the execution of a frame.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "flow.hpp"
#include "heat.hpp"
#include "layout.hpp"
#include "plan.hpp"
#include "relief.hpp"

namespace skipvid {

struct Rectangle {
    int x0, y0, x1, y1;
};

struct InputRule {
    float threshold = 0.0f;
    int dilation = 0;
    std::vector<Rectangle> ignore;
    // A lower threshold within `radius` of what exceeded the full one in the last `frames` frames; 0 frames: none.
    float low = 0.0f;
    int frames = 0, radius = 0;
    // The threshold where relief is above 1, and where nothing near is taken along.
    float coarse = 0.0f;
};

// What GateSettings says.
struct Rules {
    InputRule input;
    std::vector<Gate> gates;  // one per tensor; those of tensors that no operator writes are ignored
    std::vector<OpenRule> opens;
    std::vector<bool> joined;  // tensors that are not compared: what is recomputed counts as changed
    int structure = 1;
    int refresh_every = 0;
};

// How an image becomes the input: value = table[channel][image[order[channel]]].
struct PixelTable {
    std::vector<float> table;  // [channel][256]
    std::vector<int> order;
    std::vector<float> unit;   // one grey level in units of the input, per channel
    std::vector<float> steps;  // [channel][scale, mean, std] of which the tables may be made; else empty

    // By those steps, if the tables of three channels are just that, and every other image is another input.
    std::optional<EightPixels> eight() const;
};

// The open gates by operator; all empty where there are none.
struct Opening {
    std::vector<OpenRule> rules;
    std::vector<std::unique_ptr<OpenGate>> gates;
};

// Staggered refresh: where it stands.
struct Sweep {
    int every = 0;  // bands of a round
    int next = 0;
    int band = 0, count = 0;  // of this frame; count 0: not in this one

    int first_row(int height) const { return height * band / count; }
    int end_row(int height) const { return height * (band + 1) / count; }
};

// Operators that run as one, where the last of them stands.
struct Chain {
    std::vector<int> ops;        // all but the last, in order; empty: none
    std::unique_ptr<Walk> walk;  // how they run; null: as the last one's node does
};

class Stream {
    // Most pixels of an operator whose output channels are divided among the threads.
    static constexpr int kSplitPixels = 4 * kMaxBlock;

  public:
    Stream(std::shared_ptr<const Plan> plan, int input, PixelTable pixels, int threads);
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    void configure(Rules rules);
    // (rows, columns) factors, each cell's, and what they are all multiplied by, from the next frame on, see
    // Executor.relieve.
    void relieve(std::vector<float> factors, int rows, int columns, float common) {
        relief_.set(std::move(factors), rows, columns, common);
    }
    void reset();
    // Computes a joined tensor, which nothing else does.
    void restore(int tensor);

    // Take in the next frame; whether the whole frame must be recomputed is decided here (the first always).
    void begin(const float* chw, bool refresh);
    void begin_image(const uint8_t* hwc, bool refresh);
    // Execute operators [first, last) of the frame.
    void run(int first, int last);
    // The result of an island, (height, width, channels) with the given strides in floats.
    void write(int tensor, const float* values, ptrdiff_t row, ptrdiff_t pixel, ptrdiff_t channel);

    // Writes value (y, x, c) to out[places[y * width + x] + c * step], of all pixels or of those that the last frame
    // changed.
    void put(int tensor, const int64_t* places, ptrdiff_t step, bool everywhere, float* out) const;

    const Plan& plan() const { return *plan_; }
    const Map& map(int tensor) const { return maps_[tensor]; }
    bool joined(int tensor) const { return joined_[tensor]; }
    const BitMap& active(int op) const { return active_[op]; }
    const std::vector<int64_t>& counts() const { return counts_; }
    const std::vector<double>& ms() const { return ms_; }
    bool refreshing() const { return refresh_; }
    bool profiling = false;

    // At most so many threads from the next frame on; no more than the stream was made with.
    void use_threads(int threads) { threads_ = std::clamp(threads, 1, static_cast<int>(scratch_.size())); }

    // (height, width): MAC-weighted share recomputed around each cell of a grid over the picture.
    void heat(int height, int width, float* out);

  private:
    void relayout();
    void bind();
    template <class Take>
    void begin_frame(bool refresh, const Take& take);
    void take(const float* chw);
    void take_image(const uint8_t* image);
    void remember(const BitMap& candidates, BitMap& recent);
    void spread(BitMap& candidates, BitMap& spread);
    template <class Body>
    void each_image_row(int top, int bottom, int alone, const Body& body);
    void compare_image(const uint8_t* image, float threshold, int top, int bottom, BitMap& candidates);
    void run_flow(int first, int last);
    void run_op(int index);
    int run_bands(int first, int last);
    int chain_end(int first, int last) const;
    void run_rows(int index, int begin, int end);
    void store_rows(int index, int begin, int end);
    void run_gated(int index, int64_t pixels, const BitMap& looked);
    Chain chain(int last) const;
    void bind_walk(Chain& chain, int last) const;
    void attribute(const Chain& chain, const BitMap& active, int64_t pixels);
    void compute(int index, const BitMap& active, int64_t pixels, const Sink& sink);
    int row_stride(int index) const;  // floats per pixel of what `compute` gives
    void run_blocks(int index, const BitMap& active, int64_t pixels, CommitMode mode);
    void run_structured(int index, const BitMap& active, int64_t pixels);
    void run_concat(int index);
    // How an operator's pixels are divided among threads.
    struct Work {
        int threads, block, blocks;
    };
    Work divide(const Node& node, int64_t pixels) const;
    void collect(int index, const BitMap& active, int64_t pixels, int number, int block, Pixels& px) const;
    int divide_channels(const Node& node, int64_t pixels) const;
    void run_split(int index, const BitMap& active, int64_t pixels, int parts, CommitMode mode);
    int writer(int tensor) const;
    void want_residual(int tensor, std::vector<bool>& wanted) const;
    // Commits a pixel where any bit differs.
    void commit_pixel(Map& out, int y, int x, const float* values);
    CommitMode commit_mode(const Map& map) const;
    void begin_sweep();
    void look(const Op& op, BitMap& looked) const;

    std::shared_ptr<const Plan> plan_;
    int input_;
    PixelTable pixels_;
    std::optional<EightPixels> eight_;  // the same by steps, if it is
    int threads_;
    InputRule rule_;
    int structure_ = 1;
    Relief relief_;  // outlives the gates, which refer to it
    Opening opening_;
    Sweep sweep_;
    std::vector<int32_t> since_;  // frames since an input pixel exceeded the threshold; empty while hysteresis is off
    std::vector<bool> gated_;     // by tensor: has or had a threshold since the last reset
    std::vector<bool> hosts_;     // by tensor: while without a threshold, the inputs of the concat may live in it
    Layout layout_;
    std::vector<Map> maps_;
    std::vector<BitMap> active_;
    std::vector<std::unique_ptr<Node>> nodes_;
    // By tensor: lives in scratch between the operator that writes it and the one that reads it.
    std::vector<bool> joined_;
    std::vector<Chain> chains_;  // by operator
    Flow flow_;
    std::vector<bool> walked_;  // by operator: part of a walk
    std::vector<int64_t> counts_;
    std::vector<double> ms_;
    std::vector<uint8_t> image_;                // the image behind the input map; empty after a tensor
    std::vector<std::vector<int32_t>> before_;  // by operator: active pixels above a row
    HeatGrid heat_;
    std::vector<Buffer> scratch_;  // one per worker
    int block_floats_ = 0;         // of which a block takes at most so many
    std::vector<Buffer> shared_;   // one per worker, for an operator whose output channels are divided
    bool started_ = false;
    bool refresh_ = false;
    int banded_ = 0;  // the values of operators before this one were already computed, in bands
};

}  // namespace skipvid
