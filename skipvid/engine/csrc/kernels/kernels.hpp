// What an instruction set offers: plain functions behind one table, chosen at run time.
//
// Most compute a block of pixels into a scratch area of `stride` floats per pixel (a multiple of the vector width, so
// that no kernel needs scalar tails); `commit` then applies the activation, compares with the map and writes it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace skipvid {

enum class Act : int {
    kIdentity,
    kRelu,
    kLeakyRelu,
    kPrelu,
    kClip,
    kSigmoid,
    kHardSigmoid,
    kHardSwish,
    kSilu,
    kMish,
    kTanh,
    kElu,
    kGelu,
    kSoftplus,
    kExp,
    kSqrt,
    kAbs,
    kNeg,
};

struct Activation {
    Act kind = Act::kIdentity;
    float alpha = 0.0f, beta = 0.0f;
    const float* slope = nullptr;  // padded to the vector width
};

// What results are held within: an activation that costs next to nothing while they are in registers. NaN stays NaN.
struct Limits {
    float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
    bool operator==(const Limits&) const = default;
};

// A stretch of values that follow each other in a pixel's input window.
struct Segment {
    ptrdiff_t offset;  // floats from the window's anchor
    int length;
};

// A part of the reduction, small enough for a panel of weights to stay in the first-level cache.
struct Chunk {
    int segment, segments;  // range in ConvArgs::segments
    int first;              // steps of the reduction before this chunk
};

// Weights of up to max_vectors * lanes output channels, [step][channel].
struct Panel {
    const float* weights;
    int vectors;
    int channel;       // first output channel
    ptrdiff_t source;  // floats from a pixel's first channel to the first channel of the panel's group
};

// Values to fetch ahead of their use: what the window of the next pixel adds to that of this one, where a map is larger
// than the caches, and the old results. Hardware follows streams, not short stretches here and there.
struct Ahead {
    const ptrdiff_t* offsets = nullptr;  // floats from a window's anchor
    int count = 0;
    int floats = 0;                     // behind each offset
    const float* const* old = nullptr;  // per pixel: what its results will be compared with, of `channels` floats
    int channels = 0;
};

struct ConvArgs {
    int pixels;
    const float* const* window;  // per pixel: anchor of its input window
    const Segment* segments;
    const Chunk* chunks;
    int chunk_count;
    const Panel* panels;
    int panel_count;
    const float* bias;   // padded
    float* const* rows;  // per pixel: where its results go; panels write whole vectors
    Limits limits;
    Ahead ahead;
};

struct DepthwiseArgs {
    int pixels;
    const float* const* window;
    const ptrdiff_t* taps;  // floats from the anchor, row by row
    int tap_count;
    const float* weights;  // [tap][padded channel]
    const float* bias;
    int channels;
    float* scratch;
    ptrdiff_t stride;
    Limits limits;
    // Where taps form a grid and windows lie side by side; a width of 0: they may not.
    int kernel_h = 0, kernel_w = 0;
    ptrdiff_t down = 0, right = 0;  // floats from a tap to the one below and to its right
    ptrdiff_t step = 0;             // floats from a window to that of the output to its right
};

// Most pixels that `commit` takes at a time.
constexpr int kMaxPixels = 96;

enum class NormKind : int { kMax, kL2, kRms };
enum class CommitMode : int { kRefresh, kExact, kNorm };

struct CommitArgs {
    int pixels;
    int channels;
    float* const* target;  // per pixel: its place in the map
    const float* scratch;
    ptrdiff_t stride;
    Activation activation;
    CommitMode mode;
    NormKind norm;
    float threshold;
    uint8_t* committed;  // per pixel, written unless kRefresh
    // Per pixel: sum over channels of |new - old|, written unless kRefresh; null: not asked for.
    float* moved = nullptr;
};

enum class BinaryKind : int { kAdd, kSub, kMul, kDiv, kMax, kMin, kPow };

struct BinaryArgs {
    int pixels, channels;
    BinaryKind kind;
    const float* const* a;
    const float* const* b;
    bool a_scalar, b_scalar;  // one channel for all
    float* scratch;
    ptrdiff_t stride;
};

struct PoolArgs {
    const float* origin;  // pixel (0, 0) of the map
    ptrdiff_t row, pixel;
    int height, width, channels;
    int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, bottom, right;
    bool average, count_pads;
    int pixels;
    const int16_t* y;
    const int16_t* x;
    float* scratch;
    ptrdiff_t stride;
};

struct ResampleArgs {
    const float* origin;
    ptrdiff_t row, pixel;
    int channels, row_taps, col_taps;
    const int32_t* row_index;
    const float* row_weight;
    const int32_t* col_index;
    const float* col_weight;
    float fill;
    int pixels;
    const int16_t* y;
    const int16_t* x;
    float* scratch;
    ptrdiff_t stride;
};

struct SoftmaxArgs {
    int pixels, channels, groups;
    const float* const* source;
    float* scratch;
    ptrdiff_t stride;
};

// One row of the output map of a convolution whose gate is asked.
struct OpenArgs {
    const float* const* rows;  // of the norms of the input's changes: those of the windows that lie within the map
    int row_count;
    int kernel_w, stride, dilation, pad;  // along the row
    int width;                            // of the input map
    float* columns;                       // scratch, (64 * words - 1) * stride + (kernel_w - 1) * dilation + 1 floats
    float* sums;  // 64 * words floats: what closed pixels remember, open ones nothing; null: nobody does
    float limit;
    const float* factors;  // 64 * words floats: what the limit is multiplied by at each pixel
    uint64_t* mask;        // pixels that a change reaches; those whose sum is at most their limit are taken out
    int words;
};

// A row of two images of 3 bytes per pixel.
struct CompareArgs {
    const uint8_t *first, *second;
    int width;
    // Levels, 0 to 255, that a byte of a pixel must differ by more than; the second holds where a bit of `coarse` is
    // set.
    int level, coarse_level;
    const uint64_t* coarse;
    uint64_t* mask;  // bits of the pixels that do
};

// The way of eight pixels of three bytes to as many of three floats, without tables: float by float, which of the 24
// bytes it reads, and value = (byte * scale - mean) / std, each step rounded.
struct EightPixels {
    uint8_t byte[24];
    float scale[24], mean[24], std[24];
    bool scaled;  // no more than that: means are 0 and stds 1
};

// A row of an image of 3 bytes per pixel on its way to the network's input: value = table[channel][byte].
struct TakeArgs {
    const uint8_t* image;
    uint8_t* behind;  // the image behind the input
    float* row;       // of the input, pixels `pixel` floats apart
    ptrdiff_t pixel;
    int width, channels;
    const float* table;        // (channels, 256)
    const int* order;          // by channel, the byte of a pixel
    const EightPixels* eight;  // the same as the tables, to the last bit, and of all three bytes; null: not told
    const uint64_t* near;      // pixels that are taken over where any byte differs; null: a new picture, all of it is
    uint64_t* changed;         // those of them whose values are new; not told of a new picture
    float* norms;              // by how much the values of each pixel moved, in total; null: nobody asks
};
constexpr int kMaxInputChannels = 16;

struct Kernels {
    const char* name;
    int lanes;
    int main_vectors, max_vectors;  // widths of weight panels
    void (*conv)(const ConvArgs&);
    void (*depthwise)(const DepthwiseArgs&);
    void (*commit)(const CommitArgs&);
    void (*binary)(const BinaryArgs&);
    void (*pool)(const PoolArgs&);
    void (*resample)(const ResampleArgs&);
    void (*softmax)(const SoftmaxArgs&);
    // sum[c] = values of a row added from left to right (maximum: of the row).
    void (*reduce_row)(const float* row, ptrdiff_t pixel, int width, int channels, bool maximum, float* result);
    void (*open_row)(const OpenArgs&);
    // before[y] = set bits of the first y rows of a mask, for all of `rows` and one more.
    void (*index_rows)(const uint64_t* mask, int words, int rows, int32_t* before);
    void (*compare_image)(const CompareArgs&);
    void (*take_image)(const TakeArgs&);
    // Rows of two images, byte by byte: raises `largest` to the absolute differences, and adds them to `total`.
    void (*apart_row)(const uint8_t* a, const uint8_t* b, int bytes, uint8_t* largest, uint16_t* total);
    // f over n values, for the tests of the elementary functions.
    void (*activate)(const Activation& f, const float* in, float* out, int n);
};

const Kernels* generic_kernels();
const Kernels* avx2_kernels();
const Kernels* avx512_kernels();
const Kernels* neon_kernels();

// The best set this machine runs, or the one named by the environment variable SKIPVID_ISA. Throws std::runtime_error
// when that set is unknown or cannot run here.
const Kernels& choose_kernels();

}  // namespace skipvid
