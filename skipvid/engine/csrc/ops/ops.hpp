// The operators of a plan. Arguments follow skipvid/plan.py; arrays are copied or packed, never kept.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "../core/footprint.hpp"
#include "../core/plan.hpp"

namespace skipvid {

struct ConvGeometry {
    int out_channels, in_channels;  // in_channels of the whole input
    int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w;
    int top, left, bottom, right, groups;

    int in_per_group() const { return in_channels / groups; }
    int out_per_group() const { return out_channels / groups; }
    // Output rows computable from the first `rows` of an input of `height` rows; one of `out_height`.
    static int window_rows(int rows, int height, int out_height, int kernel, int stride, int dilation, int top) {
        if (rows >= height) return out_height;
        const int room = rows - 1 - (kernel - 1) * dilation + top;
        return room < 0 ? 0 : std::min(out_height, room / stride + 1);
    }
    Axis vertical() const { return {kernel_h, stride_h, dilation_h, top}; }
    Axis horizontal() const { return {kernel_w, stride_w, dilation_w, left}; }
    bool depthwise() const { return groups > 1 && groups == in_channels && groups == out_channels; }
};

// weight: (out, in / groups, kh, kw).
std::unique_ptr<Op> make_conv(const Plan& plan, int output, const ConvGeometry& geometry, const float* weight,
                              const float* bias);
// The case of one input channel per output channel; make_conv calls it.
std::unique_ptr<Op> make_depthwise(const Plan& plan, const ConvGeometry& geometry, const float* weight,
                                   const float* bias);
// weight: (in, out / groups, kh, kw).
std::unique_ptr<Op> make_conv_transpose(const Plan& plan, int output, const ConvGeometry& geometry, const float* weight,
                                        const float* bias);

struct PoolGeometry {
    bool average, count_pads;
    int kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, top, left, bottom, right;
};
std::unique_ptr<Op> make_pool(const Plan& plan, int output, const PoolGeometry& geometry);
std::unique_ptr<Op> make_global_pool(const Plan& plan, int output, bool average);

std::unique_ptr<Op> make_unary(const Plan& plan, int output);
// constant: (height, width, channels) or empty.
struct ConstantOperand {
    int height = 0, width = 0, channels = 0;
    const float* value = nullptr;
    bool first = false;
};
std::unique_ptr<Op> make_binary(const Plan& plan, int output, BinaryKind kind, const ConstantOperand& constant);
std::unique_ptr<Op> make_softmax(const Plan& plan, int output, int groups);

// channels: selection out of the concatenation of inputs of the given channel counts; empty for all in order.
std::unique_ptr<Op> make_concat(const Plan& plan, int output, const std::vector<int>& input_channels,
                                const std::vector<int32_t>& channels);
// source: (out_channels, 3) rows dy, dx, channel.
std::unique_ptr<Op> make_space_to_depth(const Plan& plan, int output, int block, const std::vector<int32_t>& source);
// source: (block, block, out_channels).
std::unique_ptr<Op> make_depth_to_space(const Plan& plan, int output, int block, const std::vector<int32_t>& source);

struct ResampleTables {
    int row_taps, col_taps;
    std::vector<int32_t> row_index, col_index;
    std::vector<float> row_weight, col_weight;
    float fill;
};
std::unique_ptr<Op> make_resample(const Plan& plan, int input, int output, ResampleTables tables);

// `second` fed by what `first`, the node of `op`, computes, without a map in between. An output of `second` must read
// one pixel, the one at its own place, and `first` leaves pixels in their order. `first` and `op` outlive the result.
std::unique_ptr<Node> join(const Plan& plan, const Node& first, const Op& op, std::unique_ptr<Node> second);

// Applies `f` to rows of `channels` values, `step` floats apart, as a refresh of the map they would have been would.
void activate_rows(const Kernels& kernels, const Activation& f, int channels, int rows, float* values, ptrdiff_t step);

// An inverted residual as one operator: what a pointwise convolution expands and a depthwise one reads is computed
// around the active pixels and never kept. `expand` and `project` are nodes of the plan's operators of these numbers,
// `add`, if any, of an addition whose input number `input` is what they project to. All outlive the result.
struct InvertedResidual {
    int expand, depthwise, project;
    const Node *expand_node, *depthwise_node, *project_node;
    const Node* add = nullptr;
    int input = 0;
};
std::unique_ptr<Walk> walk_inverted(const Plan& plan, const InvertedResidual& ops);

// Run by the caller between two ranges of operators.
std::unique_ptr<Op> make_island(const std::vector<int>& extra_outputs, double macs);

// A concatenation of everything in order: its mask is the union, and inputs may live in its buffer.
bool is_plain_concat(const Op& op);

}  // namespace skipvid
