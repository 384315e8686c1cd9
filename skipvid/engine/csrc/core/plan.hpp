// The network as the native engine holds it: immutable, weights packed for one instruction set, shared by streams.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "../kernels/kernels.hpp"
#include "bitmap.hpp"
#include "buffer.hpp"
#include "opengate.hpp"

namespace skipvid {

struct TensorSpec {
    int height, width, channels;
};

// Zeros that a consumer reads around a map.
struct Halo {
    int top = 0, left = 0, bottom = 0, right = 0;
};

// Commit rule of a map; threshold 0 compares bits.
struct Gate {
    float threshold = 0.0f;
    NormKind norm = NormKind::kMax;
};

// State of a map in a stream.
struct Map {
    View view;
    BitMap changed;
    Gate gate;
    Residual residual;
};

// What an operator's block computation writes to.
struct Block {
    Pixels* pixels;  // may be permuted by the computation; results belong to them in their final order
    float* scratch;
    int part = 0, parts = 1;       // which share of the output channels, or of the pixels, to compute
    float* const* rows = nullptr;  // of a direct node: where each pixel's results go in place of scratch
    const View* old = nullptr;     // the map that results will be compared with, worth fetching meanwhile
};

// Takes computed pixels: results before what Op::left() says, in rows of Node::stride floats. Called from several
// threads.
using Sink = std::function<void(Pixels& pixels, float* rows, int worker)>;

// An operator bound to the buffers of one stream.
class Node {
  public:
    virtual ~Node() = default;
    // Adds to `active` the output pixels whose window holds a changed input pixel.
    virtual void footprint(BitMap& active) = 0;
    // Results before what Op::left() says, one row of `stride` floats per pixel. Called from several threads.
    virtual void compute(Block block) const = 0;
    // Computes what all shares of the output channels need of a share of a block's pixels, behind its results;
    // compute() does so itself where there is one share.
    virtual void prepare(Block /*block*/) const {}
    // As compute() where an output reads one pixel, with input number `input` not from its map but from those pixels
    // side by side in `rows`, `step` floats apart.
    virtual void compute_from(int /*input*/, const float* /*rows*/, ptrdiff_t /*step*/, Block /*block*/) const {}
    // As compute(), from a map of the same steps whose pixel (0, 0) lies at `origin`.
    virtual void compute_at(const float* /*origin*/, Block /*block*/) const {}

    // Output rows that can be computed when the first `rows` rows of input number `input` are known; -1: all are
    // needed.
    virtual int rows_ready(int /*input*/, int /*rows*/) const { return -1; }

    int stride = 0;             // floats per pixel of the results in scratch
    int extra = 0;              // further scratch floats per pixel, behind the results
    double cost = 0.0;          // of a pixel, in vector multiply-adds; to decide who works
    size_t weights = 0;         // floats that every block reads
    int parts = 1;              // most shares of the output channels that can be computed apart
    int granule = 8;            // blocks are multiples of this many pixels where possible
    bool direct = false;        // results are final and no longer than a pixel of the map: they may be written there
    Axis vertical, horizontal;  // the windows of a convolution
};

// Of the active pixels of a frame, and the pixels that their windows read.
struct Area {
    const BitMap &active, &read;
};

// Several operators as one that goes over the active pixels in an order of its own, part by part.
class Walk {
  public:
    virtual ~Walk() = default;
    // Adds to `needed` the pixels of the map in between that active ones read.
    virtual void read(const BitMap& active, BitMap& needed) const = 0;
    // In how many parts to compute the active pixels.
    virtual int divide(const BitMap& active, int threads) const = 0;
    // Computes one of them; called from several threads.
    virtual void run(int part, int parts, const Area& area, float* scratch, int worker, const Sink& sink) const = 0;

    size_t scratch = 0;  // floats that a thread needs
    double cost = 0.0;   // of a pixel, in vector multiply-adds
    int stride = 0;      // floats per pixel of the results
};

enum class OpKind { kBlock, kConcat, kGlobalPool, kIsland };

class Op {
  public:
    virtual ~Op() = default;
    virtual OpKind kind() const { return OpKind::kBlock; }
    virtual Halo halo(const TensorSpec&) const { return {}; }
    // Whether the nodes hold results within `limits()`.
    virtual bool limits_results() const { return false; }
    // The activation as limits, where it is no more than that; else none.
    Limits limits() const {
        if (activation.kind == Act::kRelu) return {.low = 0.0f};
        if (activation.kind == Act::kClip) return {activation.alpha, activation.beta};
        return {};
    }
    // What of the activation the nodes leave to the commit.
    Activation left() const { return limits_results() && limits() != Limits{} ? Activation{} : activation; }
    // `maps` outlives the node; the views in it are final.
    virtual std::unique_ptr<Node> bind(const std::vector<Map>& maps) const = 0;
    // As bind(), of a convolution, to an input that is not the stream's.
    virtual std::unique_ptr<Node> bind_to(const Map& /*input*/, int /*out_height*/) const { return nullptr; }

    std::vector<int> inputs;
    int output = -1;
    std::vector<int> extra_outputs;  // of an island
    double macs = 0.0;               // of a full pass
    Activation activation;
    Buffer slope;  // what activation.slope points to
};

class Plan {
  public:
    explicit Plan(const Kernels& kernels) : kernels_(kernels) {}
    Plan(const Plan&) = delete;
    Plan& operator=(const Plan&) = delete;

    int add_tensor(int height, int width, int channels);
    int add_op(std::unique_ptr<Op> op);  // returns its index
    const Kernels& kernels() const { return kernels_; }
    const std::vector<TensorSpec>& tensors() const { return tensors_; }
    const std::vector<std::unique_ptr<Op>>& ops() const { return ops_; }
    const TensorSpec& spec(int tensor) const { return tensors_.at(tensor); }

  private:
    const Kernels& kernels_;
    std::vector<TensorSpec> tensors_;
    std::vector<std::unique_ptr<Op>> ops_;
};

}  // namespace skipvid
